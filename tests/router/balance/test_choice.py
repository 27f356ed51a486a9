"""Who of a pool gets a request, by laws and at the edges."""

import itertools
from collections.abc import Sequence
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.balance.choice import Choice, Ground, choose, choose_from
from router.balance.demand import Demand
from router.balance.policies import POLICIES, PolicyName
from router.balance.policy import Policy, Scene
from router.balance.pools import Candidate, Pool
from router.balance.seen import Exclusion, View, look
from sidecar import BackendState, Snapshot
from tests.router.balance.scenes import able, chances, demands, fleets, pool, pools, snapshot, state

FEWEST = POLICIES[PolicyName.LEAST_IN_FLIGHT]
DEMAND = Demand("reasoner", prompt_tokens=100)
Situation = tuple[Pool, Snapshot, Demand, PolicyName, list[Candidate], float]


@st.composite
def situations(draw: st.DrawFn, policies: Sequence[PolicyName] = tuple(PolicyName)) -> Situation:
    """A pool, backends, a demand, a policy, who has been tried, and a random number."""
    found = draw(pools)
    tried = draw(st.lists(st.sampled_from(found), unique=True)) if found else []
    return found, draw(fleets), draw(demands), draw(st.sampled_from(policies)), tried, draw(chances)


def made(situation: Situation) -> Choice:
    found, seen, demand, name, tried, chance = situation
    return choose(found, seen, demand, POLICIES[name], chance, tried)


def chosen(choice: Choice) -> str | None:
    """The name of the winner."""
    return None if choice.winner is None else choice.winner.candidate.backend


@given(situations())
def test_the_winner_is_one_who_may_be_chosen(situation: Situation) -> None:
    found, seen, demand, _, tried, _ = situation
    winner = made(situation).winner
    fit = [one.candidate for one in look(found, seen, demand.role, tried).able]
    assert (winner is None) is (not fit)
    assert winner is None or winner.candidate in fit


@given(situations())
def test_nobody_costs_less_than_the_winner(situation: Situation) -> None:
    choice = made(situation)
    if choice.winner is not None:
        costs = {one.candidate: one.cost for one in choice.considered if one.cost is not None}
        assert costs[choice.winner.candidate] == min(costs.values())
        assert choice.won is not None
        assert (choice.won.candidate, choice.won.cost) == (choice.winner.candidate, min(costs.values()))


@given(situations())
def test_everybody_is_named_once_with_figures_or_a_reason(situation: Situation) -> None:
    choice = made(situation)
    assert sorted(one.candidate for one in choice.considered) == sorted(situation[0])
    for one in choice.considered:
        figures = (one.in_flight, one.ttft_seconds, one.e2e_seconds, one.cost)
        assert all((figure is None) is (one.excluded is not None) for figure in figures)
        if one.ttft_seconds is not None and one.e2e_seconds is not None:
            assert 0 <= one.ttft_seconds <= one.e2e_seconds


@given(situations())
def test_the_same_look_and_the_same_number_make_the_same_choice(situation: Situation) -> None:
    one, other = made(situation), made(situation)
    assert (one.winner, one.reason, one.considered) == (other.winner, other.reason, other.considered)


@given(
    situations([name for name in PolicyName if name not in (PolicyName.P2C, PolicyName.ROUND_ROBIN)]),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_pool_does_not_matter(situation: Situation, rng) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(situation[0])
    rng.shuffle(shuffled)
    one, other = made(situation), made((tuple(shuffled), *situation[1:]))
    assert (one.winner, one.reason, one.full, one.panic) == (other.winner, other.reason, other.full, other.panic)
    assert set(one.considered) == set(other.considered)


@given(situations())
def test_nobody_waits_for_a_full_one_by_a_policy_that_knows_nothing_of_waiting(situation: Situation) -> None:
    found, seen, demand, name, tried, _ = situation
    choice = made(situation)
    if choice.full and not POLICIES[name].waits:
        assert all(one.room < 1 for one in look(found, seen, demand.role, tried).able)


@pytest.mark.parametrize(("chance", "winner"), [(0.0, "a"), (0.3, "a"), (0.34, "b"), (0.999, "c"), (1.0, "c")])
def test_chance_reaches_everybody_who_is_equal(chance: float, winner: str) -> None:
    choice = choose(pool("abc"), snapshot(*(state(name) for name in "abc")), DEMAND, FEWEST, chance)
    assert chosen(choice) == winner
    assert choice.reason == "chance among 3 with the fewest requests in flight: 0"


@pytest.mark.parametrize("chance", [0.0, 0.3, 0.5, 0.999])
def test_chance_gives_the_same_in_any_order_of_the_pool(chance: float) -> None:
    seen = snapshot(*(state(name) for name in "abc"))
    orders = itertools.permutations(pool("abc"))
    assert len({chosen(choose(order, seen, DEMAND, FEWEST, chance)) for order in orders}) == 1


def test_an_empty_pool_has_no_winner() -> None:
    choice = choose((), snapshot(state("a")), DEMAND, FEWEST, 0.5)
    assert (choice.winner, choice.won, choice.considered) == (None, None, ())
    assert choice.reason == "nobody in the pool can serve"


@pytest.mark.parametrize(
    ("states", "winner", "reason"),
    [
        ((state("a"),), "a", "the only one that can serve"),
        ((state("a", in_flight=2), state("b", in_flight=1)), "b", "fewest requests in flight: 1, the next 2"),
        ((state("a", "down"), state("b", in_flight=9)), "b", "the only one that can serve"),
        ((state("a", "loading"), state("b", in_flight=9)), "b", "the only one that can serve"),
        ((state("a", "unknown"), state("b", in_flight=9)), "b", "the only one that can serve"),
        ((state("a", "unknown"), state("b", "down")), "a", "the only one that can serve"),
        ((state("a", "down"), state("b", "loading")), None, "nobody in the pool can serve"),
        ((), None, "nobody in the pool can serve"),
        # Whoever is full is not looked at while another has room.
        (
            (state("a", slots=1, in_flight=1), state("b", in_flight=5)),
            "b",
            "fewest requests in flight: 5, no other was looked at",
        ),
        (
            (state("a", slots=1, in_flight=1), state("b", slots=2, in_flight=2)),
            "a",
            "fewest requests in flight: 1, the next 2",
        ),
    ],
)
def test_who_wins_and_why(states: tuple[BackendState, ...], winner: str | None, reason: str) -> None:
    choice = choose(pool("ab"), snapshot(*states), DEMAND, FEWEST, 0.5)
    assert (chosen(choice), choice.reason) == (winner, reason)


@pytest.mark.parametrize(
    ("states", "ground"),
    [
        ((state("a"),), Ground.ONLY),
        ((state("a", "down"), state("b", in_flight=9)), Ground.ONLY),
        ((state("a", in_flight=2), state("b", in_flight=1)), Ground.COST),
        ((state("a"), state("b")), Ground.CHANCE),
        ((state("a", circuit="open"), state("b", "down")), Ground.PANIC),
        ((state("a", "down"), state("b", "down")), None),
    ],
)
def test_what_a_choice_rests_on_in_one_word(states: tuple[BackendState, ...], ground: Ground | None) -> None:
    assert choose(pool("ab"), snapshot(*states), DEMAND, FEWEST, 0.5).ground is ground


def test_a_winner_without_room_says_for_whom_to_wait() -> None:
    full = [state("a", slots=1, in_flight=1), state("b", slots=2, in_flight=2)]
    assert choose(pool("ab"), snapshot(*full), DEMAND, FEWEST, 0.5).full
    assert not choose(pool("ab"), snapshot(full[0], state("b", slots=3, in_flight=2)), DEMAND, FEWEST, 0.5).full


def test_whoever_waits_for_a_slot_already_has_it_first() -> None:
    view = look(pool("ab"), snapshot(state("a", slots=2), state("b", slots=2, in_flight=1)), "reasoner")
    seen = snapshot()
    assert chosen(choose_from(view, seen, DEMAND, FEWEST, 0.5, (0, 0))) == "a"
    assert chosen(choose_from(view, seen, DEMAND, FEWEST, 0.5, (2, 0))) == "b"
    assert choose_from(view, seen, DEMAND, FEWEST, 0.5, (2, 1)).full


def test_what_is_known_of_a_pool_goes_with_the_choice() -> None:
    panic = choose(pool("a"), snapshot(state("a", circuit="open")), DEMAND, FEWEST, 0.5)
    assert (chosen(panic), panic.panic) == ("a", True)
    resting = choose(pool("a"), snapshot(state("a", circuit="resting")), DEMAND, FEWEST, 0.5)
    assert (chosen(resting), resting.rests_until, resting.panic) == (None, 1002.0, False)


def test_every_exclusion_is_named() -> None:
    fleet = {
        "up": state("up"),
        "tried": state("tried"),
        "down": state("down", "down"),
        "loading": state("loading", "loading"),
        "suspended": state("suspended", "suspended"),
        "unproven": state("unproven", "unknown"),
        "draining": state("draining", draining=True),
        "circuit_open": state("circuit_open", circuit="open"),
        "resting": state("resting", circuit="resting"),
    }
    everybody = pool([*fleet, "gone"])
    choice = choose(everybody, snapshot(*fleet.values()), DEMAND, FEWEST, 0.5, [Candidate("tried", "m")])
    told = {one.candidate.backend: one.excluded for one in choice.considered}
    assert told == {"up": None, **{name: Exclusion(name) for name in [*fleet, "gone"] if name != "up"}}


# Costs as a policy may give them.


def by(*costs: float, waits: bool = True) -> Policy:
    """A policy that has made up its mind."""
    return Policy(lambda scene: list(costs[: len(scene.able)]), "what was said", waits)


def decided(policy: Policy, rooms: Sequence[float] = (inf, inf, inf), chance: float = 0.5) -> Choice:
    view = View([able(name, room=room) for name, room in zip("abc", rooms, strict=True)], [], False, None)
    return choose_from(view, snapshot(), DEMAND, policy, chance, (0, 0, 0))


@pytest.mark.parametrize(
    ("costs", "winner"),
    [((3.0, 1.0, 2.0), "b"), ((inf, inf, 5.0), "c"), ((inf, inf, inf), "b"), ((-1.0, 0.0, 1.0), "a")],
)
def test_the_lowest_cost_wins_and_infinity_only_if_there_is_nothing_else(costs: tuple[float, ...], winner: str) -> None:
    assert chosen(decided(by(*costs))) == winner


def test_a_policy_that_cannot_wait_is_only_asked_about_those_with_room() -> None:
    asked: list[Scene] = []

    def costs(scene: Scene) -> list[float]:
        asked.append(scene)
        return [1.0] * len(scene.able)

    choice = decided(Policy(costs, "room", waits=False), rooms=(0.5, 1, 2), chance=0.0)
    assert chosen(choice) == "b"
    assert [one.candidate.backend for one in asked[-1].able] == ["b", "c"]
    assert [one.cost for one in choice.considered] == [inf, 1.0, 1.0]
    decided(Policy(costs, "room", waits=False), rooms=(0, 0, -2))
    assert len(asked[-1].able) == 3
    decided(Policy(costs, "room", waits=True), rooms=(0.5, 1, 2))
    assert len(asked[-1].able) == 3
