"""Between a client and a backend that both speak byte for byte: what arrives is what was sent, and ends as it ended."""

import asyncio

import pytest

from sidecar.facts import Outcome
from tests.fakes.proxies import END, Raw, connected, proxied, proxied_script
from tests.fakes.upstreams import OK_STREAM, OLD_STREAM, chunked, free_port
from tests.fakes.waiting import until

CHAT = b"POST /api/chat HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
GET = b"GET /api/tags HTTP/1.1\r\nhost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def asked(raw: Raw) -> bytes:
    """One small request as a backend gets it: head and body."""
    head = await raw.head()
    length = next((int(line[15:]) for line in head.lower().splitlines() if line.startswith(b"content-length:")), 0)
    return head + await raw.exactly(length)


async def answered(raw: Raw) -> bytes:
    """One small answer as a client gets it: head and body."""
    return await asked(raw)


def answering(*parts: bytes):
    async def script(raw: Raw) -> None:
        while True:
            await asked(raw)
            await raw.send(*parts)

    return script


async def silent(raw: Raw) -> None:
    await asked(raw)
    await raw.rest()
    raise ConnectionResetError


async def test_a_request_and_its_answer_pass() -> None:
    async with proxied_script(answering(OK)) as (proxy, _), connected(proxy.port) as client:
        await client.send(CHAT)
        assert await answered(client) == OK
        await until(lambda: proxy.outcomes == {Outcome.OK: 1})


async def test_a_poll_is_passed_on_and_is_no_work() -> None:
    async with proxied_script(answering(OK)) as (proxy, _), connected(proxy.port) as client:
        await client.send(GET)
        assert await answered(client) == OK
        assert proxy.state.work.started == 0


async def test_work_is_in_flight_from_its_first_byte_to_its_last() -> None:
    go = asyncio.Event()

    async def script(raw: Raw) -> None:
        await asked(raw)
        await raw.send(OK_STREAM, chunked(b"one"))
        await go.wait()
        await raw.send(chunked(b"two"), b"0\r\n\r\n")
        await raw.rest()

    async with proxied_script(script) as (proxy, _), connected(proxy.port) as client:
        await client.send(CHAT[:-1])
        await until(lambda: proxy.in_flight == 1)
        await client.send(CHAT[-1:])
        assert await client.until(b"one\r\n") == OK_STREAM + chunked(b"one")
        assert proxy.in_flight == 1
        go.set()
        assert await client.until(b"0\r\n\r\n") == chunked(b"two") + b"0\r\n\r\n"
        await until(lambda: proxy.outcomes == {Outcome.OK: 1} and proxy.in_flight == 0)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (b"200 OK", Outcome.OK),
        (b"400 Bad Request", Outcome.CALLER_ERROR),
        (b"404 Not Found", Outcome.CALLER_ERROR),
        (b"429 Too Many Requests", Outcome.REJECTED),
        (b"500 Internal Server Error", Outcome.BACKEND_ERROR),
        (b"503 Service Unavailable", Outcome.REJECTED),
    ],
)
async def test_an_answer_of_any_status_passes_and_says_what_it_says(status: bytes, outcome: Outcome) -> None:
    answer = b"HTTP/1.1 " + status + b"\r\nRetry-After: 3\r\ncontent-length: 2\r\n\r\nno"
    async with proxied_script(answering(answer)) as (proxy, _), connected(proxy.port) as client:
        await client.send(CHAT)
        assert await answered(client) == answer
        await until(lambda: proxy.outcomes == {outcome: 1})


async def test_a_redirect_is_passed_on_and_not_followed() -> None:
    answer = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    async with proxied_script(answering(answer)) as (proxy, backend), connected(proxy.port) as client:
        await client.send(CHAT)
        assert await answered(client) == answer
        assert backend.connections == 1


@pytest.mark.parametrize(
    ("request_line", "answer"),
    [
        (b"HEAD /", b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n"),
        (b"HEAD /", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
        (b"GET /", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET /", b"HTTP/1.1 304 Not Modified\r\netag: x\r\ncontent-length: 500\r\n\r\n"),
    ],
)
async def test_an_answer_without_a_body_has_none_and_the_next_one_follows(request_line: bytes, answer: bytes) -> None:
    async with proxied_script(answering(answer)) as (proxy, backend), connected(proxy.port) as client:
        for _ in range(2):
            await client.send(request_line + b" HTTP/1.1\r\nhost: x\r\n\r\n")
            assert await client.head() == answer
        assert backend.connections == 1


async def test_requests_sent_together_are_answered_in_their_order() -> None:
    numbers = iter(range(10))

    async def script(raw: Raw) -> None:
        while await asked(raw):
            await raw.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n%d" % next(numbers))

    async with proxied_script(script) as (proxy, _), connected(proxy.port) as client:
        await client.send(CHAT + GET + CHAT)
        assert [(await answered(client))[-1:] for _ in range(3)] == [b"0", b"1", b"2"]


async def test_interim_answers_pass_before_the_real_one() -> None:
    async def script(raw: Raw) -> None:
        head = await raw.head()
        assert b"\r\nexpect: 100-continue\r\n" in head
        await raw.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await raw.exactly(2) == b"{}"
        await raw.send(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", OK)

    async with proxied_script(script) as (proxy, _), connected(proxy.port) as client:
        await client.send(b"POST /api/chat HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert await client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"{}")
        assert await client.head() == b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
        assert await answered(client) == OK


async def test_a_refusal_that_comes_before_the_body_is_seen_although_the_client_still_sends() -> None:
    refusal = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno"

    async def script(raw: Raw) -> None:
        await raw.head()
        await raw.send(refusal)

    async with proxied_script(script) as (proxy, _), connected(proxy.port) as client:
        await client.send(b"POST /api/chat HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n", b"x" * 1000)
        assert await answered(client) == refusal
        await client.send(b"x" * 1000)  # and is not told off for it
        assert await client.rest() == b""
        await until(lambda: proxy.outcomes == {Outcome.CALLER_ERROR: 1})


# How it ends


@pytest.mark.parametrize("begun", [b"", OK_STREAM, OK_STREAM + chunked(b"one")], ids=["waiting", "head", "token"])
async def test_a_client_that_hangs_up_stops_the_backend_at_once(begun: bytes) -> None:
    heard = asyncio.Event()

    async def script(raw: Raw) -> None:
        await asked(raw)
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
        await asked(raw)
        await raw.send(delivered)
        getattr(raw.writer.transport, how)()

    async with proxied_script(script) as (proxy, _), connected(proxy.port) as client:
        await client.send(CHAT)
        assert await client.rest() == delivered  # and so it ends: without the end of its body
        await until(lambda: proxy.outcomes == {Outcome.TRUNCATED: 1})


async def test_garbage_between_chunks_breaks_the_answer_off() -> None:
    delivered, go = OK_STREAM + chunked(b"half"), asyncio.Event()

    async def script(raw: Raw) -> None:
        await asked(raw)
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
        await asked(raw)
        await raw.send(answer)

    async with proxied_script(script) as (proxy, _), connected(proxy.port) as client:
        await client.send(CHAT)
        head, body = (await client.rest()).split(END)
        assert head == b"HTTP/1.1 200 OK\r\nServer: BaseHTTP/0.6\r\nconnection: close"
        assert body == b"all of it"
        await until(lambda: proxy.outcomes == {Outcome.OK: 1})


async def test_a_connection_that_is_reset_is_no_end_of_a_body() -> None:
    async def script(raw: Raw) -> None:
        await asked(raw)
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
        await asked(raw)
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


# What the proxy says itself


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
        await asked(raw)
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
        answer = await answered(client)
        assert answer.startswith(b"HTTP/1.1 508 Loop Detected\r\n")
        assert b"leads back to itself" in answer


# The connection


@pytest.mark.parametrize(
    ("request_bytes", "closes"),
    [
        (GET, False),
        (GET.replace(b"host: x", b"host: x\r\nConnection: close"), True),
        (GET.replace(b"HTTP/1.1", b"HTTP/1.0"), True),
    ],
)
async def test_the_client_decides_whether_its_connection_stays(request_bytes: bytes, closes: bool) -> None:
    async with proxied_script(answering(OK)) as (proxy, _), connected(proxy.port) as client:
        await client.send(request_bytes)
        head = await client.head()
        assert (b"\r\nconnection: close\r\n" in head) is closes
        assert await client.exactly(2) == b"ok"
        if closes:
            assert await client.rest() == b""
        else:
            await client.send(GET)
            assert await answered(client) == OK


async def test_an_empty_line_before_a_request_is_overlooked() -> None:
    async with proxied_script(answering(OK)) as (proxy, _), connected(proxy.port) as client:
        await client.send(b"\r\n" + CHAT + b"\r\n" + GET)
        assert [await answered(client) for _ in range(2)] == [OK, OK]


async def test_a_web_socket_passes_in_both_directions() -> None:
    switched = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\n"

    async def script(raw: Raw) -> None:
        head = await raw.head()
        assert b"\r\nconnection: upgrade\r\nupgrade: websocket\r\n" in head
        await raw.send(switched + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n" + b"hello")
        assert await raw.exactly(9) == b"\x00\r\n\r\n\xffabc"
        await raw.send(b"bye")

    request = b"GET /v1/realtime HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n"
    async with proxied_script(script) as (proxy, _), connected(proxy.port) as client:
        await client.send(request)
        assert await client.head() == switched + b"connection: upgrade\r\nupgrade: websocket\r\n\r\n"
        assert await client.exactly(5) == b"hello"
        await client.send(b"\x00\r\n\r\n\xffabc")
        assert await client.rest() == b"bye"


async def test_another_protocol_is_not_asked_for() -> None:
    async def script(raw: Raw) -> None:
        head = (await raw.head()).lower()
        assert b"upgrade" not in head
        assert b"http2-settings" not in head
        await raw.send(OK)

    request = (
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n"
    )
    async with proxied_script(script) as (proxy, _), connected(proxy.port) as client:
        await client.send(request)
        assert await answered(client) == OK
