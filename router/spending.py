"""What Maek may ask of its own accord, besides what callers ask: retries and hedges, each on its budget.

Rules of this file
- The budgets of the process are here and nowhere else; a new configuration does not fill them again.
- What is spent is counted. That retries are used up is told once a minute: while many fail, each moment earns another.
"""

import logging
from enum import StrEnum
from math import inf
from typing import Protocol

from router.balance.budget import HEDGES, RETRIES, Budgets, Terms
from sidecar import Outcome

log = logging.getLogger(__name__)

TELL_AGAIN_SECONDS = 60.0


class Hedged(StrEnum):
    """How it went with a second request beside one that was late."""

    WON = "won"
    """The second answered first."""
    LOST = "lost"
    """The first answered after all."""
    FAILED = "failed"
    ABANDONED = "abandoned"
    """The client left, or the time was over, before either answered."""


class Counts(Protocol):
    """Metrics of what was spent."""

    def retried(self, backend: str, reason: str) -> None:
        """A request was sent again, because `backend` failed in this way."""
        ...

    def hedged(self, outcome: str) -> None:
        """A second request beside a late one has ended."""
        ...


class Spending:
    """Owner of both budgets. A pool is named by the role or the model that callers ask for."""

    def __init__(self, counts: Counts, retries: Terms = RETRIES, hedges: Terms = HEDGES) -> None:
        self._counts = counts
        self._retries = Budgets(retries)
        self._hedges = Budgets(hedges)
        self._told_at: dict[str, float] = {}

    def earn(self, pool: str, now: float) -> None:
        """A caller asked `pool` at `now`."""
        self._retries.earn(pool, now)
        self._hedges.earn(pool, now)

    def retry(self, pool: str, backend: str, outcome: Outcome, now: float) -> bool:
        """Take a retry for a request on which `backend` has failed; whether there was one.

        Where nobody listened, nothing was asked of anybody yet, and it costs none.
        """
        if outcome is Outcome.REFUSED or self._retries.spend(pool):
            self._counts.retried(backend, outcome)
            return True
        if now - self._told_at.get(pool, -inf) >= TELL_AGAIN_SECONDS:
            self._told_at[pool] = now
            log.warning("retries are used up pool=%s backend=%s outcome=%s", pool, backend, outcome)
        return False

    def hedge(self, pool: str) -> bool:
        """Take a hedge; whether there was one."""
        return self._hedges.spend(pool)

    def hedged(self, how: Hedged) -> None:
        """A hedge has ended."""
        self._counts.hedged(how)
