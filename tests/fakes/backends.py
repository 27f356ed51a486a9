"""Backends that misbehave, each a real server on loopback, and one that does not.

Rules of this file
- Raw sockets where HTTP would be too well-behaved. Nothing here sleeps for luck: what hangs, hangs until the end.
- Every fake counts what it was asked, so that a test can wait for that and need not wait for time.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import orjson

MODELS = {"object": "list", "data": [{"id": "gemma4", "object": "model", "owned_by": "someone"}]}
SAID = {"choices": [{"message": {"role": "assistant", "content": "h"}}]}


class Fake:
    """One backend. `url` is where it listens; `asked` holds the request lines, such as `GET /v1/models`.

    `behaviour` may be exchanged while it runs: other software at the same place.
    """

    def __init__(self, port: int, behaviour: "Behaviour") -> None:
        self.port = port
        self.behaviour = behaviour
        self.url = f"http://127.0.0.1:{port}"
        self.asked: list[str] = []
        self.heads: list[bytes] = []
        """The request lines with their headers, as they came."""
        self._news = asyncio.Condition()

    @property
    def posts(self) -> int:
        """How many questions could have cost a token."""
        return sum(line.startswith("POST") for line in self.asked)

    async def note(self, line: str, head: bytes) -> None:
        """A request came."""
        async with self._news:
            self.asked.append(line)
            self.heads.append(head)
            self._news.notify_all()

    async def was_asked(self, times: int, what: str = "") -> None:
        """Wait until a request line that begins with `what` came that often."""
        async with self._news:
            await self._news.wait_for(lambda: sum(line.startswith(what) for line in self.asked) >= times)


Behaviour = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
"""Answers one request line; the connection is closed afterwards."""


@asynccontextmanager
async def serving(behaviour: Behaviour, port: int = 0) -> AsyncIterator[Fake]:
    """A server on loopback that does what `behaviour` says."""
    fakes: list[Fake] = []
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            line = " ".join(head.split(b"\r\n", 1)[0].decode().split(" ")[:2])
            await fakes[0].note(line, head)
            await fakes[0].behaviour(line, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever asked hung up
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    fakes.append(Fake(server.sockets[0].getsockname()[1], behaviour))
    try:
        yield fakes[0]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def http(body: bytes, status: str = "200 OK", content_type: str = "application/json") -> bytes:
    """A whole answer."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"connection: close\r\n\r\n" + body


def answering(pages: Mapping[str, object], otherwise: bytes = http(b"{}", "404 Not Found")) -> Behaviour:
    """Answers these request lines with JSON, or with the bytes given, and everything else with `otherwise`."""

    async def behave(line: str, writer: asyncio.StreamWriter) -> None:
        page = pages.get(line)
        writer.write(otherwise if page is None else page if isinstance(page, bytes) else http(orjson.dumps(page)))

    return behave


def saying(answer: bytes) -> Behaviour:
    """Says the same bytes to everybody, whether they are HTTP or not, and hangs up."""

    async def behave(_line: str, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return behave


def hanging(first: bytes = b"") -> Behaviour:
    """Says something, or nothing, and then never anything again."""

    async def behave(_line: str, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        await writer.drain()
        await asyncio.Event().wait()

    return behave


async def endless(_line: str, writer: asyncio.StreamWriter) -> None:
    """A body that never ends, as fast as it is read."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
    while True:
        writer.write(b'{"object":"list"' + b" " * 65_536)
        await writer.drain()


async def resetting(_line: str, writer: asyncio.StreamWriter) -> None:
    """Breaks the connection instead of answering."""
    writer.transport.abort()


OPENAI = {"GET /v1/models": MODELS, "POST /v1/chat/completions": SAID}
healthy = answering(OPENAI)
html = saying(http(b"<html><title>Welcome</title></html>", content_type="text/html"))
garbage = saying(b"\x00\x01\x02 SSH-2.0-nothing\r\n\r\n")
loading = saying(http(b'{"error":{"message":"Loading model","code":503}}', "503 Service Unavailable"))
dying = saying(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n" + b'{"object":"li')
hangs = hanging()
hangs_after_headers = hanging(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{")


async def unused_port() -> int:
    """A port of loopback where nobody listens."""
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port
