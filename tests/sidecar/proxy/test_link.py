"""The connection to the backend: kept where it can be, made anew where it must, and never a request lost over that."""

import asyncio

from sidecar.facts import Outcome
from sidecar.proxy.link import MOST_COPIED_BYTES
from tests.fakes.proxies import OK, Raw, connected, proxied_script
from tests.fakes.waiting import until


def chat(body: bytes) -> bytes:
    return b"POST /api/chat HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


async def asked(raw: Raw) -> bytes:
    head = await raw.head()
    return await raw.exactly(next(int(line[15:]) for line in head.splitlines() if line.startswith(b"content-length:")))


async def answered(raw: Raw) -> bytes:
    return await raw.exactly(len(OK))


async def test_one_connection_serves_all_requests_of_a_client() -> None:
    async def script(raw: Raw) -> None:
        while True:
            await asked(raw)
            await raw.send(OK)

    async with proxied_script(script) as (proxy, backend):
        for clients in (1, 2):
            async with connected(proxy.port) as client:
                for _ in range(3):
                    await client.send(chat(b"{}"))
                    assert await answered(client) == OK
            assert backend.connections == clients


async def test_a_connection_that_closed_meanwhile_is_made_anew() -> None:
    async def script(raw: Raw) -> None:
        await asked(raw)
        await raw.send(OK)
        closed.set()

    closed = asyncio.Event()
    async with proxied_script(script) as (proxy, backend), connected(proxy.port) as client:
        for number in range(3):
            closed.clear()
            await client.send(chat(b"{}"))
            assert await answered(client) == OK
            await closed.wait()
            assert backend.connections == number + 1
        await until(lambda: proxy.outcomes == {Outcome.OK: 3})


async def test_a_backend_that_says_that_it_closes_is_believed() -> None:
    async def script(raw: Raw) -> None:
        await asked(raw)
        await raw.send(OK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        await raw.rest()

    async with proxied_script(script) as (proxy, backend), connected(proxy.port) as client:
        for number in range(3):
            await client.send(chat(b"{}"))
            assert await answered(client) == OK  # and the client may go on
            assert backend.connections == number + 1


async def test_a_kept_connection_that_breaks_under_a_request_costs_nobody_anything() -> None:
    heard = []

    async def script(raw: Raw) -> None:
        heard.append(await asked(raw))
        await raw.send(OK)
        await raw.head()
        raw.writer.transport.abort()  # as llama-server does, just as the next request arrives

    async with proxied_script(script) as (proxy, backend), connected(proxy.port) as client:
        for number in range(4):
            await client.send(*[bytes([byte]) for byte in chat(b"body %d" % number)])
            assert await answered(client) == OK
        assert heard == [b"body %d" % number for number in range(4)]
        assert backend.connections == 4
        await until(lambda: proxy.outcomes == {Outcome.OK: 4})


async def test_a_request_is_sent_again_although_its_body_is_still_on_its_way() -> None:
    broken = asyncio.Event()

    async def script(raw: Raw) -> None:
        if backend.connections == 1:
            await asked(raw)
            await raw.send(OK)
            await raw.until(b"first ")
            raw.writer.transport.abort()
            broken.set()
        else:
            assert await asked(raw) == b"first second"
            await raw.send(OK)

    async with proxied_script(script) as (proxy, backend), connected(proxy.port) as client:
        await client.send(chat(b"{}"))
        assert await answered(client) == OK
        whole = chat(b"first second")
        await client.send(whole[:-6])
        await broken.wait()
        await until(lambda: backend.connections == 2)
        await client.send(whole[-6:])
        assert await answered(client) == OK
        await until(lambda: proxy.outcomes == {Outcome.OK: 2})


async def test_a_backend_that_closes_the_new_connection_too_has_failed() -> None:
    async def script(raw: Raw) -> None:
        await asked(raw)
        if backend.connections == 1:
            await raw.send(OK)
            await asked(raw)

    async with proxied_script(script) as (proxy, backend), connected(proxy.port) as client:
        await client.send(chat(b"{}"))
        assert await answered(client) == OK
        await client.send(chat(b"{}"))
        assert (await client.rest()).startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert backend.connections == 2
        await until(lambda: proxy.outcomes == {Outcome.OK: 1, Outcome.BACKEND_ERROR: 1})


async def test_a_request_that_was_begun_to_be_answered_is_not_sent_again() -> None:
    async def script(raw: Raw) -> None:
        await asked(raw)
        await raw.send(OK)
        await asked(raw)
        await raw.send(b"HTTP/1.1 20")

    async with proxied_script(script) as (proxy, backend), connected(proxy.port) as client:
        await client.send(chat(b"{}"))
        assert await answered(client) == OK
        await client.send(chat(b"{}"))
        assert (await client.rest()).startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert backend.connections == 1
        await until(lambda: proxy.outcomes == {Outcome.OK: 1, Outcome.BACKEND_ERROR: 1})


async def test_a_new_connection_that_breaks_is_the_backends_failure() -> None:
    async def script(raw: Raw) -> None:
        await asked(raw)

    async with proxied_script(script) as (proxy, backend), connected(proxy.port) as client:
        await client.send(chat(b"{}"))
        assert (await client.rest()).startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert backend.connections == 1


async def test_a_large_request_goes_on_a_connection_that_nobody_has_kept() -> None:
    bodies = [b"{}", b"x" * (MOST_COPIED_BYTES + 1), b"{}", b"x" * MOST_COPIED_BYTES]

    async def script(raw: Raw) -> None:
        while await asked(raw):
            await raw.send(OK)

    async with proxied_script(script) as (proxy, backend), connected(proxy.port) as client:
        connections = []
        for body in bodies:
            await client.send(chat(body))
            assert await answered(client) == OK
            connections.append(backend.connections)
        assert connections == [1, 2, 2, 2]


async def test_what_nobody_asked_for_ends_the_connection() -> None:
    async def script(raw: Raw) -> None:
        await asked(raw)
        await raw.send(OK + b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsmuggled!")
        await raw.rest()

    async with proxied_script(script) as (proxy, backend), connected(proxy.port) as client:
        for number in range(2):
            await client.send(chat(b"{}"))
            assert await answered(client) == OK
            assert backend.connections == number + 1
