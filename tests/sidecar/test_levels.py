from math import inf, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.levels import KOREAN, NEVER, Level, above, at_least, eased, queue_steps, reached, rising, scaled
from tests.strategies import steps


def test_every_level_has_a_label_and_a_korean_word() -> None:
    assert [level.label for level in Level] == ["free", "normal", "busy", "very_busy", "unavailable"]
    assert [level.korean for level in Level] == list(KOREAN.values())
    assert Level.VERY_BUSY.korean == "매우 바쁨"


@pytest.mark.parametrize(("value", "count"), [(0.9, 0), (1.0, 1), (1.9, 1), (2.0, 2), (4.0, 3), (9.0, 3)])
def test_a_threshold_is_reached_from_itself_on(value: float, count: int) -> None:
    assert reached(value, (1, 2, 4)) == count


def test_the_queue_has_no_threshold_for_very_busy() -> None:
    assert queue_steps(0, 1) == (2, NEVER, NEVER)
    assert queue_steps(1, 1) == (2, 2, NEVER)


def test_a_step_above_the_next_one_comes_down_to_it() -> None:
    assert rising((5, 1, 9)) == (1, 1, 9)
    assert rising((NEVER, 3, NEVER)) == (3, 3, NEVER)


def test_more_than_x_is_the_next_double_above_x() -> None:
    assert above((2.0, 4.0, NEVER)) == (nextafter(2.0, inf), nextafter(4.0, inf), NEVER)


def test_what_is_never_reached_stays_so() -> None:
    assert scaled((1, 2, NEVER), 4) == (4, 8, NEVER)
    assert at_least(3.0, (1, 4, NEVER)) == (3, 4, NEVER)
    assert eased((1, 2, NEVER), 3, 0.5) == (0.5, 1, NEVER)


@pytest.mark.parametrize(
    ("held", "expected"), [(0, (1, 2, 4)), (1, (0.75, 2, 4)), (2, (0.75, 1.5, 4)), (3, (0.75, 1.5, 3))]
)
def test_only_what_was_reached_is_eased(held: int, expected: tuple[float, float, float]) -> None:
    assert eased((1, 2, 4), held, 0.25) == expected


@given(steps(9), st.integers(0, 3), st.sampled_from([0.0, 0.12, 0.5]), st.floats(0, 9))
def test_a_count_of_steps_eased_by_itself_is_the_same_count(
    thresholds: tuple[float, float, float], before: int, ratio: float, value: float
) -> None:
    count = reached(value, eased(thresholds, before, ratio))
    assert reached(value, eased(thresholds, count, ratio)) == count


@given(steps(9), st.integers(0, 3), st.sampled_from([0.0, 0.12, 0.5]))
def test_eased_steps_still_rise(thresholds: tuple[float, float, float], held: int, ratio: float) -> None:
    found = eased(thresholds, held, ratio)
    assert found[0] <= found[1] <= found[2]
