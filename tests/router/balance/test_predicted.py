"""The default policy: by laws, then by what it prefers in plain situations."""

from dataclasses import replace
from math import inf, isfinite
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.balance.demand import Demand
from router.balance.policy import Scene
from router.balance.predicted import costs
from router.balance.seen import Able
from tests.router.balance.scenes import able, ables, scene, scenes


def cost(**known: Any) -> float:
    [found] = costs(scene(able("a", **known)))
    return found


def changed(one: Able, **known: Any) -> Able:
    return one._replace(outlook=one.outlook._replace(**known))


@given(scenes())
def test_every_cost_is_a_number_of_seconds(seen: Scene) -> None:
    assert all(isfinite(found) and found >= 0 for found in costs(seen))


@given(
    ables,
    st.sampled_from(["first_seconds", "ahead_seconds", "silent_seconds", "cold_seconds", "later_seconds"]),
    st.floats(0, 5),
    st.integers(0, 20_000),
)
def test_nobody_gets_cheaper_by_getting_slower(ones: list[Able], what: str, more: float, prompt: int) -> None:
    demand = Demand("reasoner", prompt_tokens=prompt)
    worse = [changed(one, **{what: getattr(one.outlook, what) + more}) for one in ones]
    pairs = zip(costs(scene(*ones, demand=demand)), costs(scene(*worse, demand=demand)), strict=True)
    assert all(after >= before - 1e-9 for before, after in pairs)


@given(ables, st.integers(0, 4), st.integers(1, 4))
def test_nobody_gets_cheaper_by_getting_fuller(ones: list[Able], waiting: int, more: int) -> None:
    before = costs(scene(*ones, before=[waiting] * len(ones)))
    after = costs(scene(*ones, before=[waiting + more] * len(ones)))
    assert all(late >= soon - 1e-9 for soon, late in zip(before, after, strict=True))


@given(ables, st.integers(0, 10_000), st.integers(1, 10_000))
def test_a_longer_prompt_or_answer_never_costs_less(ones: list[Able], prompt: int, more: int) -> None:
    short, long = (costs(scene(*ones, demand=Demand("r", prompt_tokens=tokens))) for tokens in (prompt, prompt + more))
    assert all(late >= soon - 1e-9 for soon, late in zip(short, long, strict=True))
    short, long = (costs(scene(*ones, demand=Demand("r", max_tokens=1 + tokens))) for tokens in (prompt, prompt + more))
    assert all(late >= soon - 1e-9 for soon, late in zip(short, long, strict=True))


@given(scenes())
def test_what_one_costs_has_nothing_to_do_with_the_others(seen: Scene) -> None:
    alone = [
        costs(seen._replace(able=[one], before=[waiting]))[0]
        for one, waiting in zip(seen.able, seen.before, strict=True)
    ]
    assert alone == costs(seen)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({}, {"first_seconds": 0.5}),
        ({}, {"ahead_seconds": 1.0}),
        ({}, {"silent_seconds": 4.0}),
        ({}, {"cold_seconds": 15.0}),
        ({}, {"later_seconds": 0.05}),
        ({"prompt_seconds": 0.0001}, {"prompt_seconds": 0.001}),
        # Others there have to share: the more of them, and the more each is slowed down.
        ({"in_flight": 2}, {"in_flight": 8}),
        ({"in_flight": 4, "crowding_seconds": 0.0}, {"in_flight": 4, "crowding_seconds": 0.005}),
        # A free slot, a wait for one, a longer wait.
        ({"in_flight": 3, "slots": 4}, {"in_flight": 4, "slots": 4, "ends_per_second": 1.0}),
        (
            {"in_flight": 4, "slots": 4, "ends_per_second": 1.0},
            {"in_flight": 6, "slots": 4, "ends_per_second": 1.0},
        ),
        (
            {"in_flight": 4, "slots": 4, "ends_per_second": 1.0},
            {"in_flight": 4, "slots": 4, "ends_per_second": 0.1},
        ),
        # The last free place is kept a little.
        ({"in_flight": 1, "slots": 8, "crowding_seconds": 0.0}, {"in_flight": 1, "slots": 2, "crowding_seconds": 0.0}),
        # A fast machine that is busy may be better than a slow one that is idle.
        ({"in_flight": 4, "later_seconds": 0.02}, {"later_seconds": 0.1}),
    ],
)
def test_what_is_better_costs_less(better: dict[str, Any], worse: dict[str, Any]) -> None:
    assert cost(**better) < cost(**worse)


def test_prompts_ahead_are_worked_off_while_one_waits_for_a_slot() -> None:
    waits = {"in_flight": 4, "slots": 4, "ends_per_second": 0.5}
    assert cost(**waits, ahead_seconds=1.5) == cost(**waits, ahead_seconds=0.0)
    assert cost(**waits, ahead_seconds=2.5) > cost(**waits, ahead_seconds=0.0)


def test_where_nobody_can_be_in_time_the_fine_does_not_decide() -> None:
    """A second more costs the same at ten seconds as at a hundred."""
    apart = [cost(first_seconds=seconds + 1) - cost(first_seconds=seconds) for seconds in (10, 100)]
    assert apart[0] == pytest.approx(apart[1])
    assert cost(first_seconds=3) - cost(first_seconds=2) > 2 * apart[0]


def test_a_backend_without_an_end_keeps_no_places_free() -> None:
    idle, busy = (cost(in_flight=many, slots=inf, prompt_seconds=0.0, crowding_seconds=0.0) for many in (0, 50))
    assert idle == busy


def test_those_of_us_who_wait_there_count_as_if_they_were_there() -> None:
    one = able("a", in_flight=2, slots=4, ends_per_second=1.0)
    more = able("a", in_flight=4, slots=4, ends_per_second=1.0)
    assert costs(scene(one, before=[2])) == costs(scene(more))


def test_what_lies_in_the_cache_need_not_be_computed() -> None:
    demand = Demand("r", prompt_tokens=8000)
    two = scene(able("a"), able("b"), demand=demand)
    cached = costs(two._replace(cached=(0.0, 6000.0)))
    assert cached[0] == costs(two)[0]
    assert cached[1] == pytest.approx(costs(scene(able("b"), demand=replace(demand, prompt_tokens=2000)))[0])
