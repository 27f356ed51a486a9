"""Signals × thresholds → load level.

Rules of this file
- Pure, and a function of values that `/metrics` exports: level = the largest number of its own thresholds that any
  signal has reached. A recording rule computes the same level.
- Whatever else plays a part (baseline, slots, what is bearable, configuration, hysteresis, the queue's raise) is folded
  into the thresholds.
- A signal that is unknown or stale is absent. It never counts as 0.
- A model that is not in memory is no load, and neither is loading it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from sidecar.engines.engine import NOTHING_READ, Reading
from sidecar.facts import ProbeOutcome
from sidecar.health import Verdict
from sidecar.levels import (
    NEVER,
    NO_LOAD,
    OUT_OF_REACH,
    REMEMBERED,
    Level,
    Signal,
    Steps,
    above,
    at_least,
    eased,
    queue_steps,
    reached,
    rising,
    scaled,
)
from sidecar.slots import known_slots
from sidecar.state import BackendState, Snapshot, Status
from sidecar.strain import Silence, silence, slowdown


@dataclass(frozen=True, slots=True)
class LoadRules:
    """What the operator may set about levels. Ages and latencies in seconds."""

    slowdown: Steps = (1.25, 2.0, 4.0)
    silence_times_bearable: Steps = (1.0, 1.0, 2.0)
    """More than these multiples of what is nothing out of the ordinary."""
    active_jobs_per_slot: Steps = (1, 2, 4)
    waiting_requests: Steps = (1, 4, 16)
    """Not scaled by slots: whoever waits found the slots, or the cache, full."""
    kv_usage_ratio: Steps = (0.7, 0.9, 0.97)
    inference_seconds: Steps = (4.0, 4.0, 8.0)
    """More than these."""
    health_times_baseline: Steps = (2.0, 5.0, NEVER)
    """More than these multiples of the baseline …"""
    health_floor_seconds: float = 0.25
    """… and at least this: on real servers a health endpoint stays quick under load, and jitter is not load."""
    probe_age_seconds: Steps = (90.0, 180.0, 360.0)
    queue_active: int = 1
    """More active jobs than this raise a level that is below busy by one."""
    hysteresis_ratio: float = 0.12
    """A level that a signal has reached is left only below its threshold by this part of it."""
    reading_max_age_seconds: float = 6.0
    """A `/status` or statistics reading older than this is unknown."""
    inference_max_age_seconds: float = 30.0
    """After so long a new one is wanted, if there is suspicion still."""
    inference_timeout_seconds: float = 30.0
    """A failed inference probe counts as having taken this long, and never less than what is very busy."""
    suspicion_times_baseline: float = 3.0
    """Health latency above this multiple of the baseline (and above the floor) asks for a real inference probe."""


DEFAULT_RULES = LoadRules()
DEVIATIONS = 3.0
"""A health endpoint that is noisy by itself speaks from so many of its standard deviations on."""


@dataclass(frozen=True, slots=True)
class Load:
    """How busy one backend is, with everything that it was computed from."""

    level: Level | None
    """None: nothing is known yet."""
    signals: Mapping[Signal, float] = field(default_factory=dict)
    thresholds: Mapping[Signal, Steps] = field(default_factory=dict)
    set_by: Signal | None = None
    """The signal that reached the level; None where none did: a free backend, or one that is unavailable."""


def classify(state: BackendState, snapshot: Snapshot, rules: LoadRules = DEFAULT_RULES) -> Load:
    """How busy `state`, one of the backends of `snapshot`, is at its moment."""
    if state.health.verdict is Verdict.UNKNOWN:
        return Load(None)
    signals, thresholds = _measured(state, snapshot, rules)
    levels = {signal: reached(value, thresholds[signal]) for signal, value in signals.items()}
    # in_flight is always known, so there is always a largest one.
    set_by, level = max(levels.items(), key=lambda item: item[1])
    signals[Signal.QUEUE] = float(snapshot.queue_active)
    thresholds[Signal.QUEUE] = queue_steps(level, rules.queue_active)
    raised = reached(signals[Signal.QUEUE], thresholds[Signal.QUEUE])
    if raised > level:
        level, set_by = raised, Signal.QUEUE
    if not state.health.available:
        return Load(Level.UNAVAILABLE, signals, thresholds)
    return Load(Level(level), signals, thresholds, set_by if level else None)


def levels_held(load: Load) -> Mapping[str, int]:
    """How many thresholds each signal that has hysteresis has reached, those that it holds on to included.

    Signals that have reached none are left out. The same signals again give the same again, so that a constant input
    never changes a level.
    """
    counts = {
        signal: reached(value, load.thresholds[signal])
        for signal, value in load.signals.items()
        if signal in REMEMBERED
    }
    # By plain names: they are written into recordings.
    return {str(signal): count for signal, count in counts.items() if count}


def wants_inference_probe(state: BackendState, now: float, rules: LoadRules = DEFAULT_RULES) -> bool:
    """Whether health latency is suspicious, and nothing recent says how fast the backend really answers.

    Never without a model known to be there, and never where the backend itself says how busy it is: a probe costs a
    token, and a reading costs nothing.
    """
    if not state.health.available or fresh_active_jobs(state, now, rules) is not None:
        return False
    if state.inference_at is not None and now - state.inference_at < rules.inference_max_age_seconds:
        return False
    suspicious_ms = max(rules.health_floor_seconds * 1000, rules.suspicion_times_baseline * state.usual_health_ms)
    return state.health_ms is not None and state.health_ms > suspicious_ms


def fresh_active_jobs(state: BackendState, now: float, rules: LoadRules) -> int | None:
    """What the backend itself says it works on: `/status` first, then its statistics; None if neither is fresh."""
    status = fresh_status(state, now, rules)
    return fresh_reading(state, now, rules).active_jobs if status is None else status.active_jobs


def fresh_status(state: BackendState, now: float, rules: LoadRules) -> Status | None:
    """What `/status` said last, while it still counts."""
    status = state.status
    return status if status is not None and now - status.at <= rules.reading_max_age_seconds else None


def fresh_reading(state: BackendState, now: float, rules: LoadRules) -> Reading:
    """The last statistics while they still count, else a reading with nothing in it."""
    fresh = state.reading_at is not None and now - state.reading_at <= rules.reading_max_age_seconds
    return state.reading if fresh else NOTHING_READ


def fresh_inference_seconds(state: BackendState, now: float, rules: LoadRules) -> float | None:
    """How long the last inference took, while it still counts. A failed one took too long, whatever was configured.

    Where suspicion wants the next one, it counts until that has ended: else its level would come and go with each.
    """
    if state.inference_ms is None or state.inference_at is None:
        return None
    age_seconds = now - state.inference_at
    if age_seconds >= rules.inference_max_age_seconds:
        grace_seconds = rules.inference_timeout_seconds + rules.reading_max_age_seconds
        replaced_soon = age_seconds < rules.inference_max_age_seconds + grace_seconds
        if not (replaced_soon and wants_inference_probe(state, now, rules)):
            return None
    return _failed_inference_seconds(rules) if state.inference_ms < 0 else state.inference_ms / 1000


def _failed_inference_seconds(rules: LoadRules) -> float:
    reachable = [step for step in above(rules.inference_seconds) if step < NEVER]
    return max([rules.inference_timeout_seconds, *reachable])


def _measured(
    state: BackendState, snapshot: Snapshot, rules: LoadRules
) -> tuple[dict[Signal, float], dict[Signal, Steps]]:
    """Every signal that is known, and the thresholds of all."""
    slower, quiet = slowdown(state, snapshot), silence(state, snapshot)
    signals = _signals(state, slower, quiet, snapshot.now, rules)
    thresholds = _thresholds(state, slower, quiet, rules)
    for signal, held in snapshot.held(state.name).items():
        if signal in thresholds:
            known = Signal(signal)
            thresholds[known] = eased(thresholds[known], held, rules.hysteresis_ratio, NO_LOAD.get(known, 0.0))
    return signals, thresholds


def _signals(
    state: BackendState, slower: float | None, quiet: Silence | None, now: float, rules: LoadRules
) -> dict[Signal, float]:
    reading = fresh_reading(state, now, rules)
    found: dict[Signal, float | None] = {
        Signal.SLOWDOWN: slower,
        Signal.SILENCE: None if quiet is None else quiet.seconds,
        Signal.ACTIVE_JOBS: fresh_active_jobs(state, now, rules),
        Signal.IN_FLIGHT: state.work.in_flight,
        Signal.WAITING: reading.waiting,
        Signal.KV_USAGE: reading.kv_usage_ratio,
        Signal.INFERENCE_LATENCY: fresh_inference_seconds(state, now, rules),
        Signal.HEALTH_LATENCY: _health_seconds(state),
        Signal.PROBE_AGE: None if state.health_at is None else now - state.health_at,
    }
    return {signal: float(value) for signal, value in found.items() if value is not None}


def _health_seconds(state: BackendState) -> float | None:
    """Latency of the health probe; of the last two the lower if the last was good: one slow answer is no trouble."""
    if state.health_ms is None:
        return None
    if state.health_before_ms is None or state.probe_outcome is not ProbeOutcome.OK:
        return state.health_ms / 1000
    return min(state.health_ms, state.health_before_ms) / 1000


def _thresholds(
    state: BackendState, slower: float | None, quiet: Silence | None, rules: LoadRules
) -> dict[Signal, Steps]:
    jobs = rising(_jobs_steps(state, measured=slower is not None, rules=rules))
    steps_of = dict(_the_same_for_all(rules))
    steps_of[Signal.ACTIVE_JOBS] = steps_of[Signal.IN_FLIGHT] = jobs
    steps_of[Signal.HEALTH_LATENCY] = rising(_health_steps(state, rules))
    if quiet is not None:
        steps_of[Signal.SILENCE] = rising(above(scaled(rules.silence_times_bearable, quiet.bearable_seconds)))
    return steps_of


@lru_cache(maxsize=8)
def _the_same_for_all(rules: LoadRules) -> Mapping[Signal, Steps]:
    """The thresholds that depend on no backend; a few rules are in force at a time, and asked for at every request."""
    return {
        Signal.SLOWDOWN: rising(rules.slowdown),
        Signal.ACTIVE_JOBS: OUT_OF_REACH,  # by slots: the place alone, since the order is told
        Signal.IN_FLIGHT: OUT_OF_REACH,
        Signal.WAITING: rising(rules.waiting_requests),
        Signal.KV_USAGE: rising(rules.kv_usage_ratio),
        Signal.INFERENCE_LATENCY: rising(above(rules.inference_seconds)),
        Signal.HEALTH_LATENCY: OUT_OF_REACH,
        Signal.PROBE_AGE: rising(rules.probe_age_seconds),
    }


def _jobs_steps(state: BackendState, *, measured: bool, rules: LoadRules) -> Steps:
    """Thresholds on jobs, by slots. Where nobody knows how many: one, which errs towards busy, until the slowdown is
    measured and says it better."""
    slots = known_slots(state)
    if slots is None and measured:
        return OUT_OF_REACH
    return scaled(rules.active_jobs_per_slot, slots or 1)


def _health_steps(state: BackendState, rules: LoadRules) -> Steps:
    usual_seconds = state.usual_health_ms / 1000
    noise_seconds = usual_seconds + DEVIATIONS * state.idle_baseline.deviation_ms / 1000
    floor_seconds = max(rules.health_floor_seconds, noise_seconds)
    return at_least(floor_seconds, above(scaled(rules.health_times_baseline, usual_seconds)))
