"""What users and models wrote: in no span, unless the configuration wants it there; then bounded."""

from typing import Any

import orjson
import pytest

from router.tracing_attempt import MOST_CONTENT_CHARACTERS
from tests.fakes.collectors import Collector
from tests.fakes.traces import CHAT, ROUTED, traced_before
from tests.fakes.upstreams import DONE, ROLE, STOP, Script, answer, saying, streaming, token

ASKED, SAID = "c4naryasked", "c4narysaid"
STREAM = streaming(ROLE, token(f"{SAID} "), token("끝"), STOP, DONE)
WHOLE = saying(
    answer(
        "200 OK", orjson.dumps({"model": "real-name", "choices": [{"message": {"content": SAID}}]}), "application/json"
    )
)
ON = {"content": True}


def asking(text: Any, **more: Any) -> dict[str, Any]:
    """A chat that says this."""
    return CHAT | {"messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": text}]} | more


async def told_of(
    script: Script, body: dict[str, Any], path: str = "/v1/chat/completions", tracing: dict[str, Any] | None = None
) -> Collector:
    """What a collector hears of one request."""
    async with traced_before(script, tracing=tracing) as (router, _, told):
        async with router.client.post(router.url + path, json=body) as response:
            await response.read()
            assert response.status == 200
    return told


def messages(told: Collector, which: str) -> Any:
    """What an attempt carries of the messages: `input` or `output`."""
    return orjson.loads(told.one("chat").attributes[f"gen_ai.{which}.messages"])


def message(role: str, text: str) -> dict[str, Any]:
    """As the conventions write it."""
    return {"role": role, "parts": [{"type": "text", "content": text}]}


@pytest.mark.parametrize(("script", "stream"), [(STREAM, True), (WHOLE, False)])
async def test_nobody_hears_what_was_asked_and_said(script: Script, stream: bool) -> None:
    told = await told_of(script, asking(ASKED, stream=stream, user=ASKED))
    assert told.one("chat").attributes["maek.outcome"] == "ok"
    assert ASKED.encode() not in told.bytes
    assert SAID.encode() not in told.bytes


async def test_a_stream_is_told_as_the_conventions_write_it_where_that_is_wanted() -> None:
    told = await told_of(STREAM, asking(ASKED), tracing=ON)
    assert messages(told, "input") == [message("system", "be kind"), message("user", ASKED)]
    assert messages(told, "output") == [message("assistant", f"{SAID} 끝")]


async def test_a_whole_answer_and_the_name_under_which_the_model_runs_there() -> None:
    told = await told_of(
        WHOLE, asking([{"type": "text", "text": ASKED}, {"type": "image_url"}], stream=False), tracing=ON
    )
    assert messages(told, "input")[1] == message("user", f"{ASKED}\n")
    assert messages(told, "output") == [message("assistant", SAID)]
    attributes = told.one("chat").attributes
    assert (attributes["gen_ai.request.model"], attributes["gen_ai.response.model"]) == ("m", "real-name")


async def test_a_long_conversation_keeps_its_last_words() -> None:
    long = "x" * (MOST_CONTENT_CHARACTERS - 10)
    body = asking(ASKED)
    body["messages"] = [{"role": "user", "content": "first"}, {"role": "user", "content": long}, *body["messages"]]
    told = await told_of(STREAM, body, tracing=ON)
    kept = messages(told, "input")
    assert [one["role"] for one in kept] == ["user", "system", "user"]
    assert kept[2] == message("user", ASKED)
    assert sum(len(one["parts"][0]["content"]) for one in kept) == MOST_CONTENT_CHARACTERS


async def test_an_answer_of_any_length_is_cut() -> None:
    told = await told_of(streaming(ROLE, *[token("y" * 4000)] * 20, STOP, DONE), asking(ASKED), tracing=ON)
    (said,) = messages(told, "output")
    assert 0 < len(said["parts"][0]["content"]) <= MOST_CONTENT_CHARACTERS


@pytest.mark.parametrize("text", [None, [1, {"type": "text"}], [{"type": "image_url"}]])
async def test_what_is_no_text_is_none(text: Any) -> None:
    told = await told_of(STREAM, asking(text), tracing=ON)
    assert messages(told, "input")[-1] == message("user", "")


@pytest.mark.parametrize(
    ("path", "asked", "operation"),
    [
        ("/v1/completions", {"prompt": ASKED}, "text_completion"),
        ("/v1/embeddings", {"input": [ASKED]}, "embeddings"),
    ],
)
async def test_other_dialects_have_their_own_names(path: str, asked: dict[str, Any], operation: str) -> None:
    told = await told_of(WHOLE, {"model": "m", **asked}, path, tracing=ON)
    attempt = told.one(f"{operation} m")
    assert attempt.attributes["gen_ai.operation.name"] == operation
    assert ASKED in attempt.attributes["gen_ai.input.messages"]


async def test_what_a_tool_was_given_and_found_is_told_only_where_that_is_wanted() -> None:
    for tracing, is_told in (({}, False), (ON, True)):
        async with traced_before(STREAM, tracing=tracing) as (router, _, told):
            await router.post("/tools/infra/health", {"params": {"service": ASKED}})
        attributes = told.one("execute_tool").attributes
        assert (ASKED.encode() in told.bytes) is is_told
        assert ("gen_ai.tool.call.result" in attributes) is is_told
        if is_told:
            assert orjson.loads(attributes["gen_ai.tool.call.arguments"]) == {"service": ASKED}


async def test_what_the_rules_answer_is_no_content_of_a_model() -> None:
    async with traced_before(STREAM, tracing=ON) as (router, _, told):
        await router.post("/chat", {"message": "안녕"})
        await router.post("/decide", {"message": ROUTED})
    assert {key for one in told.spans for key in one.attributes if "messages" in key} == set()
