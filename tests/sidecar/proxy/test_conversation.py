"""Between a client and a backend that both speak byte for byte: what arrives is what was sent."""

import asyncio

import pytest

from sidecar.facts import Outcome
from tests.fakes.proxies import CHAT, GET, OK, Raw, answering, connected, proxied_script
from tests.fakes.upstreams import OK_STREAM, chunked
from tests.fakes.waiting import until


async def test_a_request_and_its_answer_pass() -> None:
    async with proxied_script(answering(OK)) as (proxy, _), connected(proxy.port) as client:
        await client.send(CHAT)
        assert await client.message() == OK
        await until(lambda: proxy.outcomes == {Outcome.OK: 1})


async def test_a_poll_is_passed_on_and_is_no_work() -> None:
    async with proxied_script(answering(OK)) as (proxy, _), connected(proxy.port) as client:
        await client.send(GET)
        assert await client.message() == OK
        assert proxy.state.work.started == 0


async def test_work_is_in_flight_from_its_first_byte_to_its_last() -> None:
    go = asyncio.Event()

    async def script(raw: Raw) -> None:
        await raw.message()
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
        assert await client.message() == answer
        await until(lambda: proxy.outcomes == {outcome: 1})


async def test_a_redirect_is_passed_on_and_not_followed() -> None:
    answer = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    async with proxied_script(answering(answer)) as (proxy, backend), connected(proxy.port) as client:
        await client.send(CHAT)
        assert await client.message() == answer
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
        while await raw.message():
            await raw.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n%d" % next(numbers))

    async with proxied_script(script) as (proxy, _), connected(proxy.port) as client:
        await client.send(CHAT + GET + CHAT)
        assert [(await client.message())[-1:] for _ in range(3)] == [b"0", b"1", b"2"]


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
        assert await client.message() == OK


async def test_a_refusal_that_comes_before_the_body_is_seen_although_the_client_still_sends() -> None:
    refusal = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno"

    async def script(raw: Raw) -> None:
        await raw.head()
        await raw.send(refusal)

    size = 1_000_000
    async with proxied_script(script) as (proxy, _), connected(proxy.port) as client:
        await client.send(b"POST /api/chat HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size, b"x" * 1000)
        assert await client.message() == refusal
        await client.send(b"x" * (size - 2000))  # and is not told off for it
        assert await client.rest() == b""
        await until(lambda: proxy.outcomes == {Outcome.CALLER_ERROR: 1})


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
            assert await client.message() == OK


async def test_an_empty_line_before_a_request_is_overlooked() -> None:
    async with proxied_script(answering(OK)) as (proxy, _), connected(proxy.port) as client:
        await client.send(b"\r\n" + CHAT + b"\r\n" + GET)
        assert [await client.message() for _ in range(2)] == [OK, OK]


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
        assert await client.message() == OK
