"""One request on one connection: what its answer means, from the first byte to the last.

Rules of this file
- Bytes pass as they arrive. Nothing waits for the next chunk, and nobody parses a chunk that is only passed on.
- Every ending has an outcome. A stream without its end marker is truncated, whatever the connection says.
"""

import asyncio
import errno
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar, assert_never

import aiohttp

from router.attempt import (
    JSON,
    STREAM,
    AnswerUnusable,
    AttemptFailed,
    CallerRefused,
    ClientGone,
    Meter,
    Opened,
    Sink,
    UpstreamRequest,
)
from router.errors import BackendFailed, BackendRejected, BackendTimeout, BackendTruncated
from router.patience import Patience
from router.refusals import LOADING_SECONDS, Refusal, refusal_of, retry_after_seconds
from router.signs import (
    LONGEST_SIGN_BYTES,
    EndMarker,
    Sign,
    first_sign,
    is_error_body,
    told_refusal,
    usage_of,
)
from router.silence import filled
from sidecar import Outcome, orca

MOST_BODY_BYTES = 64 * 1024 * 1024
"""An answer that is not streamed is held whole, so that a broken one can still be asked of another backend."""
MOST_REFUSAL_BYTES = 1024 * 1024
"""Why a request was refused is a sentence."""
MOST_HELD_BYTES = 64 * 1024
"""What may come before the first event of a stream: comments that say that the backend is still at it."""
SOON_SECONDS = 1.0
"""When a caller may come back to a backend that is full but did not say until when."""
LOADING_NEWS_SECONDS = 2.0
"""How often whoever waits for a model to be loaded is told so; who waits for less need not hear of it."""
EVENT = b"data:"
"""Engines send one token an event; several events may come in one chunk."""
_BROKEN = frozenset({Refusal.KEY, Refusal.MOVED, Refusal.FAILURE})
"""What an error event with such a status is: a failure, whatever the status would mean in a head."""

T = TypeVar("T")


class NeverSeen(Exception):
    """A connection that had been kept from an earlier request broke before one byte of an answer."""


class Exchange:
    """One request on one connection, and how far it has come."""

    def __init__(self, request: UpstreamRequest, meter: Meter, sink: Sink, keepalive_seconds: float) -> None:
        self.request = request
        self.reused_connection = True
        """Until one is opened for it."""
        self.answered = False
        """The headers of an answer are there."""
        self.begun = False
        """Bytes of the answer have gone to the sink."""
        self.end = EndMarker()
        self.patience = Patience(request.deadlines, request.due_at)
        self._meter = meter
        self._sink = sink
        self._quiet_seconds = keepalive_seconds
        if request.loaded_at is not None:
            self._quiet_seconds = min(keepalive_seconds, LOADING_NEWS_SECONDS)

    async def patiently(self, coming: Coroutine[Any, Any, T]) -> T:
        """What `coming` gives. Tells the sink every now and then that nothing has come yet."""
        # What comes at the very moment when nobody wants it any more has to be closed too.
        return await filled(coming, self._quiet_seconds, self._quiet, _close_unread)

    async def _patient_more(self, content: aiohttp.StreamReader) -> bytes:
        """The next bytes of a stream. Tells the sink every now and then that nothing has come yet."""
        while True:
            # Breaking off a read loses nothing, so that it needs no task of its own.
            quiet = asyncio.timeout(self._quiet_seconds)
            try:
                async with quiet:
                    return await _more(content)
            except TimeoutError:
                if not quiet.expired():
                    raise  # not ours: the connection's, which would say so for ever
            await self._quiet()

    async def _quiet(self) -> None:
        if self.end.at_event_boundary:
            now = self.patience.client_reads()
            if self.request.loaded_at is None:
                await self._sink.quiet()
            else:
                await self._sink.loading(max(0.0, self.request.loaded_at - now))
            self.patience.client_has_read(now)

    async def take(self, response: aiohttp.ClientResponse) -> None:
        """Pass the answer on, or raise what is wrong with it."""
        if load := response.headers.get(orca.HEADER):
            self._meter.load(load)
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
        while not patience.first_token_came and (chunk := await self._patient_more(content)):
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
        self._meter.counted(self.end.usage)
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
        match told_refusal(events):
            case (status, body) if (why := refusal_of(status, body)) not in _BROKEN:
                return self._refused(why, status, JSON, body, None)
            case _:
                return self.failed("it reported an error instead of an answer")

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
            raise NeverSeen
        else:
            raise self.failed("it closed the connection without an answer")

    async def _take_whole(self, response: aiohttp.ClientResponse) -> None:
        body = await self._read(response, MOST_BODY_BYTES)
        if response.content_type != JSON or not body.rstrip().endswith(b"}"):
            raise self.failed(f"it answered with {response.content_type or 'nothing'} that is not the JSON asked for")
        if is_error_body(body):
            raise self.failed("it reported an error instead of an answer")
        now = self.patience.client_reads()
        self._meter.token(now, 0)  # nobody saw how many came
        self._meter.counted(usage_of(body))
        await self._sink.opened(Opened(response.status, response.headers["content-type"]))
        await self._sink.chunk(body)
        self.patience.client_has_read(now)

    async def _refusal(self, response: aiohttp.ClientResponse) -> Exception:
        """What a status that is not a success means."""
        status, headers = response.status, response.headers
        wait_seconds = retry_after_seconds(headers.get("retry-after"), headers.get("date"), datetime.now(tz=UTC))
        body = b"" if status < 400 else await self._read(response, MOST_REFUSAL_BYTES)
        why = refusal_of(status, body, told_when=wait_seconds is not None)
        return self._refused(why, status, response.content_type, body, wait_seconds)

    def _refused(
        self, why: Refusal, status: int, content_type: str, body: bytes, wait_seconds: float | None
    ) -> Exception:
        match why:
            case Refusal.FULL:
                return self.full("is full", wait_seconds)
            case Refusal.LOADING:
                return self.full("still loads its model", LOADING_SECONDS if wait_seconds is None else wait_seconds)
            case Refusal.KEY:
                what = f"it refused Maek's key with HTTP {status}; set its api_key in the config"
                return self.failed(what, lasting=True)
            case Refusal.MOVED:
                what = f"it redirects elsewhere with HTTP {status}; set its url to where it really is"
                return self.failed(what, lasting=True)
            case Refusal.MISSING | Refusal.CALLER:
                return CallerRefused(status, content_type, body, elsewhere=why is Refusal.MISSING)
            case Refusal.FAILURE:
                return self.failed(f"it answered with HTTP {status}")
            case _:
                assert_never(why)

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

    def full(self, how: str, rest_seconds: float | None) -> AttemptFailed:
        """It takes no more for now, which is no failure of its own."""
        wait_seconds = SOON_SECONDS if rest_seconds is None else rest_seconds
        error = BackendRejected(f"The backend {how}; try again later.", retry_after_seconds=wait_seconds)
        return AttemptFailed(Outcome.REJECTED, error, begun=self.begun, rest_seconds=rest_seconds)

    def late(self, overdue: str) -> AttemptFailed:
        """The failure that a deadline has passed."""
        error = BackendTimeout(f"The backend took too long: {overdue} did not come in time.")
        outcome = Outcome.OVERLONG if self.patience.tokens_flow else Outcome.TIMEOUT
        return AttemptFailed(outcome, error, begun=self.begun)


@contextmanager
def translated(exchange: Exchange) -> Iterator[None]:
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
