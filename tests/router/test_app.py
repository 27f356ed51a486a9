"""The composition root: what a new configuration changes, and what it leaves alone."""

import asyncio
from pathlib import Path

import pytest

from router.sessions.store import SessionStoreFailed
from sidecar import SecretUnusable, Verdict
from simulator import SimSettings, serving
from tests.fakes.routers import config_for, maek, maek_with_simulators
from tests.fakes.waiting import until

SIM = SimSettings()


async def test_a_backend_that_is_configured_anew_is_watched_and_one_that_is_gone_is_forgotten() -> None:
    async with maek_with_simulators(SIM) as (router, _), serving(SIM) as second:
        router.house.adopt(config_for([{"name": "second", "url": second, "models": {"reasoner": "sim-large-32b"}}]))
        await until(lambda: router.house.snapshot().backends["second"].health.verdict is Verdict.UP)
        _, answer = await router.post("/chat", {"message": "양자역학 설명해줘"})
        async with router.client.get(router.url + "/metrics") as response:
            metrics = await response.text()
    assert answer["backend"] == "second"
    assert 'backend="sim0"' not in metrics


async def test_a_request_that_runs_keeps_what_it_began_with() -> None:
    async with maek_with_simulators(SimSettings(preset="demo")) as (router, _):
        body = {"message": "양자역학 설명해줘", "stream": True}
        async with router.client.post(router.url + "/chat", json=body) as response:
            await response.content.readany()
            router.house.adopt(config_for())
            text = (await response.read()).decode()
    assert "event: done" in text


async def test_without_backends_the_simulator_comes_and_with_one_it_goes() -> None:
    async with maek(config_for()) as router, serving(SIM) as url:
        alone = list(router.house.snapshot().backends)
        router.house.adopt(config_for([{"name": "real", "url": url, "models": {"reasoner": "sim-large-32b"}}]))
        together = list(router.house.snapshot().backends)
        router.house.adopt(config_for())
        again = list(router.house.snapshot().backends)
    assert (alone, together, again) == (["simulator"], ["real"], ["simulator"])


async def test_roles_limits_and_keys_change_with_the_configuration() -> None:
    async with maek(config_for()) as router:
        router.house.adopt(config_for(roles={"poet": {}}, limits={"streams": 1}, keys=["sha256:" + "0" * 64]))
        service = router.house.current.service
        status, _ = await router.get("/backends")
    assert service.fleet.roles == ("classifier", "reasoner", "poet")
    assert service.occupancy.most == 1
    assert status == 401


async def test_a_conversation_that_cannot_be_kept_does_not_take_the_answer_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Full:
        """A session store on a full disk: what is there can be read."""

        def __init__(self, inner: object) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> object:
            return getattr(self._inner, name)

        async def append(self, *_: object, **__: object) -> None:
            raise SessionStoreFailed("sessions.sqlite3: the disk is full; make room.")

    async with maek(config_for()) as router:
        talks = router.house.current.service.talks
        talks._sessions = Full(talks._sessions)  # type: ignore[assignment]
        status, answer = await router.post("/chat", {"message": "안녕"})
    assert status == 200
    assert "이드" in answer["text"]
    assert "the disk is full" in caplog.text


async def test_a_configuration_whose_key_file_has_vanished_changes_nothing(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("secret\n")
    async with maek_with_simulators(SIM) as (router, urls):
        spec = {"name": "locked", "url": urls[0], "api_key": f"file:{key}"}
        config = config_for([spec])
        key.unlink()
        with pytest.raises(SecretUnusable):
            router.house.adopt(config)
        known = list(router.house.snapshot().backends)
    assert known == ["sim0"]


async def test_a_reload_that_takes_the_last_backend_away_brings_the_simulator() -> None:
    async with maek_with_simulators(SIM) as (router, _):
        router.house.adopt(config_for())
        await until(lambda: "simulator" in router.house.snapshot().backends)
        await until(lambda: router.house.snapshot().backends["simulator"].models)
        _, answer = await router.post("/chat", {"message": "양자역학 설명해줘"})
    assert answer["simulated"] is True


@pytest.mark.parametrize("steps", range(5))
async def test_an_end_that_comes_with_a_change_is_not_forgotten(steps: int) -> None:
    async with maek(config_for()) as router:
        waiting = asyncio.create_task(router.house.changed_or(60))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        router.house.adopt(router.house.current.service.config)
        for _ in range(steps):
            await asyncio.sleep(0)
        ended = waiting.done()
        waiting.cancel()
        await asyncio.wait({waiting}, timeout=5)
    assert ended or waiting.cancelled()
