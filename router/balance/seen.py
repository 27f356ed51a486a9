"""The candidates of a pool at one moment: who may be chosen, what each has to offer, and why others may not.

Rules of this file
- Pure. Policies see only what stands here; they never ask how a backend came to be in or out.
- A backend that is down, loading, put to sleep or drained gets nothing, whoever else there is. One whose circuit is
  open is left alone as long as another can serve: the last one is never let go. One that is just back gets its share
  little by little, as long as another has room: nobody waits for the sake of a slow start.
- One that nobody has heard of yet may be tried when none is up, since a request is as good a probe as any.
"""

from collections.abc import Collection, Sequence
from enum import StrEnum
from math import inf
from typing import NamedTuple

from router.balance.pools import Candidate, Pool
from sidecar import UNTROUBLED, WELL, BackendState, Outlook, Pulse, Snapshot, Steady, Verdict, outlook_on, steady_on

SLOW_START_SHARE = 32.0
"""Requests that a backend without known slots is held to be good for, when it starts slowly."""


class Exclusion(StrEnum):
    """Why a candidate was not considered."""

    GONE = "gone"
    """No longer configured."""
    DOWN = "down"
    LOADING = "loading"
    SUSPENDED = "suspended"
    """Put to sleep by its operator; a request would not wake it."""
    DRAINING = "draining"
    UNPROVEN = "unproven"
    """Not probed yet, while others are up."""
    TRIED = "tried"
    """It has already failed this request."""
    CIRCUIT_OPEN = "circuit_open"
    """It has failed lately, and is left alone for a moment."""
    WARMING = "warming"
    """It is just back, and has as much to do as it shall have by now, while another has room."""
    RESTING = "resting"
    """It said that it is full, and until when."""


class Able(NamedTuple):
    """A candidate that may be chosen, at one moment."""

    candidate: Candidate
    state: BackendState
    outlook: Outlook
    room: float
    """How many more may be sent to it now; what goes beyond waits."""

    @property
    def door(self) -> "str | Candidate":
        """Where it is waited for: those who wait at the same one wait for one another."""
        return self.candidate if self.state.slots_per_model else self.candidate.backend


class Excluded(NamedTuple):
    """A candidate that may not."""

    candidate: Candidate
    why: Exclusion


class View(NamedTuple):
    """A pool at one moment."""

    able: Sequence[Able]
    """Who may be chosen."""
    excluded: Sequence[Excluded]
    panic: bool
    """Nobody was fit, so those whose circuit is open were let in."""
    rests_until: float | None
    """Where nobody is able only because they said that they are full: when the first may be asked again."""


class _Sight(NamedTuple):
    """Somebody with whom all is well, as he was seen last: so he is seen again while nothing happens to him."""

    steady: Steady
    able: Able


def look(pool: Pool, snapshot: Snapshot, role: str, tried: Collection[Candidate] = ()) -> View:
    """Everybody in `pool`, sorted into able and excluded."""
    able: list[Able] = []
    warming: list[Able] = []
    excluded: list[Excluded] = []
    backends, pulses, now = snapshot.backends, snapshot.pulses, snapshot.now
    for candidate in pool:
        state, pulse = backends.get(candidate.backend), pulses.get(candidate.backend)
        sight: _Sight | None = None if pulse is None or tried else pulse.worked_out.get(candidate)
        if state is None:
            excluded.append(Excluded(candidate, Exclusion.GONE))
        elif sight is not None and pulse is not None and sight.steady.holds(state, pulse, now):
            able.append(sight.able)
        elif (why := _exclusion(candidate, state, now, tried)) is not None:
            excluded.append(Excluded(candidate, why))
        else:
            one = _able(candidate, state, snapshot, role)
            (warming if _has_its_share(one, now) else able).append(one)
            if pulse is not None and state.health is WELL and state.breaker is UNTROUBLED:
                _keep(one, pulse, now)
    if warming and any(one.room >= 1 for one in able):
        excluded += (Excluded(one.candidate, Exclusion.WARMING) for one in warming)
    else:
        able += warming
    if able:
        return View(able, excluded, panic=False, rests_until=None)
    return _fallback(excluded, snapshot, role)


def _fallback(excluded: list[Excluded], snapshot: Snapshot, role: str) -> View:
    """Nobody is fit: the unproven are tried, then those with an open circuit; those that rest are waited for."""
    for why in (Exclusion.UNPROVEN, Exclusion.CIRCUIT_OPEN):
        let_in = [one.candidate for one in excluded if one.why is why]
        if let_in:
            able = [_able(one, snapshot.backends[one.backend], snapshot, role) for one in let_in]
            rest = [one for one in excluded if one.why is not why]
            return View(able, rest, panic=why is Exclusion.CIRCUIT_OPEN, rests_until=None)
    resting = [snapshot.backends[one.candidate.backend] for one in excluded if one.why is Exclusion.RESTING]
    until = [state.breaker.full_until for state in resting if state.breaker.full_until is not None]
    return View((), excluded, panic=False, rests_until=min(until, default=None))


def _exclusion(candidate: Candidate, state: BackendState, now: float, tried: Collection[Candidate]) -> Exclusion | None:
    health = state.health
    if not health.available:
        if health.verdict is Verdict.DOWN:
            return Exclusion.DOWN
        if health.loading:
            return Exclusion.LOADING
        if health.suspended:
            return Exclusion.SUSPENDED
    if state.draining:
        return Exclusion.DRAINING
    if tried and candidate in tried:
        return Exclusion.TRIED
    breaker = state.breaker
    if breaker.full_until is not None and breaker.is_full(now):
        return Exclusion.RESTING
    if breaker.opened_at is not None and not breaker.allows(now):
        return Exclusion.CIRCUIT_OPEN
    return Exclusion.UNPROVEN if health.verdict is Verdict.UNKNOWN else None


def _able(candidate: Candidate, state: BackendState, snapshot: Snapshot, role: str) -> Able:
    outlook = outlook_on(state, candidate.model, role, snapshot)
    return Able(candidate, state, outlook, outlook.room)


def _keep(one: Able, pulse: Pulse, now: float) -> None:
    steady = steady_on(one.state, one.candidate.model, pulse, now)
    if one.outlook is steady.outlook:
        pulse.worked_out[one.candidate] = _Sight(steady, one)


def _has_its_share(one: Able, now: float) -> bool:
    """Whether a backend that is just back has as much to do as it shall have by now."""
    warmth = one.state.breaker.warmth(now)
    most = one.outlook.slots if one.outlook.slots < inf else SLOW_START_SHARE
    return warmth < 1.0 and one.outlook.in_flight + 1 > max(1.0, warmth * most)
