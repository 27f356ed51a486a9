"""How long a backend may keep us waiting: four deadlines, each its own.

Rules of this file
- No timer is moved at a token. The one timer, when it fires, looks when the last sign of life came.
- Patience is with the backend alone: while a slow client reads, it stands still. Only the deadline for the whole
  answer runs on; when that passes while the client reads, it was the client that was too slow.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

AFTER_DONE_SECONDS = 1.0
"""Some servers leave the connection open after `[DONE]`. Those that end it do so within milliseconds, and then the
connection can be used again, which is worth this wait."""
FLOW_SECONDS = 2.0
"""A stream of which something came so lately is alive. Slower machines than one token in two seconds are not used."""
THE_WHOLE = "the whole answer"


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a role waits, in seconds."""

    connect_seconds: float
    first_token_seconds: float
    token_seconds: float
    total_seconds: float


def allowing(deadlines: Deadlines, seconds: float) -> Deadlines:
    """The same with so much more time for the first token, and so for the whole."""
    return replace(
        deadlines,
        first_token_seconds=deadlines.first_token_seconds + seconds,
        total_seconds=deadlines.total_seconds + seconds,
    )


class Patience:
    """Watches one answer. `due_at`, on the loop's clock, is when the whole of it is due."""

    def __init__(self, deadlines: Deadlines, due_at: float) -> None:
        self.overdue = THE_WHOLE
        """What did not come in time, once a deadline has passed."""
        self.client_busy = False
        """The client is reading: the backend is not waited for."""
        self.first_token_came = False
        self._deadlines = deadlines
        self._due_at = due_at
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._allowed_seconds = deadlines.first_token_seconds
        self._waiting_for = "the first token"
        self._timer: asyncio.TimerHandle | None = None
        self._timeout: asyncio.Timeout | None = None

    @asynccontextmanager
    async def watching(self, *, stream: bool) -> AsyncIterator[None]:
        """Raises TimeoutError out of the context when a deadline passes. Only a stream shows tokens to wait for."""
        try:
            async with asyncio.timeout_at(self._due_at) as self._timeout:
                if stream:
                    self._look()
                yield
        finally:
            if self._timer is not None:
                self._timer.cancel()

    @property
    def tokens_flow(self) -> bool:
        """Whether tokens came until now: whoever gives up then does so because the answer is long."""
        return self.first_token_came and self._loop.time() - self._since < FLOW_SECONDS and self.overdue == THE_WHOLE

    def first_token(self) -> None:
        """The first token came; from now on the next one is waited for."""
        self.first_token_came = True
        self._wait_for("the next token", self._deadlines.token_seconds)

    def done(self) -> None:
        """The stream said that it is over: all that may still come is the end of the connection."""
        self._wait_for("the end of the stream", min(AFTER_DONE_SECONDS, self._deadlines.token_seconds))

    def client_reads(self) -> float:
        """The client is given something to read. Returns the moment."""
        self.client_busy = True
        return self._loop.time()

    def client_has_read(self, at: float) -> None:
        """The client took what it was given at `at`. A wait for the next token begins; one for the first goes on."""
        now = self._loop.time()
        self.client_busy = False
        if self.first_token_came:
            self._since = now
        else:
            self._since += now - at
            self._look_anew()

    def _wait_for(self, what: str, allowed_seconds: float) -> None:
        self._waiting_for = what
        self._allowed_seconds = allowed_seconds
        self._since = self._loop.time()
        self._look_anew()

    def _look_anew(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._look()

    def _look(self) -> None:
        """The timer fired: give up if nothing came since, else look again when it would be too long."""
        now = self._loop.time()
        due = (now if self.client_busy else self._since) + self._allowed_seconds
        if now < due:
            self._timer = self._loop.call_at(due, self._look)
        elif self._timeout is not None and not self._timeout.expired():
            self.overdue = self._waiting_for
            self._timeout.reschedule(now)
