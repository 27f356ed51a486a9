"""What the relay passes on, from real servers on loopback."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from router.attempt import AttemptFailed, CallerRefused, Opened
from sidecar import Outcome
from tests.fakes.sinks import Kept
from tests.fakes.upstreams import (
    COMPLETION,
    DONE,
    LAST_CHUNK,
    OK_STREAM,
    OLD_STREAM,
    ROLE,
    STOP,
    WHOLE_STREAM,
    Heard,
    answer,
    chunked,
    cut,
    saying,
    streaming,
    token,
    upstream,
)
from tests.router.relaying import Heard as Told
from tests.router.relaying import deadlines, relayed, relaying

EVENTS = ROLE + token("안") + token("녕") + STOP + DONE
KEEPALIVE = b": keepalive 1/9\n\n"


async def test_every_chunk_is_passed_on_before_the_backend_sends_the_next() -> None:
    sink = Kept()

    async def script(heard: Heard) -> None:
        await heard.send(OK_STREAM)
        for event in (ROLE, token("a"), token("b"), STOP, DONE):
            await heard.send(chunked(event))
            assert await sink.comes() == event
        await heard.send(LAST_CHUNK)

    async with upstream(script) as server, relaying() as relay:
        await relayed(relay, server.url, sink)
    assert sink.bytes == ROLE + token("a") + token("b") + STOP + DONE


@pytest.mark.parametrize("at", range(0, len(EVENTS), 11))
async def test_a_stream_cut_anywhere_is_passed_on_byte_for_byte(at: int) -> None:
    sink = Kept()

    async def script(heard: Heard) -> None:
        for piece in (OK_STREAM, *(chunked(part) for part in cut(EVENTS, [at])), LAST_CHUNK):
            await heard.send(piece)
            await asyncio.sleep(0)

    async with upstream(script) as server, relaying() as relay:
        await relayed(relay, server.url, sink)
    assert sink.bytes == EVENTS


async def test_tokens_are_counted_from_the_first_one_and_not_from_the_greeting() -> None:
    sink, told = Kept(), Told()

    async def script(heard: Heard) -> None:
        await heard.send(OK_STREAM, chunked(ROLE))
        await sink.comes()
        assert told.first_at is None
        await heard.send(chunked(token("a")))
        await sink.comes()
        assert told.tokens == 1
        await heard.send(chunked(DONE), LAST_CHUNK)

    async with upstream(script) as server, relaying() as relay:
        await relayed(relay, server.url, sink, heard=told)
    assert told.tokens == 2
    assert told.first_at is not None


async def test_an_old_server_that_sends_comments_first_and_ends_by_closing_is_understood() -> None:
    sink = Kept()
    script = saying(OLD_STREAM, KEEPALIVE, KEEPALIVE, ROLE, token("a"), STOP, DONE, then=Heard.close)
    async with upstream(script) as server, relaying() as relay:
        await relayed(relay, server.url, sink)
    assert sink.bytes == KEEPALIVE * 2 + ROLE + token("a") + STOP + DONE


async def test_an_answer_that_comes_all_at_once_is_passed_on() -> None:
    sink, events = Kept(), KEEPALIVE + ROLE + token("a" * 100_000) + token("b") * 1000 + DONE
    async with upstream(saying(OLD_STREAM, events, then=Heard.close)) as server, relaying() as relay:
        await relayed(relay, server.url, sink)
    assert sink.bytes == events


CUT = token("a").index(b'tent":"a')
"""In the middle of what shows that something was generated."""


async def test_a_greeting_cut_in_pieces_is_passed_on_as_it_comes() -> None:
    sink = Kept()

    async def script(heard: Heard) -> None:
        await heard.send(OK_STREAM)
        for piece in (ROLE[:9], ROLE[9:-1], ROLE[-1:], b": note", b"\n\n", *cut(token("a"), [CUT])):
            await heard.send(chunked(piece))
            assert await sink.comes() == piece
        await heard.send(chunked(DONE), LAST_CHUNK)

    told = Told()
    async with upstream(script) as server, relaying() as relay:
        await relayed(relay, server.url, sink, heard=told)
    assert told.tokens == 2  # the one that came in two pieces, and the end


async def test_a_comment_does_not_begin_an_answer() -> None:
    sink = Kept()
    async with upstream(saying(OLD_STREAM, KEEPALIVE, then=Heard.close)) as server, relaying() as relay:
        with pytest.raises(AttemptFailed) as failed:
            await relayed(relay, server.url, sink)
    assert (failed.value.outcome, failed.value.begun, sink.openings) == (Outcome.TRUNCATED, False, [])


@pytest.mark.parametrize(
    "events",
    [
        ROLE + token("a") + STOP,
        ROLE + token("a") + b'data: {"choices":[{"delta":{"content":"."},"finish_reason":"length"}]}\n\n',
        DONE,
    ],
    ids=["finish reason in a chunk of its own", "finish reason with the last word", "nothing but the end"],
)
async def test_servers_that_end_in_their_own_ways_have_ended_well(events: bytes) -> None:
    sink = Kept()
    async with upstream(streaming(events)) as server, relaying() as relay:
        await relayed(relay, server.url, sink)
    assert sink.bytes == events


@pytest.mark.parametrize("end", [Heard.close, Heard.reset], ids=["closed", "reset"])
async def test_after_the_end_of_the_stream_the_connection_may_break(end: Callable[[Heard], None]) -> None:
    sink = Kept()

    async def script(heard: Heard) -> None:
        await heard.send(OK_STREAM, chunked(token("a"), STOP, DONE))
        while not sink.bytes.endswith(DONE):
            await sink.comes()
        end(heard)

    async with upstream(script) as server, relaying() as relay:
        await relayed(relay, server.url, sink)
    assert sink.bytes == token("a") + STOP + DONE


async def test_a_connection_left_open_after_the_end_of_the_stream_is_closed_and_not_waited_for() -> None:
    async with upstream(saying(OK_STREAM, chunked(token("a"), DONE))) as server, relaying() as relay:
        async with asyncio.timeout(10):
            await relayed(relay, server.url, Kept(), limits=deadlines(token=1000, total=1000))
            await server.left.wait()


async def test_a_json_answer_is_passed_on_whole() -> None:
    sink, told = Kept(), Told()
    script = saying(answer("200 OK", COMPLETION, "application/json; charset=utf-8"))
    async with upstream(script) as server, relaying() as relay:
        await relayed(relay, server.url, sink, stream=False, heard=told)
    assert sink.chunks == [COMPLETION]
    assert sink.openings == [Opened(200, "application/json; charset=utf-8")]
    assert (told.tokens, told.first_at is None) == (0, False)  # it has come, and nobody saw how many


async def test_a_connection_is_used_again_after_a_whole_answer() -> None:
    async with upstream(saying(WHOLE_STREAM)) as server, relaying() as relay:
        for _ in range(5):
            await relayed(relay, server.url, Kept())
        assert server.connections == 1


async def test_nothing_is_asked_for_that_would_change_the_bytes() -> None:
    async with upstream(saying(WHOLE_STREAM)) as server, relaying() as relay:
        await relayed(relay, server.url, Kept())
    assert b"accept-encoding" not in server.heard[0].head
    assert b"cookie" not in server.heard[0].head


USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":42}}\n\n'


@pytest.mark.parametrize(("events", "count"), [([STOP, USAGE, DONE], 42), ([STOP, DONE], None)])
async def test_a_stream_that_counts_its_tokens_is_believed(events: list[bytes], count: int | None) -> None:
    told = Told()
    async with upstream(streaming(ROLE, token("a"), *events)) as server, relaying() as relay:
        await relayed(relay, server.url, Kept(), heard=told)
    assert told.count == count


async def test_a_json_answer_that_counts_its_tokens_is_believed() -> None:
    told, body = Told(), COMPLETION[:-1] + b',"usage":{"prompt_tokens":5,"completion_tokens":42}}'
    async with upstream(saying(answer("200 OK", body))) as server, relaying() as relay:
        await relayed(relay, server.url, Kept(), stream=False, heard=told)
    assert told.count == 42


LOAD = "TEXT named_metrics.num_requests_running=3"


@pytest.mark.parametrize("status", ["200 OK", "429 Full", "404 Not Found", "500 Oops"])
async def test_what_any_answer_tells_of_its_backends_load_is_heard(status: str) -> None:
    told = Told()
    sent = answer(status, COMPLETION, "application/json", f"Endpoint-Load-Metrics: {LOAD}")
    async with upstream(saying(sent)) as server, relaying() as relay:
        with suppress(AttemptFailed, CallerRefused):
            await relayed(relay, server.url, Kept(), stream=False, heard=told)
    assert told.loads == [LOAD]
