"""LLM servers that misbehave: real sockets on loopback, and a script that says byte for byte what they send."""

import asyncio
import itertools
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from socket import SO_LINGER, SOL_SOCKET, socket
from typing import Any

import orjson

OK_STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
OLD_STREAM = b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
"""As mlx_lm.server answers: HTTP/1.0, and the body ends when the connection does."""
ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}]}\n\n'
DONE = b"data: [DONE]\n\n"
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
LAST_CHUNK = b"0\r\n\r\n"
COMPLETION = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}'


def token(text: str) -> bytes:
    """An event with one token."""
    delta = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
    return b"data: " + orjson.dumps(delta) + b"\n\n"


def chunked(*parts: bytes) -> bytes:
    """Each part as a chunk of HTTP/1.1, without the last one."""
    return b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts)


def answer(status: str, body: bytes = b"", content_type: str = "application/json", *more: str) -> bytes:
    """A whole answer that is not streamed."""
    lines = [f"HTTP/1.1 {status}", f"content-type: {content_type}", f"content-length: {len(body)}", *more, "", ""]
    return "\r\n".join(lines).encode() + body


WHOLE_STREAM = OK_STREAM + chunked(ROLE, token("hi"), STOP, DONE) + LAST_CHUNK


class Heard:
    """One request, as the server has it, and the way to answer."""

    def __init__(self, number: int, on_connection: int, head: bytes, body: bytes, wire: "Wire") -> None:
        self.number = number
        """Of the requests of this server, from 0."""
        self.on_connection = on_connection
        """Of the requests on its connection, from 0."""
        self.head = head.lower()
        self.body = body
        self.wire = wire

    def json(self) -> Any:
        """What was asked."""
        return orjson.loads(self.body)

    async def send(self, *parts: bytes) -> None:
        """Bytes to the client."""
        for part in parts:
            self.wire.writer.write(part)
            await self.wire.writer.drain()

    async def hung_up(self) -> None:
        """Return once the client has closed the connection."""
        await self.wire.reader.read()

    def close(self) -> None:
        """End the connection in an orderly way."""
        self.wire.writer.close()

    def reset(self) -> None:
        """Break the connection: the client gets ECONNRESET."""
        self.wire.writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self.wire.writer.transport.abort()


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer


Script = Callable[[Heard], Awaitable[None]]


class Upstream:
    """A server that follows a script for every request. Connections stay open until the script closes them."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.url = ""
        self.heard: list[Heard] = []
        self.connections = 0
        self.left = asyncio.Event()
        """A client has closed a connection, or it was closed."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to its end."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._requests(Wire(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client left; or the test is over
        finally:
            self.left.set()
            self._tasks.discard(task)
            writer.close()

    async def _requests(self, wire: Wire) -> None:
        on_connection = 0
        while not wire.writer.is_closing():
            head = await wire.reader.readuntil(b"\r\n\r\n")
            lengths = (int(line[15:]) for line in head.lower().splitlines() if line.startswith(b"content-length:"))
            length = next(lengths, 0)
            heard = Heard(len(self.heard), on_connection, head, await wire.reader.readexactly(length), wire)
            self.heard.append(heard)
            on_connection += 1
            await self.script(heard)

    async def end(self) -> None:
        """Let go of every connection."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


@asynccontextmanager
async def upstream(script: Script) -> AsyncIterator[Upstream]:
    """A scripted server, listening."""
    server = Upstream(script)
    listener = await asyncio.start_server(server.connected, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        await server.end()


def saying(*parts: bytes, then: Callable[[Heard], None] | None = None) -> Script:
    """A script that sends these bytes to everybody, and then `then`."""

    async def script(heard: Heard) -> None:
        await heard.send(*parts)
        if then is not None:
            then(heard)

    return script


def streaming(*events: bytes) -> Script:
    """A script that streams these events as a good server does."""
    return saying(OK_STREAM, chunked(*events), LAST_CHUNK)


def in_turn(*scripts: Script) -> Script:
    """The first script for the first request, and so on; the last one for all that follow."""

    async def script(heard: Heard) -> None:
        await scripts[min(heard.number, len(scripts) - 1)](heard)

    return script


def watched(script: Script) -> Script:
    """`script` for questions that generate; a server that is well, with a model `m`, for whoever watches."""

    async def answering(heard: Heard) -> None:
        if heard.head.lower().startswith(b"get "):
            await heard.send(answer("200 OK", b'{"object":"list","data":[{"id":"m","object":"model"}]}'))
        else:
            await script(heard)

    return answering


async def silent(heard: Heard) -> None:
    """Never says anything, and ends when the client leaves."""
    await heard.hung_up()


def cut(data: bytes, at: Iterable[int]) -> list[bytes]:
    """`data` in pieces that begin at these places."""
    places = [0, *sorted({min(max(place, 0), len(data)) for place in at}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(places) if a < b]


def free_port() -> int:
    """A port at which nobody listens."""
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
