"""How many retries and hedges are allowed, by laws and at the edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.balance.budget import HEDGES, RETRIES, Budget, Budgets, Terms

POOL = "reasoner"
terms = st.builds(Terms, st.floats(0.01, 1), st.floats(0, 1), st.floats(1, 20))
steps = st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=200)
"""Seconds until the next request, and whether it wants one more."""


@given(terms, steps)
def test_never_is_more_spent_than_was_earned_and_saved(given_terms: Terms, life: list[tuple[float, bool]]) -> None:
    budgets, now, spent, allowed = Budgets(given_terms), 0.0, 0, given_terms.most
    last: float | None = None
    for seconds, wants in life:
        now += seconds
        budgets.earn(POOL, now)
        if last is not None:
            allowed += max(given_terms.ratio, given_terms.floor_per_second * (now - last))
        last = now
        spent += wants and budgets.spend(POOL)
        assert spent <= allowed + 1e-6


@pytest.mark.parametrize("given_terms", [RETRIES, HEDGES])
def test_where_all_want_one_more_the_ratio_of_them_gets_it(given_terms: Terms) -> None:
    budgets, got = Budgets(given_terms), 0
    for request in range(10_000):
        budgets.earn(POOL, request * 0.01)
        got += budgets.spend(POOL)
    assert given_terms.ratio * 10_000 - 1 <= got <= given_terms.ratio * 10_000 + given_terms.most


@pytest.mark.parametrize("given_terms", [RETRIES, HEDGES])
def test_who_asks_once_a_minute_may_be_helped_every_time(given_terms: Terms) -> None:
    budgets = Budgets(given_terms)
    for minute in range(100):
        budgets.earn(POOL, minute * 60.0)
        assert budgets.spend(POOL)


def test_what_can_be_saved_is_there_from_the_beginning_and_no_more() -> None:
    budgets = Budgets(RETRIES)
    budgets.earn(POOL, 0.0)
    assert [budgets.spend(POOL) for _ in range(11)] == [True] * 10 + [False]


def test_a_long_rest_saves_no_more_than_the_most() -> None:
    assert Budget(0.0, 0.0).after_request(1e9, RETRIES) == Budget(RETRIES.most, 1e9)


@pytest.mark.parametrize(("saved", "affords"), [(0.0, False), (0.999, False), (1.0, True), (9.0, True)])
def test_one_is_spent_whole(saved: float, affords: bool) -> None:
    assert Budget(saved, 0.0).affords is affords
    assert Budget(saved, 0.0).after_spending() == Budget(saved - 1.0, 0.0)


@pytest.mark.parametrize(("seconds", "earned"), [(0.0, 0.2), (1.9, 0.2), (2.1, 0.21), (5.0, 0.5)])
def test_a_request_earns_its_part_or_what_the_time_since_the_last_one_earns(seconds: float, earned: float) -> None:
    assert Budget(3.0, 7.0).after_request(7.0 + seconds, RETRIES).saved == pytest.approx(3.0 + earned)


def test_pools_do_not_spend_what_others_have_saved() -> None:
    budgets = Budgets(HEDGES)
    budgets.earn("one", 0.0)
    budgets.earn("other", 0.0)
    while budgets.affords("one"):
        assert budgets.spend("one")
    assert not budgets.spend("one")
    assert budgets.affords("other")


def test_nobody_spends_before_anybody_has_asked() -> None:
    budgets = Budgets(RETRIES)
    assert not budgets.affords(POOL)
    assert not budgets.spend(POOL)
