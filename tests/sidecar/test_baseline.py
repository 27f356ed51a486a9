import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.baseline import FLOOR_MS, UNKNOWN_MS, Baseline, IdleBaseline


def after(*latencies_ms: float) -> Baseline:
    baseline = Baseline()
    for latency_ms in latencies_ms:
        baseline = baseline.after(latency_ms)
    return baseline


def test_it_is_50_ms_while_unknown() -> None:
    assert Baseline().value_ms == UNKNOWN_MS == 50.0


def test_the_first_sample_replaces_the_assumption_also_downwards() -> None:
    assert after(20.0).value_ms == 20.0


@pytest.mark.parametrize(
    ("latencies_ms", "value_ms"),
    [
        ((20.0, 30.0), 30.0),
        ((30.0, 20.0), 30.0),
        ((20.0, 20.0, 20.0, 90.0), 90.0),  # the fourth sample still only raises
        ((20.0, 20.0, 20.0, 20.0, 90.0), 0.9 * 20.0 + 0.1 * 90.0),  # the fifth is averaged in
        ((90.0, 20.0, 20.0, 20.0, 20.0), 0.9 * 90.0 + 0.1 * 20.0),
        ((9.9,), 10.0),
        ((10.0,), 10.0),
        ((1.0, 1.0, 1.0, 1.0, 1.0), 10.0),
        ((0.0, 0.0, 0.0, 0.0, 11.0), 0.9 * 10.0 + 0.1 * 11.0),  # the floor holds at every step, not only when shown
    ],
)
def test_the_larger_of_both_for_four_samples_then_a_moving_average(
    latencies_ms: tuple[float, ...], value_ms: float
) -> None:
    assert after(*latencies_ms).value_ms == value_ms


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=20))
def test_it_stays_between_the_floor_and_the_largest_sample(latencies_ms: list[float]) -> None:
    baseline = after(*latencies_ms)
    assert FLOOR_MS <= baseline.value_ms <= max(FLOOR_MS, *latencies_ms) * (1 + 1e-12)
    assert baseline.samples == len(latencies_ms)


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=4))
def test_during_warm_up_it_never_falls(latencies_ms: list[float]) -> None:
    values = [after(*latencies_ms[:count]).value_ms for count in range(1, len(latencies_ms) + 1)]
    assert values == sorted(values)


# What an idle backend takes, robustly.


def idle(*latencies_ms: float) -> IdleBaseline:
    baseline = IdleBaseline()
    for latency_ms in latencies_ms:
        baseline = baseline.after(latency_ms)
    return baseline


def test_it_is_known_from_the_fourth_sample_on() -> None:
    assert [idle(*[5.0] * count).known for count in range(6)] == [False, False, False, False, True, True]
    assert idle().median_ms == UNKNOWN_MS
    assert idle(3.0, 9.0, 5.0).deviation_ms == 0.0


def test_it_is_the_median_and_1_4826_times_the_median_absolute_deviation() -> None:
    baseline = idle(10.0, 12.0, 14.0, 16.0, 40.0)
    assert (baseline.median_ms, baseline.spread_ms) == (14.0, 2.0)
    assert baseline.deviation_ms == pytest.approx(1.4826 * 2.0)


def test_one_sample_that_is_far_off_moves_neither() -> None:
    calm = idle(*[10.0, 11.0, 12.0] * 5)
    struck = calm.after(60_000.0)
    assert abs(struck.median_ms - calm.median_ms) <= 1.0
    assert (struck.spread_ms, struck.shifts) == (calm.spread_ms, 0)


def test_a_constant_latency_has_a_spread_all_the_same() -> None:
    assert idle(*[2.0] * 9).spread_ms == 0.2
    assert idle(*[100.0] * 9).spread_ms == 5.0


def test_only_the_last_64_samples_count() -> None:
    assert len(idle(*[5.0] * 100).window) == 64


@pytest.mark.parametrize(("usual_ms", "new_ms"), [(5.0, 50.0), (50.0, 5.0)])
def test_a_lasting_shift_is_taken_over_with_the_fourth_sample(usual_ms: float, new_ms: float) -> None:
    before = idle(*[usual_ms] * 20)
    for count, shifts in enumerate([0, 0, 0, 1, 1, 1], start=1):
        baseline = before
        for _ in range(count):
            baseline = baseline.after(new_ms)
        assert baseline.shifts == shifts
    assert baseline.median_ms == new_ms
    assert len(baseline.window) == 6


def test_three_in_a_row_and_the_usual_again_is_no_shift() -> None:
    baseline = idle(*[5.0] * 20, *([50.0] * 3 + [5.0] * 15) * 4)
    assert (baseline.shifts, baseline.median_ms) == (0, 5.0)


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=90))
def test_the_median_stays_among_the_samples_and_the_spread_above_nothing(latencies_ms: list[float]) -> None:
    baseline = idle(*latencies_ms)
    assert min(baseline.window) <= baseline.median_ms <= max(baseline.window)
    assert baseline.spread_ms > 0
    assert 1 <= len(baseline.window) <= 64


@given(st.floats(min_value=1, max_value=1000), st.lists(st.floats(min_value=-0.04, max_value=0.04), max_size=60))
def test_noise_within_the_spread_never_shifts_it(usual_ms: float, noise: list[float]) -> None:
    assert idle(*[usual_ms] * 9, *(usual_ms * (1 + part) for part in noise)).shifts == 0
