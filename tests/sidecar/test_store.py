from dataclasses import replace

import pytest
from hypothesis import given

from sidecar.baseline import Baseline
from sidecar.engines.engine import Model, Reading
from sidecar.facts import (
    BackendAdded,
    BackendRemoved,
    BackendSpec,
    DrainSwitched,
    EngineIdentified,
    Fact,
    InferenceProbed,
    LoadRead,
    ModelsListed,
    MonitorFailed,
    Outcome,
    ProbeOutcome,
    QueueChanged,
    RequestFinished,
    StatusRead,
)
from sidecar.health import Verdict
from sidecar.state import BackendState, Status
from sidecar.store import Store
from sidecar.work import Work
from tests.sidecar.storing import MINI, after, counts, finished, first, mini, probed, started
from tests.strategies import histories


def test_a_new_backend_is_unknown_in_every_respect() -> None:
    assert mini() == BackendState(MINI)


def test_backends_stand_in_the_order_of_their_coming() -> None:
    store = after(*(BackendAdded(0.0, BackendSpec(name, name)) for name in "cab"))
    assert list(store.snapshot(1.0).backends) == ["c", "a", "b"]


# Probes.


def test_a_good_probe_brings_the_backend_up_and_feeds_the_baseline() -> None:
    state = mini(probed(1.0, latency_ms=20.04))
    assert (state.health.verdict, state.health_ms, state.health_at, state.verdict_since) == (Verdict.UP, 20.0, 1.0, 1.0)
    assert state.baseline == Baseline(20.0, 1)


@pytest.mark.parametrize("outcome", [outcome for outcome in ProbeOutcome if outcome is not ProbeOutcome.OK])
def test_only_a_good_probe_feeds_the_baseline(outcome: ProbeOutcome) -> None:
    state = mini(probed(1.0, outcome, 900.0))
    assert state.baseline == Baseline()
    assert (state.health_ms, state.probe_outcome) == (900.0, outcome)


def test_a_refused_connection_marks_the_backend_down_at_once() -> None:
    assert mini(probed(1.0), probed(2.0, ProbeOutcome.REFUSED)).health.verdict is Verdict.DOWN


def test_as_many_failures_in_a_row_as_configured_take_it_down() -> None:
    failed = [probed(float(at), ProbeOutcome.READ_TIMEOUT) for at in (2, 3)]
    assert mini(probed(1.0), failed[0], failures_to_down=2).health.verdict is Verdict.UP
    assert mini(probed(1.0), *failed, failures_to_down=2).health.verdict is Verdict.DOWN


def test_the_moment_of_a_verdict_is_that_of_its_change() -> None:
    facts = [probed(1.0), probed(2.0), probed(3.0, ProbeOutcome.REFUSED), probed(4.0, ProbeOutcome.REFUSED)]
    assert [mini(*facts[: count + 1]).verdict_since for count in range(4)] == [1.0, 1.0, 3.0, 3.0]


def test_probes_are_counted_by_how_they_ended() -> None:
    state = mini(probed(1.0), probed(2.0), probed(3.0, ProbeOutcome.BAD_BODY))
    assert state.probes == {ProbeOutcome.OK: 2, ProbeOutcome.BAD_BODY: 1}


# Readings.


def test_a_status_replaces_the_last_one_and_nulls_mean_that_there_is_none() -> None:
    read = StatusRead(1.0, "mini", 2, 10)
    assert mini(read).status == Status(1.0, 2, 10)
    assert mini(read, StatusRead(2.0, "mini", None, None)).status is None


def test_a_failed_inference_probe_leaves_the_last_good_one() -> None:
    state = mini(InferenceProbed(1.0, "mini", 4200.0), InferenceProbed(2.0, "mini", -1.0))
    assert (state.inference_ms, state.inference_at) == (-1.0, 2.0)
    assert (state.good_inference_ms, state.good_inference_at) == (4200.0, 1.0)


def test_an_inference_of_no_time_at_all_succeeded() -> None:
    assert mini(InferenceProbed(1.0, "mini", 0.0)).good_inference_ms == 0.0


def test_readings_models_and_failures_of_the_monitor_are_kept() -> None:
    reading, models = Reading(running=3), (Model("gemma4"),)
    state = mini(LoadRead(1.0, "mini", reading), ModelsListed(2.0, "mini", models), MonitorFailed(3.0, "mini"))
    assert (state.reading, state.reading_at, state.models, state.monitor_errors) == (reading, 1.0, models, 1)


def test_the_queue_belongs_to_no_backend() -> None:
    assert after(QueueChanged(1.0, 3)).snapshot(1.0).queue_active == 3


# Engines.


def test_a_configured_engine_is_known_from_the_start_with_its_slots() -> None:
    store = after(BackendAdded(0.0, replace(MINI, engine="ollama")))
    state = store.snapshot(0.0).backends["mini"]
    assert (state.engine, state.assumed_slots) == ("ollama", 1)


def test_an_identified_engine_brings_its_version_and_slots() -> None:
    state = mini(probed(1.0), EngineIdentified(2.0, "mini", "ollama", "0.31.2"))
    assert (state.engine, state.engine_version, state.assumed_slots) == ("ollama", "0.31.2", 1)
    assert state.baseline.samples == 1


def test_an_engine_that_nobody_knows_has_no_slots() -> None:
    assert mini(EngineIdentified(1.0, "mini", "abacus")).assumed_slots is None


def test_other_software_at_the_same_url_has_none_of_the_old_readings_but_all_of_our_work() -> None:
    old: list[Fact] = [
        EngineIdentified(1.0, "mini", "status"),
        probed(1.0),
        StatusRead(1.0, "mini", 5, 5),
        LoadRead(1.0, "mini", Reading(running=3)),
        ModelsListed(1.0, "mini", (Model("gemma4"),)),
        InferenceProbed(1.0, "mini", 4200.0),
        started(),
        MonitorFailed(1.0, "mini"),
    ]
    state = mini(*old, EngineIdentified(2.0, "mini", "ollama"))
    assert (state.status, state.reading, state.reading_at, state.models) == (None, Reading(), None, None)
    assert (state.inference_ms, state.good_inference_ms, state.baseline) == (None, None, Baseline())
    assert (counts(state.work), state.probes, state.monitor_errors) == ((1, 1, {}), {ProbeOutcome.OK: 1}, 1)
    assert (state.health.verdict, state.verdict_since, state.health_ms, state.health_at) == (Verdict.UP, 1.0, 20.0, 1.0)


# Coming, going, moving.


def test_readings_stay_while_the_url_and_the_engine_stay() -> None:
    state = mini(probed(1.0), BackendAdded(2.0, replace(MINI, slots=4)))
    assert (state.spec.slots, state.health.verdict) == (4, Verdict.UP)


@pytest.mark.parametrize("spec", [replace(MINI, url="http://10.0.0.2:8080"), replace(MINI, engine="ollama")])
def test_a_backend_that_moved_is_unknown_again_and_keeps_its_requests(spec: BackendSpec) -> None:
    state = mini(probed(1.0), started(), BackendAdded(2.0, spec), finished(Outcome.TIMEOUT))
    assert state.health.verdict is Verdict.UNKNOWN
    assert counts(state.work) == (1, 0, {Outcome.TIMEOUT: 1})


MOVED = BackendAdded(2.0, replace(MINI, url="http://10.0.0.2:8080"))


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("outcome", Outcome)
def test_what_becomes_of_a_request_at_the_old_place_says_nothing_about_the_new_one(
    streamed: bool, outcome: Outcome
) -> None:
    facts = [probed(1.0), started(streamed=streamed), MOVED, first(at=3.0)]
    end = RequestFinished(5.0, "mini", "1", outcome, 50, 7.0)
    state = mini(*facts, end)
    assert counts(state.work) == (1, 0, {outcome: 1})
    assert replace(state, work=Work(), last_model=None, last_role="") == BackendState(MOVED.spec)


def test_a_request_that_began_after_the_move_speaks_of_the_new_place() -> None:
    assert mini(MOVED, started(at=3.0), finished(at=4.0)).health.verdict is Verdict.UP


def test_a_drain_outlives_a_move_and_a_change_but_not_a_removal() -> None:
    drained = DrainSwitched(1.0, "mini", True)
    assert mini(drained).draining
    assert mini(drained, BackendAdded(2.0, replace(MINI, slots=4)), MOVED).draining
    assert not mini(drained, DrainSwitched(2.0, "mini", False)).draining
    assert not mini(drained, BackendRemoved(2.0, "mini"), BackendAdded(3.0, MINI)).draining


def test_a_removed_backend_is_gone_and_may_come_again_as_new() -> None:
    gone: list[Fact] = [probed(1.0), started(), BackendRemoved(2.0, "mini")]
    assert after(BackendAdded(0.0, MINI), *gone).snapshot(2.0).backends == {}
    back = mini(*gone, finished(), BackendAdded(3.0, MINI), finished())
    assert back == BackendState(MINI)


def test_facts_about_backends_that_nobody_knows_change_nothing() -> None:
    store = after(probed(1.0), started(), finished(), BackendRemoved(2.0, "mini"))
    assert store.snapshot(2.0) == Store().snapshot(2.0)


def test_the_inventory_changes_with_what_is_offered_and_with_nothing_else() -> None:
    store = after()
    models = (Model("gemma4"),)
    changes: list[tuple[Fact, bool]] = [
        (BackendAdded(0.0, MINI), True),
        (probed(1.0), False),
        (EngineIdentified(1.0, "mini", "ollama"), True),
        (EngineIdentified(1.0, "mini", "ollama", "0.31.2"), False),
        (ModelsListed(1.0, "mini", models), True),
        (ModelsListed(2.0, "mini", models), False),
        (ModelsListed(2.0, "mini", (Model("gemma4", loaded=True, expires_in_seconds=9.0),)), False),
        (ModelsListed(2.0, "mini", (Model("gemma4"), Model("qwen3"))), True),
        (started(), False),
        (finished(), False),
        (DrainSwitched(3.0, "mini", True), False),
        (BackendRemoved(3.0, "nobody"), False),
        (BackendRemoved(3.0, "mini"), True),
    ]
    for fact, changed in changes:
        before = store.snapshot(0.0).inventory
        store.apply(fact)
        assert (store.snapshot(0.0).inventory != before) is changed, fact


# The store as a whole.


def test_witnesses_see_every_fact_after_the_store_has_taken_it_in() -> None:
    store = Store()
    seen: list[tuple[Fact, bool]] = []
    store.witness(lambda fact: seen.append((fact, "mini" in store.snapshot(0.0).backends)))
    facts: list[Fact] = [BackendAdded(0.0, MINI), finished(), BackendRemoved(1.0, "mini")]
    for fact in facts:
        store.apply(fact)
    assert seen == [(facts[0], True), (facts[1], True), (facts[2], False)]


def test_a_snapshot_does_not_change_any_more() -> None:
    store = after(BackendAdded(0.0, MINI), probed(1.0), started())
    before = store.snapshot(1.0)
    copy = replace(before, backends=dict(before.backends), pulses=dict(before.pulses), lengths=dict(before.lengths))
    later: list[Fact] = [
        finished(),
        probed(2.0, ProbeOutcome.REFUSED),
        BackendRemoved(3.0, "mini"),
        QueueChanged(4.0, 9),
    ]
    for fact in later:
        store.apply(fact)
    assert before == copy


@given(histories())
def test_started_is_in_flight_and_finished_after_any_facts(facts: list[Fact]) -> None:
    store = Store()
    for fact in facts:
        store.apply(fact)
        for state in store.snapshot(fact.at).backends.values():
            work = state.work
            assert work.in_flight >= 0
            assert work.started == work.in_flight + sum(work.finished.values())


@given(histories())
def test_places_are_those_in_flight_and_no_more(facts: list[Fact]) -> None:
    store = after(*facts)
    for name, state in store.snapshot(0.0).backends.items():
        places = [request for request in ("1", "2", "3") if store.progress(name, request) is not None]
        assert len(places) == state.work.in_flight


@given(histories(max_size=20))
def test_the_same_facts_make_the_same_store(facts: list[Fact]) -> None:
    one, other = (after(*facts).snapshot(1.0) for _ in range(2))
    assert replace(one, pulses={}) == replace(other, pulses={})
    assert list(one.pulses) == list(other.pulses)
    assert [pulse.rhythm for pulse in one.pulses.values()] == [pulse.rhythm for pulse in other.pulses.values()]
