"""`maek sidecar`'s proxy in the test's own event loop, and raw connections to speak with it byte for byte."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sidecar.app import in_front_of
from sidecar.facts import BackendAdded, BackendSpec, Outcome
from sidecar.load import DEFAULT_RULES
from sidecar.pages import Pages
from sidecar.probe import Prober, probing_session
from sidecar.proxy.claims import Claims
from sidecar.proxy.counting import Counter
from sidecar.proxy.front import Front, via
from sidecar.proxy.server import IDLE_SECONDS, Proxy
from sidecar.proxy.upstream import Upstream
from sidecar.state import BackendState
from sidecar.store import Store
from tests.fakes.waiting import DEADLINE_SECONDS

NAME = "ollama"
END = b"\r\n\r\n"
CHAT = b"POST /api/chat HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
GET = b"GET /api/tags HTTP/1.1\r\nhost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@dataclass(slots=True)
class Proxied:
    """A running proxy before one backend that nobody watches."""

    host: str
    port: int
    store: Store
    claims: Claims
    front: Front
    proxy: Proxy

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}:{self.port}"

    @property
    def state(self) -> BackendState:
        """What is known of the backend."""
        return self.store.snapshot(0.0).backends[NAME]

    @property
    def in_flight(self) -> int:
        """Work that runs."""
        return self.state.work.in_flight

    @property
    def outcomes(self) -> dict[Outcome, int]:
        """How work ended."""
        return dict(self.state.work.finished)


@asynccontextmanager
async def proxied(
    backend_url: str, *, port: int = 0, grace_seconds: float = 0.0, idle_seconds: float = IDLE_SECONDS
) -> AsyncIterator[Proxied]:
    """A proxy that listens, before whatever is at `backend_url`."""
    clock = asyncio.get_running_loop().time
    store, spec = Store(), BackendSpec(NAME, backend_url)
    store.apply(BackendAdded(clock(), spec))
    pages = in_front_of(Pages(lambda: store.snapshot(clock()), lambda: DEFAULT_RULES), NAME)
    async with probing_session() as session:
        claims = Claims(store, Prober(session, clock), spec)
        front = Front(NAME, pages, claims, via())
        proxy = Proxy(front, Upstream(backend_url), Counter(store, NAME, clock), idle_seconds)
        async with proxy.listening("127.0.0.1", port, grace_seconds) as (host, free):
            yield Proxied(host, free, store, claims, front, proxy)


class Raw:
    """One raw connection, and what has come over it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *parts: bytes) -> None:
        """Bytes, each part by itself."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(0)  # so that parts are more than one piece for the other side

    async def head(self) -> bytes:
        """The next head, with its empty line."""
        return await asyncio.wait_for(self.reader.readuntil(END), DEADLINE_SECONDS)

    async def exactly(self, length: int) -> bytes:
        """So many bytes."""
        return await asyncio.wait_for(self.reader.readexactly(length), DEADLINE_SECONDS)

    async def message(self) -> bytes:
        """The next message with a sized body, or none: all of it."""
        head = await self.head()
        length = next((int(line[15:]) for line in head.lower().splitlines() if line.startswith(b"content-length:")), 0)
        return head + await self.exactly(length)

    async def until(self, end: bytes) -> bytes:
        """Bytes up to this end."""
        return await asyncio.wait_for(self.reader.readuntil(end), DEADLINE_SECONDS)

    async def rest(self) -> bytes:
        """Everything up to an orderly end; ConnectionResetError if the connection was broken instead."""
        return await asyncio.wait_for(self.reader.read(), DEADLINE_SECONDS)

    def close(self) -> None:
        """Hang up."""
        self.writer.close()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Raw]:
    """A raw connection to a port of this machine."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=16 * 1024 * 1024)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


Script = Callable[[Raw], Awaitable[None]]


def answering(*parts: bytes) -> Script:
    """A script that answers every request with the same bytes."""

    async def script(raw: Raw) -> None:
        while True:
            await raw.message()
            await raw.send(*parts)

    return script


class RawBackend:
    """A server that follows a script on every connection; what the script leaves open stays open to the end."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.port = 0
        self.connections = 0
        self.broken_off = 0
        """Connections that ended, or were broken, while their script was at work."""
        self.failures: list[BaseException] = []
        """What scripts found wrong."""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection."""
        self.connections += 1
        task = asyncio.ensure_future(self._follow(Raw(reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, raw: Raw) -> None:
        try:
            await self.script(raw)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.broken_off += 1
        except AssertionError as error:
            self.failures.append(error)
            raw.writer.transport.abort()
        finally:
            raw.close()

    async def end(self) -> None:
        """Let go of every connection."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def raw_backend(script: Script) -> AsyncIterator[RawBackend]:
    """A scripted backend, listening. A script that found something wrong fails the test."""
    backend = RawBackend(script)
    server = await asyncio.start_server(backend.accept, "127.0.0.1", 0, limit=16 * 1024 * 1024)
    backend.port = server.sockets[0].getsockname()[1]
    try:
        yield backend
    finally:
        server.close()
        await backend.end()
    if backend.failures:
        raise backend.failures[0]


@asynccontextmanager
async def proxied_script(script: Script, *, grace_seconds: float = 0.0) -> AsyncIterator[tuple[Proxied, RawBackend]]:
    """A proxy before a scripted backend."""
    async with raw_backend(script) as backend, proxied(backend.url, grace_seconds=grace_seconds) as proxy:
        yield proxy, backend
