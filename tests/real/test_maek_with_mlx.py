"""Chats stream through Maek from a real `mlx_lm.server`: health, baseline, level, metrics, cancel, kill and restart."""

import aiohttp
import openai
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sidecar import Verdict
from tests.fakes.routers import Maek, config_for, maek
from tests.fakes.waiting import until
from tests.real.servers import RealServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

QUESTION = [{"role": "user", "content": "hello"}]
LONG = {"model": "reasoner", "stream": True, "max_tokens": 30_000, "messages": QUESTION}
"""The tiny model never stops by itself, so this runs until somebody stops it."""


def backend(server: RealServer) -> dict[str, object]:
    """The real server as an operator writes it down: the engine is found out."""
    return {"name": "mlx", "url": server.base_url, "models": {"reasoner": server.model, "classifier": server.model}}


async def gauges(router: Maek) -> dict[str, float]:
    """Every metric of the one backend that has no other label."""
    async with router.client.get(router.url + "/metrics") as response:
        text = await response.text()
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels == {"backend": "mlx"}
    }


async def test_it_is_recognised_watched_and_answers_by_every_door(mlx: RealServer) -> None:
    async with maek(config_for([backend(mlx)], roles={"reasoner": {"max_tokens": 20}})) as router:
        await until(lambda: router.house.snapshot().backends["mlx"].health.verdict is Verdict.UP)
        _, backends = await router.get("/backends")
        _, chat = await router.post("/chat", {"message": "hello there", "role": "reasoner"})
        events = await router.events("/chat", {"message": "hello there", "role": "reasoner", "stream": True})
        async with openai.AsyncOpenAI(base_url=router.url + "/v1", api_key="x", max_retries=0) as client:
            whole = await client.chat.completions.create(model="reasoner", messages=QUESTION, max_tokens=12)  # type: ignore[arg-type]
            stream = await client.chat.completions.create(
                model=mlx.model, messages=QUESTION, max_tokens=12, stream=True, temperature=0  # type: ignore[arg-type]
            )  # fmt: skip
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
        measured = await gauges(router)
    (seen,) = backends["backends"]
    assert (seen["engine"], seen["verdict"], seen["load"]["level"]) == ("mlx", "up", "free")
    assert chat["backend"] == "mlx"
    assert chat["text"]
    assert events[-1].name == "done"
    assert "".join(orjson.loads(e.data)["text"] for e in events if e.name == "token")
    assert whole.choices[0].finish_reason == "length"
    assert len(pieces) >= 10
    assert measured["maek_backend_up"] == 1
    assert measured["maek_backend_health_latency_seconds"] > 0
    assert measured["maek_backend_health_baseline_seconds"] >= 0.01
    assert measured["maek_backend_in_flight"] == 0
    assert measured["maek_backend_load"] == 0
    assert measured["maek_requests_started_total"] == 4


async def test_a_stream_raises_the_level_and_a_hang_up_frees_the_server(mlx: RealServer) -> None:
    spec = {**backend(mlx), "slots": 1}
    async with maek(config_for([spec])) as router:
        async with router.client.post(router.url + "/v1/chat/completions", json=LONG) as response:
            await response.content.readany()
            busy = await gauges(router)
            response.close()
        await until(lambda: router.in_flight() == 0)
        free = await gauges(router)
        # The server has stopped working on it: a short question is answered although it runs one at a time.
        status, _ = await router.post("/v1/chat/completions", {**LONG, "stream": False, "max_tokens": 3})
    assert (busy["maek_backend_in_flight"], busy["maek_backend_load"]) == (1, 1)
    assert (free["maek_backend_in_flight"], free["maek_backend_load"]) == (0, 0)
    assert status == 200
    outcomes = router.house.snapshot().backends["mlx"].work.finished
    assert {str(outcome): n for outcome, n in outcomes.items()} == {"client_gone": 1, "ok": 1}


async def test_a_server_killed_in_the_middle_is_truncated_then_down_then_up_again(mlx: RealServer) -> None:
    async with maek(config_for([backend(mlx)])) as router:
        async with router.client.post(router.url + "/v1/chat/completions", json=LONG) as response:
            await response.content.readany()
            await mlx.kill()
            rest = await response.read()
        status, refused = await router.post("/v1/chat/completions", {**LONG, "stream": False})
        down = await gauges(router)
        await mlx.restart()
        await until(lambda: router.house.snapshot().backends["mlx"].health.available, deadline_seconds=30)
        again, _ = await router.post("/v1/chat/completions", {**LONG, "stream": False, "max_tokens": 3})
    last = rest.decode().strip().splitlines()[-1]
    assert orjson.loads(last.removeprefix("data: "))["error"]["code"] == "backend_truncated"
    assert b"[DONE]" not in rest
    assert (status, refused["error"]["code"]) in {(503, "no_backend"), (502, "backend_failed")}
    assert (down["maek_backend_up"], down["maek_backend_load"]) == (0, 4)
    assert down["maek_backend_in_flight"] == 0
    assert again == 200


async def test_a_second_server_takes_over_when_the_first_is_gone(mlx: RealServer) -> None:
    gone = {"name": "gone", "url": "http://127.0.0.1:9", "models": {"reasoner": "m"}}
    async with maek(config_for([gone, backend(mlx)])) as router:
        await until(lambda: router.house.snapshot().backends["mlx"].health.available)
        status, answer = await router.post("/v1/chat/completions", {**LONG, "stream": False, "max_tokens": 3})
    assert status == 200
    assert answer["choices"][0]["message"]["content"] is not None


async def test_a_model_that_decides_nothing_never_fails_a_chat(mlx: RealServer) -> None:
    roles = {"reasoner": {"max_tokens": 10}, "classifier": {"max_tokens": 20}}
    async with maek(config_for([backend(mlx)], roles=roles)) as router:
        status, answer = await router.post("/chat", {"message": "I wonder whether my cat could learn chess"})
    assert status == 200
    assert (answer["action"], answer["decision"]["source"]) == ("route", "default")
    assert answer["decision"]["fallbacks"] == ["rule: unsure", "model: unsure", "llm: nonsense"]


async def test_discovery_finds_it_and_gives_it_both_roles(mlx: RealServer) -> None:
    port = int(mlx.base_url.rpartition(":")[2])
    config = config_for()
    config = config.model_copy(update={"sidecar": config.sidecar.model_copy(update={"discover": True})})
    async with maek(config, ports=[port]) as router, aiohttp.ClientSession():
        _, backends = await router.get("/backends")
    (found,) = backends["backends"]
    assert (found["engine"], found["discovered"], found["simulated"]) == ("mlx", True, False)
    assert [one["name"] for one in backends["roles"]["reasoner"]] == [found["name"]]
    assert [one["name"] for one in backends["roles"]["classifier"]] == [found["name"]]
