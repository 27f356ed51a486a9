"""Everything that can go wrong for a caller of the router, drawn once.

    MaekError                        code, HTTP status, a sentence that says what to do
    ├── CallerFault                  the request is wrong                         4xx
    │   ├── BadRequest               400 bad_request, with `param` where one is to blame
    │   ├── Unauthorized             401 unauthorized
    │   ├── NotFound                 404 not_found
    │   ├── UnknownModel             404 unknown_model
    │   ├── MethodNotAllowed         405 method_not_allowed
    │   ├── TooLarge                 413 too_large
    │   ├── ToolFailed               422 tool_failed
    │   └── KeyReused                422 idempotency_key_reused (router.jobs.store)
    ├── PolicyFault                  right, but not now                           429, 503
    │   ├── QueueFull                429 queue_full, Retry-After: the line is, or would last, too long
    │   ├── QueueTimeout             503 queue_timeout, Retry-After: it has waited for as long as it may
    │   ├── Shed                     503 overloaded, Retry-After
    │   ├── SessionBusy              429 session_busy, Retry-After: the messages before it are not answered yet
    │   └── TurnTimeout              503 turn_timeout: it took longer than others may be kept waiting
    ├── BackendFault                 a server behind us failed                    502, 503, 504
    │   ├── NoBackend                503 no_backend, Retry-After
    │   ├── BackendFailed            502 backend_failed
    │   ├── BackendTruncated         502 backend_truncated
    │   ├── BackendTimeout           504 backend_timeout
    │   └── BackendRejected          503 backend_rejected, Retry-After: it said that it is full
    └── MaekFault                    our own bug                                  500
        ├── Internal                 500 internal
        ├── SessionStoreFailed       500 session_store_failed (router.sessions.store)
        └── JobStoreFailed           500 job_store_failed (router.jobs.database)

Rules of this file
- `code` is stable: programs match on it. The message may change, and is one sentence or two that a user can act on.
- No message carries text that a user wrote or a secret.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import ClassVar


class Fault(StrEnum):
    """Whose fault it is."""

    CALLER = "caller"
    POLICY = "policy"
    BACKEND = "backend"
    MAEK = "maek"


class MaekError(Exception):
    """Something that ends a request with an error body. Never raised itself."""

    code: ClassVar[str]
    status: ClassVar[int]
    fault: ClassVar[Fault]

    def __init__(
        self, message: str, *, param: str | None = None, retry_after_seconds: float | None = None, lasting: bool = False
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_seconds = retry_after_seconds
        self.lasting = lasting
        """Whether asking again is pointless until somebody has mended something."""


class CallerFault(MaekError):
    """The request is wrong; sending it again changes nothing."""

    fault = Fault.CALLER


class BadRequest(CallerFault):
    """Not JSON, a wrong type, a value out of range."""

    code = "bad_request"
    status = 400


class Unauthorized(CallerFault):
    """No key, or one that is not known."""

    code = "unauthorized"
    status = 401


class NotFound(CallerFault):
    """No such path, decision or session."""

    code = "not_found"
    status = 404


class UnknownModel(CallerFault):
    """No backend has this model, and no role has this name."""

    code = "unknown_model"
    status = 404


class MethodNotAllowed(CallerFault):
    """The path exists, the method does not."""

    code = "method_not_allowed"
    status = 405


class TooLarge(CallerFault):
    """Body, headers or message above the configured limit."""

    code = "too_large"
    status = 413


class ToolOutcome(StrEnum):
    """How a call of a tool ended."""

    OK = "ok"
    FAILED = "failed"
    """The tool said that it cannot, and why."""
    INVALID = "invalid"
    """The parameters were refused before the call."""
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    """Its server could not be reached, or hung up."""
    BROKEN = "broken"
    """A bug of the tool; the log has it."""


class ToolFailed(CallerFault):
    """A tool could not do what was asked; the message is a plain sentence for the user."""

    code = "tool_failed"
    status = 422

    def __init__(self, message: str, outcome: ToolOutcome = ToolOutcome.FAILED) -> None:
        super().__init__(message)
        self.outcome = outcome


class PolicyFault(MaekError):
    """The request is right, but Maek will not serve it now."""

    fault = Fault.POLICY


class QueueFull(PolicyFault):
    """Nobody has room, and the line is too long to wait in."""

    code = "queue_full"
    status = 429


class QueueTimeout(PolicyFault):
    """Nobody had room for as long as the request may wait."""

    code = "queue_timeout"
    status = 503


class Shed(PolicyFault):
    """Too much work at once."""

    code = "overloaded"
    status = 503


class SessionBusy(PolicyFault):
    """Messages of this session are answered one after the other, and too many wait or the wait was too long."""

    code = "session_busy"
    status = 429


class TurnTimeout(PolicyFault):
    """A turn that took so long that the others of its session are let in."""

    code = "turn_timeout"
    status = 503


class BackendFault(MaekError):
    """A server behind Maek failed, and no other could take over."""

    fault = Fault.BACKEND


class NoBackend(BackendFault):
    """No healthy backend serves what was asked."""

    code = "no_backend"
    status = 503


class BackendFailed(BackendFault):
    """Refused, reset, an error status, or an answer that makes no sense."""

    code = "backend_failed"
    status = 502


class BackendTruncated(BackendFault):
    """The answer stopped before its end."""

    code = "backend_truncated"
    status = 502


class BackendTimeout(BackendFault):
    """Nothing came within the time that the role allows."""

    code = "backend_timeout"
    status = 504


class BackendRejected(BackendFault):
    """It said that it is full."""

    code = "backend_rejected"
    status = 503


class MaekFault(MaekError):
    """Our own bug."""

    fault = Fault.MAEK


class Internal(MaekFault):
    """Something unforeseen; the log has the details under the request id."""

    code = "internal"
    status = 500


def kinds(family: type[MaekError] = MaekError) -> Iterator[type[MaekError]]:
    """Every error that has a code of its own, also of the packages that draw theirs apart, once they are imported."""
    for kind in family.__subclasses__():
        if "code" in vars(kind):
            yield kind
        yield from kinds(kind)
