"""What the proxy says itself, and that nothing unclear reaches anybody."""

import orjson
import pytest

from sidecar.facts import Outcome
from sidecar.proxy import refusals
from tests.fakes.proxies import CHAT, OK, Raw, answering, connected, proxied, proxied_script
from tests.fakes.upstreams import free_port
from tests.fakes.waiting import until


async def test_nobody_there_is_said_with_what_to_do() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with proxied(url) as proxy, connected(proxy.port) as client:
        await client.send(CHAT)
        said = await client.rest()
        assert said.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert b'"error":"Nobody listens at ' + url.encode() + b", the backend behind this proxy. Start" in said
        await until(lambda: proxy.outcomes == {Outcome.REFUSED: 1})


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (b"", b"it closed the connection"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"it does not speak HTTP/1 as it should (no status line of HTTP/1)"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok", b"a content-length that is no number"),
        (b"HTTP/1.1 200 OK\r\ncontent-length 2\r\n\r\nok", b"a line that is no field"),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", b"another protocol that nobody asked for"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000, b"a head of more than 65536 bytes"),
    ],
)
async def test_a_backend_that_gives_no_answer_is_said_to(said: bytes, found: bytes) -> None:
    async def script(raw: Raw) -> None:
        await raw.message()
        await raw.send(said)

    async with proxied_script(script) as (proxy, _), connected(proxy.port) as client:
        await client.send(CHAT.replace(b"/api/chat", b"/v1/completions"))
        answer = await client.rest()
        assert answer.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert b'"code":"backend_failed"' in answer
        assert found in answer
        await until(lambda: proxy.outcomes == {Outcome.BACKEND_ERROR: 1})


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\n",
        b"CONNECT mini:443 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nbroken\r\n\r\n",
        b"GET / HTTP/1.1\r\n folded: x\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 2, 2\r\n\r\n{}",
        b"POST / HTTP/1.1\r\ncontent-length: +2\r\n\r\n{}",
        b"POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"y" * 70_000,
    ],
)
async def test_what_is_no_request_or_two_at_once_is_refused_and_reaches_nobody(request_bytes: bytes) -> None:
    async with proxied_script(answering(OK)) as (proxy, backend), connected(proxy.port) as client:
        await client.send(request_bytes)
        assert (await client.rest()).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert backend.connections == 0


async def test_a_refusal_is_seen_although_the_client_still_sends() -> None:
    async with proxied_script(answering(OK)) as (proxy, _), connected(proxy.port) as client:
        await client.send(b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n")
        assert (await client.message()).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        await client.send(b"x" * 1_000_000)
        assert await client.rest() == b""


async def test_chunks_that_are_none_break_the_request_off() -> None:
    async def script(raw: Raw) -> None:
        await raw.head()
        await raw.rest()
        raise ConnectionResetError

    async with proxied_script(script) as (proxy, backend), connected(proxy.port) as client:
        await client.send(b"POST /api/chat HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        await client.send(b"2\r\n{}\r\n", b"no chunk\r\n")
        assert await client.rest() == b""
        await until(lambda: backend.broken_off == 1 and proxy.outcomes == {Outcome.CLIENT_GONE: 1})


async def test_a_proxy_before_itself_is_noticed() -> None:
    port = free_port()
    async with proxied(f"http://127.0.0.1:{port}", port=port), connected(port) as client:
        await client.send(CHAT)
        answer = await client.message()
        assert answer.startswith(b"HTTP/1.1 508 Loop Detected\r\n")
        assert b"leads back to itself" in answer


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/api/chat", {"error": str, "code": str, "fault": str}),
        ("/v1/chat/completions", {"error": {"message": str, "type": str, "code": str, "fault": str}}),
        ("/", {"error": {"message": str, "type": str, "code": str, "fault": str}}),
    ],
)
def test_a_refusal_has_the_shape_that_the_client_reads(path: str, shape: object) -> None:
    def shape_of(value: object) -> object:
        return {key: shape_of(inner) for key, inner in value.items()} if isinstance(value, dict) else type(value)

    assert shape_of(orjson.loads(refusals.body_of(refusals.refused("http://mini"), path))) == shape
