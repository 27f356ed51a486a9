"""Metrics that only people read. What a decision reads is a fact in the store instead.

Rules of this file
- Every label value is an enum of the code or a name of the configuration; nothing that a stranger can choose.
- Names and help stand in `router.catalog`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from itertools import product

import prometheus_client
from prometheus_client import CollectorRegistry, Gauge, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from router import catalog
from router.balance.admission import Rejection
from router.decide.decision import Action, Decision, Source
from router.errors import MaekError, Shed, ToolOutcome, kinds
from router.meters import Counter, Histogram
from sidecar import Labels, Lost, Metric

# The moment at which a counter was created doubles every series and tells nobody anything.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

AGREES, DIFFERS = "yes", "no"
SHADOWS = (Source.RULE, Source.MODEL)
"""Stages that may decide in silence, beside the classifier."""
WEBHOOK_OUTCOMES = ("delivered", "failed", "given_up")
UP, FAILED = "up", "failed"


class DraftEvent(StrEnum):
    """What became of a draft."""

    PREPARED = "prepared"
    REPLACED = "replaced"
    """By another one, before anybody said yes to it."""
    DONE = "done"
    """The user said yes, and it was."""
    DROPPED = "dropped"
    """The user does not want it."""
    EXPIRED = "expired"
    """Its time was over when the user came back to it."""


class Telemetry:
    """Counters of the router, registered with `registry`. `active_chats`, and how many wait in the queue (a function
    for each priority), are asked at every scrape."""

    def __init__(
        self,
        registry: CollectorRegistry,
        version: str,
        active_chats: Callable[[], int],
        queue_depth: Mapping[str, Callable[[], int]],
    ) -> None:
        self._registry = registry
        self._decisions = self._counter(catalog.DECISIONS, product(Action, Source))
        self._fallbacks = self._counter(catalog.DECIDE_FALLBACKS)
        self._agreement = self._counter(
            catalog.DECIDE_AGREEMENT, product((Source.RULE, Source.MODEL), (AGREES, DIFFERS))
        )
        self._errors = self._counter(catalog.ERRORS, ((kind.fault, kind.code) for kind in kinds()))
        self._tools = self._counter(catalog.TOOL_CALLS)
        self._tool_seconds = self._histogram(catalog.TOOL_DURATION, catalog.TOOL_BUCKETS)
        self._rejected = self._counter(catalog.REJECTED, ((reason,) for reason in (*Rejection, Shed.code)))
        self._drafts = self._counter(catalog.DRAFTS, product(DraftEvent))
        self._decide_seconds = self._histogram(catalog.DECIDE_DURATION, catalog.DECIDE_BUCKETS)
        self._queue_seconds = self._histogram(catalog.QUEUE_WAIT, catalog.QUEUE_WAIT_BUCKETS)
        self._jobs = self._gauge(catalog.JOBS)
        self._job_seconds = self._histogram(catalog.JOB_DURATION, catalog.JOB_DURATION_BUCKETS)
        self._job_retries = self._counter(catalog.JOB_RETRIES)
        self._webhooks = self._counter(catalog.WEBHOOKS, product(WEBHOOK_OUTCOMES))
        self._mcp_up = self._gauge(catalog.MCP_SERVER_UP)
        self._mcp_connections = self._counter(catalog.MCP_SERVER_CONNECTIONS)
        self._recording_lost = self._counter(catalog.RECORDING_LOST, product(Lost))
        self._render_seconds = self._histogram(catalog.METRICS_RENDER, catalog.METRICS_RENDER_BUCKETS)
        self._lag_seconds = self._histogram(catalog.EVENT_LOOP_LAG, catalog.EVENT_LOOP_LAG_BUCKETS)
        self._reload_success = self._gauge(catalog.RELOAD_SUCCESS)
        self._reload_at = self._gauge(catalog.RELOAD_TIMESTAMP)
        self._gauge(catalog.CHATS_ACTIVE).set_function(active_chats)
        depth = self._gauge(catalog.QUEUE_DEPTH)
        for priority, waiting in queue_depth.items():
            depth.labels(priority).set_function(waiting)
        self._gauge(catalog.BUILD_INFO).labels(version).set(1)

    def decided(self, decision: Decision, seconds: float) -> None:
        """A message was decided in `seconds`."""
        self._decisions.labels(decision.action, decision.source).inc()
        self._decide_seconds.labels(decision.source).observe(seconds)
        for fallback in decision.fallbacks:
            stage, _, reason = fallback.partition(": ")
            self._fallbacks.labels(stage, reason).inc()
        for silent in decision.silent:
            if silent.agrees is not None:
                self._agreement.labels(silent.source, AGREES if silent.agrees else DIFFERS).inc()

    def failed(self, error: MaekError) -> None:
        """A request ended with an error."""
        self._errors.labels(error.fault, error.code).inc()
        if isinstance(error, Shed):
            self.rejected(error.code)

    def waited(self, seconds: float) -> None:
        """A request was sent to a backend after it had waited so long for room there."""
        self._queue_seconds.observe(seconds)

    def rejected(self, reason: str) -> None:
        """A request was told to come back later. The reasons are those of the queue, and the code of `Shed`."""
        self._rejected.labels(reason).inc()

    def tool_called(self, tool: str, operation: str, outcome: ToolOutcome, seconds: float) -> None:
        """A tool was called; both names are the registry's, or `other`."""
        self._tools.labels(tool, operation, outcome).inc()
        self._tool_seconds.labels(tool).observe(seconds)

    def draft(self, event: DraftEvent) -> None:
        """Something became of a draft."""
        self._drafts.labels(event).inc()

    def watch_sessions(self, count: Callable[[], int | None]) -> None:
        """How many conversations are kept is asked at every scrape; None: nobody knows."""
        self._registry.register(_Asked(catalog.SESSIONS, count))

    def watch_jobs(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """How many jobs are in each state is asked at every scrape."""
        for state in counts():
            self._jobs.labels(state).set_function(partial(_one_of, counts, state))

    def job_ended(self, state: str, seconds: float) -> None:
        """A job has ended, so long after it was accepted."""
        self._job_seconds.labels(state).observe(seconds)

    def job_retried(self, code: str) -> None:
        """A job that failed of this will be tried again."""
        self._job_retries.labels(code).inc()

    def webhook_sent(self, outcome: str) -> None:
        """`delivered`, `failed` or `given_up`."""
        self._webhooks.labels(outcome).inc()

    def mcp_server(self, server: str, up: bool | None) -> None:
        """A server of others is up (True), has ended or could not be had (False), or is new (None)."""
        self._mcp_up.labels(server).set(1 if up else 0)
        connections = {
            True: self._mcp_connections.labels(server, UP),
            False: self._mcp_connections.labels(server, FAILED),
        }
        if up is not None:
            connections[up].inc()

    def no_mcp_server(self, server: str) -> None:
        """A server of others is configured no more."""
        self._mcp_up.remove(server)
        self._mcp_connections.forget(server)

    def not_recorded(self, reason: str, lines: int) -> None:
        """The flight recorder could not keep so many lines. Any thread may say so."""
        self._recording_lost.labels(reason).inc(lines)

    def rendered(self, seconds: float) -> None:
        """A page of metrics has held the event loop so long, over all its slices."""
        self._render_seconds.observe(seconds)

    def lagged(self, seconds: float) -> None:
        """Somebody who wanted to be woken on the event loop was woken so late."""
        self._lag_seconds.observe(seconds)

    def reloaded(self, *, ok: bool, at_epoch_seconds: float) -> None:
        """The configuration file was read."""
        self._reload_success.set(1 if ok else 0)
        if ok:
            self._reload_at.set(at_epoch_seconds)

    def _counter(self, metric: Metric, begins: Iterable[Labels] = ()) -> Counter:
        return Counter(metric, self._registry, begins)

    def _histogram(self, metric: Metric, buckets: Sequence[float]) -> Histogram:
        return Histogram(metric, self._registry, buckets)

    def _gauge(self, metric: Metric) -> Gauge:
        return Gauge(metric.name, metric.help, metric.labels, registry=self._registry)


class _Asked(Collector):
    """A gauge that is absent while its value is unknown."""

    def __init__(self, metric: Metric, value: Callable[[], int | None]) -> None:
        self._metric = metric
        self._value = value

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What is known now."""
        yield GaugeMetricFamily(self._metric.name, self._metric.help, value=self._value())


def _one_of(counts: Callable[[], Mapping[str, int]], state: str) -> int:
    return counts()[state]


def registry_of_process() -> CollectorRegistry:
    """A registry with what is known of the process itself."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry
