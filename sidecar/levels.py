"""Levels, the signals that make them, and how a threshold is said.

Rules of this file
- Pure. A level is a number of thresholds reached, compared with `>=` on the same doubles that `/metrics` exports.
- "More than x" is exported as the next double above x, so that `>=` says it exactly.
- Thresholds never fall from one level to the next.
"""

from enum import IntEnum, StrEnum
from math import inf, nextafter


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

    SLOWDOWN = "slowdown"
    """How many times as long as on the idle backend a typical request would take now."""
    SILENCE = "silence"
    """Seconds without a token, while streams run."""
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


REMEMBERED = frozenset(Signal) - {Signal.SILENCE, Signal.PROBE_AGE, Signal.QUEUE}
"""Signals that have hysteresis. Ages and silences grow steadily and end at once; the queue counts a few whole jobs."""

NO_LOAD = {Signal.SLOWDOWN: 1.0}
"""What a signal is when there is no load, where that is not 0."""

Steps = tuple[float, float, float]
"""Where a signal reaches normal, busy and very busy; infinity where it never does by itself."""
NEVER = inf
OUT_OF_REACH: Steps = (NEVER, NEVER, NEVER)


def reached(value: float, steps: Steps) -> int:
    """How many of its thresholds a signal has reached, 0..3."""
    normal, busy, very_busy = steps
    return (value >= normal) + (value >= busy) + (value >= very_busy)


def queue_steps(level: int, most_active: int) -> Steps:
    """Thresholds of the queue that raise free → normal and normal → busy, and nothing above."""
    at = float(most_active + 1)
    return (at, at if level >= Level.NORMAL else NEVER, NEVER)


def rising(steps: Steps) -> Steps:
    """Whoever is busy is also normal: a level is the number of steps reached, so none may be above the next."""
    return (min(steps), min(steps[1:]), steps[2])


def eased(steps: Steps, held: int, ratio: float, nothing: float = 0.0) -> Steps:
    """The same, but the first `held` levels have been reached before, and are left only that part of the way down.

    `nothing`: what the signal is when there is no load at all.
    """
    normal, busy, very_busy = steps
    return (
        _eased(normal, ratio, nothing) if held >= Level.NORMAL else normal,
        _eased(busy, ratio, nothing) if held >= Level.BUSY else busy,
        _eased(very_busy, ratio, nothing) if held >= Level.VERY_BUSY else very_busy,
    )


def _eased(step: float, ratio: float, nothing: float) -> float:
    return min(step, step - ratio * (step - nothing)) if step < NEVER else step


def scaled(steps: Steps, factor: float) -> Steps:
    """So many times as much; what is never reached stays so."""
    return (steps[0] * factor, steps[1] * factor, steps[2] * factor)


def above(steps: Steps) -> Steps:
    """More than these."""
    return (nextafter(steps[0], inf), nextafter(steps[1], inf), nextafter(steps[2], inf))


def at_least(floor: float, steps: Steps) -> Steps:
    """None of them under `floor`."""
    return (max(floor, steps[0]), max(floor, steps[1]), max(floor, steps[2]))
