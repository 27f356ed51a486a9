import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from sidecar.engines import Engine
from sidecar.engines.engine import Model, ModelKind
from sidecar.facts import (
    BackendAdded,
    BackendSpec,
    ProbeOutcome,
)
from sidecar.health import Verdict
from sidecar.load import wants_inference_probe
from sidecar.monitor import Monitor, awake_model
from sidecar.probe import Probed, Prober, probing_session
from sidecar.state import BackendState
from sidecar.store import Store
from tests.fakes import backends as fakes
from tests.fakes.clock import Clock
from tests.fakes.monitors import (
    OLLAMA,
    PATIENT,
    RESTLESS,
    WITH_STATUS,
    always,
    never,
    no_pause,
    watched,
)

# One backend's trouble is nobody else's.


async def test_backends_that_hang_die_lie_or_talk_garbage_delay_nobody() -> None:
    troubles = [
        *[fakes.hangs, fakes.hangs_after_headers, fakes.html, fakes.garbage, fakes.dying, fakes.resetting],
        *[fakes.endless, fakes.loading, fakes.saying(b""), fakes.saying(fakes.http(b"[]")), fakes.hangs],
    ]
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(watched(RESTLESS, sleep=no_pause))
        healthy = [await stack.enter_async_context(fakes.serving(WITH_STATUS)) for _ in range(5)]
        for number, behaviour in enumerate(troubles):
            fake = await stack.enter_async_context(fakes.serving(behaviour))
            here.add(f"trouble-{number}", fake.url, "auto")
        here.add("nobody", f"http://127.0.0.1:{await fakes.unused_port()}")
        for number, fake in enumerate(healthy):
            here.add(f"healthy-{number}", fake.url, "status")
        async with here.monitor.running():
            await asyncio.gather(*(fake.was_asked(10, "GET /status") for fake in healthy))
        assert {here.state(f"healthy-{number}").health.verdict for number in range(5)} == {Verdict.UP}
        assert here.state("nobody").health.verdict is Verdict.DOWN
        assert here.state("trouble-0").health.verdict is Verdict.UNKNOWN  # it still hangs
        assert {state.monitor_errors for state in here.store.snapshot(0.0).backends.values()} == {0}


class Broken(Prober):
    """Every question about life ends in a way that nobody foresaw, until `repaired`."""

    repaired = False

    async def liveness(self, spec: BackendSpec, engine: Engine, timeout_seconds: float) -> Probed:
        if not self.repaired:
            raise ZeroDivisionError("nobody foresaw this")
        return await super().liveness(spec, engine, timeout_seconds)


async def test_an_unforeseen_exception_is_counted_and_the_loop_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    class SoonRepaired(Broken):
        pass

    async with watched(prober=SoonRepaired) as here, fakes.serving(fakes.healthy) as fake:
        here.add("mini", fake.url)
        async with here.monitor.running():
            await here.clock.tick()
            await here.clock.settled()
            assert here.state().monitor_errors == 2
            SoonRepaired.repaired = True
            await here.clock.tick()
            await here.clock.settled()
        assert here.state().health.verdict is Verdict.UP
        assert here.state().monitor_errors == 2
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in errors] == ["watching failed backend=mini"] * 2
    assert errors[0].exc_info is not None


async def test_what_comes_after_an_unforeseen_exception_is_still_asked() -> None:
    def wants(_state: BackendState, _now: float) -> bool:
        raise ZeroDivisionError

    async with watched(wants_probe=wants) as here, fakes.serving(WITH_STATUS) as fake:
        here.add("mini", fake.url, "status")
        async with here.monitor.running():
            await here.clock.settled()
        assert here.state().monitor_errors == 1
        assert here.state().status is not None
        assert here.state().models is not None


# Pace.


async def test_statistics_are_read_every_2_s_and_life_is_asked_every_30() -> None:
    async with watched() as here, fakes.serving(WITH_STATUS) as fake:
        here.add("mini", fake.url, "status")
        async with here.monitor.running():
            for _ in range(30):
                await here.clock.tick()
            await here.clock.settled()
        assert here.clock.slept == [2.0] * 31
        assert here.clock.now == 60.0
        assert fake.asked.count("GET /status") == 31
        rounds = [at for at, line in enumerate(fake.asked) if line == "GET /v1/models"]
        assert len(rounds) == 6  # life and models: at 0, 30 and 60 s


@pytest.mark.parametrize("behaviour", [fakes.loading, fakes.resetting])
async def test_a_backend_that_is_not_ready_is_asked_again_after_5_s(behaviour: fakes.Behaviour) -> None:
    async with watched() as here, fakes.serving(behaviour) as fake:
        here.add("mini", fake.url)
        async with here.monitor.running():
            await here.clock.settled()
            assert not here.state().health.available
            fake.behaviour = fakes.healthy
            await here.clock.tick()
            await here.clock.settled()
        assert here.clock.now == 5.0
        assert here.state().health.available


async def test_a_backend_that_was_up_and_fails_is_down_within_seconds_and_not_minutes() -> None:
    async with watched() as here, fakes.serving(fakes.healthy) as fake:
        here.add("mini", fake.url)
        async with here.monitor.running():
            await here.clock.settled()
            assert here.state().health.available
            fake.behaviour = fakes.resetting
            while here.state().health.verdict is Verdict.UP:
                await here.clock.tick()
                await here.clock.settled()
        # The first failure shows at the probe after 30 s, the second and the third at the look nearest to 5 s later.
        assert here.clock.now == 38.0


async def test_a_loading_backend_is_not_down() -> None:
    async with watched() as here, fakes.serving(fakes.loading) as fake:
        here.add("mini", fake.url)
        async with here.monitor.running():
            for _ in range(5):
                await here.clock.tick()
            await here.clock.settled()
        assert here.state().health.verdict is Verdict.UP
        assert here.state().health.loading
        assert here.state().probes == {ProbeOutcome.LOADING: 6}


@pytest.mark.parametrize(("drawn", "pause"), [(0.0, 1.8), (0.5, 2.0), (1.0, 2.2)])
async def test_pauses_vary_by_the_jitter(drawn: float, pause: float) -> None:
    clock, store = Clock(), Store()
    async with probing_session() as session, fakes.serving(fakes.healthy) as fake:
        store.apply(BackendAdded(0.0, BackendSpec("mini", fake.url, "openai")))
        pace = replace(PATIENT, jitter_ratio=0.1)
        async with Monitor(store, Prober(session, clock), clock, lambda: drawn, pace, never, clock.sleep).running():
            await clock.settled()
    assert clock.slept == [pytest.approx(pause)]


async def test_a_loop_always_breathes() -> None:
    async with watched(replace(RESTLESS, stats_interval_seconds=0.0)) as here, fakes.serving(fakes.healthy) as fake:
        here.add("mini", fake.url)
        async with here.monitor.running():
            await here.clock.settled()
    assert here.clock.slept == [0.05]


# What costs a token.


async def test_hours_of_health_cost_no_token() -> None:
    async with (
        watched(wants_probe=wants_inference_probe) as here,
        fakes.serving(fakes.healthy) as plain,
        fakes.serving(WITH_STATUS) as telling,
        fakes.serving(OLLAMA) as ollama,
    ):
        here.add("plain", plain.url, reasoner="gemma4")
        here.add("telling", telling.url, "status", reasoner="gemma4")
        here.add("ollama", ollama.url, "auto")
        async with here.monitor.running():
            while here.clock.now < 2 * 3600:
                await here.clock.tick(sleepers=3)
            await here.clock.settled(3)
        for fake in (plain, telling, ollama):
            assert len(fake.asked) > 400
            assert fake.posts == 0


async def test_an_inference_probe_is_sent_when_it_is_wanted_and_its_time_is_kept() -> None:
    async with watched(wants_probe=always) as here, fakes.serving(OLLAMA) as fake:
        here.add("mini", fake.url, "ollama")
        async with here.monitor.running():
            await here.clock.settled()
        assert fake.posts == 1
        assert here.state().good_inference_ms is not None


async def test_a_backend_has_one_inference_probe_at_a_time() -> None:
    go_on = asyncio.Event()

    async def slow(line: str, writer: asyncio.StreamWriter) -> None:
        if line.startswith("POST"):
            await go_on.wait()
        await OLLAMA(line, writer)

    async with watched() as here, fakes.serving(slow) as fake:
        here.add("mini", fake.url, "ollama")
        async with here.monitor.running():
            await here.clock.settled()
            first = asyncio.create_task(here.monitor.refresh(wants_probe=always))
            await fake.was_asked(1, "POST")
            await here.monitor.refresh(wants_probe=always)
            assert fake.posts == 1
            go_on.set()
            await first
            await here.monitor.refresh(wants_probe=always)
            assert fake.posts == 2


async def test_no_model_is_loaded_by_a_probe() -> None:
    pages = {"GET /api/version": {"version": "1"}, "GET /api/tags": {"models": [{"name": "a"}]}}
    asleep = fakes.answering({**pages, "GET /api/ps": {"models": []}})
    async with watched(wants_probe=always) as here, fakes.serving(asleep) as fake:
        here.add("mini", fake.url, "ollama", reasoner="a")
        async with here.monitor.running():
            await here.clock.settled()
        assert here.state().models == (Model("a", loaded=False),)
        assert fake.posts == 0


SMALL, LARGE = Model("small", parameters=1e9, loaded=True), Model("large", parameters=9e9, loaded=True)


@pytest.mark.parametrize(
    ("models", "configured", "awake"),
    [
        (None, {}, None),
        ((), {}, None),
        ((LARGE, SMALL), {}, "small"),
        ((LARGE, SMALL), {"reasoner": "large"}, "large"),
        ((Model("nobody says", loaded=None),), {}, None),
        ((Model("nobody says", loaded=None),), {"reasoner": "nobody says"}, "nobody says"),
        ((Model("asleep", loaded=False),), {"reasoner": "asleep"}, None),
        ((Model("bge-m3", ModelKind.EMBEDDING, loaded=True),), {"embedder": "bge-m3"}, None),
        ((Model("auto", loaded=None), LARGE), {"reasoner": "auto"}, "auto"),
    ],
)
def test_a_probe_asks_a_model_that_is_awake(
    models: tuple[Model, ...] | None, configured: dict[str, str], awake: str | None
) -> None:
    assert awake_model(BackendState(BackendSpec("mini", "", models=configured), models=models)) == awake


# Who is it.


async def test_other_software_after_a_restart_is_recognised() -> None:
    async with watched() as here, fakes.serving(WITH_STATUS) as fake:
        here.add("mini", fake.url, "auto")
        async with here.monitor.running():
            await here.clock.settled()
            assert here.state().engine == "status"
            fake.behaviour = fakes.resetting
            while here.state().health.verdict is not Verdict.DOWN:
                await here.clock.tick()
                await here.clock.settled()
            assert here.state().engine == "status"  # nobody said anything else
            fake.behaviour = OLLAMA
            await here.clock.tick()
            await here.clock.settled()
        state = here.state()
        assert (state.engine, state.engine_version, state.health.verdict) == ("ollama", "0.31.2", Verdict.UP)
        assert state.status is None
        assert [model.name for model in state.models or ()] == ["gemma4:12b", "qwen3:4b"]


async def test_a_healthy_backend_is_asked_once_who_it_is_and_a_configured_one_never() -> None:
    async with watched() as here, fakes.serving(OLLAMA) as auto, fakes.serving(OLLAMA) as told:
        here.add("auto", auto.url, "auto")
        here.add("told", told.url, "ollama")
        async with here.monitor.running():
            for _ in range(40):
                await here.clock.tick(sleepers=2)
            await here.clock.settled(2)
        assert auto.asked.count("GET /props") == 1
        assert told.asked.count("GET /props") == 0


# What the answers say.


async def test_answers_that_make_no_sense_change_nothing() -> None:
    lying = fakes.answering({**fakes.OPENAI, "GET /status": {"active_jobs": -3, "total_requests": "many"}})
    async with watched(replace(PATIENT, interval_seconds=5.0)) as here, fakes.serving(WITH_STATUS) as fake:
        here.add("mini", fake.url, "status")
        async with here.monitor.running():
            await here.clock.settled()
            known = here.state()
            fake.behaviour = lying
            await here.clock.tick()
            await here.clock.settled()
        assert here.state().status == known.status
        assert here.state().monitor_errors == 0


async def test_models_that_make_no_sense_leave_the_ones_known() -> None:
    async with watched() as here, fakes.serving(OLLAMA) as fake:
        here.add("mini", fake.url, "ollama")
        async with here.monitor.running():
            await here.clock.settled()
            known = here.state().models
            fake.behaviour = fakes.answering({"GET /api/version": {"version": "1"}, "GET /api/tags": []})
            while here.clock.now < 30:
                await here.clock.tick()
                await here.clock.settled()
        assert here.state().models == known
        assert here.state().health.verdict is Verdict.UP


async def test_statistics_of_other_engines_are_readings() -> None:
    slots = fakes.http(b'[{"id":0,"is_processing":true},{"id":1,"is_processing":false}]')
    llamacpp = fakes.answering(
        {
            "GET /health": {"status": "ok"},
            "GET /props": {"total_slots": 2, "endpoint_metrics": False, "endpoint_slots": True},
            "GET /slots": slots,
            **fakes.OPENAI,
        }
    )
    async with watched() as here, fakes.serving(llamacpp) as fake:
        here.add("mini", fake.url, "llamacpp")
        async with here.monitor.running():
            await here.clock.settled()
        assert (here.state().reading.running, here.state().reading.slots) == (1, 2)


OTHER_MODELS = {"object": "list", "data": [{"id": "another-model", "object": "model"}]}


async def test_other_software_that_takes_the_port_between_two_probes_is_recognised_by_its_models() -> None:
    async with watched(RESTLESS) as here, fakes.serving(WITH_STATUS) as fake:
        here.add("mini", fake.url, "auto")
        async with here.monitor.running():
            await here.clock.settled()
            assert here.state().engine == "status"
            fake.behaviour = fakes.answering({**fakes.OPENAI, "GET /v1/models": OTHER_MODELS})
            for _ in range(2):
                await here.clock.tick()
                await here.clock.settled()
        assert here.state().engine == "openai"
