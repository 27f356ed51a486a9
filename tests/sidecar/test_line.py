import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.line import KEPT_OF_PRIOR, Line

KEEP = 0.97
PRIOR = Line.prior(intercept=0.05, slope=0.0003, at_x=1000, weight=1.0)
AT_ZERO, AT_FAR = 0.05, 0.35
"""What the prior says at its two places."""

Sample = tuple[float, float, float]
"""x, y, weight."""
xs = st.sampled_from([0.0, 1.0, 1000.0]) | st.floats(0, 1e5)
ys = st.sampled_from([0.0, 0.2, 60.0]) | st.floats(0, 1e3)
samples = st.lists(st.tuples(xs, ys, st.floats(0.01, 2)), min_size=1, max_size=40)
keeps = st.sampled_from([0.0, 0.5, KEEP, 1.0])


def after(seen: Sequence[Sample], keep: float = KEEP, prior: Line = PRIOR) -> Line:
    line = prior
    for x, y, weight in seen:
        line = line.after(x, y, keep, weight)
    return line


def weighed(seen: Sequence[Sample], keep: float) -> list[Sample]:
    """Everything that the line rests on with its weight by now, written down plainly: samples, then the prior's two."""
    age = len(seen)
    prior = KEPT_OF_PRIOR + (1 - KEPT_OF_PRIOR) * keep**age
    real = [(x, y, weight * keep ** (age - 1 - place)) for place, (x, y, weight) in enumerate(seen)]
    return [*real, (0.0, AT_ZERO, prior), (1000.0, AT_FAR, prior)]


def misfit(intercept: float, slope: float, seen: Sequence[Sample]) -> float:
    """Weighted squares of what the line gets wrong."""
    return sum(weight * (y - intercept - slope * x) ** 2 for x, y, weight in seen)


def test_before_any_sample_it_is_the_prior() -> None:
    assert (PRIOR.at(0), PRIOR.at(1000), PRIOR.samples) == (AT_ZERO, AT_FAR, 0)


@given(samples, keeps, xs)
def test_it_is_never_negative_and_never_falls(seen: list[Sample], keep: float, x: float) -> None:
    line = after(seen, keep)
    assert line.intercept >= 0
    assert line.slope >= 0
    assert line.at(x + 1) >= line.at(x) >= 0
    assert line.samples == len(seen)


@given(samples, keeps, st.floats(0, 100), st.floats(0, 1))
def test_no_other_line_that_never_falls_fits_better(
    seen: list[Sample], keep: float, intercept: float, slope: float
) -> None:
    known = weighed(seen, keep)
    line = after(seen, keep)
    found = misfit(line.intercept, line.slope, known)
    allowed = 1e-9 * (1 + sum(weight * y * y for _, y, weight in known))
    assert found <= misfit(intercept, slope, known) + allowed
    # Beside it, too: a step in either direction, and in both.
    for step_up in (-1e-3, 0.0, 1e-3):
        for step_along in (-1e-6, 0.0, 1e-6):
            beside = max(0.0, line.intercept + step_up), max(0.0, line.slope + step_along)
            assert found <= misfit(*beside, known) + allowed


@given(st.lists(st.tuples(xs, st.floats(0.01, 2)), max_size=40), keeps)
def test_samples_on_the_line_leave_it_where_it_is(seen: list[tuple[float, float]], keep: float) -> None:
    line = after([(x, PRIOR.at(x), weight) for x, weight in seen], keep)
    for x in (0.0, 700.0, 5000.0):
        assert line.at(x) == pytest.approx(PRIOR.at(x), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("intercept", "slope"), [(0.0, 0.001), (0.3, 0.0), (0.3, 0.0004), (5.0, 0.02)])
def test_a_straight_truth_is_learnt_however_far_from_the_prior(intercept: float, slope: float) -> None:
    rng = random.Random(1)
    line = after([(x, intercept + slope * x, 1.0) for x in (rng.uniform(0, 4000) for _ in range(300))])
    for x in (100.0, 1000.0, 8000.0):
        assert line.at(x) == pytest.approx(intercept + slope * x, rel=0.04, abs=0.01)


def test_what_changed_is_followed_and_what_was_is_forgotten() -> None:
    fast = [(x, 0.1 + 0.0002 * x, 1.0) for x in range(0, 4000, 20)]
    slow = [(x, 6 * y, weight) for x, y, weight in fast]
    assert after(fast + slow).at(2000) == pytest.approx(6 * 0.5, rel=0.05)
    assert after(fast + slow + fast).at(2000) == pytest.approx(0.5, rel=0.05)


def test_the_more_is_kept_the_slower_it_follows() -> None:
    seen = [(500.0, 0.2, 1.0)] * 50 + [(500.0, 2.0, 1.0)] * 5
    told = [after(seen, keep).at(500) for keep in (0.5, 0.9, 0.99, 1.0)]
    assert told == sorted(told, reverse=True)
    assert told[0] > 1.7
    assert told[-1] < 0.5


def test_a_light_sample_moves_it_less_than_a_heavy_one() -> None:
    told = [after([(500.0, 2.0, weight)]).at(500) for weight in (0.01, 0.5, 1.0, 9.0)]
    assert told == sorted(told)
    assert after([(500.0, 2.0, 0.5)] * 2, keep=1.0).at(500) == pytest.approx(after([(500.0, 2.0, 1.0)], 1.0).at(500))


@pytest.mark.parametrize("spread", [0.0, 1.0, 20.0])
def test_noise_in_one_place_is_no_slope(spread: float) -> None:
    rng = random.Random(1)
    line = PRIOR
    for _ in range(3000):
        x = 1000 + rng.uniform(-spread, spread)
        line = line.after(x, (0.3 + 0.0004 * x) * rng.lognormvariate(0, 0.2), KEEP)
        # The truth is 3.5 at 8000 tokens. Without the prior every third of these would be off by a factor of five.
        assert 1.5 < line.at(8000) < 8


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        ([(100.0, 9.0, 1.0), (1000.0, 1.0, 1.0)] * 20, "flat"),
        ([(100.0, 0.0, 1.0), (1000.0, 9.0, 1.0)] * 20, "from the origin"),
    ],
)
def test_a_fit_that_would_be_negative_is_flat_or_from_the_origin(seen: list[Sample], line: str) -> None:
    found = after(seen)
    assert {"flat": found.slope, "from the origin": found.intercept}[line] == 0.0
    assert found.at(1000) > 0


def test_the_mean_is_that_of_what_was_seen_wherever_it_was_seen() -> None:
    assert PRIOR.mean_y == pytest.approx((AT_ZERO + AT_FAR) / 2)
    known = weighed([(0.0, 1.0, 1.0), (500.0, 3.0, 0.5)], KEEP)
    mean = sum(weight * y for _, y, weight in known) / sum(weight for *_, weight in known)
    assert after([(0.0, 1.0, 1.0), (500.0, 3.0, 0.5)]).mean_y == pytest.approx(mean)
