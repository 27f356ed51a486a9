"""Choices as `router.balance.choice` makes them, from the rows that they shall have."""

from math import isfinite

from router.balance.choice import Choice, Considered
from router.balance.demand import Demand, Priority
from router.balance.policies import PolicyName
from router.balance.policy import Scene
from router.balance.pools import Candidate
from router.balance.seen import Able, Excluded, Exclusion
from router.balance.why import Why, why_of
from sidecar import BackendSpec, BackendState, Lengths, Outlook

REASON = "lowest predicted cost: 2.1, the next 6.3"
DEMAND = Demand("reasoner", 312, 16000, session="a conversation", blocks=(1, 2), priority=Priority.BATCH)
LENGTHS = Lengths()

MINI = Considered(Candidate("mini", "gemma4"), 1, 0.412, 3.14, 2.1, slots=4)
GPU = Considered(
    Candidate("gpu", "gemma4"), 3, 15.2, 24.0, 16.3, slots=4, cold_seconds=14.0, silent_seconds=1.0, trusted=False
)
NAS = Considered(Candidate("nas", "gemma4"), None, None, None, None, Exclusion.DOWN)


def able(name: str, cost: float, ttft: float = 0.412, e2e: float = 3.14, *, trusted: bool = True) -> Considered:
    """The row of somebody who could serve."""
    return Considered(Candidate(name, "m"), 1, ttft, e2e, cost, slots=4, trusted=trusted)


def out(name: str, why: Exclusion = Exclusion.DOWN) -> Considered:
    """The row of somebody who could not."""
    return Considered(Candidate(name, "m"), None, None, None, None, why)


def choice(*rows: Considered, won: Considered | None = None, panic: bool = False) -> Choice:
    """A choice among these; `won` is one of them."""
    fit = [one for one in rows if one.excluded is None]
    scene = Scene([_able(one) for one in fit], (0,) * len(fit), DEMAND, LENGTHS, 0.0)
    place = None if won is None else next(place for place, one in enumerate(fit) if one is won)
    winner = None if place is None else scene.able[place]
    costs = [one.cost or 0.0 for one in fit]
    excluded = [Excluded(one.candidate, one.excluded) for one in rows if one.excluded is not None]
    return Choice(winner, REASON, scene, costs, excluded, place, panic=panic)


def why(
    *rows: Considered,
    won: Considered | None = None,
    panic: bool = False,
    policy: PolicyName = PolicyName.PREDICTED,
    stream: bool = True,
) -> Why:
    """What stays of it."""
    return why_of(choice(*rows, won=won, panic=panic), policy, DEMAND, stream=stream)


def _able(one: Considered) -> Able:
    first, whole = one.ttft_seconds or 0.0, one.e2e_seconds or 0.0
    own = first - one.cold_seconds - one.silent_seconds
    later = (whole - first) / LENGTHS.expected(DEMAND.max_tokens) if isfinite(first) else 0.0
    outlook = Outlook(
        in_flight=one.in_flight or 0.0,
        slots=one.slots or 1.0,
        room=1.0,
        first_seconds=own,
        ahead_seconds=0.0,
        prompt_seconds=0.0,
        later_seconds=later,
        others=0.0,
        crowding_seconds=0.0,
        slot_later_seconds=0.0,
        slot_first_seconds=1e-9,  # slots come free at once
        cold_seconds=one.cold_seconds,
        trusted=one.trusted,
        silent_seconds=one.silent_seconds,
    )
    return Able(one.candidate, BackendState(BackendSpec(one.candidate.backend, "")), outlook, 1.0)
