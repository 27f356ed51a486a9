"""Every metric of the sidecar, once: name, type, unit, labels, help.

Rules of this file
- Data only. `sidecar.exposition` fills these in; docs/metrics.md is generated from them.
- Base units. `_total` for counters only, `_ratio` is 0..1. Unknown is absent, never 0.
- Labels come from closed sets: names of configured backends, roles of the configuration, enums of the code. Never a
  user, a key, a path, an address or text that somebody wrote.
"""

from dataclasses import dataclass
from enum import StrEnum


class Type(StrEnum):
    """A kind of metric, as Prometheus names it."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family."""

    name: str
    type: Type
    help: str
    labels: tuple[str, ...] = ()


BACKEND_INFO = Metric(
    "maek_backend_info",
    Type.GAUGE,
    "Always 1: the engine of a backend, its version, and the roles that it is configured for.",
    ("backend", "engine", "engine_version", "role"),
)
BACKEND_UP = Metric(
    "maek_backend_up",
    Type.GAUGE,
    "1 if the backend takes requests, 0 if it is down, still loading, or suspended.",
    ("backend",),
)
BACKEND_STATE = Metric(
    "maek_backend_state",
    Type.GAUGE,
    "1 for the state that the backend is in, 0 for all others; absent while unknown.",
    ("backend", "state"),
)
BREAKER_STATE = Metric(
    "maek_backend_breaker_state",
    Type.GAUGE,
    "0 closed, 1 half open: the next request is a trial, 2 open: left alone for a moment.",
    ("backend",),
)
HEALTH_LATENCY = Metric(
    "maek_backend_health_latency_seconds",
    Type.GAUGE,
    "Latency of the last liveness probe, good or bad.",
    ("backend",),
)
HEALTH_BASELINE = Metric(
    "maek_backend_health_baseline_seconds",
    Type.GAUGE,
    "What a good liveness probe usually takes.",
    ("backend",),
)
BASELINE_SHIFTS = Metric(
    "maek_backend_baseline_shifts_total",
    Type.COUNTER,
    "Times that what is usual was learnt anew, because it had changed for good: latency of the probe, or speed.",
    ("backend", "signal"),
)
INFERENCE_LATENCY = Metric(
    "maek_backend_inference_latency_seconds",
    Type.GAUGE,
    "Latency of the last one-token inference probe, while it counts; absent if it failed.",
    ("backend",),
)
ACTIVE_JOBS = Metric(
    "maek_backend_active_jobs",
    Type.GAUGE,
    "Running and waiting requests of all clients, as the backend itself says.",
    ("backend",),
)
IN_FLIGHT = Metric(
    "maek_backend_in_flight",
    Type.GAUGE,
    "Requests sent to the backend by Maek and not finished.",
    ("backend",),
)
WAITING = Metric(
    "maek_backend_waiting_requests",
    Type.GAUGE,
    "Requests that the backend accepted and has not begun.",
    ("backend",),
)
KV_USAGE = Metric(
    "maek_backend_kv_usage_ratio", Type.GAUGE, "Part of the backend's key-value cache in use.", ("backend",)
)
SLOTS = Metric("maek_backend_slots", Type.GAUGE, "Requests that the backend works on at once.", ("backend",))
PROBE_AGE = Metric(
    "maek_backend_probe_age_seconds", Type.GAUGE, "Seconds since the last liveness probe ended.", ("backend",)
)
PREDICTED_TTFT = Metric(
    "maek_backend_predicted_ttft_seconds",
    Type.GAUGE,
    "Predicted time to the first token of a typical request now, for the model asked for last; absent until measured.",
    ("backend",),
)
PREDICTED_SLOWDOWN = Metric(
    "maek_backend_predicted_slowdown_ratio",
    Type.GAUGE,
    "How many times as long as on the idle backend that request would take, to its last token; 1 or more.",
    ("backend",),
)
LOAD_SIGNAL = Metric(
    "maek_backend_load_signal",
    Type.GAUGE,
    "One number that speaks of load; absent while unknown.",
    ("backend", "signal"),
)
LOAD_THRESHOLD = Metric(
    "maek_backend_load_threshold",
    Type.GAUGE,
    "From this value on the signal means at least this level; absent where it never does.",
    ("backend", "signal", "level"),
)
LOAD = Metric(
    "maek_backend_load",
    Type.GAUGE,
    "0 free, 1 normal, 2 busy, 3 very busy, 4 unavailable; absent while unknown.",
    ("backend",),
)
QUEUE_ACTIVE = Metric("maek_queue_active", Type.GAUGE, "Jobs of the local queue that are being worked on.")
REQUESTS_STARTED = Metric("maek_requests_started_total", Type.COUNTER, "Requests sent to the backend.", ("backend",))
REQUESTS = Metric(
    "maek_requests_total",
    Type.COUNTER,
    "Requests to the backend that ended, by the model that they asked and how; counted at the last byte.",
    ("backend", "model", "outcome"),
)
LOAD_TRANSITIONS = Metric(
    "maek_load_transitions_total",
    Type.COUNTER,
    "Times that the backend came to another level of load, by which; what lasts for less than 0.1 s is not seen.",
    ("backend", "to"),
)
PROBES = Metric("maek_probes_total", Type.COUNTER, "Liveness probes, by how they ended.", ("backend", "outcome"))
MONITOR_ERRORS = Metric(
    "maek_monitor_errors_total",
    Type.COUNTER,
    "Times that watching the backend failed unforeseen; the log has the traceback.",
    ("backend",),
)

LABEL_FOLDS = Metric(
    "maek_label_values_folded_total",
    Type.COUNTER,
    "Times that a value was told as other, because too many have a name of their own already or nobody offers it.",
    ("label",),
)

METRICS = (
    BACKEND_INFO,
    BACKEND_UP,
    BACKEND_STATE,
    BREAKER_STATE,
    HEALTH_LATENCY,
    HEALTH_BASELINE,
    BASELINE_SHIFTS,
    INFERENCE_LATENCY,
    ACTIVE_JOBS,
    IN_FLIGHT,
    WAITING,
    KV_USAGE,
    SLOTS,
    PROBE_AGE,
    PREDICTED_TTFT,
    PREDICTED_SLOWDOWN,
    LOAD_SIGNAL,
    LOAD_THRESHOLD,
    LOAD,
    QUEUE_ACTIVE,
    REQUESTS_STARTED,
    REQUESTS,
    LOAD_TRANSITIONS,
    PROBES,
    MONITOR_ERRORS,
    LABEL_FOLDS,
)
