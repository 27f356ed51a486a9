"""The truth: how many times as long as on the idle machine a typical request would take if it were sent now.

Rules of this file
- It knows what nobody could: how long every answer will be, who comes after the request, and when a stall ends.
- Of what will go wrong it knows nothing: a fault counts from its beginning on.
- A model that is not in memory is no load: the time of loading it is left out.
- The site is left as it is: everything is tried on a copy of its machine.
"""

import pickle
from bisect import bisect_right
from collections.abc import Sequence
from enum import StrEnum
from math import inf
from typing import NamedTuple

from bench.balance.backend import Site
from bench.balance.machine import Machine
from bench.balance.workload import CONVERSATIONS
from sidecar.levels import Level, reached
from simulator.profiles import Profile

PROMPT_TOKENS, ANSWER_TOKENS = 1000, 150
LEVEL_FROM = (1.25, 2.0, 4.0)
"""Slowdown from which on a machine is normal, busy, very busy."""
_TYPICAL = -(10**12)
"""A key that no request has."""


class Truth(StrEnum):
    """Who keeps the typical request company."""

    STAYS = "the company stays"
    """Whoever ends is followed at once by another, of mean size: the load there is now, without the luck of the draw.
    A level is about the present, and so this is what is scored."""
    COMES = "as it would have gone"
    """Whoever really came: partly luck, which no judge can know."""
    NOBODY = "nobody after it"
    """Those who are there, and no others."""


class Coming(NamedTuple):
    """A request that will be sent to the machine."""

    at: float
    prompt_tokens: int
    output_tokens: int


class Oracle:
    """The truth about one site. `everybody`: who was sent there and will be, in the order of time."""

    def __init__(self, site: Site, profile: Profile, everybody: Sequence[Coming]) -> None:
        self._site = site
        self._everybody = everybody
        self._alone_seconds = alone_seconds(profile)

    def levels(self, now: float, truths: Sequence[Truth]) -> list[Level]:
        """The level that the site truly has, by each of these truths."""
        if self._site.is_down:
            return [Level.UNAVAILABLE] * len(truths)
        frozen = pickle.dumps(self._site.machine)
        return [Level(reached(self._slowdown(frozen, now, truth), LEVEL_FROM)) for truth in truths]

    def slowdown(self, now: float, truth: Truth) -> float:
        """How many times as long it would take: 1 or more. What is beyond the last level is infinity."""
        return self._slowdown(pickle.dumps(self._site.machine), now, truth)

    def _slowdown(self, frozen: bytes, now: float, truth: Truth) -> float:
        machine: Machine = pickle.loads(frozen)
        loading_seconds = 0.0
        if self._site.frozen_until > now:
            machine.thaw(self._site.frozen_until)
        elif not machine.is_resident(now):
            if not machine.waiting:
                return 1.0
            loading_seconds = max(0.0, machine.due - now)
        machine.submit(_TYPICAL, PROMPT_TOKENS, ANSWER_TOKENS, now)
        until = now + loading_seconds + LEVEL_FROM[-1] * self._alone_seconds
        coming = self._after(now, until) if truth is Truth.COMES else ()
        end = ended(machine, coming, until, company_stays=truth is Truth.STAYS)
        return inf if end is None else max(1.0, (end - now - loading_seconds) / self._alone_seconds)

    def _after(self, now: float, until: float) -> Sequence[Coming]:
        begin = bisect_right(self._everybody, now, key=lambda one: one.at)
        end = bisect_right(self._everybody, until, key=lambda one: one.at)
        return self._everybody[begin:end]


def alone_seconds(profile: Profile) -> float:
    """How long a typical request takes on the idle machine."""
    machine = Machine(profile)
    machine.submit(_TYPICAL, PROMPT_TOKENS, ANSWER_TOKENS, 0.0)
    end = ended(machine, (), inf, company_stays=False)
    assert end is not None
    return end


def ended(machine: Machine, coming: Sequence[Coming], until: float, *, company_stays: bool) -> float | None:
    """When the typical request in a machine gets its last token; None if that is not by `until`."""
    left, number = list(reversed(coming)), 0
    while True:
        now = min(machine.due, left[-1].at if left else inf)
        if now > until:
            return None
        for mark in machine.advance(now):
            if mark.last and mark.key == _TYPICAL:
                return mark.at
            if mark.last and company_stays:
                number += 1
                prompt, output = round(CONVERSATIONS.mean_prompt_tokens), round(CONVERSATIONS.mean_output_tokens)
                machine.submit(_TYPICAL - number, prompt, output, mark.at)
        while left and left[-1].at <= now:
            number += 1
            machine.submit(_TYPICAL - number, left[-1].prompt_tokens, left.pop().output_tokens, now)
