"""Before every engine of the simulator: each dialect streams to its end, and a hang-up reaches the server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from sidecar.facts import Outcome
from simulator import SimSettings, serving
from simulator.settings import Engine
from tests.fakes.proxies import Proxied, proxied
from tests.fakes.simulators import sim_state
from tests.fakes.waiting import until

QUESTION = [{"role": "user", "content": "hello"}]
OPENAI = ("/v1/chat/completions", b"data: [DONE]\n\n")
DIALECTS = [
    *[(engine, *OPENAI) for engine in Engine],
    (Engine.OLLAMA, "/api/chat", b"}\n"),
]


@asynccontextmanager
async def before(engine: Engine, preset: str) -> AsyncIterator[tuple[Proxied, str, aiohttp.ClientSession]]:
    """A proxy, the server behind it, and a client."""
    async with serving(SimSettings(engine=engine, preset=preset)) as url, proxied(url) as proxy:
        async with aiohttp.ClientSession() as client:
            yield proxy, url, client


@pytest.mark.parametrize(("engine", "path", "end"), DIALECTS)
async def test_a_stream_comes_whole_and_counts(engine: Engine, path: str, end: bytes) -> None:
    async with before(engine, "instant") as (proxy, _, client):
        body = {"model": "sim-small-1b", "stream": True, "messages": QUESTION}
        async with client.post(proxy.url + path, json=body) as response:
            assert (await response.read()).endswith(end)
        await until(lambda: proxy.outcomes == {Outcome.OK: 1})


@pytest.mark.parametrize("engine", [Engine.OLLAMA, Engine.MLX, Engine.LLAMACPP])
async def test_a_client_that_leaves_frees_the_server(engine: Engine) -> None:
    async with before(engine, "demo") as (proxy, url, client):
        body = {"model": "sim-large-32b", "stream": True, "messages": QUESTION}
        async with client.post(proxy.url + "/v1/chat/completions", json=body) as response:
            await response.content.readany()
            assert (await sim_state(client, url))["running"] == 1
            response.close()
        await until(lambda: proxy.outcomes == {Outcome.CLIENT_GONE: 1})
        while (await sim_state(client, url))["running"]:
            pass
