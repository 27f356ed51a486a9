"""The traces of requests, as a collector gets them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from simulator import SimSettings
from tests.fakes.collectors import collector
from tests.fakes.desks import desk
from tests.fakes.simulators import set_faults
from tests.fakes.traces import CHAT, ROUTED, traced, traced_before
from tests.fakes.upstreams import (
    DONE,
    LAST_CHUNK,
    OK_STREAM,
    ROLE,
    STOP,
    Heard,
    Script,
    chunked,
    saying,
    silent,
    streaming,
    token,
)
from tests.fakes.waiting import until

WHOLE = streaming(ROLE, token("hi"), STOP, DONE)
HALF = saying(OK_STREAM, chunked(ROLE, token("The "), token("moon")), LAST_CHUNK)


async def test_a_greeting_is_a_request_and_a_decision() -> None:
    async with traced(SimSettings()) as (router, _, told):
        _, answer = await router.post("/chat", {"message": "안녕"})
    assert told.tree() == ["POST /chat", "  decide"]
    request = told.one("POST /chat")
    assert (request.kind, request.parent_id, request.error) == ("server", "", (None, "unset"))
    assert (
        request.attributes.items()
        >= {
            "http.request.method": "POST",
            "http.route": "/chat",
            "url.path": "/chat",
            "url.scheme": "http",
            "http.response.status_code": 200,
            "maek.decision.id": answer["id"],
            "maek.decision.action": "direct",
            "maek.decision.source": "rule",
        }.items()
    )
    assert told.one("decide").attributes["maek.decision.action"] == "direct"
    assert request.resource["service.name"] == "maek"


async def test_a_routed_chat_has_its_attempt_with_the_names_of_the_conventions() -> None:
    async with traced(SimSettings()) as (router, urls, told):
        _, answer = await router.post("/chat", {"message": ROUTED})
    assert told.tree() == ["POST /chat", "  decide", "  chat sim-large-32b"]
    attempt = told.one("chat")
    assert (attempt.kind, attempt.error) == ("client", (None, "unset"))
    assert (
        attempt.attributes.items()
        >= {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "sim-large-32b",
            "gen_ai.response.model": "sim-large-32b",
            "gen_ai.request.stream": True,
            "gen_ai.usage.input_tokens": answer["usage"]["prompt_tokens"],
            "gen_ai.usage.output_tokens": answer["usage"]["completion_tokens"],
            "server.address": "127.0.0.1",
            "server.port": int(urls[0].rpartition(":")[2]),
            "maek.backend": "sim0",
            "maek.role": "reasoner",
            "maek.load.level": "free",
            "maek.outcome": "ok",
            "maek.answers": True,
            "maek.decision.id": answer["id"],
        }.items()
    )
    assert attempt.attributes["gen_ai.response.time_to_first_chunk"] > 0
    request = told.one("POST")
    assert request.began_ns <= attempt.began_ns <= attempt.ended_ns <= request.ended_ns


async def test_a_classifier_is_asked_within_the_decision() -> None:
    async with traced(SimSettings(), decide={"rules": "off", "model": "off"}) as (router, _, told):
        await router.post("/chat", {"message": ROUTED})
    assert told.tree()[:3] == ["POST /chat", "  decide", "    chat sim-small-1b"]


async def test_a_tool_is_a_span_of_its_own_whoever_wanted_it() -> None:
    async with traced(SimSettings()) as (router, _, told):
        await router.post("/chat", {"message": "디스크 용량"})
        await router.post("/tools/infra/status", {"params": {"host": "nowhere"}})
        await router.post("/tools/made/up", {})
    assert told.tree() == [
        "POST /chat",
        "  decide",
        "  execute_tool infra",
        "POST /tools/{tool}/{operation}",
        "  execute_tool infra",
        "POST /tools/{tool}/{operation}",
    ]
    good, bad = told.named("execute_tool")
    assert good.attributes == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "infra",
        "gen_ai.tool.type": "function",
        "maek.tool.operation": "disk",
    }
    assert (good.error, bad.error) == ((None, "unset"), ("failed", "error"))
    assert told.named("POST /tools")[0].attributes.get("url.path") is None


def calls_then_says(text: str) -> Script:
    """A model that wants the disks to be looked at, and then says this."""
    function = b'{"name":"infra__disk","arguments":"{}"}'
    wants = b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":'
    wants += function + b'}]},"finish_reason":null}]}\n\n'

    async def script(heard: Heard) -> None:
        asked = heard.json()
        may_call = asked.get("tools") and asked["messages"][-1]["role"] == "user"
        said = (ROLE, wants, STOP, DONE) if may_call else (ROLE, token(text), STOP, DONE)
        await heard.send(OK_STREAM, chunked(*said), LAST_CHUNK)

    return script


async def test_a_model_that_calls_a_tool_is_asked_twice_and_the_tool_stands_between() -> None:
    async with traced_before(calls_then_says("half full")) as (router, _, told):
        _, answer = await router.post("/chat", {"message": ROUTED})
    assert answer["text"] == "half full"
    assert told.tree() == ["POST /chat", "  decide", "  chat m", "  execute_tool infra", "  chat m"]


async def refuses_to_speak(heard: Heard) -> None:
    """Ends the connection before a byte of an answer."""
    heard.reset()


async def test_a_retry_is_a_second_attempt_beside_the_one_that_failed() -> None:
    async with traced_before(refuses_to_speak, WHOLE) as (router, _, told):
        await router.events("/v1/chat/completions", CHAT)
    failed, answered = told.named("chat")
    request = told.one("POST")
    assert failed.parent_id == answered.parent_id == request.span_id
    assert (failed.attributes["maek.backend"], failed.error) == ("b0", ("backend_error", "error"))
    assert (answered.attributes["maek.backend"], answered.error) == ("b1", (None, "unset"))
    assert failed.ended_ns <= answered.began_ns
    assert (request.error, request.attributes["maek.attempts"]) == ((None, "unset"), 2)


async def test_whoever_goes_on_with_an_answer_that_broke_off_is_an_attempt_too() -> None:
    async with traced_before(HALF, WHOLE) as (router, _, told):
        await router.events("/chat", {"message": ROUTED, "role": "reasoner", "stream": True, "resume": True})
    broken, rest = told.named("chat")
    assert (broken.error, broken.attributes["maek.answers"]) == (("truncated", "error"), True)
    assert (rest.error, rest.attributes["maek.continues_characters"]) == ((None, "unset"), len("The moon"))
    assert told.one("POST /chat").error == (None, "unset")


async def test_a_late_attempt_and_the_one_beside_it_are_told_apart() -> None:
    async with traced_before(silent, WHOLE, hedge=True) as (router, _, told):
        await router.events("/v1/chat/completions", CHAT)
    late, beside = told.named("chat")
    request = told.one("POST")
    assert late.parent_id == beside.parent_id == request.span_id
    assert (late.attributes["maek.backend"], late.attributes["maek.beaten"]) == ("b0", True)
    assert (beside.attributes["maek.hedge"], beside.attributes["maek.answers"]) == (True, True)
    assert late.error == beside.error == request.error == (None, "unset")
    assert late.began_ns < beside.began_ns < late.ended_ns


@pytest.mark.parametrize(
    ("fault", "stream", "attempt", "request_"),
    [
        ({"cut": {"after_tokens": 3}}, True, "truncated", ("backend_truncated", "error")),
        ({"cut": {"after_tokens": 3}}, False, "backend_error", ("backend_failed", "error")),
        ({"error_500": {}}, False, "backend_error", ("backend_failed", "error")),
        ({"stall": {}}, True, "timeout", ("backend_timeout", "error")),
    ],
)
async def test_what_a_backend_fails_of_is_on_its_attempt_and_on_the_request(
    fault: dict[str, Any], stream: bool, attempt: str, request_: tuple[str, str]
) -> None:
    roles = {"reasoner": {"first_token_timeout_seconds": 0.5, "hedge": False}}
    async with traced(SimSettings(), roles=roles, relay={"attempts": 1}) as (router, urls, told):
        await set_faults(router.client, urls[0], fault)
        async with router.client.post(router.url + "/v1/chat/completions", json=CHAT | {"stream": stream}) as response:
            await response.read()
    assert told.one("chat").error == (attempt, "error")
    assert told.one("POST").error == request_


async def test_a_client_that_hangs_up_is_nobodys_failure_and_its_spans_end_then() -> None:
    async def says_one_word(heard: Heard) -> None:
        await heard.send(OK_STREAM, chunked(ROLE, token("hi")))
        await heard.hung_up()

    async with traced_before(says_one_word) as (router, _, told):
        response = await router.client.post(router.url + "/v1/chat/completions", json=CHAT)
        await response.content.readany()
        response.close()
        await until(lambda: router.in_flight() == 0)
    assert told.one("chat").error == told.one("POST").error == ("client_gone", "unset")


async def test_whoever_waits_for_a_place_has_that_as_a_span_before_his_attempt() -> None:
    go_on = asyncio.Event()

    async def when_told(heard: Heard) -> None:
        await heard.send(OK_STREAM, chunked(ROLE, token("hi")))
        await go_on.wait()
        await heard.send(chunked(STOP, DONE), LAST_CHUNK)

    async with traced_before(when_told, slots=1) as (router, _, told):
        first = asyncio.create_task(router.events("/v1/chat/completions", CHAT))
        await until(lambda: router.in_flight() == 1)
        second = asyncio.create_task(router.events("/v1/chat/completions", CHAT))
        await until(router.house.parts.live.waiting)
        go_on.set()
        await asyncio.gather(first, second)
    request = "POST /v1/chat/completions"
    assert told.tree() == [request, "  chat m", request, "  queue", "  chat m"]
    waited = told.one("queue")
    attempt = next(one for one in told.named("chat") if one.parent_id == waited.parent_id)
    assert attempt.attributes["maek.waited_seconds"] > 0
    assert waited.error == (None, "unset")


async def test_fifty_at_once_have_a_trace_each_and_nobody_elses_parts() -> None:
    async with traced(SimSettings(), SimSettings()) as (router, _, told):
        answers = await asyncio.gather(*(router.post("/chat", {"message": ROUTED}) for _ in range(50)))
    requests = {one.attributes["maek.decision.id"]: one for one in told.named("POST")}
    assert set(requests) == {answer["id"] for _, answer in answers}
    assert len({one.trace_id for one in requests.values()}) == 50
    for identity, request in requests.items():
        parts = [one for one in told.spans if one.trace_id == request.trace_id and one is not request]
        assert {one.name for one in parts} >= {"decide", "chat sim-large-32b"}
        assert {one.parent_id for one in parts} == {request.span_id}
        assert {one.attributes["maek.decision.id"] for one in parts if one.kind == "client"} == {identity}


async def test_a_job_is_a_trace_of_its_own_with_a_link_to_the_request_that_left_it(tmp_path: Path) -> None:
    async with collector() as told:
        async with desk(tmp_path, tracing={"endpoint": told.url}) as giver:
            job_id = await giver.accepted()
            job = await giver.ended(job_id)
    accepted, done = told.one("POST /jobs"), told.one("job")
    assert (done.kind, done.parent_id, done.error) == ("consumer", "", (None, "unset"))
    assert done.trace_id != accepted.trace_id
    assert done.links == ((accepted.trace_id, accepted.span_id),)
    assert (
        done.attributes.items()
        >= {
            "maek.job.id": job_id,
            "maek.job.attempt": 1,
            "maek.decision.id": job["result"]["id"],
            "maek.backend": "sim",
        }.items()
    )
    assert {one.name for one in told.spans if one.parent_id == done.span_id} == {"decide", "chat sim-large-32b"}


async def test_each_try_of_a_job_is_a_trace_that_says_what_it_failed_of(tmp_path: Path) -> None:
    quick = {"retry_seconds": 0.05, "most_retry_seconds": 0.1, "attempts": 2}
    async with collector() as told:
        async with desk(tmp_path, tracing={"endpoint": told.url}, jobs=quick) as giver:
            await giver.fault({"error_500": {}})
            await giver.ended(await giver.accepted())
    tries = told.named("job")
    assert [one.attributes["maek.job.attempt"] for one in tries] == [1, 2]
    assert {one.error for one in tries} == {("backend_failed", "error")}
    assert len({one.trace_id for one in tries}) == 2
    assert len({one.links for one in tries}) == 1
