"""Servers that sleep: watched without being woken or kept awake."""

from dataclasses import replace

from sidecar.facts import BackendAdded, BackendSpec, ProbeOutcome
from tests.fakes import backends as fakes
from tests.fakes.monitors import always, watched

MODELS = {"object": "list", "data": [{"id": "gemma4", "owned_by": "llamacpp"}]}
ASLEEP = {
    "GET /health": {"status": "ok"},
    "GET /props": {"is_sleeping": True, "total_slots": 2, "endpoint_metrics": True},
    "GET /v1/models": MODELS,
    "GET /metrics": fakes.http(b"llamacpp:requests_processing 1\n"),
    "GET /slots": [{"is_processing": True}],
    "POST /v1/chat/completions": fakes.SAID,
}
WAKING = {"GET /metrics", "GET /slots", "POST /v1/chat/completions"}
SUSPENDED = {
    "GET /health": fakes.http(b""),
    "GET /is_sleeping": {"is_sleeping": True},
    "GET /v1/models": {"object": "list", "data": [{"id": "gemma4", "owned_by": "vllm"}]},
}


async def test_a_server_that_sleeps_is_available_and_nothing_that_is_asked_wakes_it() -> None:
    async with watched(wants_probe=always) as here, fakes.serving(fakes.answering(ASLEEP)) as fake:
        here.add("mini", fake.url, "llamacpp")
        async with here.monitor.running():
            for _ in range(12):
                await here.clock.tick()
            await here.clock.settled()
        assert not WAKING & set(fake.asked)
        state = here.state()
    assert (state.health.sleeping, state.health.available) == (True, True)
    assert state.probe_outcome is ProbeOutcome.SLEEPING
    assert [model.loaded for model in state.models or ()] == [False]
    assert state.reading.active_jobs == 0


async def test_a_server_that_was_suspended_is_up_and_gets_nothing() -> None:
    async with watched(wants_probe=always) as here, fakes.serving(fakes.answering(SUSPENDED)) as fake:
        here.add("mini", fake.url, "vllm")
        async with here.monitor.running():
            for _ in range(3):
                await here.clock.tick()
            await here.clock.settled()
        assert set(fake.asked) == {"GET /health", "GET /is_sleeping"}
        state = here.state()
    assert (state.health.suspended, state.health.available) == (True, False)
    assert set(state.probes) == {ProbeOutcome.SUSPENDED}


async def test_a_backends_other_names_for_its_metrics_are_read() -> None:
    pages = {**fakes.OPENAI, "GET /stats": fakes.http(b'jobs{state="on"} 3\njobs{state="off"} 9\nqueue 2\n')}
    async with watched() as here, fakes.serving(fakes.answering(pages)) as fake:
        spec = BackendSpec("mini", fake.url, engine="openai", metrics_path="/stats")
        spec = replace(spec, metrics={"running": 'jobs{state="on"}', "waiting": "queue"})
        here.store.apply(BackendAdded(0.0, spec))
        async with here.monitor.running():
            await here.clock.settled()
        reading = here.state().reading
    assert (reading.running, reading.waiting, reading.kv_usage_ratio) == (3, 2, None)
