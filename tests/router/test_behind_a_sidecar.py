"""A router whose backend is a `maek sidecar` knows the server behind it, and what all its clients do there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from simulator import SimSettings, serving
from simulator.settings import Engine
from tests.fakes.proxies import Proxied, proxied
from tests.fakes.routers import Maek, config_for, maek
from tests.fakes.waiting import until

MODELS = {"classifier": "sim-small-1b", "reasoner": "sim-large-32b"}
LONG = {"model": "sim-large-32b", "messages": [{"role": "user", "content": "a long story, please"}]}


@asynccontextmanager
async def routed(engine: str) -> AsyncIterator[tuple[Maek, Proxied]]:
    """A router, before a sidecar, before an Ollama."""
    async with serving(SimSettings(engine=Engine.OLLAMA, preset="demo")) as url, proxied(url) as proxy:
        backend = {"name": "ollama", "url": proxy.url, "engine": engine, "models": MODELS}
        config = config_for([backend])
        quick = config.sidecar.model_copy(update={"stats_interval_seconds": 0.05})
        async with maek(config.model_copy(update={"sidecar": quick})) as router:
            yield router, proxy


@pytest.mark.parametrize("engine", ["auto", "ollama"])
async def test_it_is_ollama_with_its_models_in_memory_and_the_load_of_all_clients(engine: str) -> None:
    async with routed(engine) as (router, proxy):
        await until(lambda: router.house.snapshot().backends["ollama"].status is not None)
        async with router.client.post(proxy.url + "/api/chat", json=LONG) as strangers:
            await strangers.content.readany()
            state = lambda: router.house.snapshot().backends["ollama"]  # noqa: E731
            await until(lambda: (status := state().status) is not None and status.active_jobs == 1)
            _, told = await router.get("/backends")
    (seen,) = told["backends"]
    assert (seen["engine"], seen["in_flight"]) == ("ollama", 0)
    assert (seen["load"]["active_jobs"], seen["load"]["source"]) == (1, "status_api")
    models = router.house.snapshot().backends["ollama"].models
    assert models is not None
    assert all(model.loaded is not None for model in models)
