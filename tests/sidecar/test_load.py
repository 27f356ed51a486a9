from dataclasses import replace
from math import inf, nextafter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.baseline import Baseline, IdleBaseline
from sidecar.engines.engine import Model, Reading
from sidecar.facts import BackendAdded, BackendSpec, HealthProbed, LoadRead, ProbeOutcome
from sidecar.health import Health, Verdict
from sidecar.levels import NEVER, Level, Signal, reached
from sidecar.load import DEFAULT_RULES, Load, LoadRules, classify, levels_held, wants_inference_probe
from sidecar.progress import Pulse, Rhythm
from sidecar.state import BackendState, Snapshot, Status
from sidecar.store import Store
from sidecar.usual import NOTHING_USUAL, Usual
from sidecar.work import Work
from tests.states import NOW, snapshots, states
from tests.strategies import held, load_rules

UP = BackendState(
    BackendSpec("mini", ""),
    health=Health(Verdict.UP),
    health_ms=5.0,
    health_at=NOW,
    baseline=Baseline(10.0, 9),
)


def seen(state: BackendState, queue: int = 0) -> Snapshot:
    return Snapshot(NOW, {state.name: state}, queue, 1)


def said(state: BackendState, queue: int = 0, rules: LoadRules = DEFAULT_RULES) -> Load:
    return classify(state, seen(state, queue), rules)


def level(state: BackendState, queue: int = 0, rules: LoadRules = DEFAULT_RULES) -> Level | None:
    return said(state, queue, rules).level


def reading(**values: float) -> BackendState:
    return replace(UP, reading=Reading(**values), reading_at=NOW)  # type: ignore[arg-type]


def inferred(seconds: float, age_seconds: float = 0.0) -> BackendState:
    return replace(UP, inference_ms=seconds * 1000, inference_at=NOW - age_seconds)


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


# What is measured of our own streams.


def learnt(first_seconds: float = 0.2, token_seconds: float = 0.02, samples: int = 30) -> dict[str, Usual]:
    """A model whose typical request takes 3.2 s on the idle machine, unless said otherwise."""
    usual = NOTHING_USUAL
    for number in range(samples):
        usual = usual.after_first_token(float(number), 1000, first_seconds)
        usual = usual.after_answer(float(number), 1, 100 * token_seconds, 100)
    return {"gemma4": usual}


def beating(rhythm: Rhythm) -> Pulse:
    pulse = Pulse()
    pulse.recall(rhythm)
    return pulse


def slower(times: float) -> tuple[BackendState, Pulse]:
    """A machine with one stream, whose tokens take so many times as long as usual."""
    usual = learnt()
    gap_seconds = usual["gemma4"].later.line.at(1) * times
    state = replace(UP, assumed_slots=9, usual=usual, work=Work(1, 1, running=1, streams=1, silent_since=NOW))
    return state, beating(Rhythm(NOW, gap_seconds))


def beside(state: BackendState, pulse: Pulse) -> Snapshot:
    return Snapshot(NOW, {state.name: state}, 0, 1, {state.name: pulse})


def test_where_there_is_a_model_of_the_backend_its_slowdown_is_a_signal() -> None:
    assert said(replace(UP, usual=learnt())).signals[Signal.SLOWDOWN] == 1.0
    assert Signal.SLOWDOWN not in said(replace(UP, usual=learnt(samples=4))).signals
    for times, expected in [(1.0, Level.FREE), (3.0, Level.BUSY), (6.0, Level.VERY_BUSY)]:
        state, pulse = slower(times)
        assert classify(state, beside(state, pulse)).level is expected


@pytest.mark.parametrize(("running", "expected"), [(4, Level.FREE), (255, Level.FREE), (256, Level.NORMAL)])
def test_a_few_of_many_slots_are_no_load(running: int, expected: Level) -> None:
    vllm = replace(UP, assumed_slots=256, reading=Reading(running=running), reading_at=NOW)
    assert level(vllm) is expected


def test_jobs_say_nothing_where_slots_are_unknown_and_slowdown_is_known() -> None:
    many = replace(UP, reading=Reading(running=9), reading_at=NOW, work=Work(9, 9))
    assert level(many) is Level.VERY_BUSY
    thresholds = said(replace(many, usual=learnt())).thresholds
    assert thresholds[Signal.ACTIVE_JOBS] == thresholds[Signal.IN_FLIGHT] == (NEVER, NEVER, NEVER)
    assert said(replace(many, usual=learnt(), assumed_slots=4)).thresholds[Signal.IN_FLIGHT] == (4, 8, 16)


@pytest.mark.parametrize(
    ("silent_seconds", "expected"),
    [(1.0, Level.FREE), (1.001, Level.BUSY), (2.0, Level.BUSY), (2.001, Level.VERY_BUSY)],
)
def test_a_silence_that_is_out_of_the_ordinary_is_busy_and_twice_as_long_very_busy(
    silent_seconds: float, expected: Level
) -> None:
    state = replace(UP, assumed_slots=9, work=Work(1, 1, running=1, streams=1, silent_since=NOW - silent_seconds))
    pulse = beating(Rhythm(None, 0.02))
    found = classify(state, beside(state, pulse))
    assert found.signals[Signal.SILENCE] == pytest.approx(silent_seconds)
    assert found.level is expected


def test_a_model_that_is_not_in_memory_is_no_load() -> None:
    cold = replace(UP, usual=learnt(), models=(Model("gemma4", loaded=False),), last_model="gemma4")
    assert level(cold) is Level.FREE
    assert said(cold).signals[Signal.SLOWDOWN] == 1.0


# The health endpoint's own noise.


def quiet(*latencies_ms: float) -> IdleBaseline:
    baseline = IdleBaseline()
    for latency_ms in latencies_ms:
        baseline = baseline.after(latency_ms)
    return baseline


def test_the_baseline_of_an_idle_backend_goes_before_the_one_under_load() -> None:
    slow = replace(UP, health_ms=900.0, baseline=Baseline(800.0, 9))
    assert level(slow) is Level.FREE
    assert level(replace(slow, idle_baseline=quiet(*[200.0] * 9))) is Level.NORMAL


def test_an_endpoint_that_is_noisy_by_itself_speaks_from_three_of_its_deviations_on() -> None:
    noisy = quiet(*[100.0, 400.0] * 5)
    assert noisy.median_ms + 3 * noisy.deviation_ms == pytest.approx(250 + 3 * 1.4826 * 150)
    assert level(replace(UP, health_ms=900.0, idle_baseline=noisy)) is Level.FREE
    assert level(replace(UP, health_ms=950.0, idle_baseline=noisy)) is Level.NORMAL


def test_a_single_slow_probe_is_no_trouble_yet_and_a_failed_one_is() -> None:
    slow = replace(UP, health_ms=900.0, health_before_ms=5.0, probe_outcome=ProbeOutcome.OK)
    assert level(slow) is Level.FREE
    assert level(replace(slow, health_before_ms=900.0)) is Level.BUSY
    assert level(replace(slow, probe_outcome=ProbeOutcome.READ_TIMEOUT)) is Level.BUSY


# Hysteresis.


@pytest.mark.parametrize(
    ("part", "before", "expected"),
    [
        (0.95, 0, Level.NORMAL),
        (0.95, 1, Level.NORMAL),
        (0.95, 2, Level.BUSY),
        (0.95, 3, Level.BUSY),
        (0.87, 2, Level.NORMAL),
        (1.0, 0, Level.BUSY),
    ],
)
def test_a_level_that_was_reached_is_left_only_a_little_below(part: float, before: int, expected: Level) -> None:
    state, pulse = slower(4.0)
    value = classify(state, beside(state, pulse)).signals[Signal.SLOWDOWN]
    pulse.held = {Signal.SLOWDOWN: before} if before else {}
    rules = LoadRules(slowdown=(1.1, value / part, 99.0), hysteresis_ratio=0.12)
    assert classify(state, beside(state, pulse), rules).level is expected


def kv(at: float, ratio: float) -> LoadRead:
    return LoadRead(at, "mini", Reading(kv_usage_ratio=ratio))


def levels_after(ratios: list[float], rules: LoadRules = DEFAULT_RULES) -> list[Level | None]:
    """The level after each reading of a store's one backend, one a second."""
    store = Store()
    store.rules = rules
    store.apply(BackendAdded(0.0, UP.spec))
    store.apply(HealthProbed(0.0, "mini", ProbeOutcome.OK, 5.0))
    found = []
    for second, ratio in enumerate(ratios, start=1):
        store.apply(kv(second, ratio))
        snapshot = store.snapshot(second)
        found.append(classify(snapshot.backends["mini"], snapshot, rules).level)
    return found


ratios = st.floats(0, 1)


@given(ratios, st.lists(ratios, max_size=3), load_rules)
def test_a_constant_input_never_changes_the_level_after_the_first(
    ratio: float, before: list[float], rules: LoadRules
) -> None:
    rules = replace(rules, probe_age_seconds=(NEVER, NEVER, NEVER))  # time itself is no constant input
    first, *more = levels_after([*before, *[ratio] * 6], rules)[len(before) :]
    assert set(more) == {first}


@given(st.lists(st.floats(0.8, 0.89), min_size=1, max_size=9), st.sampled_from([0.0, 0.95]))
def test_noise_within_the_band_does_not_flap(noise: list[float], before: float) -> None:
    found = levels_after([before, *noise])
    assert set(found[1:]) == {Level.NORMAL if before == 0 else Level.BUSY}


@given(st.lists(st.tuples(ratios, ratios), min_size=1, max_size=9), load_rules)
def test_whoever_had_more_all_along_is_never_better_off(pairs: list[tuple[float, float]], rules: LoadRules) -> None:
    less = levels_after([min(pair) for pair in pairs], rules)
    more = levels_after([max(pair) for pair in pairs], rules)
    assert all(one <= other for one, other in zip(less, more, strict=True) if one is not None and other is not None)


@settings(max_examples=300)
@given(snapshots, load_rules)
def test_what_is_held_follows_from_itself(told: Snapshot, rules: LoadRules) -> None:
    for state in told.backends.values():
        held = levels_held(state, told, rules)
        pulse = beating(Rhythm(held=held))
        if state.name in told.pulses:
            pulse = told.pulses[state.name].still()
            pulse.held = held
        again = replace(told, pulses={**told.pulses, state.name: pulse})
        assert levels_held(state, again, rules) == held or state.name not in told.pulses


def test_reading_changes_nothing() -> None:
    store = Store()
    store.apply(BackendAdded(0.0, UP.spec))
    store.apply(HealthProbed(0.0, "mini", ProbeOutcome.OK, 5.0))
    store.apply(kv(1.0, 0.95))
    before = store.rhythm("mini")
    for now in (1.0, 2.0, 90.0):
        snapshot = store.snapshot(now)
        classify(snapshot.backends["mini"], snapshot)
    assert store.rhythm("mini") == before
    assert before.held == {Signal.KV_USAGE: 2}


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
