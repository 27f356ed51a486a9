"""Retries and hedges: what is spent is counted, and that retries are used up is told once a minute."""

import pytest

from router.balance.budget import Terms
from router.spending import TELL_AGAIN_SECONDS, Hedged, Spending
from sidecar import Outcome
from tests.router.fleets import Counted

TWO = Terms(ratio=0.0, floor_per_second=0.0, most=2.0)


def test_what_is_spent_is_counted_by_who_failed_and_how() -> None:
    counts = Counted()
    spending = Spending(counts, retries=TWO, hedges=TWO)
    assert not spending.retry("r", "a", Outcome.TIMEOUT, 0.0)  # nobody has asked yet
    spending.earn("r", 0.0)
    took = [spending.retry("r", "a", Outcome.TIMEOUT, 0.0) for _ in range(3)]
    assert took == [True, True, False]
    assert [spending.hedge("r") for _ in range(3)] == [True, True, False]
    spending.hedged(Hedged.LOST)
    assert (counts.retries, counts.hedges) == ([("a", "timeout")] * 2, ["lost"])


def test_where_nobody_listens_another_try_costs_nothing_and_is_counted() -> None:
    counts = Counted()
    spending = Spending(counts, retries=Terms(0.0, 0.0, 0.0))
    spending.earn("r", 0.0)
    assert all(spending.retry("r", "a", Outcome.REFUSED, 0.0) for _ in range(3))
    assert not spending.retry("r", "a", Outcome.BACKEND_ERROR, 0.0)
    assert counts.retries == [("a", "refused")] * 3


@pytest.mark.parametrize(
    ("moments", "told"), [([0.0, 1.0, TELL_AGAIN_SECONDS - 0.1], 1), ([0.0, 1.0, TELL_AGAIN_SECONDS], 2)]
)
def test_that_retries_are_used_up_is_told_once_a_minute(
    moments: list[float], told: int, caplog: pytest.LogCaptureFixture
) -> None:
    spending = Spending(Counted(), retries=Terms(0.0, 0.0, 0.5))
    spending.earn("r", 0.0)
    for now in moments:
        assert not spending.retry("r", "a", Outcome.TIMEOUT, now)
    messages = [record.getMessage() for record in caplog.records]
    assert messages == ["retries are used up pool=r backend=a outcome=timeout"] * told
