"""The only upstream chat client: bytes in, bytes out.

Rules of this file
- Bytes pass as they arrive. Nothing waits for the next chunk, and nobody parses a chunk that is only passed on.
- Every ending has an outcome. A stream without its end marker is truncated, whatever the connection says.
- Four deadlines, each its own: connect, first token, between tokens, total. The timer between tokens is not moved at
  every token; when it fires, it looks when the last one came.
- Cancelling the caller closes the connection to the backend at once: that is how a backend learns to stop.
"""

import asyncio
import errno
import re
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import aiohttp

from router.errors import BackendFailed, BackendFault, BackendRejected, BackendTimeout, BackendTruncated
from router.sse import EndMarker
from sidecar import Outcome, Progress

MOST_BODY_BYTES = 64 * 1024 * 1024
"""An answer that is not streamed is held whole, so that a broken one can still be asked of another backend."""
IDLE_CONNECTION_SECONDS = 4.5
"""vLLM and llama-server close idle connections after 5 s; a request on one of those would be lost."""
STREAM = "text/event-stream"

_TOKEN = re.compile(
    rb'"(?:content|text|reasoning_content|reasoning|arguments)"\s*:\s*"[^"]|"tool_calls"\s*:\s*\[\s*\{|"error"\s*:|\[DONE\]'
)
"""Something generated, or the end: many servers begin a stream with a chunk that only names the role."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a role waits, in seconds."""

    connect_seconds: float
    first_token_seconds: float
    token_seconds: float
    total_seconds: float


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One POST to one backend."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    stream: bool
    deadlines: Deadlines


@dataclass(frozen=True, slots=True)
class Opened:
    """The backend has begun to answer."""

    status: int
    content_type: str


class Sink(Protocol):
    """Where an answer goes."""

    async def opened(self, opened: Opened) -> None:
        """The answer begins. Called once, before the first chunk."""
        ...

    async def chunk(self, data: bytes) -> None:
        """Bytes of the answer, as they came."""
        ...

    async def quiet(self) -> None:
        """Nothing has come for a while, and the first token is still due: a place to keep the client's connection."""
        ...


class AttemptFailed(Exception):
    """One attempt failed. `begun`: bytes have reached the sink, so that nobody else may take over."""

    def __init__(self, outcome: Outcome, error: BackendFault, *, begun: bool) -> None:
        super().__init__(error.message)
        self.outcome = outcome
        self.error = error
        self.begun = begun


class CallerRefused(Exception):
    """The backend says that the request is wrong: its answer goes to the caller as it is."""

    def __init__(self, status: int, content_type: str, body: bytes) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.content_type = content_type
        self.body = body


class ClientGone(Exception):
    """Our client hung up. Raised by sinks, so that it cannot be mistaken for a broken connection to a backend."""


class AnswerUnusable(Exception):
    """What the backend sent makes no sense. Raised by sinks that read what they are given; the text says what."""


class Relay:
    """Sends requests upstream over one pool of connections. Make it inside a running event loop, and close it."""

    def __init__(self, keepalive_seconds: float) -> None:
        self.keepalive_seconds = keepalive_seconds
        self._pooled = _session(aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_CONNECTION_SECONDS))
        self._fresh = _session(aiohttp.TCPConnector(limit=0, force_close=True))

    async def close(self) -> None:
        """Close every connection."""
        await self._pooled.close()
        await self._fresh.close()

    async def run(self, request: UpstreamRequest, progress: Progress, sink: Sink) -> None:
        """Send one request and pass its answer on, to its last byte.

        Raises AttemptFailed or CallerRefused. Cancellation, and whatever the sink raises, pass through.
        """
        try:
            await self._attempt(self._pooled, request, progress, sink)
        except _NotOneByte:
            # A server may close an idle connection just as we use it, and llama-server does so after every stream.
            # Then it never saw the request: no failure of the backend. A second try on a new connection decides.
            try:
                await self._attempt(self._fresh, request, progress, sink)
            except _NotOneByte as error:
                failed = BackendFailed(f"The backend closed the connection before it answered ({error}).")
                raise AttemptFailed(Outcome.BACKEND_ERROR, failed, begun=False) from error

    async def _attempt(
        self, session: aiohttp.ClientSession, request: UpstreamRequest, progress: Progress, sink: Sink
    ) -> None:
        exchange = _Exchange(request, progress, sink, self.keepalive_seconds)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=request.deadlines.connect_seconds)
        with _translated(exchange):
            async with exchange.deadlines():
                posting = session.post(
                    request.url, data=request.body, headers=request.headers, timeout=timeout, allow_redirects=False
                )
                response = await exchange.patiently(posting) if request.stream else await posting
                try:
                    exchange.answered = True
                    await exchange.take(response)
                finally:
                    # Unless the answer was read to its end this closes the connection, and the backend stops working.
                    response.release() if response.content.at_eof() else response.close()


class _NotOneByte(Exception):
    """The connection broke before one byte of an answer."""


class _Exchange:
    """One request on one connection: how far it has come, and how long it may still take."""

    def __init__(self, request: UpstreamRequest, progress: Progress, sink: Sink, keepalive_seconds: float) -> None:
        self.request = request
        self.answered = False
        """The headers of an answer are there."""
        self.begun = False
        """Bytes of the answer have gone to the sink."""
        self.end = EndMarker()
        self.overdue = "the whole answer"
        self._progress = progress
        self._sink = sink
        self._keepalive_seconds = keepalive_seconds
        self._loop = asyncio.get_running_loop()
        self._waiting_since = self._loop.time()
        self._patience_seconds = request.deadlines.first_token_seconds
        self._waiting_for = "the first token"
        self._timer: asyncio.TimerHandle | None = None
        self._timeout: asyncio.Timeout | None = None

    @asynccontextmanager
    async def deadlines(self) -> AsyncIterator[None]:
        """Raises TimeoutError inside when a deadline passes; `overdue` then says what for."""
        try:
            async with asyncio.timeout(self.request.deadlines.total_seconds) as self._timeout:
                if self.request.stream:
                    self._look()
                yield
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _look(self) -> None:
        """The timer fired: give up if nothing came since, else look again when it would be too long."""
        due = self._waiting_since + self._patience_seconds
        now = self._loop.time()
        if now < due:
            self._timer = self._loop.call_at(due, self._look)
        elif self._timeout is not None:
            self.overdue = self._waiting_for
            self._timeout.reschedule(now)

    def _first_token_came(self) -> None:
        self._waiting_since = self._loop.time()
        self._waiting_for = "the next token"
        self._patience_seconds = self.request.deadlines.token_seconds
        if self._timer is not None:
            self._timer.cancel()
        self._look()

    async def patiently(self, coming: Coroutine[Any, Any, T]) -> T:
        """What `coming` gives. Tells the sink every now and then that nothing has come yet."""
        task = asyncio.ensure_future(coming)
        try:
            while not (await asyncio.wait((task,), timeout=self._keepalive_seconds))[0]:
                if self.end.at_event_boundary:
                    await self._sink.quiet()
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))

    async def take(self, response: aiohttp.ClientResponse) -> None:
        """Pass the answer on, or raise what is wrong with it."""
        if not 200 <= response.status < 300:
            raise await self._refusal(response)
        if not self.request.stream:
            await self._take_whole(response)
        elif response.content_type == STREAM:
            await self._take_stream(response)
        else:
            raise self.failed(f"it answered with {response.content_type} instead of a stream")

    async def _take_stream(self, response: aiohttp.ClientResponse) -> None:
        content = response.content
        opened = Opened(response.status, response.headers.get("content-type", STREAM))
        held = b""
        token_seen = False
        while not token_seen:
            chunk = await self.patiently(content.readany())
            if not chunk:
                break
            held += chunk
            if b"data:" not in held:
                # Comments that keep a connection alive: the sink has its own, and another backend may still take over.
                continue
            token_seen = _TOKEN.search(held) is not None
            if token_seen:
                self._first_token_came()
            await self._pass_on(held, opened)
            held = b""
        while token_seen and (chunk := await content.readany()):
            await self._pass_on(chunk, opened)
        if not self.end.seen:
            raise self.failed("the stream stopped before its end", Outcome.TRUNCATED)

    async def _pass_on(self, chunk: bytes, opened: Opened) -> None:
        now = self._loop.time()
        if self._waiting_for == "the next token":
            self._progress.token(now)
        self.end.feed(chunk)
        if not self.begun:
            self.begun = True
            await self._sink.opened(opened)
        await self._sink.chunk(chunk)
        # From here on we wait for the backend again; while the client was slow to read, we were not.
        if self._waiting_for == "the next token":
            self._waiting_since = self._loop.time()

    async def _take_whole(self, response: aiohttp.ClientResponse) -> None:
        body = await _read(response)
        if response.content_type != "application/json" or not body.rstrip().endswith(b"}"):
            raise self.failed(f"it answered with {response.content_type or 'nothing'} that is not the JSON asked for")
        self._progress.token(self._loop.time())
        self.begun = True
        await self._sink.opened(Opened(response.status, response.headers["content-type"]))
        await self._sink.chunk(body)

    async def _refusal(self, response: aiohttp.ClientResponse) -> Exception:
        """What a status that is not a success means."""
        body = await _read(response)
        match response.status:
            case 429 | 503:
                wait_seconds = _retry_after(response.headers.get("retry-after"))
                full = BackendRejected("The backend is full; try again later.", retry_after_seconds=wait_seconds)
                return AttemptFailed(Outcome.REJECTED, full, begun=False)
            case 401 | 403:
                return self.failed(f"it refused Maek's key with HTTP {response.status}; set its api_key in the config")
            case status if 400 <= status < 500 and status != 408:
                return CallerRefused(status, response.content_type, body)
            case status:
                return self.failed(f"it answered with HTTP {status}")

    def failed(self, what: str, outcome: Outcome = Outcome.BACKEND_ERROR) -> AttemptFailed:
        """The failure of this attempt, as a caller is told of it."""
        make = BackendTruncated if outcome is Outcome.TRUNCATED else BackendFailed
        return AttemptFailed(outcome, make(f"The backend failed: {what}."), begun=self.begun)

    def late(self) -> AttemptFailed:
        """The failure that a deadline has passed."""
        error = BackendTimeout(f"The backend took too long: {self.overdue} did not come in time.")
        return AttemptFailed(Outcome.TIMEOUT, error, begun=self.begun)


@contextmanager
def _translated(exchange: _Exchange) -> Iterator[None]:
    """Turns what the HTTP client raises into outcomes, in one place."""
    try:
        yield
    except AnswerUnusable as error:
        raise exchange.failed(str(error)) from error
    except aiohttp.ConnectionTimeoutError:
        exchange.overdue = "a connection"
        raise exchange.late() from None
    except TimeoutError:
        # Some servers leave the connection open after the end of the stream: nothing is missing then.
        if not exchange.end.seen:
            raise exchange.late() from None
    except aiohttp.ClientConnectorError as error:
        refused = error.os_error.errno == errno.ECONNREFUSED
        failed = exchange.failed("nobody listens at its address" if refused else "it cannot be reached")
        failed.outcome = Outcome.REFUSED if refused else Outcome.BACKEND_ERROR
        raise failed from error
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        if not exchange.answered:
            raise _NotOneByte(type(error).__name__) from error
        raise exchange.failed("the connection broke", Outcome.TRUNCATED) from error
    except aiohttp.ClientPayloadError as error:
        # A connection that ends without the last chunk, after a stream that ended well: nothing is missing.
        if not exchange.end.seen:
            raise exchange.failed("the connection broke", Outcome.TRUNCATED) from error
    except aiohttp.ClientError as error:
        raise exchange.failed(f"it does not speak HTTP as it should ({type(error).__name__})") from error


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body, or as much of it as an answer may have."""
    parts: list[bytes] = []
    size = 0
    while size <= MOST_BODY_BYTES and (part := await response.content.readany()):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _retry_after(header: str | None) -> float:
    """Seconds to wait; the date form, and nonsense, count as "soon"."""
    return min(float(header), 3600.0) if header is not None and header.isdecimal() else 1.0


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
    )
