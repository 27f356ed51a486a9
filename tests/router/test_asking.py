"""Asking a classifier and reading streams, over real sockets where a server has a say."""

import asyncio
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.asking import (
    SHORTEST_DECISION_TOKENS,
    ClassifierAsker,
    TokenReader,
    WholeAnswer,
)
from router.attempt import AnswerUnusable, Opened
from router.balance.admission import Line
from router.config import CLASSIFIER
from router.config_roles import RoleConfig
from router.dispatch import Dispatcher
from router.errors import BackendFailed, BackendTimeout, BadRequest, MaekError, NoBackend
from router.fleet import Fleet
from router.gate import Gate
from router.journey import Journey
from router.spending import Spending
from router.sse import encode
from sidecar import BackendSpec, LoadRules, Outcome, Store
from tests.fakes.upstreams import (
    COMPLETION,
    DONE,
    ROLE,
    STOP,
    Upstream,
    answer,
    cut,
    in_turn,
    saying,
    silent,
    streaming,
    token,
    upstream,
)
from tests.router.fleets import Counted, add, level_at, now
from tests.router.relaying import SOON, relaying

SCHEMA = {"type": "object", "properties": {"action": {"enum": ["direct", "route"]}}}
MESSAGES = [{"role": "user", "content": "안녕"}]


async def asked(
    *servers: Upstream, engine: str = "openai", role: RoleConfig | None = None, schema: Any = SCHEMA
) -> tuple[str | MaekError, Journey, Store]:
    """What a classifier says that these servers run, or why it says nothing."""
    store, journey = Store(), Journey()
    for number, server in enumerate(servers):
        add(store, BackendSpec(f"b{number}", server.url, models={CLASSIFIER: "small"}), engine)
    fleet = Fleet(lambda: store.snapshot(now()), (CLASSIFIER,), LoadRules(), lambda _at, _backend: None)
    async with relaying() as relay:
        gate = Gate(Line(), lambda: store.snapshot(now()), lambda: 0.0, Counted())
        dispatcher = Dispatcher(store, relay, level_at, gate, Spending(Counted()))
        asker = ClassifierAsker(dispatcher, fleet, role or RoleConfig(), journey)
        try:
            return await asker(MESSAGES, schema=schema), journey, store
        except MaekError as error:
            return error, journey, store


# The classifier


async def test_the_classifiers_text_comes_back() -> None:
    async with upstream(saying(answer("200 OK", COMPLETION))) as server:
        text, journey, _ = await asked(server, role=RoleConfig(temperature=0.3))
    assert text == "hi"
    assert journey.last is not None
    assert journey.last.candidate.backend == "b0"
    assert server.heard[0].json() == {
        "messages": MESSAGES,
        "model": "small",
        "stream": False,
        "temperature": 0.3,
        "max_tokens": SHORTEST_DECISION_TOKENS,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
        },
    }


@pytest.mark.parametrize(
    ("engine", "schema", "sent"),
    [("vllm", SCHEMA, True), ("llamacpp", SCHEMA, True), ("mlx", SCHEMA, False), ("vllm", None, False)],
)
async def test_a_schema_is_sent_only_to_engines_that_take_one(engine: str, schema: Any, sent: bool) -> None:
    async with upstream(saying(answer("200 OK", COMPLETION))) as server:
        await asked(server, engine=engine, schema=schema)
    assert ("response_format" in server.heard[0].json()) is sent


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"choices":[]}',
        b'{"choices":{}}',
        b'{"choices":[{"message":{}}]}',
        b'{"choices":[{"message":{"content":null,"tool_calls":[]}}]}',
        b'{"choices":[{"message":{"content":7}}]}',
        b'{"choices":["hi"]}',
        b'{"choices":[{"message":{"content":"hi"}}',
        b"not json}",
        b"",
    ],
)
async def test_an_answer_of_another_shape_is_the_backends_failure_and_the_next_is_asked(body: bytes) -> None:
    async with upstream(saying(answer("200 OK", body))) as bad, upstream(saying(answer("200 OK", COMPLETION))) as good:
        alone, _, store = await asked(bad)
        text, journey, _ = await asked(bad, good)
    assert isinstance(alone, BackendFailed)
    assert store.snapshot(0).backends["b0"].work.finished == {Outcome.BACKEND_ERROR: 1}
    assert text == "hi"
    assert [attempt.outcome for attempt in journey.attempts] == [Outcome.BACKEND_ERROR, Outcome.OK]


async def test_an_empty_text_is_an_answer() -> None:
    empty = b'{"choices":[{"message":{"content":""}}]}'
    async with upstream(saying(answer("200 OK", empty))) as server:
        text, _, _ = await asked(server)
    assert text == ""


async def test_a_classifier_that_takes_too_long_is_a_timeout() -> None:
    async with upstream(silent) as server:
        error, _, store = await asked(server, role=RoleConfig(timeout_seconds=SOON))
        async with asyncio.timeout(10):
            await server.left.wait()
    assert isinstance(error, BackendTimeout)
    assert store.snapshot(0).backends["b0"].work.finished == {Outcome.TIMEOUT: 1}


async def test_without_a_classifier_that_is_said() -> None:
    error, _, _ = await asked()
    assert isinstance(error, NoBackend)
    assert 'No backend serves "classifier"' in error.message


async def test_a_question_that_the_server_refuses_is_told_with_its_status() -> None:
    async with upstream(saying(answer("400 No", b'{"error":"too long"}'))) as server:
        error, _, _ = await asked(server)
    assert isinstance(error, BadRequest)
    assert error.message == "The classifier's server refused the question with HTTP 400."


async def test_a_server_that_refuses_the_schema_is_asked_without_it() -> None:
    refusing = saying(answer("400 No", b'{"error":"response_format is not supported"}'))
    async with upstream(in_turn(refusing, saying(answer("200 OK", COMPLETION)))) as server:
        text, journey, _ = await asked(server)
    assert text == "hi"
    assert ["response_format" in heard.json() for heard in server.heard] == [True, False]
    assert [attempt.outcome for attempt in journey.attempts] == [Outcome.CALLER_ERROR, Outcome.OK]


# What a role gives


# Reading streams


async def read(*chunks: bytes) -> tuple[TokenReader, list[str]]:
    told: list[str] = []

    async def tell(text: str) -> None:
        told.append(text)

    async def quiet() -> None:
        told.append("(quiet)")

    async def waiting(position: int, expected_seconds: float) -> None:
        told.append(f"({position}, {expected_seconds})")

    async def loading(expected_seconds: float) -> None:
        told.append(f"(loading, {expected_seconds})")

    reader = TokenReader(tell, quiet, waiting, loading)
    await reader.opened(Opened(200, "text/event-stream"))
    for chunk in chunks:
        await reader.chunk(chunk)
    return reader, told


@given(st.lists(st.text(max_size=5), max_size=5), st.lists(st.integers(0, 900), max_size=6))
def test_tokens_are_told_as_they_are_whole_whatever_the_cuts(texts: list[str], at: list[int]) -> None:
    stream = ROLE + b"".join(token(text) for text in texts) + STOP + DONE
    reader, told = asyncio.run(read(*cut(stream, at)))
    assert told == reader.text == [text for text in texts if text]
    assert (reader.finish_reason, reader.usage) == ("stop", None)


async def test_usage_is_read_wherever_it_rides() -> None:
    usage = {"prompt_tokens": 3}
    own, _ = await read(encode({"choices": [], "usage": usage}), encode({"choices": [], "usage": None}), DONE)
    last, _ = await read(encode({"choices": [{"delta": {"content": "."}, "finish_reason": "length"}], "usage": usage}))
    assert own.usage == last.usage == usage
    assert (own.finish_reason, last.finish_reason, last.text) == (None, "length", ["."])


async def test_silence_is_passed_on() -> None:
    reader, told = await read()
    await reader.quiet()
    assert told == ["(quiet)"]


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"data: oops\n\n", "not JSON"),
        (b"data: []\n\n", "no object"),
        (b'data: {"error":{"message":"x"}}\n\n', "reported an error"),
        (b"data: " + b"x" * 9_000_000, "an event of more than"),
    ],
)
async def test_a_stream_that_makes_no_sense_is_unusable(stream: bytes, message: str) -> None:
    with pytest.raises(AnswerUnusable, match=message):
        await read(stream)


@pytest.mark.parametrize("chunk", [{"error": None}, {"choices": None}, {"choices": [{"delta": None}]}, {"x": 1}])
async def test_chunks_that_say_nothing_are_passed_over(chunk: Any) -> None:
    reader, told = await read(encode(chunk))
    assert (reader.text, told) == ([], [])


async def test_a_whole_answer_waits_for_nothing() -> None:
    whole = WholeAnswer()
    await whole.opened(Opened(200, "application/json"))
    await whole.quiet()
    await whole.chunk(orjson.dumps({"choices": [{"message": {"content": "hi"}}]}))
    assert whole.text == "hi"


async def test_a_stream_where_a_body_was_asked_for_is_a_failure() -> None:
    async with upstream(streaming(token("hi"), DONE)) as server:
        error, _, _ = await asked(server)
    assert isinstance(error, BackendFailed)
