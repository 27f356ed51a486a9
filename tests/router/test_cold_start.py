"""Models that are not in memory: what people see while one loads, who is asked to get ready, and who is left asleep."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from sidecar import Fact
from sidecar.facts import ModelsListed
from simulator import SimSettings, serving
from simulator.settings import Engine
from tests.fakes.routers import Maek, config_for, maek
from tests.fakes.simulators import sim_state
from tests.fakes.waiting import until

SMALL, LARGE = "sim-small-1b", "sim-large-32b"
ROLES = {"classifier": SMALL, "reasoner": LARGE}
LOADS_SECONDS = 2.5
"""Longer than it takes until a client is told."""
COLD = SimSettings(engine=Engine.OLLAMA, cold_start_seconds=LOADS_SECONDS)
IMPATIENT = {"first_token_timeout_seconds": 0.5, "timeout_seconds": 1.0}
QUESTION = {"model": "reasoner", "messages": [{"role": "user", "content": "양자역학 설명해줘"}]}


@asynccontextmanager
async def before(
    *settings: SimSettings, rounds: float = 30.0, warm: int = 0, **router: Any
) -> AsyncIterator[tuple[Maek, list[str]]]:
    """A router before Ollamas, whose models it lists every so many seconds; the first `warm` have the large one."""
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(serving(one)) for one in settings]
        await asyncio.gather(*(load(url) for url in urls[:warm]))
        backends = [{"name": f"sim{number}", "url": url, "models": ROLES} for number, url in enumerate(urls)]
        config = config_for(backends, **router)
        sidecar = config.sidecar.model_copy(update={"interval_seconds": rounds})
        here = await stack.enter_async_context(maek(config.model_copy(update={"sidecar": sidecar})))
        await until(lambda: all(state.models for state in here.house.snapshot().backends.values()))
        yield here, urls


async def load(url: str) -> None:
    """Have a simulator load the large model."""
    async with ClientSession() as client, client.post(url + "/api/generate", json={"model": LARGE}) as response:
        await response.read()


async def resident(here: Maek, url: str) -> dict[str, str]:
    """Models that a simulator has in memory → when they leave."""
    async with here.client.get(url + "/api/ps") as response:
        return {model["name"]: model["expires_at"] for model in (await response.json())["models"]}


def state(here: Maek, name: str = "sim0") -> Any:
    return here.house.snapshot().backends[name]


@pytest.mark.parametrize(
    ("lang", "said"), [("ko", "모델을 불러오는 중입니다 (약 13초)."), ("en", "Loading the model (about 13 s).")]
)
async def test_a_chat_is_told_that_the_model_is_being_loaded_and_for_how_long(lang: str, said: str) -> None:
    async with before(COLD, roles={"reasoner": IMPATIENT}) as (here, _):
        events = await here.events("/chat", {"message": "안녕", "role": "reasoner", "stream": True, "lang": lang})
        names = [event.name for event in events]
        assert (names[:2], names[-1]) == (["decision", "notice"], "done")
        notice = orjson.loads(events[1].data)
        assert notice == {"notice": said, "loading": True, "expected_seconds": 13.0}
        # Nothing of it is a failure, though the load outlasts the deadlines of the role.
        assert state(here).breaker.openings == 0
        assert state(here).last_failure is None
        forecast = state(here).forecast(LARGE)
        assert (forecast.cold_starts, forecast.first.samples) == (1, 0)


async def test_a_chat_whose_classifier_is_being_loaded_is_told_so_before_the_decision() -> None:
    roles = {"classifier": {"timeout_seconds": 0.5}}
    async with before(COLD, decide={"rules": False}, roles=roles) as (here, _):
        events = await here.events("/chat", {"message": "뭐든 얘기해 줘", "stream": True})
        assert [event.name for event in events][:2] == ["notice", "decision"]
        assert orjson.loads(events[0].data)["loading"] is True
        assert orjson.loads(events[1].data)["decision"]["source"] == "llm"


async def test_a_stream_of_openais_dialect_gets_a_comment() -> None:
    async with before(COLD) as (here, _):
        async with here.client.post(here.url + "/v1/chat/completions", json={**QUESTION, "stream": True}) as response:
            said = await response.read()
            record = response.headers["x-maek-decision"]
        assert said.startswith(b": loading the model, about 13 s\n\n")
        assert said.rstrip().endswith(b"data: [DONE]")
        _, decision = await here.get(f"/decisions/{record}")
        assert decision["answering"]["attempts"][0]["considered"][0]["cold_ms"] == 15000.0
        assert response.headers["x-maek-why"].endswith(" cold")


async def test_a_load_is_not_taken_for_a_first_token_that_is_late() -> None:
    async with before(COLD, COLD) as (here, _):
        async with here.client.post(here.url + "/v1/chat/completions", json={**QUESTION, "stream": True}) as response:
            await response.read()
            _, decision = await here.get(f"/decisions/{response.headers['x-maek-decision']}")
        assert [one["hedge"] for one in decision["answering"]["attempts"]] == [False]


async def test_an_answer_in_one_piece_waits_for_the_load_too() -> None:
    async with before(COLD, roles={"reasoner": IMPATIENT}) as (here, _):
        status, body = await here.post("/v1/chat/completions", QUESTION)
        assert (status, bool(body["choices"][0]["message"]["content"])) == (200, True)
        assert state(here).forecast(LARGE).cold_starts == 1


async def test_what_is_loading_is_shown() -> None:
    async with before(COLD) as (here, _):
        asking = asyncio.create_task(here.post("/v1/chat/completions", QUESTION))
        await until(lambda: state(here).memory.loading_since)
        _, shown = await here.get("/backends")
        [large] = [one for one in shown["backends"][0]["memory"] if one["model"] == LARGE]
        assert (large["loaded"], 0 < large["loading_seconds"] <= 15.0) == (False, True)
        await asking
        _, shown = await here.get("/backends")
        [large] = [one for one in shown["backends"][0]["memory"] if one["model"] == LARGE]
        assert (large["loaded"], large["loading_seconds"]) == (True, None)


async def test_no_look_of_the_monitor_keeps_a_model_awake_or_wakes_it() -> None:
    ollama = SimSettings(engine=Engine.OLLAMA, cold_start_seconds=0.1, keep_alive_seconds=1.0)
    async with before(ollama, rounds=0.2) as (here, [url]):
        await here.post("/v1/chat/completions", QUESTION)
        assert LARGE in await resident(here, url)
        lists: list[Fact] = []
        here.house.parts.store.witness(lambda fact: lists.append(fact) if isinstance(fact, ModelsListed) else None)
        async with asyncio.timeout(20):
            while await resident(here, url):  # noqa: ASYNC110 - the simulator has no event for it
                await asyncio.sleep(0.05)
        lists.clear()
        await until(lambda: len(lists) >= 8)
        assert await resident(here, url) == {}
        assert not any(model.loaded for model in state(here).models)
        assert (await sim_state(here.client, url))["totals"]["accepted"] == 1


async def test_an_idle_backend_loads_the_model_of_a_role_that_is_in_use() -> None:
    async with before(COLD, COLD, warm=1) as (here, [_, url]):
        for _ in range(3):
            await here.post("/v1/chat/completions", QUESTION)
        await until(lambda: state(here, "sim1").forecast(LARGE).cold_starts)
        assert list(await resident(here, url)) == [LARGE]
        idle = state(here, "sim1")
        assert (idle.work.started, idle.memory.asked) == (0, None)
        # It stays as long as the server's own setting has it.
        left_seconds = idle.memory.leaves_at[LARGE] - here.house.snapshot().now
        assert 290 < left_seconds <= 301  # the server counts from a whole second


async def test_what_is_switched_off_loads_nothing() -> None:
    async with before(COLD, COLD, warm=1, prewarm=False) as (here, [_, url]):
        for _ in range(4):
            await here.post("/v1/chat/completions", QUESTION)
        assert (await sim_state(here.client, url))["totals"]["accepted"] == 0
