"""Why a backend got a request, in so little that a page can make a sentence of it.

Rules of this file
- Pure. Codes and numbers; the sentence is the page's, which knows the language.
- Small however large the pool: who won, who came next, and a few of those that were left out.
"""

from math import isfinite
from typing import Any

from router.balance.choice import Considered
from router.balance.why import ABLE, Why

MOST_LEFT_OUT = 3


def choice_glimpse(why: Why) -> dict[str, Any]:
    """One choice. `able`: how many could have served; `tied`: how many of them at the same cost as the winner."""
    rows = why.best_first
    able = [row for row in rows if row.excluded is None]
    excluded = [row for row in rows if row.excluded is not None]
    left_out = len(excluded) + sum(number for kind, number in why.not_shown.items() if kind != ABLE)
    cheapest = None if why.won is None else why.won.cost
    return {
        "policy": str(why.policy),
        "able": len(able) + why.not_shown.get(ABLE, 0),
        "tied": 0 if cheapest is None else sum(row.cost is not None and row.cost <= cheapest for row in able),
        "won": None if why.won is None else _row(why.won),
        "next": next((_row(row) for row in able if row is not why.won), None),
        "left_out": [{"backend": row.candidate.backend, "why": str(row.excluded)} for row in excluded[:MOST_LEFT_OUT]],
        "more_left_out": max(0, left_out - MOST_LEFT_OUT),
        "panic": why.panic,
    }


def _row(one: Considered) -> dict[str, Any]:
    cost = one.cost
    return {"backend": one.candidate.backend, "cost": None if cost is None or not isfinite(cost) else round(cost, 2)}
