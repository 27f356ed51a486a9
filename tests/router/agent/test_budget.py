"""How long a model may go on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.agent.budget import Bounds, Budget
from router.tokens import estimate_tokens

BOUNDS = Bounds(rounds=2, calls=3, seconds=10.0, tokens=50)


def test_there_are_so_many_rounds_and_then_none() -> None:
    budget = Budget(BOUNDS, 100.0)
    assert [budget.begins_round(100.0) for _ in range(4)] == [True, True, False, False]


@pytest.mark.parametrize(("now", "begins"), [(109.999, True), (110.0, False), (111.0, False)])
def test_no_round_begins_when_the_time_is_over(now: float, begins: bool) -> None:
    assert Budget(BOUNDS, 100.0).begins_round(now) is begins


@pytest.mark.parametrize(("now", "left"), [(100.0, 10.0), (109.0, 1.0), (200.0, 0.0)])
def test_a_call_has_what_is_left_of_the_time(now: float, left: float) -> None:
    assert Budget(BOUNDS, 100.0).seconds_left(now) == left


def test_so_many_calls_may_be_made_in_a_round() -> None:
    budget = Budget(BOUNDS, 0.0)
    assert [budget.allows(number) for number in range(4)] == [True, True, True, False]


def test_no_round_begins_when_nothing_more_could_be_read() -> None:
    budget = Budget(BOUNDS, 0.0)
    budget.read("긴 글 " * 200)
    assert not budget.begins_round(0.0)
    assert budget.read("more") == ""


@given(st.lists(st.text(max_size=100), max_size=10))
def test_no_more_is_read_than_there_is_room_for(texts: list[str]) -> None:
    budget = Budget(BOUNDS, 0.0)
    assert sum(estimate_tokens(budget.read(text)) for text in texts) <= BOUNDS.tokens
