"""Levels from what is measured of our own streams, from an endpoint's own noise, and what is held on to."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.baseline import Baseline, IdleBaseline
from sidecar.engines.engine import Model, Reading
from sidecar.facts import BackendAdded, HealthProbed, LoadRead, ProbeOutcome
from sidecar.levels import NEVER, Level, Signal
from sidecar.load import DEFAULT_RULES, LoadRules, classify, levels_held
from sidecar.progress import Pulse, Rhythm
from sidecar.state import BackendState, Snapshot
from sidecar.store import Store
from sidecar.usual import NOTHING_USUAL, Usual
from sidecar.work import Work
from tests.sidecar.loads import UP, beating, level, said
from tests.states import NOW, snapshots
from tests.strategies import load_rules

# What is measured of our own streams.


def learnt(first_seconds: float = 0.2, token_seconds: float = 0.02, samples: int = 30) -> dict[str, Usual]:
    """A model whose typical request takes 3.2 s on the idle machine, unless said otherwise."""
    usual = NOTHING_USUAL
    for number in range(samples):
        usual = usual.after_first_token(float(number), 1000, first_seconds)
        usual = usual.after_answer(float(number), 1, 100 * token_seconds, 100)
    return {"gemma4": usual}


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


def test_what_was_held_of_a_signal_that_is_gone_counts_no_more() -> None:
    state, pulse = slower(1.0)
    pulse.held = {Signal.SILENCE: 3}
    load = classify(replace(state, work=Work()), beside(replace(state, work=Work()), pulse))
    assert Signal.SILENCE not in load.signals
    assert Signal.SILENCE not in load.thresholds
    assert load.level is Level.FREE


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
        held = levels_held(classify(state, told, rules))
        pulse = beating(Rhythm(held=held))
        if state.name in told.pulses:
            pulse = told.pulses[state.name].still()
            pulse.held = held
        again = replace(told, pulses={**told.pulses, state.name: pulse})
        assert levels_held(classify(state, again, rules)) == held or state.name not in told.pulses


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
