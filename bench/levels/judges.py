"""Who says how busy a backend is: Maek's rules, the seed's, and simpler ones.

Rules of this file
- A judge sees facts and tokens, and nothing of the world.
- Each is a store with a rule, so that all know the same; whoever needs more keeps it.
"""

from collections.abc import Callable, Mapping

from sidecar import seed
from sidecar.facts import Fact, FirstTokenCame, LoadRead, RequestFinished, RequestStarted, StatusRead
from sidecar.levels import Level, reached
from sidecar.load import DEFAULT_RULES, classify, fresh_active_jobs
from sidecar.progress import Progress
from sidecar.slots import known_slots
from sidecar.state import BackendState
from sidecar.store import Store


class Judge:
    """One way to tell. A subclass defines `level`, and of the others what it needs."""

    about = ""

    def __init__(self) -> None:
        self.store = Store()

    def see(self, fact: Fact) -> None:
        """Take in a fact."""
        self.store.apply(fact)

    def progress(self, backend: str, request: str) -> Progress | None:
        """Where tokens of a request are written."""
        return self.store.progress(backend, request)

    def level(self, now: float) -> Level | None:
        """How busy the backend is."""
        raise NotImplementedError

    def state(self, now: float) -> BackendState:
        """Of the one backend."""
        (state,) = self.store.snapshot(now).backends.values()
        return state


class Maek(Judge):
    """The default rules."""

    about = "Maek's default rules"

    def level(self, now: float) -> Level | None:
        """As `/metrics` would say it."""
        snapshot = self.store.snapshot(now)
        (state,) = snapshot.backends.values()
        return classify(state, snapshot).level


class Seed(Judge):
    """The seed's rules; statistics come as its `/status`."""

    about = "the seed's rules, where every engine with statistics has a /status"

    def see(self, fact: Fact) -> None:
        """Statistics come as a status."""
        if isinstance(fact, LoadRead):
            fact = StatusRead(fact.at, fact.backend, fact.reading.active_jobs, None)
        self.store.apply(fact)

    def level(self, now: float) -> Level | None:
        """Its answer."""
        return seed.answer(self.state(now), 0, now).load


class SeedByHealth(Seed):
    """The seed's rules for a backend without `/status`."""

    about = "the seed's rules without /status: health latency"

    def see(self, fact: Fact) -> None:
        """No statistics."""
        if not isinstance(fact, LoadRead):
            self.store.apply(fact)


class Jobs(Judge):
    """The backend's own count of jobs, else ours, for each slot that its engine is known for."""

    about = "1, 2 and 4 jobs a slot, by the engine's count, else by ours"

    def level(self, now: float) -> Level | None:
        """1, 2 and 4 for each slot."""
        state = self.state(now)
        if not state.health.available:
            return Level.UNAVAILABLE
        jobs = fresh_active_jobs(state, now, DEFAULT_RULES)
        many = max(state.work.in_flight, jobs or 0)
        return Level(reached(many / (known_slots(state) or 1), (1, 2, 4)))


class FirstTokens(Judge):
    """How long first tokens take, against the quickest ever seen."""

    about = "2, 4 and 8 times the quickest first token, moving average"

    def __init__(self) -> None:
        super().__init__()
        self._started: dict[str, float] = {}
        self._lately: float | None = None
        self._best = float("inf")

    def see(self, fact: Fact) -> None:
        """Sent, begun, ended."""
        super().see(fact)
        match fact:
            case RequestStarted():
                self._started[fact.request] = fact.at
            case FirstTokenCame():
                seconds = fact.at - self._started[fact.request]
                self._lately = seconds if self._lately is None else 0.7 * self._lately + 0.3 * seconds
                self._best = min(self._best, seconds)
            case RequestFinished():
                del self._started[fact.request]
            case _:
                pass

    def level(self, now: float) -> Level | None:
        """Prompts differ by as much as the first of these."""
        if not self.state(now).health.available:
            return Level.UNAVAILABLE
        return Level.FREE if self._lately is None else Level(reached(self._lately / self._best, (2, 4, 8)))


MAEK = "maek"
JUDGES: Mapping[str, Callable[[], Judge]] = {
    MAEK: Maek,
    "seed": Seed,
    "seed health": SeedByHealth,
    "jobs": Jobs,
    "first tokens": FirstTokens,
}
"""By the names that the table calls them."""
