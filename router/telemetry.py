"""Metrics that only people read. What a decision reads is a fact in the store instead.

Rules of this file
- Every label value is an enum of the code or a name of the configuration; nothing that a stranger can choose.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from router.decide.decision import Decision
from router.errors import MaekError


class Telemetry:
    """Counters of the router, registered with `registry`."""

    def __init__(self, registry: CollectorRegistry, version: str) -> None:
        self._decisions = Counter(
            "maek_decisions_total",
            "Decisions, by action and by the stage that decided.",
            ("action", "source"),
            registry=registry,
        )
        self._fallbacks = Counter(
            "maek_decide_fallbacks_total",
            "Times that a stage could not decide and the next one had to.",
            ("stage", "reason"),
            registry=registry,
        )
        self._decide_seconds = Histogram(
            "maek_decide_duration_seconds",
            "Time from a message to its decision, by the stage that decided.",
            ("source",),
            buckets=(0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10),
            registry=registry,
        )
        self._errors = Counter(
            "maek_errors_total",
            "Requests that ended with an error, by whose fault and which.",
            ("fault", "code"),
            registry=registry,
        )
        self._tools = Counter(
            "maek_tool_calls_total",
            "Calls of tools, by how they ended.",
            ("tool", "operation", "outcome"),
            registry=registry,
        )
        self._reload_success = Gauge(
            "maek_config_last_reload_success",
            "1 if the configuration file was taken up when it was last read.",
            registry=registry,
        )
        self._reload_at = Gauge(
            "maek_config_last_reload_success_timestamp_seconds",
            "When a configuration file was last taken up, in seconds since the epoch.",
            registry=registry,
        )
        info = Gauge("maek_build_info", "Always 1: the version of Maek.", ("version",), registry=registry)
        info.labels(version).set(1)

    def decided(self, decision: Decision, seconds: float) -> None:
        """A message was decided in `seconds`."""
        self._decisions.labels(decision.action, decision.source).inc()
        self._decide_seconds.labels(decision.source).observe(seconds)
        for fallback in decision.fallbacks:
            stage, _, reason = fallback.partition(": ")
            self._fallbacks.labels(stage, reason).inc()

    def failed(self, error: MaekError) -> None:
        """A request ended with an error."""
        self._errors.labels(error.fault, error.code).inc()

    def tool_called(self, tool: str, operation: str, *, ok: bool) -> None:
        """A tool known to the registry was called."""
        self._tools.labels(tool, operation, "ok" if ok else "failed").inc()

    def reloaded(self, *, ok: bool, at_epoch_seconds: float) -> None:
        """The configuration file was read again."""
        self._reload_success.set(1 if ok else 0)
        if ok:
            self._reload_at.set(at_epoch_seconds)
