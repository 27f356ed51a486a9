"""The seed's rules for a backend's load, kept to the last digit for `--rules seed`.

Rules of this file
- Pure. It answers as the seed would, its weaknesses included; `sidecar.load` has the rules that repair them.
- Comparisons use the unrounded baseline and the health latency rounded to 0.1 ms. Answers carry both rounded.
"""

from dataclasses import dataclass

from sidecar.levels import Level
from sidecar.state import BackendState

CACHE_SECONDS = 30.0
"""An inference latency counts while it is younger than this."""
FORCED_PROBE_PAUSE_SECONDS = 10.0
"""A forced query wants a new inference probe only if none ran for this long."""

INFERENCE_VERY_BUSY_MS = 8000.0
INFERENCE_BUSY_MS = 4000.0
HEALTH_BUSY_TIMES_BASELINE = 5
HEALTH_NORMAL_TIMES_BASELINE = 2
HEALTH_SUSPICIOUS_TIMES_BASELINE = 3

STATUS_API = "status_api"
HYBRID = "hybrid"


@dataclass(frozen=True, slots=True)
class SeedAnswer:
    """What the seed says of one backend. Latencies in milliseconds; levels never reach UNAVAILABLE."""

    load: Level
    source: str
    active_jobs: int | None
    total_requests: int | None
    health_ms: float
    health_baseline_ms: float
    inference_ms: float | None
    wants_probe: bool


def answer(state: BackendState, queue_active: int, now: float, *, force: bool = False) -> SeedAnswer:
    """The seed's answer at `now`; `force` only changes whether an inference probe is wanted."""
    status = state.status
    if status is not None:
        return _answer(state, level_of_jobs(status.active_jobs), STATUS_API)
    inference_ms = cached_inference_ms(state, now)
    level = _raised(_hybrid_level(state, inference_ms), queue_active)
    return _answer(state, level, HYBRID, inference_ms, wants_probe=wants_probe(state, now, force=force))


def level_of_jobs(active_jobs: int) -> Level:
    """The level of a backend that says how many jobs it works on."""
    if active_jobs >= 4:
        return Level.VERY_BUSY
    if active_jobs >= 2:
        return Level.BUSY
    return Level.NORMAL if active_jobs == 1 else Level.FREE


def cached_inference_ms(state: BackendState, now: float) -> float | None:
    """The last good inference latency while it counts, else None."""
    if state.good_inference_at is None or now - state.good_inference_at >= CACHE_SECONDS:
        return None
    return state.good_inference_ms


def wants_probe(state: BackendState, now: float, *, force: bool = False) -> bool:
    """Whether a real inference probe is wanted, seen from the hybrid path."""
    if force and may_force_probe(state, now):
        return True
    too_old = state.good_inference_at is None or now - state.good_inference_at > CACHE_SECONDS
    return too_old and _health_ms(state) > HEALTH_SUSPICIOUS_TIMES_BASELINE * state.baseline.value_ms


def may_force_probe(state: BackendState, now: float) -> bool:
    """Whether the last inference probe, good or bad, is so long ago that a forced query wants a new one."""
    return state.inference_at is None or now - state.inference_at >= FORCED_PROBE_PAUSE_SECONDS


def _hybrid_level(state: BackendState, inference_ms: float | None) -> Level:
    if inference_ms is not None and inference_ms > INFERENCE_VERY_BUSY_MS:
        return Level.VERY_BUSY
    if inference_ms is not None and inference_ms > INFERENCE_BUSY_MS:
        return Level.BUSY
    if _health_ms(state) > HEALTH_BUSY_TIMES_BASELINE * state.baseline.value_ms:
        return Level.BUSY
    if _health_ms(state) > HEALTH_NORMAL_TIMES_BASELINE * state.baseline.value_ms:
        return Level.NORMAL
    return Level.FREE


def _raised(level: Level, queue_active: int) -> Level:
    return Level(level + 1) if queue_active > 1 and level < Level.BUSY else level


def _health_ms(state: BackendState) -> float:
    return 0.0 if state.health_ms is None else state.health_ms


def _answer(
    state: BackendState,
    level: Level,
    source: str,
    inference_ms: float | None = None,
    *,
    wants_probe: bool = False,
) -> SeedAnswer:
    return SeedAnswer(
        load=level,
        source=source,
        active_jobs=None if state.status is None else state.status.active_jobs,
        total_requests=None if state.status is None else state.status.total_requests,
        health_ms=_health_ms(state),
        health_baseline_ms=round(state.baseline.value_ms, 1),
        inference_ms=inference_ms,
        wants_probe=wants_probe,
    )
