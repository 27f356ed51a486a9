"""Who of a pool gets a request, by laws and at the edges."""

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.balance.choice import Choice, Exclusion, choose
from router.balance.pools import Candidate, Pool
from sidecar import BackendSpec, BackendState, Level, Snapshot, Verdict
from sidecar.health import Health
from sidecar.state import Work

HEALTHS = {
    "up": Health(Verdict.UP),
    "down": Health(Verdict.DOWN, 3),
    "loading": Health(Verdict.UP, loading=True),
    "unknown": Health(),
}
NAMES = ("a", "b", "c", "d")


def state(name: str, health: str = "up", in_flight: int = 0) -> BackendState:
    """A backend."""
    spec = BackendSpec(name, f"http://{name}:1")
    return BackendState(spec, health=HEALTHS[health], work=Work(in_flight, in_flight))


def snapshot(*states: BackendState) -> Snapshot:
    """These backends."""
    return Snapshot(0.0, {one.name: one for one in states}, 0, 1, {})


def chosen(choice: Choice) -> str | None:
    """The name of the winner."""
    return None if choice.winner is None else choice.winner.candidate.backend


def free(_state: BackendState) -> Level | None:
    """Everybody is free."""
    return Level.FREE


def never() -> float:
    """Nothing is left to chance: any number does."""
    return 0.5


pools = st.lists(st.builds(Candidate, st.sampled_from(NAMES), st.sampled_from("mn")), max_size=6, unique=True).map(
    tuple
)
fleets = st.lists(
    st.builds(state, st.sampled_from(NAMES), st.sampled_from([*HEALTHS]), st.integers(0, 3)),
    max_size=4,
    unique_by=lambda one: one.name,
).map(lambda states: snapshot(*states))
levels = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(Level)).map(
    lambda known: lambda one: known.get(one.name)
)
chances = st.floats(min_value=0, max_value=1)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Pool, Snapshot, Callable[[BackendState], Level | None], list[Candidate]]:
    """A pool, backends, their levels, and who has been tried."""
    pool = draw(pools)
    tried = draw(st.lists(st.sampled_from(pool), unique=True)) if pool else []
    return pool, draw(fleets), draw(levels), tried


@given(situations(), chances)
def test_the_winner_is_there_not_down_not_loading_and_not_tried(situation, chance) -> None:  # type: ignore[no-untyped-def]
    pool, seen, level_of, tried = situation
    winner = choose(pool, seen, level_of, tried, lambda: chance).winner
    if winner is not None:
        health = seen.backends[winner.candidate.backend].health
        assert winner.candidate in pool
        assert winner.candidate not in tried
        assert health.verdict is not Verdict.DOWN
        assert not health.loading


@given(situations(), chances)
def test_somebody_wins_whenever_anybody_can_serve(situation, chance) -> None:  # type: ignore[no-untyped-def]
    pool, seen, level_of, tried = situation
    able = [
        one
        for one in pool
        if one not in tried
        and (there := seen.backends.get(one.backend)) is not None
        and there.health in (HEALTHS["up"], HEALTHS["unknown"])
    ]
    assert (choose(pool, seen, level_of, tried, lambda: chance).winner is None) is (not able)


@given(situations(), chances)
def test_nobody_who_is_up_has_less_to_do_than_the_winner(situation, chance) -> None:  # type: ignore[no-untyped-def]
    pool, seen, level_of, tried = situation
    choice = choose(pool, seen, level_of, tried, lambda: chance)
    if choice.winner is not None:
        rivals = [one for one in choice.considered if one.excluded is choice.winner.excluded]
        assert choice.winner.in_flight == min(one.in_flight for one in rivals)


@given(situations(), chances, st.randoms(use_true_random=False))
def test_the_order_of_the_pool_does_not_matter(situation, chance, rng) -> None:  # type: ignore[no-untyped-def]
    pool, seen, level_of, tried = situation
    shuffled = list(pool)
    rng.shuffle(shuffled)
    one = choose(pool, seen, level_of, tried, lambda: chance)
    other = choose(tuple(shuffled), seen, level_of, tried, lambda: chance)
    assert (one.winner, one.reason) == (other.winner, other.reason)
    assert set(one.considered) == set(other.considered)


@given(situations(), chances)
def test_the_same_chance_makes_the_same_choice_and_everybody_is_named(situation, chance) -> None:  # type: ignore[no-untyped-def]
    pool, seen, level_of, tried = situation
    choice = choose(pool, seen, level_of, tried, lambda: chance)
    assert choice == choose(pool, seen, level_of, tried, lambda: chance)
    assert tuple(one.candidate for one in choice.considered) == pool


@pytest.mark.parametrize("chance", [0.0, 0.3, 0.999, 1.0])
def test_chance_reaches_everybody_who_is_equal(chance: float) -> None:
    pool = tuple(Candidate(name, "m") for name in "abc")
    choice = choose(pool, snapshot(*(state(name) for name in "abc")), free, [], lambda: chance)
    assert chosen(choice) == {0.0: "a", 0.3: "a", 0.999: "c", 1.0: "c"}[chance]
    assert choice.reason == "chance among 3 with 0 in flight"


@pytest.mark.parametrize("chance", [0.0, 0.3, 0.5, 0.999])
def test_chance_gives_the_same_in_any_order_of_the_pool(chance: float) -> None:
    seen = snapshot(*(state(name) for name in "abc"))
    orders = itertools.permutations(Candidate(name, "m") for name in "abc")
    assert len({chosen(choose(order, seen, free, [], lambda: chance)) for order in orders}) == 1


def test_an_empty_pool_has_no_winner() -> None:
    assert choose((), snapshot(state("a")), free, [], never) == Choice(None, "nobody in the pool can serve", ())


@pytest.mark.parametrize(
    ("states", "winner", "reason"),
    [
        ((state("a"),), "a", "the only one that can serve"),
        ((state("a", in_flight=2), state("b", in_flight=1)), "b", "fewest in flight: 1"),
        ((state("a", "down"), state("b", in_flight=9)), "b", "the only one that can serve"),
        ((state("a", "loading"), state("b", in_flight=9)), "b", "the only one that can serve"),
        ((state("a", "unknown"), state("b", in_flight=9)), "b", "the only one that can serve"),
        ((state("a", "unknown", 1), state("b", "unknown")), "b", "fewest in flight: 0"),
        ((state("a", "unknown"), state("b", "down")), "a", "the only one that can serve"),
        ((state("a", "down"), state("b", "loading")), None, "nobody in the pool can serve"),
        ((), None, "nobody in the pool can serve"),
    ],
)
def test_who_wins_and_why(states: tuple[BackendState, ...], winner: str | None, reason: str) -> None:
    pool = (Candidate("a", "m"), Candidate("b", "m"))
    choice = choose(pool, snapshot(*states), free, [], never)
    assert (chosen(choice), choice.reason) == (winner, reason)


@pytest.mark.parametrize(
    ("levels_of", "winner"),
    [
        ({"a": Level.BUSY, "b": Level.NORMAL}, "b"),
        ({"a": Level.FREE, "b": Level.NORMAL}, "a"),
        ({"a": None, "b": Level.VERY_BUSY}, "b"),
    ],
)
def test_the_level_breaks_ties_of_in_flight_and_unknown_comes_last(
    levels_of: dict[str, Level | None], winner: str
) -> None:
    pool = (Candidate("a", "m"), Candidate("b", "m"))
    seen = snapshot(state("a"), state("b"))
    assert chosen(choose(pool, seen, lambda one: levels_of[one.name], [], never)) == winner


def test_in_flight_counts_before_the_level() -> None:
    seen = snapshot(state("a", in_flight=0), state("b", in_flight=1))
    pool = (Candidate("a", "m"), Candidate("b", "m"))
    assert chosen(choose(pool, seen, lambda one: Level.BUSY if one.name == "a" else Level.FREE, [], never)) == "a"


def test_every_exclusion_is_named() -> None:
    pool = tuple(Candidate(name, "m") for name in ("up", "tried", "down", "loading", "unknown", "gone"))
    states = {name: state(name, name) for name in ("up", "down", "loading", "unknown")}
    seen = Snapshot(0.0, states | {"tried": state("tried")}, 0, 1, {})
    choice = choose(pool, seen, free, [Candidate("tried", "m")], never)
    assert {one.candidate.backend: one.excluded for one in choice.considered} == {
        "up": None,
        "tried": Exclusion.TRIED,
        "down": Exclusion.DOWN,
        "loading": Exclusion.LOADING,
        "unknown": Exclusion.UNPROVEN,
        "gone": Exclusion.GONE,
    }


def test_another_model_of_a_backend_that_was_tried_may_still_serve() -> None:
    pool = (Candidate("a", "m"), Candidate("a", "n"))
    choice = choose(pool, snapshot(state("a")), free, [pool[0]], never)
    assert choice.winner is not None
    assert choice.winner.candidate == pool[1]
