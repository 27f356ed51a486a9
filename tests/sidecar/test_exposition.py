from dataclasses import replace
from math import inf, isinf

import pytest
from hypothesis import HealthCheck, given, settings
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from sidecar import catalog
from sidecar.breaker import Breaker
from sidecar.catalog import METRICS, Type
from sidecar.engines.engine import Reading
from sidecar.exposition import SnapshotCollector, families
from sidecar.facts import BackendSpec, Outcome, ProbeOutcome
from sidecar.health import Health, Verdict
from sidecar.levels import Level
from sidecar.load import (
    DEFAULT_RULES,
    LoadRules,
    classify,
    fresh_active_jobs,
    fresh_inference_seconds,
    fresh_reading,
)
from sidecar.slots import known_slots
from sidecar.standing import Standing, standing, typical
from sidecar.state import BackendState, Snapshot
from sidecar.work import Work
from tests.sidecar.recording_rule import levels
from tests.states import NOW, snapshots
from tests.strategies import load_rules

MINI = BackendSpec("mini", "http://10.0.0.1:8080", api_key="sk-secret", models={"reasoner": "gemma4", "coder": "auto"})
UP = BackendState(
    MINI, engine="ollama", engine_version="0.31.2", health=Health(Verdict.UP), health_ms=12.3, health_at=NOW
)


def snapshot(*states: BackendState, queue: int = 0) -> Snapshot:
    return Snapshot(NOW, {state.name: state for state in states}, queue, 1)


def text(told: Snapshot, rules: LoadRules = DEFAULT_RULES) -> str:
    return generate_latest(SnapshotCollector(lambda: told, lambda: rules)).decode()


Samples = dict[str, dict[tuple[str, ...], float]]


def samples(told: Snapshot, rules: LoadRules = DEFAULT_RULES) -> Samples:
    """Metric name → label values → value, from the text that Prometheus reads."""
    found: Samples = {metric.name: {} for metric in METRICS}
    labels_of = {metric.name: metric.labels for metric in METRICS}
    for family in text_string_to_metric_families(text(told, rules)):
        for sample in family.samples:
            found[sample.name][tuple(sample.labels[label] for label in labels_of[sample.name])] = sample.value
    return found


def test_every_metric_of_the_catalog_is_told_once_under_its_own_name() -> None:
    told = [family.name for family in families(snapshot(UP), DEFAULT_RULES)]
    assert told == [metric.name.removesuffix("_total") for metric in METRICS]
    assert len(set(told)) == len(told)


def test_names_carry_the_prefix_and_their_kind() -> None:
    for metric in METRICS:
        assert metric.name.startswith("maek_")
        assert metric.name.endswith("_total") == (metric.type is Type.COUNTER)
        assert metric.help.endswith(".")


def test_a_backend_of_which_nothing_is_known_only_has_what_is_ours_to_know() -> None:
    found = samples(snapshot(BackendState(BackendSpec("mini", ""), assumed_slots=4)))
    assert {name for name, values in found.items() if values} == {
        "maek_backend_info",
        "maek_backend_breaker_state",
        "maek_backend_in_flight",
        "maek_backend_slots",
        "maek_requests_started_total",
        "maek_monitor_errors_total",
        "maek_probes_total",
        "maek_load_transitions_total",
        "maek_backend_baseline_shifts_total",
        "maek_queue_active",
        "maek_label_values_folded_total",
    }
    assert found["maek_backend_info"] == {("mini", "unknown", "", ""): 1.0}


def test_a_backend_that_is_down_has_no_load_but_4() -> None:
    found = samples(snapshot(replace(UP, health=Health(Verdict.DOWN))))
    assert found["maek_backend_up"] == {("mini",): 0.0}
    assert found["maek_backend_load"] == {("mini",): 4.0}


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (UP, "ready"),
        (replace(UP, health=Health(Verdict.UP, loading=True)), "loading"),
        (replace(UP, health=Health(Verdict.UP, sleeping=True)), "sleeping"),
        (replace(UP, health=Health(Verdict.UP, suspended=True)), "suspended"),
        (replace(UP, draining=True), "draining"),
        (replace(UP, health=Health(Verdict.DOWN)), "down"),
    ],
)
def test_of_all_states_one_is_1(state: BackendState, word: str) -> None:
    found = samples(snapshot(state))["maek_backend_state"]
    assert {labels[1] for labels in found} == set(Standing)
    assert [labels for labels, value in found.items() if value] == [("mini", word)]


@pytest.mark.parametrize(("opened_at", "number"), [(None, 0.0), (NOW - 1, 1.0), (NOW - 0.9, 2.0)])
def test_a_circuit_is_a_number(opened_at: float | None, number: float) -> None:
    state = replace(UP, breaker=Breaker(openings=1, opened_at=opened_at))
    assert samples(snapshot(state))["maek_backend_breaker_state"] == {("mini",): number}


def test_a_backend_is_named_with_its_engine_and_once_for_each_role() -> None:
    found = samples(snapshot(UP))["maek_backend_info"]
    assert found == {("mini", "ollama", "0.31.2", "reasoner"): 1.0, ("mini", "ollama", "0.31.2", "coder"): 1.0}


@pytest.mark.parametrize("version", ["<html>", "1.0 beta", "9" * 65, "1.0\n2"])
def test_what_a_server_calls_its_version_is_told_only_if_it_is_short_and_plain(version: str) -> None:
    found = samples(snapshot(replace(UP, engine_version=version)))["maek_backend_info"]
    assert ("mini", "ollama", "other", "coder") in found


def test_neither_key_nor_address_is_told() -> None:
    assert "sk-secret" not in text(snapshot(UP))
    assert "10.0.0.1" not in text(snapshot(UP))


def test_a_failed_inference_probe_has_no_latency_but_is_a_signal() -> None:
    found = samples(snapshot(replace(UP, inference_ms=-1.0, inference_at=NOW, good_inference_ms=5.0)))
    assert found["maek_backend_inference_latency_seconds"] == {}
    assert found["maek_backend_load_signal"]["mini", "inference_latency"] == 30.0


def test_what_has_not_happened_yet_is_0_from_the_beginning() -> None:
    found = samples(snapshot(UP))
    assert found["maek_requests_total"]["mini", "gemma4", "timeout"] == 0
    assert not any(model == "auto" for _, model, _ in found["maek_requests_total"])
    assert found["maek_probes_total"]["mini", "refused"] == 0
    assert found["maek_load_transitions_total"]["mini", "very_busy"] == 0


def test_thresholds_that_are_never_reached_are_absent() -> None:
    found = samples(snapshot(UP))["maek_backend_load_threshold"]
    assert ("mini", "health_latency", "busy") in found
    assert ("mini", "health_latency", "very_busy") not in found


def test_the_collector_describes_what_it_tells_and_a_second_one_is_refused() -> None:
    registry = CollectorRegistry()
    collector = SnapshotCollector(lambda: snapshot(UP), lambda: DEFAULT_RULES)
    registry.register(collector)
    assert [family.name for family in collector.describe()] == [family.name for family in collector.collect()]
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        registry.register(SnapshotCollector(snapshot, lambda: DEFAULT_RULES))


def test_series_of_a_removed_backend_are_gone_at_once() -> None:
    assert "mini" in text(snapshot(UP))
    assert "mini" not in text(snapshot())


def test_there_are_no_created_series() -> None:
    worked = replace(UP, work=Work(1, 0, {Outcome.OK: 1}), probes={ProbeOutcome.OK: 1})
    assert "_created" not in text(snapshot(worked))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(snapshots, load_rules)
def test_the_exposition_is_the_snapshot_family_by_family(told: Snapshot, rules: LoadRules) -> None:
    found = samples(told, rules)
    states = told.backends.values()
    loads = {state.name: classify(state, told, rules) for state in states}

    def expect(metric: catalog.Metric, values: dict[str, float | None]) -> None:
        known = {(name,): float(value) for name, value in values.items() if value is not None}
        assert found[metric.name] == known, metric.name

    def seconds(value_ms: float | None) -> float | None:
        return None if value_ms is None else value_ms / 1000

    def reading(state: BackendState) -> Reading:
        return fresh_reading(state, NOW, rules)

    def inference(state: BackendState) -> float | None:
        good = state.inference_ms is not None and state.inference_ms >= 0
        return fresh_inference_seconds(state, NOW, rules) if good else None

    expect(catalog.BACKEND_UP, {s.name: None if loads[s.name].level is None else s.health.available for s in states})
    predicted = {s.name: typical(s, told) for s in states}
    expect(catalog.PREDICTED_TTFT, {name: one.ttft_seconds if one else None for name, one in predicted.items()})
    expect(catalog.PREDICTED_SLOWDOWN, {name: one.slowdown_ratio if one else None for name, one in predicted.items()})
    expect(catalog.BREAKER_STATE, {s.name: s.breaker.circuit(NOW) for s in states})
    assert found["maek_backend_state"] == {
        (s.name, word): float(word is standing(s)) for s in states if standing(s) is not None for word in Standing
    }
    expect(catalog.HEALTH_LATENCY, {s.name: seconds(s.health_ms) for s in states})
    expect(
        catalog.HEALTH_BASELINE,
        {s.name: seconds(s.usual_health_ms) if s.baseline.samples else None for s in states},
    )
    expect(catalog.INFERENCE_LATENCY, {s.name: inference(s) for s in states})
    expect(catalog.ACTIVE_JOBS, {s.name: fresh_active_jobs(s, NOW, rules) for s in states})
    expect(catalog.IN_FLIGHT, {s.name: s.work.in_flight for s in states})
    expect(catalog.WAITING, {s.name: reading(s).waiting for s in states})
    expect(catalog.KV_USAGE, {s.name: reading(s).kv_usage_ratio for s in states})
    expect(catalog.SLOTS, {s.name: known_slots(s) for s in states})
    expect(catalog.PROBE_AGE, {s.name: None if s.health_at is None else NOW - s.health_at for s in states})
    expect(catalog.LOAD, {s.name: loads[s.name].level for s in states})
    expect(catalog.REQUESTS_STARTED, {s.name: s.work.started for s in states})
    expect(catalog.MONITOR_ERRORS, {s.name: s.monitor_errors for s in states})
    assert found["maek_backend_baseline_shifts_total"] == {
        (s.name, signal): shifts
        for s in states
        for signal, shifts in {
            "health_latency": s.idle_baseline.shifts,
            "slowdown": sum(usual.shifts for usual in s.usual.values()),
        }.items()
    }
    assert found["maek_queue_active"] == {(): told.queue_active}
    assert found["maek_backend_load_signal"] == {
        (name, signal): value for name, load in loads.items() for signal, value in load.signals.items()
    }
    assert found["maek_backend_load_threshold"] == {
        (name, signal, level): step
        for name, load in loads.items()
        for signal, steps in load.thresholds.items()
        for level, step in zip(("normal", "busy", "very_busy"), steps, strict=True)
        if not isinf(step)
    }
    assert found["maek_requests_total"] == {
        (s.name, model, outcome): s.work.ends.get((model, outcome), 0)
        for s in states
        for model in {*s.spec.models.values(), *(model for model, _ in s.work.ends)} - {"auto"}
        for outcome in Outcome
    }
    assert found["maek_load_transitions_total"] == {
        (s.name, level.label): told.transitions(s.name).get(level, 0) for s in states for level in Level
    }
    assert found["maek_probes_total"] == {(s.name, o): s.probes.get(o, 0) for s in states for o in ProbeOutcome}


@settings(max_examples=400, deadline=None)
@given(snapshots, load_rules)
def test_the_recording_rule_computes_the_level_that_maek_says(told: Snapshot, rules: LoadRules) -> None:
    exported = text(told, rules)
    said = {labels[0]: value for labels, value in samples(told, rules)["maek_backend_load"].items()}
    assert levels(exported) == said
    assert said == {
        state.name: float(level)
        for state in told.backends.values()
        if (level := classify(state, told, rules).level) is not None
    }


def test_the_recording_rule_has_an_answer_where_no_threshold_is_within_reach() -> None:
    never = (inf, inf, inf)
    rules = LoadRules(never, never, never, never, never, never, never, probe_age_seconds=never, queue_active=9)
    assert levels(text(snapshot(UP), rules)) == {"mini": 0.0}
