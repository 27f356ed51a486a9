"""A router that has one backend and only watches it: what happens becomes facts, and at fixed times somebody looks.

Rules of this file
- It sends whatever comes at once, so that what a judge says changes nothing of what happens.
- A judge learns what the sidecar would learn, at the sidecar's pace: facts, and tokens as they come.
"""

from collections.abc import Callable, Hashable, Sequence
from math import inf
from random import Random

from bench.balance.agent import Attempt, Failure, FailureKind, Reading, Request
from bench.balance.world import Simulation
from bench.levels.judges import Judge
from bench.levels.situations import Noise
from sidecar.engines.engine import Model
from sidecar.engines.engine import Reading as EngineReading
from sidecar.facts import (
    BackendAdded,
    BackendSpec,
    Fact,
    FirstTokenCame,
    HealthProbed,
    LoadRead,
    ModelsListed,
    Outcome,
    ProbeOutcome,
    RequestFinished,
    RequestStarted,
)
from sidecar.monitor import Pace
from sidecar.progress import Progress

_NAME, _MODEL, _ROLE = "one", "model", "reasoner"
_PACE = Pace()
_LOOK_AT_TOKENS_SECONDS = 0.1
"""Tokens are written down in the bundles that came meanwhile."""
_REFUSED_MS = 0.5
_OUTCOME_OF = {
    FailureKind.REFUSED: Outcome.REFUSED,
    FailureKind.ERROR: Outcome.BACKEND_ERROR,
    FailureKind.REJECTED: Outcome.REJECTED,
    FailureKind.CUT: Outcome.TRUNCATED,
    FailureKind.TIMEOUT: Outcome.CLIENT_GONE,
}


class Observer:
    """An agent. `look` is called at each of `moments`, which rise."""

    poll_seconds: float | None = _PACE.stats_interval_seconds

    def __init__(
        self,
        world: Simulation,
        judges: Sequence[Judge],
        noise: Noise | None,
        moments: Sequence[float],
        look: Callable[["Observer"], None],
    ) -> None:
        self.world = world
        self._judges = judges
        self._noise = noise
        self._rng = Random("health")
        self._moments = list(reversed(moments))
        self._look = look
        self._attempts: dict[int, Attempt] = {}
        self._tokens_at = -inf
        self._health_due = 0.0
        self._is_well = True
        self._has_begun = False
        self._tell(BackendAdded(0.0, BackendSpec(_NAME, "http://one:1", engine=world.backends[0].engine)))

    @property
    def streams(self) -> int:
        """Requests under way."""
        return len(self._attempts)

    def arrive(self, request: Request) -> None:
        """Send it."""
        attempt = self.world.send(request, 0)
        self._attempts[attempt.id] = attempt
        name, tokens = str(attempt.id), request.prompt_tokens
        self._tell(RequestStarted(self.world.now, _NAME, name, _MODEL, _ROLE, tokens, streamed=True))
        attempt.note = [place for judge in self._judges if (place := judge.progress(_NAME, name)) is not None]

    def first_token(self, attempt: Attempt) -> None:
        """As `Agent.first_token`."""
        self._note_tokens(attempt, 1, self.world.now)
        self._tell(FirstTokenCame(self.world.now, _NAME, str(attempt.id)))

    def finished(self, attempt: Attempt, output_tokens: int) -> None:
        """As `Agent.finished`."""
        self._note_tokens(attempt, output_tokens, self.world.now)
        self._end(attempt, Outcome.OK, output_tokens)

    def failed(self, attempt: Attempt, failure: Failure) -> None:
        """It is not sent again: a backend that is alone has no other."""
        self._end(attempt, _OUTCOME_OF[failure.kind], failure.delivered_tokens)
        if failure.kind not in (FailureKind.CUT, FailureKind.TIMEOUT):
            self.world.fail(attempt.request)

    def abandoned(self, request: Request) -> None:
        """As `Agent.abandoned`: nothing waits here."""

    def polled(self, backend: int, reading: Reading | None) -> None:  # noqa: ARG002
        """Statistics at every poll, a sign of life when that is due."""
        now = self.world.now
        if not self._has_begun:
            self._has_begun = True
            self._wait()
        if now + _PACE.stats_interval_seconds / 2 >= self._health_due:
            self._probe(reading)
            self._health_due = now + (_PACE.interval_seconds if self._is_well else _PACE.retry_interval_seconds)
        if reading is None or reading.running is None or reading.health_seconds > _PACE.stats_timeout_seconds:
            return
        told = EngineReading(reading.running, reading.waiting, reading.kv_usage_ratio)
        self._tell(LoadRead(now, _NAME, told))

    def wake(self, key: Hashable) -> None:  # noqa: ARG002
        """It is time to look."""
        self._catch_up()
        self._look(self)
        self._wait()

    def _wait(self) -> None:
        if self._moments:
            self.world.at(self._moments.pop(), "look")

    def _catch_up(self) -> None:
        """Tokens are too many to be events of the world: they are written down before anybody looks."""
        if self.world.now < self._tokens_at + _LOOK_AT_TOKENS_SECONDS:
            return
        self._tokens_at = self.world.now
        at = self.world.last_token_at(0)
        for attempt in self._attempts.values():
            if attempt.first_token_at is not None and at is not None:
                self._note_tokens(attempt, self.world.tokens_of(attempt), at)

    def _note_tokens(self, attempt: Attempt, tokens: int, at: float) -> None:
        places: list[Progress] = attempt.note
        for place in places:
            if tokens > place.tokens:
                place.token(at, tokens - place.tokens)

    def _end(self, attempt: Attempt, outcome: Outcome, tokens: int) -> None:
        del self._attempts[attempt.id]
        last = self.world.now if outcome is Outcome.OK else None
        self._tell(RequestFinished(self.world.now, _NAME, str(attempt.id), outcome, tokens, last_token_at=last))

    def _probe(self, reading: Reading | None) -> None:
        now = self.world.now
        self._is_well = reading is not None
        if reading is not None:
            self._tell(HealthProbed(now, _NAME, ProbeOutcome.OK, self._health_ms(reading.health_seconds)))
            self._tell(ModelsListed(now, _NAME, (Model(_MODEL, loaded=reading.resident),)))
        elif self.world.sites[0].is_down:
            self._tell(HealthProbed(now, _NAME, ProbeOutcome.REFUSED, _REFUSED_MS))
        else:
            timeout_ms = 1000 * _PACE.liveness_timeout_seconds
            self._tell(HealthProbed(now, _NAME, ProbeOutcome.READ_TIMEOUT, timeout_ms))

    def _health_ms(self, seconds: float) -> float:
        if self._noise is not None and seconds < _PACE.stats_timeout_seconds:
            seconds = self._noise.median_seconds * self._rng.lognormvariate(0.0, self._noise.sigma)
        return 1000 * seconds

    def _tell(self, fact: Fact) -> None:
        self._catch_up()
        for judge in self._judges:
            judge.see(fact)
