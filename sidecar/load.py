"""Signals × thresholds → load level.

Rules of this file
- Pure, and a function of values that `/metrics` exports: level = the largest number of its own thresholds that any
  signal has reached, compared with `>=` on the same doubles. A recording rule computes the same level.
- Whatever else plays a part (baseline, slots, configuration, the queue's raise) is folded into the thresholds.
- A signal that is unknown or stale is absent. It never counts as 0.
- "More than x" is exported as the next double above x, so that `>=` says it exactly.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from math import inf, nextafter

from sidecar.engines.engine import NOTHING_READ, Reading
from sidecar.health import Verdict
from sidecar.slots import known_slots
from sidecar.state import BackendState, Status


class Level(IntEnum):
    """How busy a backend is. The numbers are those of `maek_backend_load`."""

    FREE = 0
    NORMAL = 1
    BUSY = 2
    VERY_BUSY = 3
    UNAVAILABLE = 4

    @property
    def label(self) -> str:
        """`free`, `normal`, `busy`, `very_busy` or `unavailable`: as JSON, labels and logs say it."""
        return self.name.lower()

    @property
    def korean(self) -> str:
        """As it is shown to Koreans."""
        return KOREAN[self]


KOREAN = {
    Level.FREE: "여유",
    Level.NORMAL: "보통",
    Level.BUSY: "바쁨",
    Level.VERY_BUSY: "매우 바쁨",
    Level.UNAVAILABLE: "사용 불가",
}


class Signal(StrEnum):
    """One number that speaks of load."""

    ACTIVE_JOBS = "active_jobs"
    """Running and waiting, as the backend itself counts: all its clients."""
    IN_FLIGHT = "in_flight"
    """Sent by us and not finished."""
    WAITING = "waiting"
    KV_USAGE = "kv_usage"
    INFERENCE_LATENCY = "inference_latency"
    """Seconds."""
    HEALTH_LATENCY = "health_latency"
    """Seconds."""
    PROBE_AGE = "probe_age"
    """Seconds since the last liveness probe ended, however it ended."""
    QUEUE = "queue"
    """Active jobs of the local queue."""


Steps = tuple[float, float, float]
"""Where a signal reaches normal, busy and very busy; infinity where it never does by itself."""
NEVER = inf


@dataclass(frozen=True, slots=True)
class LoadRules:
    """What the operator may set about levels. Ages and latencies in seconds."""

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
    reading_max_age_seconds: float = 6.0
    """A `/status` or statistics reading older than this is unknown."""
    inference_max_age_seconds: float = 30.0
    inference_timeout_seconds: float = 30.0
    """A failed inference probe counts as having taken this long, and never less than what is very busy."""
    suspicion_times_baseline: float = 3.0
    """Health latency above this multiple of the baseline (and above the floor) asks for a real inference probe."""


DEFAULT_RULES = LoadRules()


@dataclass(frozen=True, slots=True)
class Load:
    """How busy one backend is, with everything that it was computed from."""

    level: Level | None
    """None: nothing is known yet."""
    signals: Mapping[Signal, float] = field(default_factory=dict)
    thresholds: Mapping[Signal, Steps] = field(default_factory=dict)
    set_by: Signal | None = None
    """The signal that reached the level; None where none did: a free backend, or one that is unavailable."""


def classify(state: BackendState, queue_active: int, now: float, rules: LoadRules = DEFAULT_RULES) -> Load:
    """How busy `state` is at `now` (seconds on the clock of its facts)."""
    if state.health.verdict is Verdict.UNKNOWN:
        return Load(None)
    signals = _signals(state, now, rules)
    thresholds = _thresholds(state, rules)
    levels = {signal: reached(value, thresholds[signal]) for signal, value in signals.items()}
    # in_flight is always known, so there is always a largest one.
    set_by, level = max(levels.items(), key=lambda item: item[1])
    signals[Signal.QUEUE] = float(queue_active)
    thresholds[Signal.QUEUE] = queue_steps(level, rules.queue_active)
    raised = reached(signals[Signal.QUEUE], thresholds[Signal.QUEUE])
    if raised > level:
        level, set_by = raised, Signal.QUEUE
    if not state.health.available:
        return Load(Level.UNAVAILABLE, signals, thresholds)
    return Load(Level(level), signals, thresholds, set_by if level else None)


def reached(value: float, steps: Steps) -> int:
    """How many of its thresholds a signal has reached, 0..3."""
    return sum(value >= step for step in steps)


def queue_steps(level: int, most_active: int) -> Steps:
    """Thresholds of the queue that raise free → normal and normal → busy, and nothing above."""
    at = float(most_active + 1)
    return (at, at if level >= Level.NORMAL else NEVER, NEVER)


def wants_inference_probe(state: BackendState, now: float, rules: LoadRules = DEFAULT_RULES) -> bool:
    """Whether health latency is suspicious, and nothing recent says how fast the backend really answers.

    Never without a model known to be there, and never where the backend itself says how busy it is: a probe costs a
    token, and a reading costs nothing.
    """
    if not state.health.available or fresh_active_jobs(state, now, rules) is not None:
        return False
    if state.inference_at is not None and now - state.inference_at <= rules.inference_max_age_seconds:
        return False
    suspicious_ms = max(rules.health_floor_seconds * 1000, rules.suspicion_times_baseline * state.baseline.value_ms)
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
    """How long the last inference took, while it still counts. A failed one took too long, whatever was configured."""
    if state.inference_ms is None or state.inference_at is None:
        return None
    if now - state.inference_at >= rules.inference_max_age_seconds:
        return None
    return _failed_inference_seconds(rules) if state.inference_ms < 0 else state.inference_ms / 1000


def _failed_inference_seconds(rules: LoadRules) -> float:
    reachable = [step for step in _above(rules.inference_seconds) if step < NEVER]
    return max([rules.inference_timeout_seconds, *reachable])


def _signals(state: BackendState, now: float, rules: LoadRules) -> dict[Signal, float]:
    reading = fresh_reading(state, now, rules)
    found: dict[Signal, float | None] = {
        Signal.ACTIVE_JOBS: fresh_active_jobs(state, now, rules),
        Signal.IN_FLIGHT: state.work.in_flight,
        Signal.WAITING: reading.waiting,
        Signal.KV_USAGE: reading.kv_usage_ratio,
        Signal.INFERENCE_LATENCY: fresh_inference_seconds(state, now, rules),
        Signal.HEALTH_LATENCY: None if state.health_ms is None else state.health_ms / 1000,
        Signal.PROBE_AGE: None if state.health_at is None else now - state.health_at,
    }
    return {signal: float(value) for signal, value in found.items() if value is not None}


def _thresholds(state: BackendState, rules: LoadRules) -> dict[Signal, Steps]:
    slots = known_slots(state) or 1  # one at a time, until somebody says otherwise: errs towards busy
    baseline_seconds = state.baseline.value_ms / 1000
    steps_of: dict[Signal, Steps] = {
        Signal.ACTIVE_JOBS: _scaled(rules.active_jobs_per_slot, slots),
        Signal.IN_FLIGHT: _scaled(rules.active_jobs_per_slot, slots),
        Signal.WAITING: rules.waiting_requests,
        Signal.KV_USAGE: rules.kv_usage_ratio,
        Signal.INFERENCE_LATENCY: _above(rules.inference_seconds),
        Signal.HEALTH_LATENCY: _at_least(
            rules.health_floor_seconds, _above(_scaled(rules.health_times_baseline, baseline_seconds))
        ),
        Signal.PROBE_AGE: rules.probe_age_seconds,
    }
    return {signal: _rising(steps) for signal, steps in steps_of.items()}


def _rising(steps: Steps) -> Steps:
    """Whoever is busy is also normal: a level is the number of steps reached, so none may be above the next."""
    return (min(steps), min(steps[1:]), steps[2])


def _scaled(steps: Steps, factor: float) -> Steps:
    return (steps[0] * factor, steps[1] * factor, steps[2] * factor)


def _above(steps: Steps) -> Steps:
    return (nextafter(steps[0], inf), nextafter(steps[1], inf), nextafter(steps[2], inf))


def _at_least(floor: float, steps: Steps) -> Steps:
    return (max(floor, steps[0]), max(floor, steps[1]), max(floor, steps[2]))
