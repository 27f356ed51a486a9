import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.baseline import FLOOR_MS, UNKNOWN_MS, Baseline


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
