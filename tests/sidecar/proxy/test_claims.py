"""Maek answers only what the backend does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import orjson
import pytest

from sidecar.engines.engine import Answer
from sidecar.facts import EngineIdentified, HealthProbed, ProbeOutcome
from sidecar.pages import PATHS
from sidecar.proxy.claims import theirs
from tests.fakes import backends as fakes
from tests.fakes.proxies import NAME, Proxied, proxied
from tests.fakes.waiting import until

METRICS = fakes.http(b"vllm:num_requests_running 1.0\n", content_type="text/plain")
LM_STUDIO = fakes.http(b'{"error":"Unexpected endpoint or method. (GET /status)"}')


@asynccontextmanager
async def before(behaviour: fakes.Behaviour) -> AsyncIterator[tuple[Proxied, fakes.Fake, aiohttp.ClientSession]]:
    """A proxy that keeps its claims, before a fake."""
    async with fakes.serving(behaviour) as fake, proxied(fake.url) as proxy, proxy.claims.kept():
        async with aiohttp.ClientSession(proxy.url) as client:
            yield proxy, fake, client


def probed(proxy: Proxied, outcome: ProbeOutcome = ProbeOutcome.OK) -> None:
    proxy.store.apply(HealthProbed(0.0, NAME, outcome, 1.0))


async def test_the_backends_own_pages_are_not_hidden_and_the_others_are_added() -> None:
    async with before(fakes.answering({"GET /metrics": METRICS})) as (proxy, fake, client):
        probed(proxy)
        await until(lambda: proxy.claims.theirs == {"/metrics"})
        async with client.get("/metrics") as response:
            assert await response.text() == "vllm:num_requests_running 1.0\n"
        async with client.get("/status") as response:
            assert (await response.json())["active_jobs"] == 0
        assert fake.asked.count("GET /status") == 1


async def test_until_the_backend_was_asked_the_pages_are_maeks() -> None:
    async with before(fakes.hangs) as (_, fake, client):
        for path in PATHS:
            async with client.get(path) as response:
                assert response.status == 200
                assert response.headers["server"].startswith("maek-sidecar/")
        assert fake.asked == []


async def test_a_backend_is_asked_once_and_again_only_when_it_comes_back_or_is_another() -> None:
    async with before(fakes.healthy) as (proxy, fake, _):
        for _ in range(3):
            probed(proxy)
            await fake.was_asked(1, "GET /livez")
        assert len(fake.asked) == len(PATHS)
        probed(proxy, ProbeOutcome.REFUSED)
        probed(proxy)
        await fake.was_asked(2, "GET /livez")
        proxy.store.apply(EngineIdentified(0.0, NAME, "vllm"))
        await fake.was_asked(3, "GET /livez")


async def test_another_server_at_the_same_place_gets_its_pages() -> None:
    async with before(fakes.healthy) as (proxy, fake, _):
        probed(proxy)
        await fake.was_asked(1, "GET /livez")
        fake.behaviour = fakes.answering({"GET /status": {"active_jobs": 1, "total_requests": 2}})
        proxy.store.apply(EngineIdentified(0.0, NAME, "status"))
        await until(lambda: proxy.claims.theirs == {"/status"})
        fake.behaviour = fakes.healthy
        proxy.store.apply(EngineIdentified(0.0, NAME, "mlx"))
        await until(lambda: proxy.claims.theirs == set())


async def test_only_reading_is_answered_here() -> None:
    async with before(fakes.answering({"POST /status": {"posted": True}})) as (_, _, client):
        async with client.post("/status", json={}) as response:
            assert await response.json() == {"posted": True}
        async with client.head("/status") as response:
            assert (response.status, await response.read()) == (200, b"")
            assert int(response.headers["content-length"]) > 0
        async with client.get("/status/more") as response:
            assert response.status == 404


async def test_asking_ends_with_its_context() -> None:
    tasks = asyncio.all_tasks()
    async with before(fakes.healthy):
        pass
    assert {task for task in asyncio.all_tasks() - tasks if not task.done()} == set()


@pytest.mark.parametrize(
    ("answer", "known", "has"),
    [
        (Answer(200, b"{}"), False, True),
        (Answer(200, b"text"), False, True),
        (Answer(401, b"{}"), False, True),
        (Answer(404, b"{}"), True, False),
        (Answer(405, b""), True, False),
        (Answer(501, b'{"error":"start it with --metrics"}'), True, False),
        (Answer(200, orjson.dumps({"error": "Unexpected endpoint or method. (GET /status)"})), True, False),
        (Answer(503, b"loading"), True, True),
        (Answer(503, b"loading"), False, False),
        (None, True, True),
        (None, False, False),
    ],
)
def test_what_an_answer_says_of_a_page(answer: Answer | None, known: bool, has: bool) -> None:
    assert theirs({"/status": answer}, frozenset({"/status"} if known else ())) == ({"/status"} if has else set())
