"""Costs → the tables that people read. Pure.

Rules of this file
- Medians, with the best round beside them: on a machine that others use, the best is nearer to the truth.
- What missed its target is said by name.
"""

from collections.abc import Mapping
from statistics import median

from bench.balance.table import aligned
from bench.choice.measure import Case, Cost
from router.balance.policies import PolicyName

TARGETS_MICROSECONDS = {16: 50.0, 256: 500.0}
"""Candidates → what one choice by the default policy may cost."""


def table(costs: Mapping[Case, Cost]) -> str:
    """Everything measured."""
    rows = [["policy", "candidates", "steady us", "best", "busy us", "best", "us/candidate", "facts us", "best"]]
    for case, cost in costs.items():
        each = min(cost.busy) / case.candidates
        figures = (median(cost.steady), min(cost.steady), median(cost.busy), min(cost.busy), each)
        facts = (median(cost.facts), min(cost.facts))
        rows.append([_name(case), str(case.candidates), *(f"{figure:.1f}" for figure in (*figures, *facts))])
    return aligned(rows)


def verdicts(costs: Mapping[Case, Cost]) -> Mapping[str, bool]:
    """Each target in words → whether it was met by the best round, in both states."""
    return {
        f"{_name(case)} with {case.candidates} candidates: {max(min(cost.steady), min(cost.busy)):.1f} us, "
        f"target {most:.0f} us": max(min(cost.steady), min(cost.busy)) <= most
        for case, cost in costs.items()
        if case.policy is PolicyName.PREDICTED and (most := TARGETS_MICROSECONDS.get(case.candidates)) is not None
    }


def dearer(costs: Mapping[Case, Cost]) -> list[str]:
    """Where the default policy costs more than another one, in words."""
    default = {case.candidates: cost for case, cost in costs.items() if _name(case) == PolicyName.PREDICTED}
    return [
        f"{_name(case)} with {case.candidates} candidates: {_busy(default[case.candidates]) / _busy(cost):.2f} times"
        for case, cost in costs.items()
        if case.candidates in default and _busy(cost) < _busy(default[case.candidates])
    ]


def _busy(cost: Cost) -> float:
    return min(cost.busy)


def _name(case: Case) -> str:
    return f"{case.policy}+prefix" if case.prefix else str(case.policy)
