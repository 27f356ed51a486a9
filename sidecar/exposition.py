"""A snapshot, told as metric families.

Rules of this file
- A projection: it holds nothing and measures nothing. Whatever `/metrics` says, routing sees in the same snapshot.
- Unknown is absent, never 0.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from math import isinf

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from sidecar import catalog
from sidecar.catalog import Metric, Type
from sidecar.load import (
    Level,
    Load,
    LoadRules,
    classify,
    fresh_active_jobs,
    fresh_inference_seconds,
    fresh_reading,
)
from sidecar.slots import known_slots
from sidecar.state import BackendState, Snapshot

LEVELS = (Level.NORMAL, Level.BUSY, Level.VERY_BUSY)

PLAIN_VERSION = re.compile(r"[A-Za-z0-9._+-]{0,64}")

Sample = tuple[tuple[str, ...], float]
"""Label values and the value."""


class SnapshotCollector(Collector):
    """Projects whatever `snapshot` returns at the moment of the scrape. Holds no numbers of its own."""

    def __init__(self, snapshot: Callable[[], Snapshot], rules: Callable[[], LoadRules]) -> None:
        self._snapshot = snapshot
        self._rules = rules

    def collect(self) -> Iterator[Family]:
        """The families of one snapshot, in the order of the catalog."""
        return families(self._snapshot(), self._rules())

    def describe(self) -> Iterator[Family]:
        """The same families without samples, so that a clash of names shows when this is registered."""
        return (_family(metric, ()) for metric in catalog.METRICS)


def families(snapshot: Snapshot, rules: LoadRules) -> Iterator[Family]:
    """Every family of the catalog, filled from one snapshot."""
    states = list(snapshot.backends.values())
    loads = {state.name: classify(state, snapshot.queue_active, snapshot.now, rules) for state in states}
    for metric in catalog.METRICS:
        if metric is catalog.QUEUE_ACTIVE:
            yield _family(metric, [((), float(snapshot.queue_active))])
        else:
            samples_of = SAMPLES[metric.name]
            yield _family(
                metric,
                (
                    ((state.name, *labels), value)
                    for state in states
                    for labels, value in samples_of(state, loads[state.name], snapshot.now, rules)
                ),
            )


def _family(metric: Metric, samples: Iterable[Sample]) -> Family:
    family: GaugeMetricFamily | CounterMetricFamily
    if metric.type is Type.COUNTER:
        family = CounterMetricFamily(metric.name.removesuffix("_total"), metric.help, labels=metric.labels)
    else:
        family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


SamplesOf = Callable[[BackendState, Load, float, LoadRules], Iterable[Sample]]
"""The samples of one backend, without the label `backend`."""


def _one(value: float | None) -> Iterable[Sample]:
    return () if value is None else (((), float(value)),)


def _seconds(value_ms: float | None) -> Iterable[Sample]:
    return _one(None if value_ms is None else value_ms / 1000)


def _info(state: BackendState, _load: Load, _now: float, _rules: LoadRules) -> Iterable[Sample]:
    version = state.engine_version or ""
    # What a server says of itself may be anything; a label is short and plain.
    shown = version if PLAIN_VERSION.fullmatch(version) else "other"
    for role in state.spec.models or ("",):
        yield (state.engine or "unknown", shown, role), 1.0


def _up(_state: BackendState, load: Load, _now: float, _rules: LoadRules) -> Iterable[Sample]:
    return _one(None if load.level is None else load.level is not Level.UNAVAILABLE)


def _inference(state: BackendState, _load: Load, now: float, rules: LoadRules) -> Iterable[Sample]:
    failed = state.inference_ms is not None and state.inference_ms < 0
    return _one(None if failed else fresh_inference_seconds(state, now, rules))


def _signals(_state: BackendState, load: Load, _now: float, _rules: LoadRules) -> Iterable[Sample]:
    return (((str(signal),), value) for signal, value in load.signals.items())


def _thresholds(_state: BackendState, load: Load, _now: float, _rules: LoadRules) -> Iterable[Sample]:
    for signal, steps in load.thresholds.items():
        for level, step in zip(LEVELS, steps, strict=True):
            if not isinf(step):
                yield (str(signal), level.label), step


def _outcomes(state: BackendState, _load: Load, _now: float, _rules: LoadRules) -> Iterable[Sample]:
    return (((str(outcome),), float(count)) for outcome, count in state.work.finished.items())


def _probes(state: BackendState, _load: Load, _now: float, _rules: LoadRules) -> Iterable[Sample]:
    return (((str(outcome),), float(count)) for outcome, count in state.probes.items())


SAMPLES: dict[str, SamplesOf] = {
    catalog.BACKEND_INFO.name: _info,
    catalog.BACKEND_UP.name: _up,
    catalog.HEALTH_LATENCY.name: lambda state, _l, _n, _r: _seconds(state.health_ms),
    catalog.HEALTH_BASELINE.name: lambda state, _l, _n, _r: _seconds(
        state.baseline.value_ms if state.baseline.samples else None
    ),
    catalog.INFERENCE_LATENCY.name: _inference,
    catalog.ACTIVE_JOBS.name: lambda state, _l, now, rules: _one(fresh_active_jobs(state, now, rules)),
    catalog.IN_FLIGHT.name: lambda state, _l, _n, _r: _one(state.work.in_flight),
    catalog.WAITING.name: lambda state, _l, now, rules: _one(fresh_reading(state, now, rules).waiting),
    catalog.KV_USAGE.name: lambda state, _l, now, rules: _one(fresh_reading(state, now, rules).kv_usage_ratio),
    catalog.SLOTS.name: lambda state, _l, _n, _r: _one(known_slots(state)),
    catalog.PROBE_AGE.name: lambda state, _l, now, _r: _one(None if state.health_at is None else now - state.health_at),
    catalog.LOAD_SIGNAL.name: _signals,
    catalog.LOAD_THRESHOLD.name: _thresholds,
    catalog.LOAD.name: lambda _s, load, _n, _r: _one(load.level),
    catalog.REQUESTS_STARTED.name: lambda state, _l, _n, _r: _one(state.work.started),
    catalog.REQUESTS.name: _outcomes,
    catalog.PROBES.name: _probes,
    catalog.MONITOR_ERRORS.name: lambda state, _l, _n, _r: _one(state.monitor_errors),
}
