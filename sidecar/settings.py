"""What the configuration means for the sidecar's parts.

Rules of this file
- Pure: a configuration in, values out. Where a setting is relative (intervals, slots), it becomes absolute here.
"""

from sidecar import load, seed
from sidecar.config import InferenceProbe, SidecarConfig, steps
from sidecar.load import LoadRules
from sidecar.monitor import Pace, WantsProbe
from sidecar.state import BackendState

READINGS_MISSED = 3
"""A reading counts until this many intervals have passed without a new one."""


def load_rules(config: SidecarConfig) -> LoadRules:
    """The thresholds in force, in seconds and ratios."""
    thresholds = config.thresholds
    normal, busy, very_busy = steps(thresholds.probe_age_intervals)
    interval = config.interval_seconds
    return LoadRules(
        slowdown=steps(thresholds.slowdown),
        silence_times_bearable=steps(thresholds.silence_times_bearable),
        active_jobs_per_slot=steps(thresholds.active_jobs_per_slot),
        waiting_requests=steps(thresholds.waiting_requests),
        kv_usage_ratio=steps(thresholds.kv_usage_ratio),
        inference_seconds=steps(thresholds.inference_seconds),
        health_times_baseline=steps(thresholds.health_times_baseline),
        health_floor_seconds=thresholds.health_floor_seconds,
        probe_age_seconds=(normal * interval, busy * interval, very_busy * interval),
        queue_active=thresholds.queue_active,
        hysteresis_ratio=thresholds.hysteresis_ratio,
        reading_max_age_seconds=READINGS_MISSED * config.stats_interval_seconds,
        inference_timeout_seconds=config.inference_timeout_seconds,
    )


def pace(config: SidecarConfig) -> Pace:
    """How often and how patiently to ask."""
    return Pace(
        interval_seconds=config.interval_seconds,
        retry_interval_seconds=config.retry_interval_seconds,
        stats_interval_seconds=config.stats_interval_seconds,
        jitter_ratio=config.jitter_ratio,
        liveness_timeout_seconds=config.liveness_timeout_seconds,
        stats_timeout_seconds=config.stats_timeout_seconds,
        inference_timeout_seconds=config.inference_timeout_seconds,
    )


def wants_probe(config: SidecarConfig, *, force: bool = False) -> WantsProbe:
    """When a real inference probe is wanted: on suspicion, or with `force` whenever none ran in the last 10 s."""
    if config.inference_probe is InferenceProbe.NEVER:
        return _never
    if force:
        return seed.may_force_probe
    rules = load_rules(config)
    return lambda state, now: load.wants_inference_probe(state, now, rules)


def _never(_state: BackendState, _now: float) -> bool:
    return False
