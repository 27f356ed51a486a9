"""The only upstream chat client: bytes in, bytes out.

Rules of this file
- Bytes pass as they arrive. Nothing waits for the next chunk, and nobody parses a chunk that is only passed on.
- Every ending has an outcome. A stream without its end marker is truncated, whatever the connection says.
- Cancelling the caller closes the connection to the backend at once: that is how a backend learns to stop.
"""

import asyncio
import errno
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Protocol, TypeVar

import aiohttp

from router.errors import BackendFailed, BackendFault, BackendRejected, BackendTimeout, BackendTruncated
from router.patience import Deadlines, Patience
from router.signs import LONGEST_SIGN_BYTES, EndMarker, Sign, blamed_on_caller, first_sign, is_error_body
from router.silence import filled
from sidecar import Outcome

MOST_BODY_BYTES = 64 * 1024 * 1024
"""An answer that is not streamed is held whole, so that a broken one can still be asked of another backend."""
MOST_REFUSAL_BYTES = 1024 * 1024
"""Why a request was refused is a sentence."""
MOST_HELD_BYTES = 64 * 1024
"""What may come before the first event of a stream: comments that say that the backend is still at it."""
IDLE_CONNECTION_SECONDS = 4.5
"""vLLM and llama-server close idle connections after 5 s; a request on one of those would be lost."""
LONGEST_RETRY_AFTER_SECONDS = 3600.0
STREAM = "text/event-stream"
EVENT = b"data:"
"""Engines send one token an event; several events may come in one chunk."""
JSON = "application/json"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One POST to one backend."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    stream: bool
    deadlines: Deadlines
    due_at: float
    """When the whole answer is due, on the loop's clock: other backends may have been tried before."""


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


class Meter(Protocol):
    """Who counts tokens."""

    def token(self, now: float, tokens: int = 1) -> None:
        """So many came at `now`, on the loop's clock."""
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

    async def run(self, request: UpstreamRequest, meter: Meter, sink: Sink) -> None:
        """Send one request and pass its answer on, to its last byte.

        Raises AttemptFailed or CallerRefused. Cancellation, and whatever the sink raises, pass through.
        """
        try:
            await self._attempt(self._pooled, request, meter, sink)
        except _NeverSeen:
            # A server may close an idle connection just as we use it, and llama-server does so after every stream.
            # Then it never saw the request: no failure of the backend. A second try on a new connection decides.
            await self._attempt(self._fresh, request, meter, sink)

    async def _attempt(
        self, session: aiohttp.ClientSession, request: UpstreamRequest, meter: Meter, sink: Sink
    ) -> None:
        exchange = _Exchange(request, meter, sink, self.keepalive_seconds)
        timeout = aiohttp.ClientTimeout(total=None, connect=request.deadlines.connect_seconds)
        with _translated(exchange):
            async with exchange.patience.watching(stream=request.stream):
                posting = session.post(
                    request.url,
                    data=request.body,
                    headers=request.headers,
                    timeout=timeout,
                    allow_redirects=False,
                    trace_request_ctx=exchange,
                )
                response = await exchange.patiently(posting) if request.stream else await posting
                try:
                    exchange.answered = True
                    await exchange.take(response)
                finally:
                    # An answer that was read to its end has given its connection back already. Any other loses it, and
                    # the backend stops working.
                    response.close()


class _NeverSeen(Exception):
    """A connection that had been kept from an earlier request broke before one byte of an answer."""


class _Exchange:
    """One request on one connection, and how far it has come."""

    def __init__(self, request: UpstreamRequest, meter: Meter, sink: Sink, keepalive_seconds: float) -> None:
        self.request = request
        self.reused_connection = False
        self.answered = False
        """The headers of an answer are there."""
        self.begun = False
        """Bytes of the answer have gone to the sink."""
        self.end = EndMarker()
        self.patience = Patience(request.deadlines, request.due_at)
        self._meter = meter
        self._sink = sink
        self._keepalive_seconds = keepalive_seconds

    async def patiently(self, coming: Coroutine[Any, Any, T]) -> T:
        """What `coming` gives. Tells the sink every now and then that nothing has come yet."""
        # What comes at the very moment when nobody wants it any more has to be closed too.
        return await filled(coming, self._keepalive_seconds, self._quiet, _close_unread)

    async def _quiet(self) -> None:
        if self.end.at_event_boundary:
            now = self.patience.client_reads()
            await self._sink.quiet()
            self.patience.client_has_read(now)

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
        content, patience = response.content, self.patience
        held = passed = b""
        while not patience.first_token_came and (chunk := await self.patiently(_more(content))):
            held += chunk
            if not self.begun:
                if not self._may_begin(held):
                    continue
                self.begun = True
                await self._sink.opened(Opened(response.status, response.headers.get("content-type", STREAM)))
            seen = passed[-LONGEST_SIGN_BYTES:] + held
            if first_sign(seen) is not None:
                patience.first_token()
            await self._pass_on(held)
            held, passed = b"", seen
        while chunk := await _more(content):
            await self._pass_on(chunk)
        self.judge_end("the stream stopped before its end")

    def _may_begin(self, held: bytes) -> bool:
        """Whether there is an event in what came so far. Raises what an error instead of a first event means.

        Comments before it are held: the sink has its own, and another backend may still take over.
        """
        if first_sign(held) is not Sign.ERROR:
            begins = b"data:" in held
        elif held.endswith((b"\n", b"\r")):
            raise self._error_instead(held)
        else:
            begins = False
        if not begins and len(held) > MOST_HELD_BYTES:
            raise self.failed("it streams something that has no events")
        return begins

    def _error_instead(self, events: bytes) -> Exception:
        """What a stream means that begins with an error."""
        blamed = blamed_on_caller(events)
        if blamed is None:
            return self.failed("it reported an error instead of an answer")
        status, body = blamed
        return CallerRefused(status, JSON, body)

    async def _pass_on(self, chunk: bytes) -> None:
        patience = self.patience
        self.end.feed(chunk)
        now = patience.client_reads()
        if patience.first_token_came:
            self._meter.token(now, chunk.count(EVENT) or 1)
        await self._sink.chunk(chunk)
        patience.client_has_read(now)
        if self.end.done:
            patience.done()

    def judge_end(self, how: str) -> None:
        """Raises AttemptFailed unless what has come is a whole answer. `how` it ended."""
        if self.end.told_error:
            raise self.failed("it reported an error in the middle of its answer")
        if not self.end.seen:
            raise self.failed(how, Outcome.TRUNCATED)

    def judge_break(self) -> None:
        """Raises what it means that the connection broke; after a whole answer that is nothing."""
        if self.answered:
            self.judge_end("the connection broke")
        elif self.reused_connection:
            raise _NeverSeen
        else:
            raise self.failed("it closed the connection without an answer")

    async def _take_whole(self, response: aiohttp.ClientResponse) -> None:
        body = await self._read(response, MOST_BODY_BYTES)
        if response.content_type != JSON or not body.rstrip().endswith(b"}"):
            raise self.failed(f"it answered with {response.content_type or 'nothing'} that is not the JSON asked for")
        if is_error_body(body):
            raise self.failed("it reported an error instead of an answer")
        now = self.patience.client_reads()
        self._meter.token(now)
        await self._sink.opened(Opened(response.status, response.headers["content-type"]))
        await self._sink.chunk(body)
        self.patience.client_has_read(now)

    async def _refusal(self, response: aiohttp.ClientResponse) -> Exception:
        """What a status that is not a success means."""
        match response.status:
            case 429 | 503:
                wait_seconds = _retry_after(response.headers.get("retry-after"))
                full = BackendRejected("The backend is full; try again later.", retry_after_seconds=wait_seconds)
                return AttemptFailed(Outcome.REJECTED, full, begun=False)
            case 401 | 403:
                what = f"it refused Maek's key with HTTP {response.status}; set its api_key in the config"
                return self.failed(what, lasting=True)
            case status if 300 <= status < 400:
                what = f"it redirects elsewhere with HTTP {status}; set its url to where it really is"
                return self.failed(what, lasting=True)
            case status if 400 <= status < 500 and status != 408:
                return CallerRefused(status, response.content_type, await self._read(response, MOST_REFUSAL_BYTES))
            case status:
                return self.failed(f"it answered with HTTP {status}")

    async def _read(self, response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
        """The whole body, which may be this large."""
        parts: list[bytes] = []
        size = 0
        while part := await _more(response.content):
            size += len(part)
            if size > most_bytes:
                raise self.failed(f"its answer (HTTP {response.status}) is larger than {most_bytes} bytes")
            parts.append(part)
        return b"".join(parts)

    def failed(self, what: str, outcome: Outcome = Outcome.BACKEND_ERROR, *, lasting: bool = False) -> AttemptFailed:
        """The failure of this attempt, as a caller is told of it; `lasting` until the operator mends something."""
        make = BackendTruncated if outcome is Outcome.TRUNCATED else BackendFailed
        return AttemptFailed(outcome, make(f"The backend failed: {what}.", lasting=lasting), begun=self.begun)

    def late(self, overdue: str) -> AttemptFailed:
        """The failure that a deadline has passed."""
        error = BackendTimeout(f"The backend took too long: {overdue} did not come in time.")
        return AttemptFailed(Outcome.TIMEOUT, error, begun=self.begun)


@contextmanager
def _translated(exchange: _Exchange) -> Iterator[None]:
    """Turns what the HTTP client raises into outcomes, in one place."""
    try:
        yield
    except AnswerUnusable as error:
        raise exchange.failed(str(error)) from error
    except aiohttp.ConnectionTimeoutError:
        raise exchange.late("a connection") from None
    except TimeoutError:
        if exchange.patience.client_busy:
            raise ClientGone("the client did not read the answer in time") from None
        # Some servers leave the connection open after the end of the stream: nothing is missing then.
        if not exchange.end.seen:
            raise exchange.late(exchange.patience.overdue) from None
    except aiohttp.ClientConnectorCertificateError as error:
        raise exchange.failed("its certificate is not trusted here") from error
    except aiohttp.ClientConnectorError as error:
        if error.os_error.errno == errno.ECONNREFUSED:
            raise exchange.failed("nobody listens at its address", Outcome.REFUSED) from error
        raise exchange.failed(f"it cannot be reached ({error.os_error.strerror})") from error
    except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError):
        exchange.judge_break()
    except aiohttp.ClientError as error:
        raise exchange.failed(f"it does not speak HTTP as it should ({type(error).__name__})") from error


async def _more(content: aiohttp.StreamReader) -> bytes:
    """The next bytes of a body; empty at its end."""
    try:
        return await content.readany()
    except RuntimeError as error:
        # So aiohttp says that it has closed the connection itself, over bytes that are no HTTP.
        raise aiohttp.ClientPayloadError("not HTTP") from error


def _close_unread(task: "asyncio.Future[Any]") -> None:
    if (
        not task.cancelled()
        and task.exception() is None
        and isinstance(response := task.result(), aiohttp.ClientResponse)
    ):
        response.close()


def _retry_after(header: str | None) -> float:
    """Seconds to wait; the date form, and nonsense, count as "soon"."""
    soon = header is None or not header.isdecimal()
    return 1.0 if soon else min(float(header or 0), LONGEST_RETRY_AFTER_SECONDS)


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    tracing = aiohttp.TraceConfig()
    tracing.on_connection_reuseconn.append(_note_reuse)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        trace_configs=[tracing],
    )


async def _note_reuse(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceConnectionReuseconnParams
) -> None:
    context.trace_request_ctx.reused_connection = True
