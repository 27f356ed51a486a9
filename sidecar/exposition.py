"""A snapshot, told as metric families.

Rules of this file
- A projection: it holds nothing and measures nothing. Whatever `/metrics` says, routing sees in the same snapshot.
- Unknown is absent, never 0.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import isinf
from typing import NamedTuple

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from sidecar import catalog
from sidecar.engines.engine import Reading
from sidecar.facts import Outcome, ProbeOutcome
from sidecar.families import Plain, Row
from sidecar.levels import Level, Signal
from sidecar.load import (
    Load,
    LoadRules,
    classify,
    fresh_active_jobs,
    fresh_inference_seconds,
    fresh_reading,
)
from sidecar.slots import known_slots
from sidecar.standing import Standing, Typical, standing, typical
from sidecar.state import BackendState, Snapshot
from sidecar.store import AUTO

LEVELS = (Level.NORMAL, Level.BUSY, Level.VERY_BUSY)

PLAIN_VERSION = re.compile(r"[A-Za-z0-9._+-]{0,64}")


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
        return (Plain(metric, ()) for metric in catalog.METRICS)


def families(snapshot: Snapshot, rules: LoadRules) -> Iterator[Family]:
    """Every family of the catalog, filled from one snapshot."""
    return families_of_all(snapshot, list(told(snapshot, rules)))


def told(snapshot: Snapshot, rules: LoadRules) -> Iterator["Told"]:
    """Every backend with what follows from its state, one by one: this is where the work is."""
    now = snapshot.now
    for state in snapshot.backends.values():
        yield Told(state, classify(state, snapshot, rules), typical(state, snapshot), now, rules, snapshot)


def families_of_all(snapshot: Snapshot, backends: Sequence["Told"]) -> Iterator[Plain]:
    """Every family of the catalog. Their rows are made as they are read."""
    for metric in catalog.METRICS:
        if metric.name in OF_ALL:
            yield Plain(metric, OF_ALL[metric.name](snapshot))
        else:
            yield Plain(metric, _rows(backends, SAMPLES[metric.name]))


def _rows(backends: Iterable["Told"], samples_of: "SamplesOf") -> Iterator[Row]:
    for one in backends:
        name = one.state.name
        for labels, value in samples_of(one):
            yield (name, *labels), value


class Told(NamedTuple):
    """One backend at `now`, with what follows from its state."""

    state: BackendState
    load: Load
    typical: Typical | None
    now: float
    rules: LoadRules
    snapshot: Snapshot


SamplesOf = Callable[[Told], Iterable[Row]]
"""The samples of one backend, without the label `backend`."""


def _one(value: float | None) -> Iterable[Row]:
    return () if value is None else (((), float(value)),)


def _seconds(value_ms: float | None) -> Iterable[Row]:
    return _one(None if value_ms is None else value_ms / 1000)


def _info(told: Told) -> Iterable[Row]:
    state = told.state
    version = state.engine_version or ""
    # What a server says of itself may be anything; a label is short and plain.
    shown = version if PLAIN_VERSION.fullmatch(version) else "other"
    for role in state.spec.models or ("",):
        yield (state.engine or "unknown", shown, role), 1.0


def _up(told: Told) -> Iterable[Row]:
    level = told.load.level
    return _one(None if level is None else level is not Level.UNAVAILABLE)


def _standing(told: Told) -> Iterable[Row]:
    stands = standing(told.state)
    return () if stands is None else (((str(word),), float(word is stands)) for word in Standing)


def _shifts(told: Told) -> Iterable[Row]:
    yield (Signal.HEALTH_LATENCY.value,), float(told.state.idle_baseline.shifts)
    yield (Signal.SLOWDOWN.value,), float(sum(usual.shifts for usual in told.state.usual.values()))


def _inference(told: Told) -> Iterable[Row]:
    state = told.state
    failed = state.inference_ms is not None and state.inference_ms < 0
    return _one(None if failed else fresh_inference_seconds(state, told.now, told.rules))


def _signals(told: Told) -> Iterable[Row]:
    return (((str(signal),), value) for signal, value in told.load.signals.items())


def _thresholds(told: Told) -> Iterable[Row]:
    for signal, steps in told.load.thresholds.items():
        for level, step in zip(LEVELS, steps, strict=True):
            if not isinf(step):
                yield (str(signal), level.label), step


def _outcomes(told: Told) -> Iterable[Row]:
    """Of every model that the operator has named or somebody has asked for; 0 for what has not happened yet, or the
    first time would be missed."""
    ends = told.state.work.ends
    models = dict.fromkeys(model for model in told.state.spec.models.values() if model != AUTO)
    models |= dict.fromkeys(model for model, _ in ends)
    return (((model, str(outcome)), float(ends.get((model, outcome), 0))) for model in models for outcome in Outcome)


def _transitions(told: Told) -> Iterable[Row]:
    counts = told.snapshot.transitions(told.state.name)
    return (((level.label,), float(counts.get(level, 0))) for level in Level)


def _probes(told: Told) -> Iterable[Row]:
    return (((str(outcome),), float(told.state.probes.get(outcome, 0))) for outcome in ProbeOutcome)


def _baseline(told: Told) -> Iterable[Row]:
    state = told.state
    return _seconds(state.usual_health_ms if state.baseline.samples else None)


def _probe_age(told: Told) -> Iterable[Row]:
    return _one(None if told.state.health_at is None else told.now - told.state.health_at)


def _reading(told: Told) -> Reading:
    return fresh_reading(told.state, told.now, told.rules)


OF_ALL: dict[str, Callable[[Snapshot], Iterable[Row]]] = {
    catalog.QUEUE_ACTIVE.name: lambda snapshot: _one(snapshot.queue_active),
    catalog.LABEL_FOLDS.name: lambda snapshot: ((("model",), float(snapshot.models_folded)),),
}
"""What is told of no backend in particular."""

SAMPLES: dict[str, SamplesOf] = {
    catalog.BACKEND_INFO.name: _info,
    catalog.BACKEND_UP.name: _up,
    catalog.BACKEND_STATE.name: _standing,
    catalog.BREAKER_STATE.name: lambda told: _one(told.state.breaker.circuit(told.now)),
    catalog.HEALTH_LATENCY.name: lambda told: _seconds(told.state.health_ms),
    catalog.HEALTH_BASELINE.name: _baseline,
    catalog.BASELINE_SHIFTS.name: _shifts,
    catalog.INFERENCE_LATENCY.name: _inference,
    catalog.ACTIVE_JOBS.name: lambda told: _one(fresh_active_jobs(told.state, told.now, told.rules)),
    catalog.IN_FLIGHT.name: lambda told: _one(told.state.work.in_flight),
    catalog.WAITING.name: lambda told: _one(_reading(told).waiting),
    catalog.KV_USAGE.name: lambda told: _one(_reading(told).kv_usage_ratio),
    catalog.SLOTS.name: lambda told: _one(known_slots(told.state)),
    catalog.PROBE_AGE.name: _probe_age,
    catalog.PREDICTED_TTFT.name: lambda told: _one(told.typical and told.typical.ttft_seconds),
    catalog.PREDICTED_SLOWDOWN.name: lambda told: _one(told.typical and told.typical.slowdown_ratio),
    catalog.LOAD_SIGNAL.name: _signals,
    catalog.LOAD_THRESHOLD.name: _thresholds,
    catalog.LOAD.name: lambda told: _one(told.load.level),
    catalog.REQUESTS_STARTED.name: lambda told: _one(told.state.work.started),
    catalog.REQUESTS.name: _outcomes,
    catalog.LOAD_TRANSITIONS.name: _transitions,
    catalog.PROBES.name: _probes,
    catalog.MONITOR_ERRORS.name: lambda told: _one(told.state.monitor_errors),
}
