"""Which model to load before somebody has to wait for it.

Rules of this file
- Pure, but for the counts themselves, which have one owner. Moments are those of the snapshots.
- A role that is asked for again and again is worth having ready everywhere. One or two questions are not.
- Never a backend that has another model in memory, or anything to do: loading here would put out what is used there.
- A backend is asked once, and then given time; one that does not load is asked no more often than every few minutes.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from router.balance.pools import Candidate, Pool
from sidecar import BackendState, Snapshot, is_resident

REQUESTS = 3
WITHIN_SECONDS = 60.0
"""So many requests within so long show that a role is in use."""
PATIENCE_SECONDS = 180.0
"""The longest load of a model that a home server has memory for; sooner it is not asked again."""


class Demanded(NamedTuple):
    """How often a role was asked for lately."""

    requests: int
    """At most `REQUESTS`."""
    within_seconds: float
    """Since the first of them."""

    @property
    def in_use(self) -> bool:
        """Whether it is asked for often enough to be worth having ready."""
        return self.requests == REQUESTS and self.within_seconds <= WITHIN_SECONDS


class Seen(NamedTuple):
    """One candidate, as far as having it loaded is concerned."""

    candidate: Candidate
    asked_seconds: float | None
    """Since it was asked last; None: it was not, or has loaded since."""
    cold: bool
    """Its model is known not to be in memory."""
    awake: bool
    """It is up, not asleep, and not drained: what sleeps is woken by a request, and by nothing else."""
    idle: bool
    """It has nothing to do, for us or for others, and loads nothing."""
    vacant: bool
    """No other model is in its memory."""


def whom_to_ask(demanded: Demanded, pool: Iterable[Seen]) -> Candidate | None:
    """Whose model to have loaded now; None: nobody's."""
    if demanded.in_use:
        for one in pool:
            may_ask = one.asked_seconds is None or one.asked_seconds > PATIENCE_SECONDS
            if may_ask and one.cold and one.awake and one.idle and one.vacant:
                return one.candidate
    return None


class Warming(NamedTuple):
    """What was seen when somebody was asked to load a model that nobody waits for, and who that is."""

    demanded: Demanded
    pool: Sequence[Seen]
    chosen: Candidate


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
        return self._demanded(role, now).in_use

    def next(self, pool: Pool, role: str, snapshot: Snapshot) -> Warming | None:
        """Whom to ask to load its model now; None: nobody. Whoever is named counts as asked."""
        now = snapshot.now
        demanded = self._demanded(role, now)
        known = [(candidate, snapshot.backends.get(candidate.backend)) for candidate in pool]
        for candidate, state in known:
            if state is None or is_resident(state, candidate.model, now):
                self._warmed_at.pop(candidate, None)
        seen = [self._seen(candidate, state, now) for candidate, state in known if state is not None]
        chosen = whom_to_ask(demanded, seen)
        if chosen is None:
            return None
        self._warmed_at[chosen] = now
        return Warming(demanded, seen, chosen)

    def _demanded(self, role: str, now: float) -> Demanded:
        asked = self._asked.get(role)
        return Demanded(len(asked), now - asked[0]) if asked else Demanded(0, 0.0)

    def _seen(self, candidate: Candidate, state: BackendState, now: float) -> Seen:
        warmed_at = self._warmed_at.get(candidate)
        health, outside = state.health, state.outside
        return Seen(
            candidate,
            None if warmed_at is None else now - warmed_at,
            cold=is_resident(state, candidate.model, now) is False,
            awake=health.available and not health.sleeping and not state.draining,
            idle=not (state.work.in_flight or (outside is not None and outside.running) or state.memory.loading_since),
            vacant=not any(is_resident(state, listed.name, now) for listed in state.models or ()),
        )
