"""The door: many at once in bounded memory, slow ones without harm to others, and good order at the end."""

import asyncio
from contextlib import AsyncExitStack

import psutil
import pytest

from sidecar.facts import Outcome
from tests.fakes.proxies import CHAT, OK, Raw, connected, proxied, proxied_script, raw_backend
from tests.fakes.upstreams import OK_STREAM, chunked
from tests.fakes.waiting import until

MB = 1024 * 1024


async def test_a_slow_reader_makes_the_backend_wait_and_not_the_memory_grow() -> None:
    sent = 0

    async def script(raw: Raw) -> None:
        nonlocal sent
        await raw.message()
        await raw.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await raw.send(b"x" * MB)
            sent += MB

    async with proxied_script(script) as (proxy, _), connected(proxy.port) as client:
        await client.send(CHAT)
        await client.head()
        client.writer.transport.pause_reading()
        before = -1
        while before != sent < 32 * MB:  # until what lies in the buffers of the system is full
            before = sent
            await asyncio.sleep(0.2)
        assert sent < 32 * MB
        client.writer.transport.resume_reading()
        await client.exactly(sent)
        await until(lambda: sent > before)


async def test_a_backend_that_reads_slowly_makes_the_client_wait() -> None:
    go, size = asyncio.Event(), 64 * MB

    async def script(raw: Raw) -> None:
        await raw.head()
        raw.writer.transport.pause_reading()
        await go.wait()
        raw.writer.transport.resume_reading()
        left = size
        while left:
            left -= len(await raw.reader.read(MB))
        await raw.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    async with proxied_script(script) as (proxy, _), connected(proxy.port) as client:
        await client.send(b"POST /api/blobs/x HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size)
        writing = asyncio.ensure_future(client.send(*[b"x" * MB] * 64))
        before = psutil.Process().memory_info().rss
        done, _ = await asyncio.wait([writing], timeout=0.5)
        assert not done
        assert psutil.Process().memory_info().rss - before < 48 * MB
        go.set()
        await writing
        assert (await client.head()).startswith(b"HTTP/1.1 200 OK")


async def test_a_thousand_slow_streams_cost_a_bounded_memory_and_all_arrive() -> None:
    streams, go = 1000, asyncio.Event()
    token = chunked(b"data: %b\n\n" % (b"x" * 100))

    async def script(raw: Raw) -> None:
        await raw.message()
        await raw.send(OK_STREAM, token)
        await go.wait()
        await raw.send(token * 20, b"0\r\n\r\n")
        await raw.rest()

    async with AsyncExitStack() as stack:
        proxy, backend = await stack.enter_async_context(proxied_script(script))
        # One round warms up what stays.
        before = psutil.Process().memory_info().rss
        clients = [await stack.enter_async_context(connected(proxy.port)) for _ in range(streams)]
        for client in clients:
            await client.send(CHAT)
        await until(lambda: proxy.in_flight == streams, 60)
        for client in clients:
            await client.until(token)
        # Client, proxy and backend together, the last two of them ordinary streams of asyncio.
        assert (psutil.Process().memory_info().rss - before) / streams < 128 * 1024
        go.set()
        for client in clients:
            assert await client.until(b"0\r\n\r\n") == token * 20 + b"0\r\n\r\n"
        await until(lambda: proxy.outcomes == {Outcome.OK: streams})
        assert backend.connections == streams


async def test_at_the_end_running_answers_end_and_nobody_new_is_let_in() -> None:
    go = asyncio.Event()

    async def script(raw: Raw) -> None:
        await raw.message()
        await raw.send(OK_STREAM, chunked(b"one"))
        await go.wait()
        await raw.send(chunked(b"two") + b"0\r\n\r\n")
        await raw.rest()

    async with raw_backend(script) as backend, AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(proxied(backend.url, grace_seconds=30.0))
        async with connected(proxy.port) as busy, connected(proxy.port) as idle:
            await busy.send(CHAT)
            await busy.until(b"one\r\n")
            ending = asyncio.ensure_future(stack.aclose())
            assert await idle.rest() == b""
            with pytest.raises(OSError, match=r"refused|Connect call failed"):
                await asyncio.open_connection("127.0.0.1", proxy.port)
            assert not ending.done()
            go.set()
            assert await busy.rest() == chunked(b"two") + b"0\r\n\r\n"
            await ending
        assert proxy.outcomes == {Outcome.OK: 1}


async def test_an_answer_that_outlasts_the_grace_is_cut_off_and_seen_to_be() -> None:
    async def script(raw: Raw) -> None:
        await raw.message()
        await raw.send(OK_STREAM, chunked(b"one"))
        await raw.rest()
        raise ConnectionResetError

    async with raw_backend(script) as backend, AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(proxied(backend.url, grace_seconds=0.0))
        async with connected(proxy.port) as client:
            await client.send(CHAT)
            await client.until(b"one\r\n")
            await stack.aclose()
            assert await client.rest() == b""  # without the last chunk
            await until(lambda: backend.broken_off == 1)
        assert proxy.outcomes == {Outcome.CLIENT_GONE: 1}


async def test_what_a_slow_reader_has_not_read_yet_is_waited_for() -> None:
    piece, pieces = chunked(b"x" * 8000), 0

    def waiting_bytes() -> int:
        """What lies in the proxy's own buffer for its one client."""
        (conversation,) = proxy.proxy._conversations
        transport = conversation.wire._transport
        return transport.get_write_buffer_size() if transport is not None else 0

    async def script(raw: Raw) -> None:
        nonlocal pieces
        await raw.message()
        await raw.send(OK_STREAM)
        while not waiting_bytes():
            await raw.send(piece)
            await asyncio.sleep(0.001)
            pieces += 1
        await raw.send(b"0\r\n\r\n")
        await raw.rest()

    async with raw_backend(script) as backend, AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(proxied(backend.url, grace_seconds=30.0))
        async with connected(proxy.port) as client:
            client.writer.transport.pause_reading()
            await client.send(CHAT)
            await until(lambda: proxy.outcomes == {Outcome.OK: 1})
            assert waiting_bytes()
            ending = asyncio.ensure_future(stack.aclose())
            await asyncio.wait([ending], timeout=0.1)
            assert not ending.done()
            client.writer.transport.resume_reading()
            assert await client.rest() == OK_STREAM + piece * pieces + b"0\r\n\r\n"
            await ending


async def test_the_last_answer_says_that_it_is_the_last() -> None:
    go = asyncio.Event()

    async def script(raw: Raw) -> None:
        await raw.message()
        await go.wait()
        await raw.send(OK)
        await raw.rest()

    async with raw_backend(script) as backend, AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(proxied(backend.url, grace_seconds=30.0))
        async with connected(proxy.port) as client:
            await client.send(CHAT)
            await until(lambda: proxy.in_flight == 1 and backend.connections == 1)
            ending = asyncio.ensure_future(stack.aclose())
            await asyncio.sleep(0)
            go.set()
            assert await client.rest() == b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
            await ending


async def test_a_client_that_says_nothing_is_let_go_and_one_that_waits_is_not() -> None:
    go = asyncio.Event()

    async def script(raw: Raw) -> None:
        await raw.message()
        await go.wait()
        await raw.send(OK)
        await raw.rest()

    async with raw_backend(script) as backend, proxied(backend.url, idle_seconds=0.1) as proxy:
        async with connected(proxy.port) as busy, connected(proxy.port) as silent, connected(proxy.port) as dripping:
            await busy.send(CHAT)
            await dripping.send(CHAT[:20])
            assert await silent.rest() == b""
            assert await dripping.rest() == b""
            go.set()
            assert (await busy.head()).startswith(b"HTTP/1.1 200 OK")
            await busy.exactly(2)
            assert await busy.rest() == b""  # and once it has its answer, it is idle as well
