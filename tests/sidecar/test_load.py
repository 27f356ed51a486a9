from dataclasses import replace
from math import inf, nextafter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.baseline import Baseline
from sidecar.engines.engine import Reading
from sidecar.facts import BackendSpec
from sidecar.health import Health, Verdict
from sidecar.levels import NEVER, Level, Signal, reached
from sidecar.load import Load, LoadRules, classify, wants_inference_probe
from sidecar.progress import Rhythm
from sidecar.state import BackendState, Snapshot, Status
from sidecar.work import Work
from tests.sidecar.loads import UP, beating, inferred, level, reading, said
from tests.states import NOW, snapshots, states
from tests.strategies import held, load_rules

# The default rules repair what is weak in the seed's.


def test_a_dead_backend_has_no_load_it_is_unavailable() -> None:
    dead = replace(UP, health=Health(Verdict.DOWN), work=Work(9, 9))
    assert level(dead) is Level.UNAVAILABLE
    assert said(dead).set_by is None


def test_a_loading_backend_is_unavailable_too() -> None:
    assert level(replace(UP, health=Health(Verdict.UP, loading=True))) is Level.UNAVAILABLE


def test_of_a_backend_that_was_never_probed_nothing_is_said() -> None:
    assert said(BackendState(BackendSpec("mini", "")), 3) == Load(None)


@pytest.mark.parametrize(("age_seconds", "known"), [(6.0, True), (6.1, False)])
def test_a_stale_reading_is_unknown_and_never_0(age_seconds: float, known: bool) -> None:
    at = NOW - age_seconds
    for state in (
        replace(UP, status=Status(at, 9, 9)),
        replace(UP, reading=Reading(running=9, waiting=9, kv_usage_ratio=1.0), reading_at=at),
    ):
        signals = said(state).signals
        assert (Signal.ACTIVE_JOBS in signals) is known
        assert level(state) is (Level.VERY_BUSY if known else Level.FREE)


def test_a_missing_reading_is_absent() -> None:
    assert said(UP).signals.keys() == {
        Signal.IN_FLIGHT,
        Signal.HEALTH_LATENCY,
        Signal.PROBE_AGE,
        Signal.QUEUE,
    }


@pytest.mark.parametrize("timeout_seconds", [30.0, 1.0])
def test_a_failed_inference_probe_is_evidence_of_trouble(timeout_seconds: float) -> None:
    failed = replace(UP, inference_ms=-1.0, inference_at=NOW)
    assert level(failed, rules=LoadRules(inference_timeout_seconds=timeout_seconds)) is Level.VERY_BUSY
    assert level(replace(failed, inference_at=NOW - 30)) is Level.FREE


def test_where_no_inference_latency_is_too_long_a_failed_probe_says_nothing() -> None:
    failed = replace(UP, inference_ms=-1.0, inference_at=NOW)
    assert level(failed, rules=LoadRules(inference_seconds=(NEVER, NEVER, NEVER))) is Level.FREE


@pytest.mark.parametrize(
    ("slots", "active_jobs", "expected"),
    [
        (None, 0, Level.FREE),
        (None, 1, Level.NORMAL),
        (None, 2, Level.BUSY),
        (None, 4, Level.VERY_BUSY),
        (4, 3, Level.FREE),
        (4, 4, Level.NORMAL),
        (4, 7, Level.NORMAL),
        (4, 8, Level.BUSY),
        (4, 15, Level.BUSY),
        (4, 16, Level.VERY_BUSY),
    ],
)
def test_thresholds_on_active_jobs_scale_with_the_slots(slots: int | None, active_jobs: int, expected: Level) -> None:
    spec = replace(UP.spec, slots=slots)
    assert level(replace(UP, spec=spec, status=Status(NOW, active_jobs, None))) is expected
    assert level(replace(UP, spec=spec, work=Work(active_jobs, active_jobs))) is expected
    assert level(replace(UP, spec=spec, reading=Reading(running=active_jobs), reading_at=NOW)) is expected


def test_the_operators_slots_come_before_the_backends_and_those_before_the_engines() -> None:
    four = replace(UP, spec=replace(UP.spec, slots=4), reading=Reading(slots=8), reading_at=NOW, assumed_slots=16)
    eight = replace(four, spec=UP.spec)
    sixteen = replace(eight, reading=Reading())
    firsts = [said(state).thresholds[Signal.IN_FLIGHT][0] for state in (four, eight, sixteen)]
    assert firsts == [4, 8, 16]


# Each signal at its boundaries.


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (reading(waiting=0), Level.FREE),
        (reading(waiting=1), Level.NORMAL),
        (reading(waiting=3), Level.NORMAL),
        (reading(waiting=4), Level.BUSY),
        (reading(waiting=15), Level.BUSY),
        (reading(waiting=16), Level.VERY_BUSY),
        (reading(waiting=1, slots=256), Level.NORMAL),
        (reading(kv_usage_ratio=nextafter(0.7, 0)), Level.FREE),
        (reading(kv_usage_ratio=0.7), Level.NORMAL),
        (reading(kv_usage_ratio=0.9), Level.BUSY),
        (reading(kv_usage_ratio=0.97), Level.VERY_BUSY),
        (inferred(4.0), Level.FREE),
        (inferred(nextafter(4.0, inf)), Level.BUSY),
        (inferred(8.0), Level.BUSY),
        (inferred(8.001), Level.VERY_BUSY),
        (inferred(9.0, age_seconds=29.9), Level.VERY_BUSY),
        (inferred(9.0, age_seconds=30.0), Level.FREE),
        (replace(UP, health_at=NOW - 89.9), Level.FREE),
        (replace(UP, health_at=NOW - 90.0), Level.NORMAL),
        (replace(UP, health_at=NOW - 180.0), Level.BUSY),
        (replace(UP, health_at=NOW - 360.0), Level.VERY_BUSY),
    ],
)
def test_a_level_begins_where_its_threshold_says(state: BackendState, expected: Level) -> None:
    assert level(state) is expected


@pytest.mark.parametrize(
    ("health_ms", "baseline_ms", "expected"),
    [
        (249.9, 10.0, Level.FREE),  # twenty-five times the usual, and still quick: jitter is not load
        (250.0, 10.0, Level.BUSY),
        (400.0, 200.0, Level.FREE),
        (400.1, 200.0, Level.NORMAL),
        (1000.0, 200.0, Level.NORMAL),
        (1000.1, 200.0, Level.BUSY),
        (60_000.0, 200.0, Level.BUSY),
    ],
)
def test_health_latency_speaks_from_a_floor_on_and_never_says_very_busy(
    health_ms: float, baseline_ms: float, expected: Level
) -> None:
    assert level(replace(UP, health_ms=health_ms, baseline=Baseline(baseline_ms, 9))) is expected


@pytest.mark.parametrize(
    ("jobs", "queue", "expected", "set_by"),
    [
        (0, 1, Level.FREE, None),
        (0, 2, Level.NORMAL, Signal.QUEUE),
        (1, 2, Level.BUSY, Signal.QUEUE),
        (2, 9, Level.BUSY, Signal.IN_FLIGHT),
        (4, 9, Level.VERY_BUSY, Signal.IN_FLIGHT),
    ],
)
def test_the_queue_raises_free_and_normal_by_one_and_nothing_above(
    jobs: int, queue: int, expected: Level, set_by: Signal | None
) -> None:
    found = said(replace(UP, work=Work(jobs, jobs)), queue)
    assert (found.level, found.set_by) == (expected, set_by)


def test_a_level_that_is_never_reached_by_itself_begins_with_the_next() -> None:
    found = said(UP, rules=LoadRules(waiting_requests=(NEVER, 3, NEVER), active_jobs_per_slot=(5, 1, 9)))
    assert found.thresholds[Signal.WAITING] == (3, 3, NEVER)
    assert found.thresholds[Signal.IN_FLIGHT] == (1, 1, 9)


# When a real inference is worth a token.


SLOW = replace(UP, health_ms=900.0, baseline=Baseline(100.0, 9))


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (SLOW, True),
        (replace(SLOW, health_ms=300.1), True),
        (replace(SLOW, health_ms=300.0), False),
        (replace(UP, health_ms=250.0), False),
        (replace(UP, health_ms=250.1), True),
        (replace(SLOW, health_ms=None), False),
        (replace(SLOW, inference_ms=-1.0, inference_at=NOW - 29.9), False),
        (replace(SLOW, inference_ms=-1.0, inference_at=NOW - 30.0), True),
        (replace(SLOW, status=Status(NOW, 0, None)), False),
        (replace(SLOW, status=Status(NOW - 16, 0, None)), True),
        (replace(SLOW, reading=Reading(running=0), reading_at=NOW), False),
        (replace(SLOW, health=Health(Verdict.DOWN)), False),
        (replace(SLOW, health=Health(Verdict.UP, loading=True)), False),
        (replace(SLOW, health=Health()), False),
    ],
)
def test_a_probe_that_costs_a_token_is_wanted_only_under_suspicion(state: BackendState, wanted: bool) -> None:
    assert wants_inference_probe(state, NOW) is wanted


def test_an_inference_counts_until_the_next_one_has_come_while_suspicion_wants_it() -> None:
    for age_seconds, expected in [(29.9, Level.VERY_BUSY), (30.0, Level.VERY_BUSY), (65.9, Level.VERY_BUSY)]:
        assert level(replace(SLOW, inference_ms=9000.0, inference_at=NOW - age_seconds)) is expected
    assert level(replace(SLOW, inference_ms=9000.0, inference_at=NOW - 66.0)) is Level.BUSY  # by health alone


# Laws.


@settings(max_examples=300)
@given(snapshots, load_rules)
def test_the_level_is_the_largest_number_of_thresholds_that_a_signal_reached(told: Snapshot, rules: LoadRules) -> None:
    for state in told.backends.values():
        found = classify(state, told, rules)
        if found.level in (None, Level.UNAVAILABLE):
            assert found.set_by is None
            continue
        counts = {signal: reached(value, found.thresholds[signal]) for signal, value in found.signals.items()}
        assert found.level == max(counts.values())
        best = None if found.set_by is None else counts[found.set_by]
        assert best == (None if found.level is Level.FREE else found.level)


@settings(max_examples=300)
@given(snapshots, load_rules)
def test_thresholds_never_fall(told: Snapshot, rules: LoadRules) -> None:
    for state in told.backends.values():
        for steps in classify(state, told, rules).thresholds.values():
            assert steps[0] <= steps[1] <= steps[2]


MORE = st.sampled_from(["in_flight", "status", "running", "waiting", "kv", "inference", "health", "probe_age", "queue"])


@settings(max_examples=400)
@given(states, held, st.integers(0, 4), load_rules, MORE, st.integers(1, 20))
def test_more_of_any_signal_is_never_a_better_level(
    state: BackendState, holding: dict[str, int], queue: int, rules: LoadRules, which: str, more: int
) -> None:
    pulses = {state.name: beating(Rhythm(held=holding))}
    more_state = with_more(state, which, more)
    more_queue = queue + more * (which == "queue")
    before = classify(state, Snapshot(NOW, {state.name: state}, queue, 1, pulses), rules).level
    after = classify(more_state, Snapshot(NOW, {state.name: more_state}, more_queue, 1, pulses), rules).level
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert after >= before


def with_more(state: BackendState, which: str, more: int) -> BackendState:
    """The same state with `more` of one signal, where that is known."""
    read = state.reading
    match which:
        case "in_flight":
            return replace(state, work=replace(state.work, in_flight=state.work.in_flight + more))
        case "status" if state.status is not None:
            return replace(state, status=replace(state.status, active_jobs=state.status.active_jobs + more))
        case "running" if read.running is not None:
            return replace(state, reading=replace(read, running=read.running + more))
        case "waiting" if read.waiting is not None:
            return replace(state, reading=replace(read, waiting=read.waiting + more))
        case "kv" if read.kv_usage_ratio is not None:
            return replace(state, reading=replace(read, kv_usage_ratio=read.kv_usage_ratio + more / 20))
        case "inference" if state.inference_ms is not None and state.inference_ms >= 0:
            return replace(state, inference_ms=state.inference_ms + more * 1000)
        case "health" if state.health_ms is not None:
            return replace(state, health_ms=state.health_ms + more * 100)
        case "probe_age" if state.health_at is not None:
            return replace(state, health_at=state.health_at - more * 30)
        case _:
            return state
