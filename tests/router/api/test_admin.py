"""What Maek tells about itself, over real sockets."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from router.keys import new_key
from simulator import Engine, SimSettings
from tests.fakes.routers import config_for, maek, maek_with_simulators
from tests.fakes.waiting import until

SIM = SimSettings()


async def test_backends_tell_their_load_in_both_languages_and_who_serves_which_role() -> None:
    async with maek_with_simulators(SIM) as (router, _):
        status, answer = await router.get("/backends")
    assert status == 200
    (backend,) = answer["backends"]
    assert (backend["verdict"], backend["healthy"], backend["in_flight"]) == ("up", True, 0)
    assert (backend["load"]["level"], backend["load"]["level_ko"]) == ("free", "여유")
    (summary,) = answer["roles"]["reasoner"]
    assert (summary["name"], summary["model"], summary["healthy"]) == ("sim0", "sim-large-32b", True)
    assert summary["latency_ms"] == backend["latency_ms"]


async def test_a_dead_backend_has_no_load_it_is_unavailable() -> None:
    dead = {"name": "dead", "url": "http://127.0.0.1:9", "models": {"reasoner": "m"}}
    async with maek(config_for([dead])) as router:
        _, answer = await router.get("/backends")
        status, _ = await router.get("/readyz")
    assert answer["backends"][0]["load"]["level"] == "unavailable"
    assert answer["backends"][0]["load"]["level_ko"] == "사용 불가"
    assert status == 503


async def test_metrics_and_backends_tell_the_same_level_while_a_request_runs() -> None:
    async with maek_with_simulators(SimSettings(preset="demo")) as (router, _):
        body = {"message": "양자역학 설명해줘", "stream": True}
        async with router.client.post(router.url + "/chat", json=body) as response:
            await response.content.readany()
            _, answer = await router.get("/backends")
            async with router.client.get(router.url + "/metrics") as scraped:
                text = await scraped.text()
    levels = {
        sample.labels["backend"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "maek_backend_load"
    }
    assert answer["backends"][0]["load"]["level"] == "normal"
    assert levels == {"sim0": 1.0}


async def test_forcing_asks_the_backends_afresh() -> None:
    engine = SimSettings(engine=Engine.STATUS)
    async with maek_with_simulators(engine) as (router, _):
        await until(lambda: router.house.snapshot().backends["sim0"].status is not None)
        before = router.house.snapshot().backends["sim0"].status
        await router.get("/backends?force=true")
        after = router.house.snapshot().backends["sim0"].status
    assert before is not None
    assert after is not None
    assert after.at > before.at


async def test_a_drained_backend_gets_no_new_request_and_ends_those_that_run() -> None:
    slow = SimSettings(preset="demo")
    async with maek_with_simulators(slow, slow) as (router, _):
        body = {"model": "reasoner", "stream": True, "messages": [{"role": "user", "content": "양자역학 설명해줘"}]}
        async with router.client.post(router.url + "/v1/chat/completions", json=body) as running:
            await running.content.readany()
            busy = running.headers["x-maek-backend"]
            status, told = await router.post(f"/backends/{busy}/drain", {})
            others = [await router.post("/chat", {"message": "hi", "role": "reasoner"}) for _ in range(3)]
            answer = await running.content.read()
        after, back = await router.post(f"/backends/{busy}/undrain", {})
    assert (status, told["name"], told["state"], told["draining"], told["in_flight"]) == (
        200,
        busy,
        "draining",
        True,
        1,
    )
    assert {other["backend"] for _, other in others} == {"sim0", "sim1"} - {busy}
    assert b"[DONE]" in answer
    assert (after, back["state"], back["draining"], back["in_flight"]) == (200, "ready", False, 0)


async def test_a_drain_outlives_a_changed_configuration_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async with maek_with_simulators(SIM) as (router, _):
        with caplog.at_level("INFO", "router.app"):
            for _ in range(2):
                await router.post("/backends/sim0/drain", {})
        config = router.house.current.service.config
        (backend,) = config.sidecar.backends
        sidecar = config.sidecar.model_copy(update={"backends": (backend.model_copy(update={"slots": 9}),)})
        router.house.adopt(config.model_copy(update={"sidecar": sidecar}))
        _, answer = await router.get("/backends")
        ready, _ = await router.get("/readyz")
        status, refused = await router.post("/chat", {"message": "hi", "role": "reasoner"})
    told = [record.getMessage() for record in caplog.records]
    assert [line for line in told if not line.startswith("access ")] == ["draining backend=sim0"]
    assert (answer["backends"][0]["state"], answer["backends"][0]["load"]["slots"]) == ("draining", 9)
    assert ready == 503
    assert (status, refused["error"]["code"]) == (503, "no_backend")
    assert "sim0 is draining" in refused["error"]["message"]


@pytest.mark.parametrize("what", ["drain", "undrain"])
async def test_a_backend_that_is_not_there_cannot_be_drained(what: str) -> None:
    async with maek_with_simulators(SIM) as (router, _):
        status, answer = await router.post(f"/backends/nobody/{what}", {})
        wrong_method, _ = await router.get(f"/backends/sim0/{what}")
    assert (status, answer["error"]["code"]) == (404, "not_found")
    assert wrong_method == 405


async def test_draining_wants_the_key_like_everything_else() -> None:
    key, hashed = new_key()
    async with maek_with_simulators(SIM, keys=[hashed]) as (router, _):
        nobody, _ = await router.post("/backends/sim0/drain", {})
        before = router.house.snapshot().backends["sim0"].draining
        somebody, _ = await router.post("/backends/sim0/drain", {}, headers={"authorization": f"Bearer {key}"})
    assert (nobody, before, somebody) == (401, False, 200)


async def test_status_counts_chats_so_that_routers_can_stand_behind_routers() -> None:
    async with maek_with_simulators(SimSettings(preset="demo")) as (router, _):
        _, idle = await router.get("/status")
        async with router.client.post(
            router.url + "/chat", json={"message": "양자역학 설명해줘", "stream": True}
        ) as one:
            await one.content.readany()
            _, busy = await router.get("/status")
    assert idle == {"active_jobs": 0, "total_requests": 0}
    assert busy == {"active_jobs": 1, "total_requests": 1}


async def test_a_maek_behind_a_maek_is_read_by_its_status() -> None:
    async with maek_with_simulators(SIM) as (inner, _):
        spec = [{"name": "inner", "url": inner.url, "models": {"reasoner": "reasoner"}}]
        async with maek(config_for(spec)) as outer:
            await until(lambda: outer.house.snapshot().backends["inner"].status is not None)
            status, answer = await outer.post("/chat", {"message": "양자역학 설명해줘"})
    assert status == 200
    assert answer["backend"] == "inner"
    assert answer["text"].startswith("(시뮬레이터)")


async def test_live_is_always_and_ready_is_when_somebody_can_answer() -> None:
    async with maek_with_simulators(SIM) as (router, _):
        assert await router.get("/livez") == (200, {"status": "ok"})
        await until(lambda: all(state.models for state in router.house.snapshot().backends.values()))
        status, answer = await router.get("/readyz")
    assert (status, answer["roles"]) == (200, {"classifier": True, "reasoner": True})


async def test_tools_are_listed_from_their_specifications() -> None:
    async with maek_with_simulators(SIM) as (router, _):
        _, answer = await router.get("/tools")
    by_name = {tool["name"]: tool for tool in answer["tools"]}
    assert {name: tool["configured"] for name, tool in by_name.items()} == {
        "calendar": True,
        "email": False,
        "document": False,
        "infra": True,
    }
    assert [o["name"] for o in by_name["infra"]["operations"]] == ["status", "health", "disk", "network", "models"]


async def test_decisions_belong_to_the_key_that_asked() -> None:
    mine, my_hash = new_key()
    yours, your_hash = new_key()
    async with maek_with_simulators(SIM, keys=[my_hash, your_hash]) as (router, _):
        my_header = {"authorization": f"Bearer {mine}"}
        _, answer = await router.post("/chat", {"message": "안녕"}, headers=my_header)
        _, listed = await router.get("/decisions", headers=my_header)
        foreign, _ = await router.get(f"/decisions/{answer['id']}", headers={"authorization": f"Bearer {yours}"})
        nobody, refused = await router.get("/backends")
        alive, _ = await router.get("/livez")
        wrong_limit, _ = await router.get("/decisions?limit=none", headers=my_header)
    assert [record["id"] for record in listed["decisions"]] == [answer["id"]]
    assert foreign == 404
    assert (nobody, refused["error"]["code"]) == (401, "unauthorized")
    assert alive == 200
    assert wrong_limit == 400
    assert mine not in str(refused)


async def test_sessions_belong_to_the_key_that_opened_them() -> None:
    mine, my_hash = new_key()
    yours, your_hash = new_key()
    async with maek_with_simulators(SIM, keys=[my_hash, your_hash]) as (router, _):
        _, first = await router.post("/chat", {"message": "안녕"}, headers={"authorization": f"Bearer {mine}"})
        body = {"message": "안녕", "session": first["session"]}
        await router.post("/chat", body, headers={"authorization": f"Bearer {yours}"})
        sessions = router.house.parts.sessions
        my_history = await sessions.history(first["session"], my_hash.removeprefix("sha256:")[:12])
    assert len(my_history) == 2
