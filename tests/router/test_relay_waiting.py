"""How the relay waits, gives up, and lets go: deadlines, silence, slow clients and clients that leave."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol

from router.attempt import AttemptFailed, ClientGone, UpstreamRequest
from router.exchange import Exchange
from router.patience import FLOW_SECONDS
from sidecar import Outcome
from tests.fakes.sinks import Kept
from tests.fakes.upstreams import (
    COMPLETION,
    DONE,
    LAST_CHUNK,
    OK_STREAM,
    ROLE,
    STOP,
    Heard,
    answer,
    chunked,
    saying,
    silent,
    token,
    upstream,
)
from tests.fakes.waiting import until
from tests.router.relaying import SOON, deadlines, relayed, relaying
from tests.router.relaying import Heard as Metered


@asynccontextmanager
async def unreachable() -> AsyncIterator[str]:
    """A URL whose server never takes a connection: the kernel's queue in front of it is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        queue = [socket.socket() for _ in range(8)]
        for one in queue:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for one in queue:
            one.close()


# Deadlines


async def test_a_connection_that_is_not_made_in_time_is_given_up() -> None:
    async with unreachable() as url, relaying() as relay:
        with pytest.raises(AttemptFailed, match="too long: a connection did not come in time") as failed:
            await relayed(relay, url, Kept(), limits=deadlines(connect=SOON))
    assert failed.value.outcome is Outcome.TIMEOUT


@pytest.mark.parametrize(
    "said",
    [(), (OK_STREAM,), (OK_STREAM, chunked(b": keepalive\n\n")), (OK_STREAM, chunked(ROLE))],
    ids=["nothing", "headers", "a comment", "a greeting"],
)
async def test_a_first_token_that_does_not_come_in_time_is_given_up(said: tuple[bytes, ...]) -> None:
    async with upstream(saying(*said)) as server, relaying() as relay:
        with pytest.raises(AttemptFailed, match="too long: the first token did not come in time") as failed:
            await relayed(relay, server.url, Kept(), limits=deadlines(first_token=SOON))
        async with asyncio.timeout(10):
            await server.left.wait()
    assert (failed.value.outcome, failed.value.begun) == (Outcome.TIMEOUT, ROLE in b"".join(said))


async def test_comments_and_greetings_are_no_first_token() -> None:
    async def script(heard: Heard) -> None:
        await heard.send(OK_STREAM)
        while not heard.wire.writer.is_closing():
            await heard.send(chunked(ROLE, b": keepalive\n\n"))
            await asyncio.sleep(0.01)

    async with upstream(script) as server, relaying() as relay:
        with pytest.raises(AttemptFailed, match="too long: the first token did not come in time"):
            await relayed(relay, server.url, Kept(), limits=deadlines(first_token=SOON, total=10))


async def test_a_next_token_that_does_not_come_in_time_is_given_up() -> None:
    async with upstream(saying(OK_STREAM, chunked(ROLE, token("a")))) as server, relaying() as relay:
        with pytest.raises(AttemptFailed, match="too long: the next token did not come in time") as failed:
            await relayed(relay, server.url, Kept(), limits=deadlines(token=SOON))
        async with asyncio.timeout(10):
            await server.left.wait()
    assert (failed.value.outcome, failed.value.begun) == (Outcome.TIMEOUT, True)


async def test_garbage_between_tokens_is_found_when_no_token_comes() -> None:
    async def script(heard: Heard) -> None:
        await heard.send(OK_STREAM, chunked(token("a")))
        await sink.comes()
        await heard.send(b"zzzz\r\nxx")

    sink = Kept()
    async with upstream(script) as server, relaying() as relay:
        with pytest.raises(AttemptFailed) as failed:
            await relayed(relay, server.url, sink, limits=deadlines(token=SOON))
    assert failed.value.begun


async def test_garbage_that_came_while_the_client_was_reading_is_found_at_once() -> None:
    async def script(heard: Heard) -> None:
        await heard.send(OK_STREAM, chunked(token("a")))
        await sink.comes()
        await heard.send(b"zzzz\r\nxx")
        await heard.hung_up()
        sink.reading.set()

    sink = Kept()
    sink.reading.clear()
    async with upstream(script) as server, relaying() as relay:
        with pytest.raises(AttemptFailed) as failed:
            await relayed(relay, server.url, sink)
    assert (failed.value.outcome, failed.value.begun) == (Outcome.TRUNCATED, True)


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_that_takes_too_long_as_a_whole_is_given_up(stream: bool) -> None:
    async def endless(heard: Heard) -> None:
        await heard.send(OK_STREAM)
        while not heard.wire.writer.is_closing():
            await heard.send(chunked(token("a")))
            await asyncio.sleep(0.01)

    async with upstream(endless if stream else silent) as server, relaying() as relay:
        with pytest.raises(AttemptFailed, match="too long: the whole answer did not come in time") as failed:
            await relayed(relay, server.url, Kept(), stream=stream, limits=deadlines(total=SOON))
    # While its tokens come, a backend is alive: the answer is too long, and nobody else is to blame.
    assert (failed.value.outcome, failed.value.begun) == (Outcome.OVERLONG if stream else Outcome.TIMEOUT, stream)


async def test_a_stream_that_is_silent_when_the_whole_answer_is_due_has_failed() -> None:
    sink = Kept()
    limits = deadlines(token=10, total=FLOW_SECONDS + SOON)
    async with upstream(saying(OK_STREAM, chunked(token("a")))) as server, relaying() as relay:
        with pytest.raises(AttemptFailed, match="too long: the whole answer did not come in time") as failed:
            await relayed(relay, server.url, sink, limits=limits)
    assert (failed.value.outcome, failed.value.begun) == (Outcome.TIMEOUT, True)


async def test_every_token_is_given_its_own_time() -> None:
    sink = Kept()

    async def script(heard: Heard) -> None:
        await heard.send(OK_STREAM)
        for _ in range(10):  # together more than the deadline for one
            await asyncio.sleep(0.1)
            await heard.send(chunked(token("a")))
        await heard.send(chunked(DONE), LAST_CHUNK)

    async with upstream(script) as server, relaying() as relay:
        await relayed(relay, server.url, sink, limits=deadlines(token=0.8))
    assert sink.bytes == token("a") * 10 + DONE


async def test_a_finished_answer_whose_server_says_no_more_is_whole() -> None:
    sink = Kept()
    async with upstream(saying(OK_STREAM, chunked(token("a"), STOP))) as server, relaying() as relay:
        await relayed(relay, server.url, sink, limits=deadlines(token=SOON))
    assert sink.bytes == token("a") + STOP


# Silence


async def test_while_nothing_comes_the_client_is_told_so() -> None:
    sink = Kept()

    async def script(heard: Heard) -> None:
        await until(lambda: sink.quiets >= 2)  # before the headers
        await heard.send(OK_STREAM)
        await until(lambda: sink.quiets >= 4)  # after them
        await heard.send(chunked(ROLE))
        await until(lambda: sink.quiets >= 6)  # after the greeting
        await heard.send(chunked(token("a"), DONE), LAST_CHUNK)

    async with upstream(script) as server, relaying(keepalive_seconds=0.01) as relay:
        await relayed(relay, server.url, sink)
    assert sink.bytes == ROLE + token("a") + DONE


async def test_in_the_middle_of_an_event_the_client_is_told_nothing() -> None:
    sink = Kept()

    async def script(heard: Heard) -> None:
        await heard.send(OK_STREAM, chunked(ROLE[:-1]))
        await sink.comes()
        before = sink.quiets
        await asyncio.sleep(0.1)  # ten times as long as a comment needs to come
        assert sink.quiets == before
        await heard.send(chunked(ROLE[-1:]))
        await until(lambda: sink.quiets > before)
        await heard.send(chunked(token("a"), DONE), LAST_CHUNK)

    async with upstream(script) as server, relaying(keepalive_seconds=0.01) as relay:
        await relayed(relay, server.url, sink)
    assert sink.bytes == ROLE + token("a") + DONE


async def test_between_tokens_and_for_an_answer_in_one_piece_nothing_is_told() -> None:
    sink = Kept()

    async def script(heard: Heard) -> None:
        if heard.json():
            await asyncio.sleep(0.05)
            await heard.send(answer("200 OK", COMPLETION))
        else:
            await heard.send(OK_STREAM, chunked(token("a")))
            await sink.comes()
            before = sink.quiets
            await asyncio.sleep(0.05)
            assert sink.quiets == before
            await heard.send(chunked(DONE), LAST_CHUNK)

    async with upstream(script) as server, relaying(keepalive_seconds=0.01) as relay:
        await relayed(relay, server.url, sink)
        whole = Kept()
        await relayed(relay, server.url, whole, stream=False, body=b"[1]")
    assert whole.quiets == 0


# Slow clients


async def test_a_client_that_reads_slowly_is_not_taken_for_a_silent_backend() -> None:
    sink = Kept()

    async def script(heard: Heard) -> None:
        await heard.send(OK_STREAM, chunked(token("a")))
        await sink.comes()
        await heard.send(chunked(token("b"), DONE), LAST_CHUNK)
        await asyncio.sleep(4 * SOON)
        sink.reading.set()

    sink.reading.clear()
    async with upstream(script) as server, relaying() as relay:
        await relayed(relay, server.url, sink, limits=deadlines(token=SOON))
    assert sink.bytes == token("a") + token("b") + DONE


async def test_the_wait_for_the_backend_begins_when_the_client_has_read() -> None:
    sink = Kept()

    async def script(heard: Heard) -> None:
        await heard.send(OK_STREAM, chunked(token("a")))
        await sink.comes()
        await asyncio.sleep(0.9)  # the client's time
        sink.reading.set()
        await asyncio.sleep(0.2)  # the backend's
        await heard.send(chunked(DONE), LAST_CHUNK)

    sink.reading.clear()
    async with upstream(script) as server, relaying() as relay:
        await relayed(relay, server.url, sink, limits=deadlines(token=0.5))
    assert sink.bytes == token("a") + DONE


async def test_a_client_that_is_slow_to_take_a_comment_does_not_use_up_the_backends_time() -> None:
    sink = Kept()

    async def script(heard: Heard) -> None:
        await until(lambda: sink.quiets)
        await asyncio.sleep(0.9)
        sink.reading.set()
        await heard.send(OK_STREAM, chunked(token("a"), DONE), LAST_CHUNK)

    sink.reading.clear()
    async with upstream(script) as server, relaying(keepalive_seconds=0.01) as relay:
        await relayed(relay, server.url, sink, limits=deadlines(first_token=0.5))
    assert sink.bytes == token("a") + DONE


async def test_a_client_that_does_not_read_until_the_whole_answer_is_due_counts_as_gone() -> None:
    sink = Kept()
    sink.reading.clear()
    async with upstream(saying(OK_STREAM, chunked(token("a")))) as server, relaying() as relay:
        with pytest.raises(ClientGone):
            await relayed(relay, server.url, sink, limits=deadlines(token=SOON / 3, total=SOON))
        async with asyncio.timeout(10):
            await server.left.wait()


# Clients that leave


async def says_headers(heard: Heard) -> None:
    await heard.send(OK_STREAM)
    await heard.hung_up()


async def says_a_token(heard: Heard) -> None:
    await heard.send(OK_STREAM, chunked(ROLE, token("a")))
    await heard.hung_up()


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("script", [silent, says_headers, says_a_token])
async def test_a_client_that_leaves_closes_the_connection_to_the_backend(
    script: Callable[[Heard], Any], stream: bool
) -> None:
    sink = Kept()
    async with upstream(script) as server, relaying() as relay:
        sending = asyncio.create_task(relayed(relay, server.url, sink, stream=stream))
        await until(lambda: server.heard)
        if script is says_a_token and stream:
            await sink.comes()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        async with asyncio.timeout(10):
            await server.left.wait()


async def test_a_client_may_leave_while_the_connection_is_being_made() -> None:
    async with unreachable() as url, relaying() as relay:
        sending = asyncio.create_task(relayed(relay, url, Kept()))
        await asyncio.sleep(0.05)  # there is nobody who could tell that it is connecting
        assert not sending.done()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(10):
                await sending


async def test_a_client_found_gone_while_told_that_nothing_has_come_closes_the_connection() -> None:
    def gone() -> None:
        raise ClientGone

    sink = Kept()
    sink.on_quiet = gone
    async with upstream(silent) as server, relaying(keepalive_seconds=0.01) as relay:
        with pytest.raises(ClientGone):
            await relayed(relay, server.url, sink)
        async with asyncio.timeout(10):
            await server.left.wait()


async def test_an_answer_that_begins_just_as_the_client_leaves_is_closed_too() -> None:
    sink = Kept()
    leaving = asyncio.Event()

    async def script(heard: Heard) -> None:
        await until(lambda: sink.quiets)
        await heard.send(OK_STREAM)
        await asyncio.sleep(0.1)  # the headers are there, and the client is still busy with a comment
        leaving.set()
        await heard.hung_up()

    sink.reading.clear()
    async with upstream(script) as server, relaying(keepalive_seconds=0.01) as relay:
        sending = asyncio.create_task(relayed(relay, server.url, sink))
        await leaving.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        async with asyncio.timeout(10):
            await server.left.wait()


async def test_a_connection_that_timed_out_by_itself_is_not_taken_for_one_that_is_silent() -> None:
    loop = asyncio.get_running_loop()
    request = UpstreamRequest("http://backend", b"{}", {}, True, deadlines(), loop.time() + 60)
    content = aiohttp.StreamReader(BaseProtocol(loop), 2**16, loop=loop)
    content.set_exception(TimeoutError("the kernel gave up"))
    with pytest.raises(TimeoutError, match="the kernel gave up"):
        await Exchange(request, Metered(), Kept(), SOON)._patient_more(content)
