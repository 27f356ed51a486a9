import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from sidecar.app import in_front_of, proxying, routes, showing, watching
from sidecar.config import BackendConfig, SidecarConfig
from sidecar.facts import BackendSpec
from sidecar.health import Health, Verdict
from sidecar.load import DEFAULT_RULES
from sidecar.pages import Pages
from sidecar.state import BackendState, Snapshot
from tests.fakes import backends as fakes
from tests.fakes.waiting import until

STATUS = {"active_jobs": 3, "total_requests": 70}
WITH_STATUS = fakes.answering({**fakes.OPENAI, "GET /status": STATUS})


@asynccontextmanager
async def told_by(pages: Pages) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the routes, over a real socket."""
    app = web.Application()
    app.add_routes(routes(pages))
    async with TestServer(app) as server, aiohttp.ClientSession(server.make_url("/")) as client:
        yield client


def standing(*names: str) -> Pages:
    states = {name: BackendState(BackendSpec(name, "http://x"), health=Health(Verdict.UP)) for name in names}
    return Pages(lambda: Snapshot(1.0, states, 0, 1, {}), lambda: DEFAULT_RULES)


def config(*backends: BackendConfig, discover: bool = False) -> SidecarConfig:
    return SidecarConfig(discover=discover, backends=backends)


async def test_a_backend_that_is_watched_is_told_on_every_path() -> None:
    async with fakes.serving(WITH_STATUS) as fake:
        mini = BackendConfig(name="mini", url=fake.url)
        async with watching(config(mini)) as watch, told_by(watch.pages) as client:
            await until(lambda: watch.pages.snapshot().backends["mini"].status is not None)
            async with client.get("/status") as response:
                assert await response.json() == STATUS
            async with client.get("/backends") as response:
                [backend] = (await response.json())["backends"]
            async with client.get("/metrics") as response:
                text = await response.text()
            async with client.get("/livez") as response:
                assert (response.status, await response.json()) == (200, {"status": "ok"})
    assert (backend["name"], backend["engine"], backend["load"]["level"]) == ("mini", "status", "busy")
    assert 'maek_backend_load{backend="mini"} 2.0' in text
    assert 'maek_backend_active_jobs{backend="mini"} 3.0' in text


async def test_watching_ends_with_its_context() -> None:
    before = asyncio.all_tasks()
    async with watching(config(BackendConfig(name="mini", url="http://127.0.0.1:1"))):
        assert asyncio.all_tasks() - before
    assert asyncio.all_tasks() == before


async def test_servers_of_this_machine_are_looked_for_if_the_configuration_says_so() -> None:
    async with watching(config(discover=True)) as watch:
        assert all(state.spec.discovered for state in watch.pages.snapshot().backends.values())


async def test_metrics_come_in_the_format_that_is_asked_for() -> None:
    async with told_by(standing("mini")) as client:
        async with client.get("/metrics") as response:
            assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        wanted = {"accept": "application/openmetrics-text; version=1.0.0"}
        async with client.get("/metrics", headers=wanted) as response:
            assert response.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
            assert (await response.text()).endswith("# EOF\n")


async def test_the_status_is_null_while_the_backend_does_not_say() -> None:
    async with told_by(standing("mini")) as client, client.get("/status") as response:
        assert await response.json() == {"active_jobs": None, "total_requests": None}


async def page(client: aiohttp.ClientSession, url: str) -> object:
    async with client.get(url) as response:
        return await response.json()


async def test_in_front_of_a_backend_the_sidecar_counts_itself_and_says_for_whom() -> None:
    async with fakes.serving(WITH_STATUS) as fake:
        mini = BackendConfig(name="mini", url=fake.url)
        async with watching(config(mini)) as watch, proxying(watch, "mini", ("127.0.0.1", 0), 0.0) as (host, port):
            pages = in_front_of(watch.pages, "mini")
            async with showing(pages, (host, 0)) as (_, shown), aiohttp.ClientSession() as client:
                # What is asked of the backend comes from the backend, once it is known to have a /status of its own.
                while await page(client, f"http://{host}:{port}/status") != STATUS:
                    pass
                async with client.post(f"http://{host}:{port}/v1/chat/completions", json={}) as response:
                    assert await response.json() == fakes.SAID
                told = await page(client, f"http://{host}:{shown}/status")
    assert told == {
        "active_jobs": 0,
        "total_requests": 1,
        "backend": {"name": "mini", "url": fake.url, "engine": "status"},
    }
