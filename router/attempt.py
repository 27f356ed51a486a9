"""One attempt at one backend: what is sent, where the answer goes, who listens, and how it can fail.

Rules of this file
- Words only: what those who send, those who receive and those who judge have in common.
- Every ending has an outcome, and only these exceptions end an attempt badly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from router.errors import BackendFault
from router.patience import Deadlines
from router.signs import Usage
from sidecar import Outcome

STREAM = "text/event-stream"
JSON = "application/json"


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
    loaded_at: float | None = None
    """When its model should be in memory, on the same clock; None: it is there, as far as is known."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The backend has begun to answer."""

    status: int
    content_type: str


class Sink(Protocol):
    """Where an answer goes."""

    async def waiting(self, position: int, expected_seconds: float) -> None:
        """Nobody has room yet: its place in the line, from 1, and about how long it will take."""
        ...

    async def loading(self, expected_seconds: float) -> None:
        """The model is being loaded, for about so long still. Told again and again until the first token."""
        ...

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
    """Who counts tokens, and hears what else an answer tells of its backend."""

    def token(self, now: float, tokens: int = 1) -> None:
        """So many came at `now`, on the loop's clock."""
        ...

    def counted(self, usage: Usage) -> None:
        """So many tokens were read and written for the whole answer, by the backend's own count."""
        ...

    def load(self, header: str) -> None:
        """An `endpoint-load-metrics` came with the answer."""
        ...


class AttemptFailed(Exception):
    """One attempt failed. `begun`: bytes have reached the sink, so that nobody else may take over."""

    def __init__(
        self, outcome: Outcome, error: BackendFault, *, begun: bool, rest_seconds: float | None = None
    ) -> None:
        super().__init__(error.message)
        self.outcome = outcome
        self.error = error
        self.begun = begun
        self.rest_seconds = rest_seconds
        """When a backend that is full wants to be asked again, as far as it said."""


class CallerRefused(Exception):
    """The backend says that the request is wrong: its answer goes to the caller as it is.

    `elsewhere`: it only lacks what was asked for, so that another backend may be asked first.
    """

    def __init__(self, status: int, content_type: str, body: bytes, *, elsewhere: bool = False) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.content_type = content_type
        self.body = body
        self.elsewhere = elsewhere


class ClientGone(Exception):
    """Our client hung up. Raised by sinks, so that it cannot be mistaken for a broken connection to a backend."""


class AnswerUnusable(Exception):
    """What the backend sent makes no sense. Raised by sinks that read what they are given; the text says what."""
