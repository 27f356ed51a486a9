"""How many more requests Maek may make of its own: retries and hedges, as a part of those that callers make.

Rules of this file
- Pure. Moments are arguments; a `Budget` is a value, and `Budgets` is its one owner.
- A request earns, a retry or a hedge spends one. A backend in trouble is not drowned by those who mean well: what is
  not earned is not sent.
- Where requests are rare, time earns instead: somebody who asks once a minute may still be helped every time.

The law: over any time, spent ≤ the most that may be saved + the larger of `ratio` per request and `floor_per_second`
per second between two requests, summed over the requests. With more than `floor_per_second / ratio` requests a second
that is `ratio` of them. The idea is Finagle's retry budget: https://twitter.github.io/finagle/guide/Clients.html
"""

from dataclasses import dataclass
from typing import NamedTuple


class Terms(NamedTuple):
    """What a request earns, and how much may be saved."""

    ratio: float
    """Of the requests."""
    floor_per_second: float
    """What a second between two requests earns, where that is more."""
    most: float
    """Saved at once. It is there from the beginning."""


RETRIES = Terms(ratio=0.2, floor_per_second=0.1, most=10.0)
"""A fifth of the requests: with one backend of three dead, a third of them needs a second try until its circuit opens,
which ten saved ones bridge."""
HEDGES = Terms(ratio=0.05, floor_per_second=1 / 60, most=2.0)
"""A twentieth (Dean and Barroso, The Tail at Scale, CACM 2013), or one a minute. Few are saved: a burst of hedges comes
when all are slow, and then it helps nobody."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What is saved at one moment."""

    saved: float
    at: float

    def after_request(self, now: float, terms: Terms) -> "Budget":
        """Once a caller has made a request."""
        earned = max(terms.ratio, terms.floor_per_second * (now - self.at))
        return Budget(min(terms.most, self.saved + earned), now)

    @property
    def affords(self) -> bool:
        """Whether one more may be made."""
        return self.saved >= 1.0

    def after_spending(self) -> "Budget":
        """Once one was made."""
        return Budget(self.saved - 1.0, self.at)


class Budgets:
    """The budgets of all pools on the same terms, by the name of the role or model that is asked for."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._budgets: dict[str, Budget] = {}

    def earn(self, pool: str, now: float) -> None:
        """A caller has asked for `pool`."""
        known = self._budgets.get(pool)
        if known is None:
            self._budgets[pool] = Budget(self._terms.most, now)
        else:
            self._budgets[pool] = known.after_request(now, self._terms)

    def affords(self, pool: str) -> bool:
        """Whether `spend` would say yes."""
        known = self._budgets.get(pool)
        return known is not None and known.affords

    def spend(self, pool: str) -> bool:
        """Take one, if there is one; whether there was."""
        known = self._budgets.get(pool)
        if known is None or not known.affords:
            return False
        self._budgets[pool] = known.after_spending()
        return True
