"""Which candidate of a pool gets a request.

Rules of this file
- Pure: the same pool, snapshot, demand and random number give the same choice, with every reason named.
- All candidates are looked at. The lowest cost wins; where costs are equal, chance decides, and the order of the pool
  does not.
- A winner without room is a choice too: it says for whom to wait.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import NamedTuple

from router.balance.demand import Demand
from router.balance.policy import Policy, Scene
from router.balance.pools import Candidate, Pool
from router.balance.seen import Able, Excluded, Exclusion, View, look
from sidecar import Snapshot


class Ground(StrEnum):
    """What a choice with a winner rested on."""

    ONLY = "only"
    """Nobody else could serve."""
    COST = "cost"
    """It costs least, as the policy counts."""
    CHANCE = "chance"
    """Several cost least."""
    PANIC = "panic"
    """Nobody was fit, and of those who are left alone for a moment it was one."""


class Considered(NamedTuple):
    """One candidate, as it was seen at the moment of the choice. Seconds; None where it was excluded."""

    candidate: Candidate
    in_flight: float | None
    ttft_seconds: float | None
    e2e_seconds: float | None
    cost: float | None
    """As the policy counts; infinity: it was not looked at."""
    excluded: Exclusion | None = None
    slots: float | None = None
    """Requests at once; infinity where nothing says that there is a limit."""
    cold_seconds: float = 0.0
    """Of the prediction: loading the model first."""
    silent_seconds: float = 0.0
    """Of the prediction: it says nothing though it should."""
    trusted: bool = True
    """Whether the prediction rests on what was measured there; else it is a guess."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Who won (None: nobody could serve), by what, and everybody who was looked at."""

    winner: Able | None
    reason: str
    scene: Scene
    costs: Sequence[float]
    """As the policy counts, of those in `scene.able`; infinity: it was not looked at."""
    excluded: Sequence[Excluded] = ()
    place: int | None = None
    """The winner's in `scene.able`."""
    full: bool = False
    """The winner has no room: it is worth waiting for."""
    panic: bool = False
    ground: Ground | None = None
    """None: nobody won."""
    rests_until: float | None = None
    """Nobody can serve before this moment, because they said so."""

    @property
    def considered(self) -> tuple[Considered, ...]:
        """Everybody: first those that were able, then the excluded."""
        able = (self.row(place) for place in range(len(self.costs)))
        return (*able, *(Considered(one.candidate, None, None, None, None, one.why) for one in self.excluded))

    @property
    def won(self) -> Considered | None:
        """The winner's row."""
        return None if self.place is None else self.row(self.place)

    def row(self, place: int) -> Considered:
        """One of `scene.able`, in figures. Made when somebody looks: most choices of a long line nobody reads."""
        scene = self.scene
        one = scene.able[place]
        outlook, waiting = one.outlook, scene.before[place]
        first_seconds = outlook.ttft(scene.prompt_tokens(place), scene.lengths, waiting)
        answer_tokens = scene.lengths.expected(scene.demand.max_tokens)
        return Considered(
            one.candidate,
            outlook.in_flight,
            first_seconds,
            first_seconds + answer_tokens * outlook.token_seconds(scene.lengths),
            self.costs[place],
            None,
            outlook.slots,
            outlook.cold_seconds,
            outlook.silent_seconds,
            outlook.trusted,
        )


def choose(
    pool: Pool,
    snapshot: Snapshot,
    demand: Demand,
    policy: Policy,
    random: float,
    tried: Collection[Candidate] = (),
) -> Choice:
    """The candidate that costs least. `random` is a number in 0..1."""
    view = look(pool, snapshot, demand.role, tried)
    return choose_from(view, snapshot, demand, policy, random, (0,) * len(view.able))


def choose_from(
    view: View, snapshot: Snapshot, demand: Demand, policy: Policy, random: float, before: Sequence[int]
) -> Choice:
    """The same, where somebody has looked already. `before`: how many of us already wait for each that is able."""
    cached = _cached(view, snapshot, demand) if demand.blocks else None
    return choose_on(Scene(view.able, before, demand, snapshot.lengths_of(demand.role), random, cached), view, policy)


def choose_on(scene: Scene, view: View, policy: Policy) -> Choice:
    """The same, where everything that a policy looks at is at hand: `scene` is of those in `view` who are able."""
    costs = _costs(policy, scene) if view.able else []
    lowest = min(costs, default=inf)
    best = [place for place, cost in enumerate(costs) if cost <= lowest]
    if not best:
        reason = "nobody in the pool can serve"
        return Choice(None, reason, scene, costs, view.excluded, rests_until=view.rests_until)
    if len(best) > 1:
        # In an order of their own: the order of the pool shall not matter, whatever the random number.
        best.sort(key=lambda place: view.able[place].candidate)
    place = best[min(int(scene.random * len(best)), len(best) - 1)]
    winner = view.able[place]
    full = winner.room - scene.before[place] < 1
    reason = _reason(policy, costs, place, len(best))
    ground = Ground.PANIC if view.panic else _ground(costs, len(best))
    return Choice(winner, reason, scene, costs, view.excluded, place, full, view.panic, ground)


def _cached(view: View, snapshot: Snapshot, demand: Demand) -> list[float] | None:
    """Tokens of the prompt that each is expected to have in its cache; None: nobody has any."""
    found: list[float] = []
    for one in view.able:
        backend, model = one.candidate
        pulse = snapshot.pulses.get(backend)
        tokens: float = 0 if pulse is None else pulse.cached_tokens(model, demand.blocks)
        if tokens:
            tokens = min(tokens * one.state.forecast(model).cache_hits_ratio, demand.prompt_tokens)
        found.append(tokens)
    return found if any(found) else None


def _costs(policy: Policy, scene: Scene) -> list[float]:
    """What each costs; infinity for those that are full, if the policy cannot tell whether they are worth a wait."""
    places = range(len(scene.able)) if policy.waits else _with_room(scene)
    if len(places) in (0, len(scene.able)):
        return policy.costs(scene)
    part = scene._replace(
        able=[scene.able[place] for place in places],
        before=[scene.before[place] for place in places],
        cached=scene.cached and [scene.cached[place] for place in places],
    )
    costs = [inf] * len(scene.able)
    for place, cost in zip(places, policy.costs(part), strict=True):
        costs[place] = cost
    return costs


def _with_room(scene: Scene) -> Sequence[int]:
    rooms = zip(scene.able, scene.before, strict=True)
    return [place for place, (one, waiting) in enumerate(rooms) if one.room - waiting >= 1]


def _ground(costs: Sequence[float], tied: int) -> Ground:
    if len(costs) == 1:
        return Ground.ONLY
    return Ground.CHANCE if tied > 1 else Ground.COST


def _reason(policy: Policy, costs: Sequence[float], winner: int, tied: int) -> str:
    if len(costs) == 1:
        return "the only one that can serve"
    if tied > 1:
        return f"chance among {tied} with the {policy.by}: {costs[winner]:.3g}"
    second = min(min(costs[:winner], default=inf), min(costs[winner + 1 :], default=inf))
    if second == inf:
        return f"{policy.by}: {costs[winner]:.3g}, no other was looked at"
    return f"{policy.by}: {costs[winner]:.3g}, the next {second:.3g}"
