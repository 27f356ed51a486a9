"""Backends, pools and outlooks as plain values: what policies and choices look at."""

from collections.abc import Sequence
from math import inf
from typing import Any

from hypothesis import strategies as st

from router.balance.demand import Demand
from router.balance.policy import Scene
from router.balance.pools import Candidate, Pool
from router.balance.seen import Able
from sidecar import UNTROUBLED, BackendSpec, BackendState, Lengths, Outlook, Snapshot, Verdict
from sidecar.breaker import Breaker
from sidecar.health import Health
from sidecar.lengths import NO_LENGTHS
from sidecar.work import Work

NOW = 1000.0
UP = Health(Verdict.UP)
HEALTHS = {
    "up": UP,
    "down": Health(Verdict.DOWN, 3),
    "loading": Health(Verdict.UP, loading=True),
    "sleeping": Health(Verdict.UP, sleeping=True),
    "suspended": Health(Verdict.UP, suspended=True),
    "unknown": Health(),
}
CIRCUITS = {
    "closed": UNTROUBLED,
    "closed for long": Breaker(),
    "open": Breaker(1, opened_at=NOW - 0.5),
    "due": Breaker(1, opened_at=NOW - 1.0),
    "on trial": Breaker(1, opened_at=NOW - 1.0, trial="7"),
    "warming": Breaker(1, opened_at=NOW - 20.0, closed_at=NOW - 15.0),
    "warm": Breaker(1, opened_at=NOW - 60.0, closed_at=NOW - 30.0),
    "resting": Breaker(full_until=NOW + 2.0),
    "rested": Breaker(full_until=NOW),
}
NAMES = ("a", "b", "c", "d")


def state(
    name: str,
    health: str = "up",
    circuit: str = "closed",
    *,
    in_flight: int = 0,
    slots: int | None = None,
    draining: bool = False,
    **spec: Any,
) -> BackendState:
    """A backend."""
    return BackendState(
        BackendSpec(name, f"http://{name}:1", slots=slots, **spec),
        health=HEALTHS[health],
        breaker=CIRCUITS[circuit],
        draining=draining,
        work=Work(started=in_flight, in_flight=in_flight, running=in_flight),
    )


def snapshot(*found: BackendState) -> Snapshot:
    """These backends at `NOW`."""
    return Snapshot(NOW, {one.name: one for one in found}, 0, 1)


def pool(names: Sequence[str], model: str = "m") -> Pool:
    """One candidate on each."""
    return tuple(Candidate(name, model) for name in names)


def outlook(**known: Any) -> Outlook:
    """An idle backend without limits that takes a tenth of a second, except for what is said.

    `ends_per_second`: how often a slot comes free while all are taken, however long answers are.
    """
    slots, ends_per_second = known.get("slots", inf), known.pop("ends_per_second", 1.0)
    plain: dict[str, Any] = {
        "in_flight": 0,
        "slots": inf,
        "room": inf,
        "first_seconds": 0.1,
        "ahead_seconds": 0.0,
        "prompt_seconds": 0.0003,
        "later_seconds": 0.02,
        "others": 0.0,
        "crowding_seconds": 0.001,
        "slot_later_seconds": 0.0,
        "slot_first_seconds": 0.0 if slots == inf else slots / ends_per_second,
        "cold_seconds": 0.0,
        "trusted": True,
    }
    return Outlook(**{**plain, **known})


def able(name: str, *, weight: float = 1.0, tier: int = 0, **known: Any) -> Able:
    """A candidate that may be chosen, with this outlook."""
    seen = outlook(**known)
    return Able(Candidate(name, "m"), state(name, weight=weight, tier=tier), seen, seen.room)


def scene(
    *ones: Able,
    before: Sequence[int] | None = None,
    demand: Demand | None = None,
    lengths: Lengths = NO_LENGTHS,
    random: float = 0.5,
) -> Scene:
    """What a policy is asked about."""
    asked = demand or Demand("reasoner", prompt_tokens=1000)
    return Scene(ones, before or (0,) * len(ones), asked, lengths, random)


chances = st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1)
states = st.builds(
    state,
    st.sampled_from(NAMES),
    st.sampled_from([*HEALTHS, "up", "up", "up"]),
    st.sampled_from([*CIRCUITS, "closed", "closed"]),
    in_flight=st.integers(0, 5),
    slots=st.none() | st.integers(1, 4),
    draining=st.sampled_from([False, False, False, True]),
    weight=st.sampled_from([0.5, 1.0, 2.0]),
    tier=st.integers(0, 2),
)
fleets = st.lists(states, max_size=4, unique_by=lambda one: one.name).map(lambda found: snapshot(*found))
pools = st.lists(st.builds(Candidate, st.sampled_from(NAMES), st.sampled_from("mn")), max_size=6, unique=True).map(
    tuple
)
demands = st.builds(
    Demand,
    st.sampled_from(["reasoner", "classifier"]),
    prompt_tokens=st.integers(0, 20_000),
    max_tokens=st.none() | st.integers(1, 4000),
    session=st.none() | st.sampled_from(["s1", "s2", "s3"]),
    number=st.integers(0, 9),
)
ables = st.lists(
    st.builds(
        able,
        st.sampled_from([f"b{number}" for number in range(9)]),
        weight=st.sampled_from([0.5, 1.0, 3.0]),
        tier=st.integers(0, 2),
        in_flight=st.integers(0, 9),
        slots=st.sampled_from([1, 2.5, 4, inf]),
        room=st.sampled_from([-3, 0, 0.5, 1, 7, inf]),
        first_seconds=st.floats(0, 9),
        ahead_seconds=st.floats(0, 9),
        prompt_seconds=st.floats(0, 0.01),
        ends_per_second=st.sampled_from([0.01, 1.0, 100.0]),
        silent_seconds=st.sampled_from([0.0, 9.0]),
        cold_seconds=st.sampled_from([0.0, 15.0]),
        later_seconds=st.floats(0.0001, 0.5),
        others=st.integers(0, 8),
        pace=st.sampled_from([1.0, 1.0, 2.5]),
        crowding_seconds=st.floats(0, 0.01),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one.candidate,
)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Any that has somebody in it."""
    ones = draw(ables)
    before = draw(st.lists(st.integers(0, 3), min_size=len(ones), max_size=len(ones)))
    return Scene(ones, before, draw(demands), NO_LENGTHS, draw(chances))
