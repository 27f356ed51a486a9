"""Backends that fail, seen from outside: what clients get, and what `/metrics`, `/backends` and `/decisions` tell."""

import asyncio
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from simulator import SimSettings
from tests.fakes.routers import Maek, maek_with_simulators
from tests.fakes.simulators import set_faults, sim_state
from tests.fakes.waiting import until

SIM = SimSettings()
ASKED = {"model": "reasoner", "messages": [{"role": "user", "content": "hi there"}]}


async def samples(router: Maek, name: str) -> dict[tuple[str, ...], float]:
    """The samples of a metric, by the values of their labels."""
    async with router.client.get(router.url + "/metrics") as scraped:
        families = text_string_to_metric_families(await scraped.text())
    return {
        tuple(sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


async def test_clients_of_a_backend_that_flaps_notice_nothing() -> None:
    async def client(number: int, router: Maek) -> int:
        await asyncio.sleep(number * 0.03)
        status, _ = await router.post("/v1/chat/completions", ASKED)
        return status

    async with maek_with_simulators(SIM, SIM) as (router, urls):
        await set_faults(router.client, urls[0], {"flap": {"up_seconds": 0.4, "down_seconds": 0.4}})
        statuses = await asyncio.gather(*(client(number, router) for number in range(100)))
    assert statuses == [200] * 100


async def test_a_failure_shows_where_an_operator_looks() -> None:
    async with maek_with_simulators(SIM, SIM) as (router, urls):
        await set_faults(router.client, urls[0], {"error_500": {}})
        answers = await asyncio.gather(*(router.post("/chat", {"message": "hi", "role": "reasoner"}) for _ in range(8)))
        _, shown = await router.get("/backends")
        circuits = await samples(router, "maek_backend_breaker_state")
        retries = await samples(router, "maek_retries_total")
    assert {answer["backend"] for _, answer in answers} == {"sim1"}
    failing: dict[str, Any] = next(one for one in shown["backends"] if one["name"] == "sim0")
    assert (failing["verdict"], failing["circuit"]) == ("up", "open")
    assert failing["last_failure"]["outcome"] == "backend_error"
    assert (circuits[("sim0",)], circuits[("sim1",)]) == (2.0, 0.0)
    assert retries[("sim0", "backend_error")] == failing["finished"]["backend_error"]


async def test_a_stalled_backend_is_hedged_and_its_slot_is_free_again() -> None:
    async with maek_with_simulators(SimSettings(slots=1), SIM) as (router, urls):
        await router.post("/backends/sim1/drain", {})
        await router.post("/v1/chat/completions", ASKED)
        await router.post("/backends/sim1/undrain", {})
        await set_faults(router.client, urls[0], {"stall": {}})
        status, answer = await router.post("/chat", {"message": "hi", "role": "reasoner", "stream": False})
        _, listed = await router.get("/decisions?limit=1")
        hedges = await samples(router, "maek_hedges_total")
        assert router.in_flight() == 0
        await set_faults(router.client, urls[0], {})
        state = await sim_state(router.client, urls[0])
    assert (status, answer["backend"]) == (200, "sim1")
    attempts = listed["decisions"][0]["answering"]["attempts"]
    assert [(one["backend"], one["hedge"], one["outcome"]) for one in attempts] == [
        ("sim0", False, "silent"),
        ("sim1", True, "ok"),
    ]
    assert hedges == {("won",): 1.0, ("lost",): 0.0, ("failed",): 0.0, ("abandoned",): 0.0}
    assert (state["running"], state["totals"]["cancelled"]) == (0, 1)


async def test_the_last_backend_is_asked_in_panic_and_the_header_says_so() -> None:
    async with maek_with_simulators(SIM) as (router, urls):
        await set_faults(router.client, urls[0], {"error_500": {}})
        failed, _ = await router.post("/v1/chat/completions", ASKED)
        await set_faults(router.client, urls[0], {})
        async with router.client.post(router.url + "/v1/chat/completions", json=ASKED) as response:
            why = response.headers["x-maek-why"]
    assert (failed, response.status) == (502, 200)
    assert why.endswith("; panic")


async def test_a_server_that_loads_its_model_is_told_from_one_that_fails() -> None:
    async with maek_with_simulators(SIM, SIM) as (router, urls):
        await until(lambda: all(s.health.available for s in router.house.snapshot().backends.values()))
        await set_faults(router.client, urls[0], {"loading": {"seconds": 30}})
        answers = await asyncio.gather(*(router.post("/v1/chat/completions", ASKED) for _ in range(8)))
        state = router.house.snapshot().backends["sim0"]
    assert [status for status, _ in answers] == [200] * 8
    assert state.breaker.openings == 0
    assert set(state.work.finished) <= {"rejected", "ok"}
