"""Spans: what took how long on whose behalf. The seam between Maek and whoever keeps traces.

Rules of this file
- Nobody else knows OpenTelemetry, and this file does not either: a span is a value that a `Recorder` gets when it ends.
- With tracing off nothing is made: everybody asks for the current span, and it is `NOTHING`.
- The current span is that of the task, and of the tasks and threads that it begins. Attempts, of which several run side
  by side, are never current.
- No text of a user or a model, unless the recorder wants content; no secret ever.
"""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from router.errors import MaekError
from router.tracing_context import TraceContext

Value = str | int | float | bool
ERROR_TYPE = "error.type"
CLOSING_SECONDS = 2.0
"""What is left of traces at the end has so long to reach its collector."""
NOBODYS_FAULT = {"ClientGone": "client_gone", "CancelledError": "client_gone", "Beaten": "beaten"}
"""How something ends that has not failed, by classes of which this shelf knows the names alone."""


class Kind(StrEnum):
    """Which way a span looks."""

    INTERNAL = "internal"
    SERVER = "server"
    """Somebody has asked us."""
    CLIENT = "client"
    """We ask somebody."""
    CONSUMER = "consumer"
    """Work that somebody has left here."""


class Recorder(Protocol):
    """Takes spans that have ended. It must not wait, and not fail."""

    @property
    def content(self) -> bool:
        """Whether spans shall carry what users and models wrote."""
        ...

    def ended(self, span: "Span") -> None:
        """A span has ended; it changes no more."""
        ...


class Span:
    """Something that takes time, as a context manager that makes it the current one.

    Without a recorder it is only a place in a trace that is passed on, or not even that: then nothing is noted, and its
    children are itself.
    """

    __slots__ = (
        "_clock_ns",
        "_token",
        "attributes",
        "context",
        "ended_ns",
        "failed",
        "kind",
        "links",
        "name",
        "parent",
        "recorder",
        "remote",
        "started_ns",
    )

    def __init__(
        self,
        context: TraceContext | None,
        recorder: Recorder | None = None,
        name: str = "",
        kind: Kind = Kind.INTERNAL,
        parent: TraceContext | None = None,
        *,
        links: tuple[TraceContext, ...] = (),
        clock_ns: int | None = None,
    ) -> None:
        """`parent` of another process, unless `clock_ns` is given, the clock of the span above it."""
        self.context = context
        self.recorder = recorder
        if recorder is None:
            return
        self.name = name
        self.kind = kind
        self.parent = parent
        self.remote = clock_ns is None
        self.links = links
        self.attributes: dict[str, Value] = {}
        self.failed = False
        # One trace has one clock: a step of the system's would put children before their parents.
        self._clock_ns = time.time_ns() - time.monotonic_ns() if clock_ns is None else clock_ns
        self.started_ns = self._clock_ns + time.monotonic_ns()
        """Since the epoch."""
        self.ended_ns: int | None = None
        self._token: Token[Span] | None = None

    @property
    def content(self) -> bool:
        """Whether it may carry what users and models wrote."""
        return self.recorder is not None and self.recorder.content

    @property
    def trace_id(self) -> str:
        """Of a trace that somebody keeps; empty for all others."""
        return self.context.trace_id if self.context is not None and self.context.sampled else ""

    @property
    def headers(self) -> Mapping[str, str]:
        """For whoever is asked from here."""
        return {} if self.context is None else self.context.headers

    def child(self, name: str, kind: Kind = Kind.INTERNAL) -> "Span":
        """A part of it, from now on."""
        above = self.context
        if self.recorder is None or above is None:
            return self
        place = TraceContext(above.trace_id, new_span_id(), above.sampled, above.state)
        return Span(place, self.recorder, name, kind, above, clock_ns=self._clock_ns)

    def note(self, attributes: Mapping[str, Value | None]) -> None:
        """What is known of it; None is not."""
        if self.recorder is not None:
            self.attributes.update({key: value for key, value in attributes.items() if value is not None})

    def fail(self, error_type: str, *, failed: bool) -> None:
        """It does not end as it should. `failed`: somebody is to blame."""
        if self.recorder is not None:
            self.attributes[ERROR_TYPE] = error_type
            self.failed = failed

    def fail_of(self, error: BaseException) -> None:
        """It ends with this exception."""
        if self.recorder is not None:
            error_type, failed = _blame(error)
            self.fail(error_type, failed=failed)

    def end(self) -> None:
        """It is over, once."""
        if self.recorder is not None and self.ended_ns is None:
            self.ended_ns = self._clock_ns + time.monotonic_ns()
            self.recorder.ended(self)

    def __enter__(self) -> Self:
        if self.recorder is not None:
            self._token = _CURRENT.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.recorder is None or self._token is None:
            return
        _CURRENT.reset(self._token)
        if error is not None:
            self.fail_of(error)
        self.end()


NOTHING = Span(None)
"""Where nobody traces."""
_CURRENT: ContextVar[Span] = ContextVar("span", default=NOTHING)


def current() -> Span:
    """On whose behalf this is done."""
    return _CURRENT.get()


def part(name: str) -> Span:
    """A part of what is done now. Enter it."""
    return _CURRENT.get().child(name)


@contextmanager
def on_behalf_of(span: Span) -> Iterator[Span]:
    """Whatever is done inside belongs to this span. It ends with the context."""
    token = _CURRENT.set(span)
    try:
        yield span
    finally:
        _CURRENT.reset(token)
        span.end()


def trace_id() -> str:
    """The trace that somebody keeps of what is done now; empty where nobody does."""
    return _CURRENT.get().trace_id


def exemplar() -> dict[str, str] | None:
    """What goes with an observation that is made now, so that it leads to its trace."""
    found = _CURRENT.get().trace_id
    return {"trace_id": found} if found else None


def new_trace_id() -> str:
    """Random; never 0, which means none."""
    return f"{random.getrandbits(128) or 1:032x}"


def new_span_id() -> str:
    """The same for a span."""
    return f"{random.getrandbits(64) or 1:016x}"


def _blame(error: BaseException) -> tuple[str, bool]:
    """What an exception is called, and whether anybody is to blame for it."""
    if isinstance(error, MaekError):
        return error.code, True
    name = type(error).__name__
    return NOBODYS_FAULT.get(name, name), name not in NOBODYS_FAULT
