"""Which model to load before somebody has to wait for it.

Rules of this file
- Pure, but for the counts themselves, which have one owner. Moments are those of the snapshots.
- A role that is asked for again and again is worth having ready everywhere. One or two questions are not.
- Never a backend that has another model in memory, or anything to do: loading here would put out what is used there.
- A backend is asked once, and then given time; one that does not load is asked no more often than every few minutes.
"""

from collections import deque

from router.balance.pools import Candidate, Pool
from sidecar import BackendState, Snapshot, is_resident

REQUESTS = 3
WITHIN_SECONDS = 60.0
"""So many requests within so long show that a role is in use."""
PATIENCE_SECONDS = 180.0
"""The longest load of a model that a home server has memory for; sooner it is not asked again."""


class Warmth:
    """What is asked for lately, and who has been asked to get ready for it."""

    def __init__(self) -> None:
        self._asked: dict[str, deque[float]] = {}
        self._warmed_at: dict[Candidate, float] = {}

    def note(self, role: str, at: float) -> None:
        """A request of `role` came."""
        self._asked.setdefault(role, deque(maxlen=REQUESTS)).append(at)

    def in_use(self, role: str, now: float) -> bool:
        """Whether it is asked for often enough to be worth having ready."""
        asked = self._asked.get(role)
        return asked is not None and len(asked) == REQUESTS and now - asked[0] <= WITHIN_SECONDS

    def next(self, pool: Pool, role: str, snapshot: Snapshot) -> Candidate | None:
        """Whom to ask to load its model now; None: nobody. Whoever is named counts as asked."""
        if not self.in_use(role, snapshot.now):
            return None
        for candidate in pool:
            state = snapshot.backends.get(candidate.backend)
            if state is None or is_resident(state, candidate.model, snapshot.now):
                self._warmed_at.pop(candidate, None)
            elif self._may_ask(candidate, snapshot.now) and _is_idle_and_cold(state, candidate.model, snapshot.now):
                self._warmed_at[candidate] = snapshot.now
                return candidate
        return None

    def _may_ask(self, candidate: Candidate, now: float) -> bool:
        warmed_at = self._warmed_at.get(candidate)
        return warmed_at is None or now - warmed_at > PATIENCE_SECONDS


def _is_idle_and_cold(state: BackendState, model: str, now: float) -> bool:
    health = state.health
    if not health.available or health.sleeping or state.draining:
        return False  # what sleeps is woken by a request, and by nothing else
    if state.work.in_flight or (state.outside is not None and state.outside.running):
        return False
    if state.memory.loading_since or is_resident(state, model, now) is not False:
        return False
    return not any(is_resident(state, listed.name, now) for listed in state.models or ())
