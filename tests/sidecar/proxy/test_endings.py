"""However a request ends, both sides see it, and it is counted as what it was."""

import asyncio

import pytest

from sidecar.facts import Outcome
from tests.fakes.proxies import CHAT, END, Raw, connected, proxied_script
from tests.fakes.upstreams import OK_STREAM, OLD_STREAM, chunked
from tests.fakes.waiting import until


async def silent(raw: Raw) -> None:
    await raw.message()
    await raw.rest()
    raise ConnectionResetError


@pytest.mark.parametrize("begun", [b"", OK_STREAM, OK_STREAM + chunked(b"one")], ids=["waiting", "head", "token"])
async def test_a_client_that_hangs_up_stops_the_backend_at_once(begun: bytes) -> None:
    heard = asyncio.Event()

    async def script(raw: Raw) -> None:
        await raw.message()
        heard.set()
        await raw.send(begun)
        await raw.rest()
        raise ConnectionResetError

    async with proxied_script(script) as (proxy, backend):
        async with connected(proxy.port) as client:
            await client.send(CHAT)
            await client.exactly(len(begun))
            await heard.wait()
            assert proxy.in_flight == 1
            client.close()
            await until(lambda: backend.broken_off == 1)
        await until(lambda: proxy.outcomes == {Outcome.CLIENT_GONE: 1})


async def test_a_client_that_hangs_up_in_the_middle_of_its_request_stops_the_backend_too() -> None:
    async with proxied_script(silent) as (proxy, backend):
        async with connected(proxy.port) as client:
            await client.send(CHAT[:-1])
            await until(lambda: backend.connections == 1)
        await until(lambda: proxy.outcomes == {Outcome.CLIENT_GONE: 1} and backend.broken_off == 1)


@pytest.mark.parametrize(
    "delivered",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        OK_STREAM + chunked(b"half"),
        OK_STREAM + b"40\r\nhalf",
        OK_STREAM + chunked(b"half") + b"0\r\n",
    ],
    ids=["sized", "between chunks", "in a chunk", "before the last line"],
)
@pytest.mark.parametrize("how", ["close", "abort"])
async def test_an_answer_that_breaks_off_is_broken_for_the_client(delivered: bytes, how: str) -> None:
    async def script(raw: Raw) -> None:
        await raw.message()
        await raw.send(delivered)
        getattr(raw.writer.transport, how)()

    async with proxied_script(script) as (proxy, _), connected(proxy.port) as client:
        await client.send(CHAT)
        assert await client.rest() == delivered  # and so it ends: without the end of its body
        await until(lambda: proxy.outcomes == {Outcome.TRUNCATED: 1})


async def test_garbage_between_chunks_breaks_the_answer_off() -> None:
    delivered, go = OK_STREAM + chunked(b"half"), asyncio.Event()

    async def script(raw: Raw) -> None:
        await raw.message()
        await raw.send(delivered)
        await go.wait()
        await raw.send(b"no chunk\r\n")
        await raw.rest()

    async with proxied_script(script) as (proxy, _), connected(proxy.port) as client:
        await client.send(CHAT)
        await client.until(delivered)
        go.set()
        assert await client.rest() == b""
        await until(lambda: proxy.outcomes == {Outcome.TRUNCATED: 1})


async def test_a_body_that_ends_with_its_connection_ends_so_for_the_client() -> None:
    answer = b"HTTP/1.0 200 OK\r\nServer: BaseHTTP/0.6\r\n\r\nall of it"

    async def script(raw: Raw) -> None:
        await raw.message()
        await raw.send(answer)

    async with proxied_script(script) as (proxy, _), connected(proxy.port) as client:
        await client.send(CHAT)
        head, body = (await client.rest()).split(END)
        assert head == b"HTTP/1.1 200 OK\r\nServer: BaseHTTP/0.6\r\nconnection: close"
        assert body == b"all of it"
        await until(lambda: proxy.outcomes == {Outcome.OK: 1})


async def test_a_connection_that_is_reset_is_no_end_of_a_body() -> None:
    async def script(raw: Raw) -> None:
        await raw.message()
        await raw.send(OLD_STREAM + b"half of it")
        await go.wait()
        raw.writer.get_extra_info("socket").setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")
        raw.writer.transport.abort()

    go = asyncio.Event()
    async with proxied_script(script) as (proxy, _), connected(proxy.port) as client:
        await client.send(CHAT)
        await client.until(b"half of it")
        go.set()
        with pytest.raises(ConnectionResetError):
            await client.rest()
        await until(lambda: proxy.outcomes == {Outcome.TRUNCATED: 1})


@pytest.mark.parametrize(
    ("path", "end", "whole"),
    [
        (b"/v1/chat/completions", b"data: {}\n\ndata: [DONE]\n\n", True),
        (b"/v1/chat/completions", b"data: {}\n\n", False),
        (b"/v1/completions", b"", False),
        (b"/v1/messages", b"data: {}\n\n", True),
    ],
)
async def test_a_stream_without_its_end_mark_is_broken_where_nothing_else_says_that_it_ended(
    path: bytes, end: bytes, whole: bool
) -> None:
    async def script(raw: Raw) -> None:
        await raw.message()
        await raw.send(OLD_STREAM + end)

    async with proxied_script(script) as (proxy, _), connected(proxy.port) as client:
        await client.send(CHAT.replace(b"/api/chat", path))
        if whole:
            assert (await client.rest()).endswith(end)
        else:
            await client.until(END + end)
            with pytest.raises(ConnectionResetError):
                await client.rest()
        await until(lambda: proxy.outcomes == {Outcome.OK if whole else Outcome.TRUNCATED: 1})
