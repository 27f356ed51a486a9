"""A real Prometheus scrapes the real router: both formats, nothing lost, and exemplars found again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from router.request_metrics import RequestMetrics
from simulator import SimSettings
from tests.fakes.routers import Maek, maek_with_simulators
from tests.real_tools.prometheus import Prometheus, prometheus

pytestmark = pytest.mark.real

DEADLINE_SECONDS = 60.0
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
TEXT = "text/plain;version=0.0.4"
CHAT = {"model": "reasoner", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4, "stream": True}


async def until_told(found: Prometheus, path: str, **query: str) -> Any:
    """The first answer of Prometheus that is not empty."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            data = await found.ask(path, **query)
            if data["result"] if isinstance(data, dict) else data:
                return data
            await asyncio.sleep(0.1)


async def value(found: Prometheus, expr: str) -> float:
    """The one value of an expression."""
    [one] = (await until_told(found, "query", query=expr))["result"]
    return float(one["value"][1])


@asynccontextmanager
async def in_format(router: Maek, accept: str) -> AsyncIterator[tuple[str, list[str]]]:
    """Where the router's metrics come in this format only, whatever the scraper would like best: host and port. And
    the pages that came."""
    pages = []

    async def passed_on(_request: web.Request) -> web.Response:
        async with router.client.get(router.url + "/metrics", headers={"accept": accept}) as answer:
            pages.append(await answer.text())
            return web.Response(text=pages[-1], headers={"content-type": answer.headers["content-type"]})

    app = web.Application()
    app.router.add_get("/metrics", passed_on)
    async with TestServer(app) as server:
        yield f"127.0.0.1:{server.port}", pages


@pytest.mark.parametrize(
    ("accept", "families"), [(OPENMETRICS, openmetrics_families), (TEXT, text_string_to_metric_families)]
)
async def test_prometheus_keeps_every_sample_of_the_page(tmp_path: Path, accept: str, families: Any) -> None:
    async with maek_with_simulators(SimSettings(), SimSettings()) as (router, _):
        async with router.client.post(router.url + "/v1/chat/completions", json=CHAT) as answer:
            assert answer.status == 200
        async with in_format(router, accept) as (target, pages), prometheus(tmp_path, target) as found:
            assert await value(found, "up") == 1
            kept = await value(found, "scrape_samples_scraped")
            [target_told] = (await found.ask("targets"))["activeTargets"]
    assert target_told["lastError"] == ""
    told = [[sample for family in families(page) for sample in family.samples] for page in pages]
    assert kept in map(len, told)
    names = {sample.name for sample in told[0]}
    assert {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"} <= names
    assert {"maek_event_loop_lag_seconds_bucket", "maek_metrics_render_seconds_bucket"} <= names


async def test_an_exemplar_leads_from_a_bucket_to_the_trace(tmp_path: Path) -> None:
    async with maek_with_simulators(SimSettings()) as (router, _):
        requests: RequestMetrics = router.house.parts.requests
        requests._exemplar = lambda: {"trace_id": TRACE}
        target = router.url.removeprefix("http://")
        async with prometheus(tmp_path, target, "--enable-feature=exemplar-storage") as found:
            async with router.client.post(router.url + "/v1/chat/completions", json=CHAT) as answer:
                assert answer.status == 200
            series = "maek_time_to_first_token_seconds_bucket"
            [told] = await until_told(
                found, "query_exemplars", query=series, start="2000-01-01T00:00:00Z", end="2100-01-01T00:00:00Z"
            )
            assert await value(found, "up") == 1
    assert told["seriesLabels"]["backend"] == "sim0"
    assert [one["labels"] for one in told["exemplars"]] == [{"trace_id": TRACE}]
