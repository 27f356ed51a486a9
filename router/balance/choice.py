"""Which candidate of a pool gets a request.

Rules of this file
- Pure: the same pool, snapshot and random number give the same choice, with every reason named.
- Backends that are up come first. One that nobody has heard of yet may be tried when none is up, since a request is
  as good a probe as any; one that is down or loading never is.
- Among them the one with the fewest of our requests in flight, then the lower level, then chance.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from router.balance.pools import Candidate, Pool
from sidecar import BackendState, Level, Snapshot, Verdict


class Exclusion(StrEnum):
    """Why a candidate was not considered."""

    GONE = "gone"
    """No longer configured."""
    DOWN = "down"
    LOADING = "loading"
    UNPROVEN = "unproven"
    """Not probed yet, while others are up."""
    TRIED = "tried"
    """It has already failed this request."""


@dataclass(frozen=True, slots=True)
class Considered:
    """One candidate, as it was seen at the moment of the choice."""

    candidate: Candidate
    in_flight: int
    level: Level | None
    excluded: Exclusion | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Who won (None: nobody could serve), and everybody who was looked at."""

    winner: Considered | None
    reason: str
    considered: tuple[Considered, ...]


LevelOf = Callable[[BackendState], Level | None]


def choose(
    pool: Pool, snapshot: Snapshot, level_of: LevelOf, tried: Collection[Candidate], random: Callable[[], float]
) -> Choice:
    """The candidate with the fewest requests in flight. `random` gives numbers in 0..1 and breaks ties."""
    seen = [_seen(candidate, snapshot.backends, level_of, tried) for candidate in pool]
    if any(one.excluded is None for one in seen):
        able = [one for one in seen if one.excluded is None]
    else:
        able = [one for one in seen if one.excluded is Exclusion.UNPROVEN]
    if not able:
        return Choice(None, "nobody in the pool can serve", tuple(seen))
    fewest = min(_cost(one) for one in able)
    # In an order of their own: the order of the pool shall not matter, whatever the random number.
    best = sorted((one for one in able if _cost(one) == fewest), key=_name)
    winner = best[min(int(random() * len(best)), len(best) - 1)]
    return Choice(winner, _reason(winner, able, best), tuple(seen))


def _seen(
    candidate: Candidate, backends: Mapping[str, BackendState], level_of: LevelOf, tried: Collection[Candidate]
) -> Considered:
    state = backends.get(candidate.backend)
    if state is None:
        return Considered(candidate, 0, None, Exclusion.GONE)
    return Considered(candidate, state.work.in_flight, level_of(state), _exclusion(candidate, state, tried))


def _exclusion(candidate: Candidate, state: BackendState, tried: Collection[Candidate]) -> Exclusion | None:
    if candidate in tried:
        return Exclusion.TRIED
    if state.health.verdict is Verdict.DOWN:
        return Exclusion.DOWN
    if state.health.loading:
        return Exclusion.LOADING
    return Exclusion.UNPROVEN if state.health.verdict is Verdict.UNKNOWN else None


def _cost(one: Considered) -> tuple[int, int]:
    return (one.in_flight, Level.UNAVAILABLE if one.level is None else one.level)


def _name(one: Considered) -> tuple[str, str]:
    return (one.candidate.backend, one.candidate.model)


def _reason(winner: Considered, able: list[Considered], best: list[Considered]) -> str:
    if len(able) == 1:
        return "the only one that can serve"
    if len(best) > 1:
        return f"chance among {len(best)} with {winner.in_flight} in flight"
    return f"fewest in flight: {winner.in_flight}"
