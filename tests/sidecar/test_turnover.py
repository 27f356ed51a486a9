"""How often a full backend has done with a request: what counts, and from when on it is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.turnover import FRESH_SECONDS, MOST_COUNTED, NO_TURNOVER, REFILL_SECONDS, TRUSTED_ENDS, Turnover


def ends(many: int, every_seconds: float, share: float = 1.0) -> Turnover:
    """A full backend; the first of the ends is at 0."""
    found = NO_TURNOVER
    for number in range(many + 1):
        found = found.after_end(number * every_seconds, full=True, share=share)
    return found


def test_it_is_believed_once_enough_was_seen_and_as_long_as_that_is_fresh() -> None:
    assert NO_TURNOVER.ends_per_second(0.0) is None
    assert ends(TRUSTED_ENDS - 1, 2.0).ends_per_second(20.0) is None
    found = ends(TRUSTED_ENDS, 2.0)
    assert found.ends_per_second(found.at + FRESH_SECONDS) == pytest.approx(0.5)
    assert found.ends_per_second(found.at + FRESH_SECONDS + 0.1) is None


def test_ends_at_one_moment_alone_say_nothing() -> None:
    assert ends(TRUSTED_ENDS, 0.0).ends_per_second(0.0) is None


def test_where_only_a_part_is_ours_others_end_as_well() -> None:
    assert ends(TRUSTED_ENDS, 2.0, share=0.25).ends_per_second(20.0) == pytest.approx(2.0)


def test_the_time_since_an_end_does_not_count_where_it_was_not_full_with_the_next() -> None:
    found = ends(TRUSTED_ENDS, 2.0).after_end(100.0, full=False, share=1.0)
    assert found.full_since is None
    assert found.after_end(101.0, full=False, share=1.0) is found
    later = found.after_end(900.0, full=True, share=1.0)
    assert (later.counted, later.seconds) == (TRUSTED_ENDS, found.seconds)
    assert later.after_end(902.0, full=True, share=1.0).ends_per_second(902.0) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("after_seconds", "full", "goes_on"),
    [(REFILL_SECONDS / 2, False, True), (2 * REFILL_SECONDS, False, False), (2 * REFILL_SECONDS, True, True)],
)
def test_a_place_that_nobody_took_at_once_ends_the_count(after_seconds: float, full: bool, goes_on: bool) -> None:
    found = ends(3, 2.0)
    assert (found.after_start(found.at + after_seconds, full=full).full_since is not None) is goes_on
    assert NO_TURNOVER.after_start(1.0, full=False) is NO_TURNOVER


@given(st.floats(0.01, 60.0), st.floats(0.01, 60.0))
def test_what_has_changed_is_known_after_a_few_times_as_many(before: float, after: float) -> None:
    found = ends(MOST_COUNTED, before)
    for _ in range(5 * MOST_COUNTED):
        assert min(before, after) * 0.999 <= found.seconds <= max(before, after) * 1.001
        found = found.after_end(found.at + after, full=True, share=1.0)
    assert abs(found.seconds - after) <= 0.01 * abs(before - after) + 1e-6
