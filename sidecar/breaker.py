"""Whether a backend may get requests, judged by how the last ones ended: a circuit breaker with a slow start.

Rules of this file
- Pure: one table of what an outcome means, and one step for each thing that can happen.
- A failure opens the circuit for 1, 2, 4 … 30 seconds. Then one real request is the trial: if it gets a token the
  circuit closes, and what the backend may hold grows over half a minute, since a server that is back is cold.
- A backend that breaks answers off works, if not well: it is missed sooner, and left alone for 4 seconds at the most.
- A request that was on its way when the circuit opened belongs to the same trouble: how it ends says nothing new.
- What a caller did wrong, and a client that left, say nothing. A backend that says that it is full is believed: it
  rests until the moment it named, and nothing has failed.
- The circuit does not know of other backends. Whoever chooses never lets the last one go, so that requests may come
  while it is open: one that gets a token closes it, one that fails was to be expected.
"""

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import assert_never

from sidecar.facts import Outcome

SHORTEST_OPEN_SECONDS = 1.0
LONGEST_OPEN_SECONDS = 30.0
"""A backend that is back is missed after half a minute; asking a dead one every half a minute costs nothing."""
MOST_DOUBLINGS = 5
MOST_OPENINGS_WHILE_ANSWERING = 3
"""One that gets nine answers of ten to their ends is worth more than nothing while others have much to do; and one that
answered and then went was back, so that what had been before is over."""
SLOW_START_SECONDS = 30.0
FULL_SECONDS = 1.0
"""How long a backend rests that said that it is full, but not until when."""
LONGEST_REST_SECONDS = 60.0
"""A backend that names a later moment is asked again before: it may have been restarted, and one question a minute
costs nothing."""


class Meaning(StrEnum):
    """What the end of a request says about its backend."""

    SUCCESS = "success"
    FAILURE = "failure"
    FULL = "full"
    NOTHING = "nothing"


MEANING_OF = {
    Outcome.OK: Meaning.SUCCESS,
    Outcome.BACKEND_ERROR: Meaning.FAILURE,
    Outcome.REFUSED: Meaning.FAILURE,
    Outcome.TRUNCATED: Meaning.FAILURE,
    Outcome.TIMEOUT: Meaning.FAILURE,
    Outcome.SILENT: Meaning.FAILURE,
    Outcome.REJECTED: Meaning.FULL,
    Outcome.OVERLONG: Meaning.NOTHING,
    Outcome.CALLER_ERROR: Meaning.NOTHING,
    Outcome.CLIENT_GONE: Meaning.NOTHING,
}
FAILURES = tuple(outcome for outcome, meaning in MEANING_OF.items() if meaning is Meaning.FAILURE)
"""The outcomes that speak against a backend."""


class Circuit(IntEnum):
    """The numbers are those of `maek_backend_breaker_state`."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(frozen=True, slots=True)
class Breaker:
    """The circuit of one backend. Moments are seconds on the clock of the facts."""

    openings: int = 0
    """In a row: how often the circuit opened since the backend last was well for the length of a slow start. Where it
    opened because of an answer that had begun, three at the most."""
    opened_at: float | None = None
    """When the circuit opened last, while that still counts."""
    closed_at: float | None = None
    """When it closed after that; None while it is open, or half open."""
    trial: str | None = None
    """The request that tries whether the backend is back."""
    full_until: float | None = None

    def circuit(self, now: float) -> Circuit:
        """Closed, open, or open and due for a trial."""
        if self.opened_at is None or self.closed_at is not None:
            return Circuit.CLOSED
        return Circuit.HALF_OPEN if now >= self.opened_at + self.open_seconds else Circuit.OPEN

    @property
    def open_seconds(self) -> float:
        """How long the circuit stays open this time."""
        doublings = min(max(self.openings - 1, 0), MOST_DOUBLINGS)
        return min(LONGEST_OPEN_SECONDS, SHORTEST_OPEN_SECONDS * 2.0**doublings)

    def allows(self, now: float) -> bool:
        """Whether a request may be sent now: closed, or due for a trial that nobody makes yet."""
        circuit = self.circuit(now)
        return circuit is Circuit.CLOSED or (circuit is Circuit.HALF_OPEN and self.trial is None)

    def is_full(self, now: float) -> bool:
        """Whether the backend asked to be left alone until later."""
        return self.full_until is not None and now < self.full_until

    def warmth(self, now: float) -> float:
        """How far a slow start has come, 0..1; 1 where there is none."""
        if self.closed_at is None:
            return 1.0
        return min(1.0, (now - self.closed_at) / SLOW_START_SECONDS)

    def after_start(self, request: str, now: float) -> "Breaker":
        """A request was sent; the first one in a half-open circuit is its trial."""
        if self.circuit(now) is Circuit.HALF_OPEN and self.trial is None:
            return replace(self, trial=request)
        return self

    def after_token(self, started_at: float, now: float) -> "Breaker":
        """A request that had started at `started_at` got its first token: the backend is back."""
        if self.opened_at is None or self.closed_at is not None or started_at <= self.opened_at:
            return self
        return replace(self, closed_at=now, trial=None)

    def after_end(
        self,
        request: str,
        outcome: Outcome,
        started_at: float,
        now: float,
        retry_after_seconds: float | None = None,
        *,
        begun: bool = False,
    ) -> "Breaker":
        """A request ended that had started at `started_at`. `begun`: some of its answer had come."""
        meaning = MEANING_OF[outcome]
        match meaning:
            case Meaning.SUCCESS:
                return _settled(self.after_token(started_at, now), now)
            case Meaning.FAILURE:
                return self._after_failure(started_at, now, answering=begun and outcome is Outcome.TRUNCATED)
            case Meaning.FULL:
                wanted_seconds = FULL_SECONDS if retry_after_seconds is None else retry_after_seconds
                full_until = now + min(wanted_seconds, LONGEST_REST_SECONDS)
                return replace(self._without_trial(request), full_until=full_until)
            case Meaning.NOTHING:
                return self._without_trial(request)
            case _:
                assert_never(meaning)

    def _after_failure(self, started_at: float, now: float, *, answering: bool) -> "Breaker":
        if self.opened_at is not None and started_at <= self.opened_at:
            return self
        if self.circuit(now) is Circuit.OPEN:
            return self
        openings = _settled(self, now).openings + 1
        if answering:
            openings = min(openings, MOST_OPENINGS_WHILE_ANSWERING)
        return Breaker(openings, opened_at=now, full_until=self.full_until)

    def _without_trial(self, request: str) -> "Breaker":
        return replace(self, trial=None) if request == self.trial else self


def _settled(breaker: Breaker, now: float) -> Breaker:
    """Whoever has been well for the length of a slow start has no past."""
    if breaker.closed_at is not None and breaker.warmth(now) >= 1.0:
        return UNTROUBLED if breaker.full_until is None else Breaker(full_until=breaker.full_until)
    return breaker


UNTROUBLED = Breaker()
"""Of whom nothing bad is known. One instance, so that those can be told apart at a glance."""
