"""However a request ends, both sides see it, and it is counted as what it was."""

import asyncio
import socket
import struct

import pytest

from sidecar.facts import Outcome
from tests.fakes.proxies import CHAT, END, Raw, Script, connected, proxied_script
from tests.fakes.upstreams import OK_STREAM, chunked
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


OLD_ANSWER = b"HTTP/1.0 200 OK\r\nServer: BaseHTTP/0.6\r\nContent-Type: text/event-stream\r\n\r\n"
"""As mlx_lm.server answers: the body ends when the connection does."""


def saying(*parts: bytes, then: asyncio.Event | None = None) -> Script:
    """A script that says it, and ends the connection: as it should, or by breaking it once `then` is set."""

    async def script(raw: Raw) -> None:
        await raw.message()
        await raw.send(*parts)
        if then is not None:
            await then.wait()
            linger = struct.pack("ii", 1, 0)
            raw.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            raw.writer.transport.abort()

    return script


async def test_a_body_that_ends_with_its_connection_gets_an_end_of_its_own() -> None:
    async with proxied_script(saying(OLD_ANSWER, b"all ", b"of it")) as (proxy, _), connected(proxy.port) as client:
        for _ in range(2):
            await client.send(CHAT)
            assert await client.head() == (
                b"HTTP/1.1 200 OK\r\nServer: BaseHTTP/0.6\r\nContent-Type: text/event-stream\r\n"
                b"transfer-encoding: chunked\r\n\r\n"
            )
            body = await client.until(b"\r\n0\r\n\r\n")
            assert b"".join(body.split(b"\r\n")[1::2]) == b"all of it"
        await until(lambda: proxy.outcomes == {Outcome.OK: 2})


async def test_a_client_that_knows_no_chunks_gets_such_a_body_as_it_came() -> None:
    async with proxied_script(saying(OLD_ANSWER, b"all of it")) as (proxy, _), connected(proxy.port) as client:
        await client.send(CHAT.replace(b"HTTP/1.1", b"HTTP/1.0"))
        head, body = (await client.rest()).split(END)
        assert head == OLD_ANSWER.removesuffix(END) + b"\r\nconnection: close"
        assert body == b"all of it"
        await until(lambda: proxy.outcomes == {Outcome.OK: 1})


async def test_such_a_body_whose_connection_was_broken_has_no_end() -> None:
    go = asyncio.Event()
    async with proxied_script(saying(OLD_ANSWER + b"half", then=go)) as (proxy, _):
        async with connected(proxy.port) as today, connected(proxy.port) as old:
            await today.send(CHAT)
            await old.send(CHAT.replace(b"HTTP/1.1", b"HTTP/1.0"))
            await today.until(b"half\r\n")
            await old.until(b"half")
            go.set()
            assert await today.rest() == b""  # without the last chunk
            with pytest.raises(ConnectionResetError):
                await old.rest()
        await until(lambda: proxy.outcomes == {Outcome.TRUNCATED: 2})


@pytest.mark.parametrize(
    ("path", "end", "whole"),
    [
        (b"/v1/chat/completions", b"data: {}\n\ndata: [DONE]\n\n", True),
        (b"/v1/chat/completions", b"data: {}\n\n", False),
        (b"/v1/completions", b"", False),
        (b"/v1/messages", b"data: {}\n\n", True),
    ],
)
async def test_nor_has_one_without_the_end_mark_of_its_dialect(path: bytes, end: bytes, whole: bool) -> None:
    chat = CHAT.replace(b"/api/chat", path)
    async with proxied_script(saying(OLD_ANSWER + end)) as (proxy, _):
        async with connected(proxy.port) as today, connected(proxy.port) as old:
            await today.send(chat.replace(b"host: x", b"host: x\r\nconnection: close"))
            await old.send(chat.replace(b"HTTP/1.1", b"HTTP/1.0"))
            await old.until(END + end)
            assert (await today.rest()).endswith(b"\r\n0\r\n\r\n") is whole
            if whole:
                assert await old.rest() == b""
            else:
                with pytest.raises(ConnectionResetError):
                    await old.rest()
        await until(lambda: proxy.outcomes == {Outcome.OK if whole else Outcome.TRUNCATED: 2})
