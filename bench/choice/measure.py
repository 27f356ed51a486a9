"""CPU time of choices: in a burst, and in ordinary traffic.

Rules of this file
- Only the choice is timed: the snapshot, the look at every candidate, their costs, who wins, whether it may go. What
  happens to the fleet between two choices is not; the facts that follow from a choice are timed apart.
- CPU time of the thread alone, so that others on the machine do not count, though they cool its caches.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from statistics import median
from time import thread_time_ns

from bench.choice.fleet import BURST_SECONDS, COMMON_BLOCKS, Fleet
from router.balance.admission import Line, Ticket
from router.balance.choice import Choice
from router.balance.policies import POLICIES, PolicyName

CHOICES = 60
"""In one round."""
UNTIMED = 5
"""Before each round: what was just started is not yet warm."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured."""

    policy: PolicyName
    candidates: int
    prefix: bool = False
    """The prompt begins with what some candidates have in their caches."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds, one for each round."""

    steady: tuple[float, ...]
    """One choice of a burst, where nobody books."""
    busy: tuple[float, ...]
    """One choice of ordinary traffic: all streams have gone on since the last one, one request began and one ended."""
    facts: tuple[float, ...]
    """The three facts of a request: sent, first token, end."""


def measured(case: Case, rounds: int) -> Cost:
    """The costs of one case."""
    bench = _Bench(case)
    with _no_collections():
        found = [bench.round() for _ in range(rounds)]
    steady, busy, facts = zip(*found, strict=True)
    return Cost(steady, busy, facts)


class _Bench:
    def __init__(self, case: Case) -> None:
        self._policy = POLICIES[case.policy]
        self._blocks = COMMON_BLOCKS if case.prefix else ()
        self._fleet = Fleet(case.candidates)
        self._line = Line()
        self._random = Random(1).random

    def round(self) -> tuple[float, float, float]:
        steady = [self._steady() for _ in range(UNTIMED + CHOICES)]
        busy = [self._busy() for _ in range(UNTIMED + CHOICES)]
        return _usual(steady), _usual([choice for choice, _ in busy]), _usual([facts for _, facts in busy])

    def _steady(self) -> float:
        self._fleet.work(BURST_SECONDS)
        return self._choose()[0]

    def _busy(self) -> tuple[float, float]:
        self._fleet.work(self._fleet.turnover_seconds)
        microseconds, choice = self._choose()
        began = thread_time_ns()
        self._fleet.take(choice)
        return microseconds, (thread_time_ns() - began) / 1000

    def _choose(self) -> tuple[float, Choice]:
        fleet = self._fleet
        ticket = Ticket(fleet.demand(self._blocks), fleet.pool, self._policy, fleet.now)
        random = self._random()
        began = thread_time_ns()
        admission = self._line.admit(ticket, fleet.snapshot(), random)
        microseconds = (thread_time_ns() - began) / 1000
        self._line.remove(ticket)
        return microseconds, admission.choice


def _usual(times: list[float]) -> float:
    return median(times[UNTIMED:])


@contextmanager
def _no_collections() -> Iterator[None]:
    """A collection counts for what was left by others, and would fall on whoever comes next."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
