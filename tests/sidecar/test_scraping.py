"""A page of metrics: of one moment, shared, packed, and written while others have their turn."""

import asyncio
import gzip
from collections.abc import Iterator
from dataclasses import replace

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from sidecar.exposition import SnapshotCollector
from sidecar.facts import BackendSpec
from sidecar.health import Health, Verdict
from sidecar.load import DEFAULT_RULES
from sidecar.scraping import Scrapes, scrape
from sidecar.state import BackendState, Snapshot
from tests.states import NOW

MANY = 200
OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
OF_PROMETHEUS_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;q=0.5"


def up(name: str) -> BackendState:
    return BackendState(BackendSpec(name, ""), health=Health(Verdict.UP), health_ms=12.3, health_at=NOW)


class Fleet:
    """Backends that change, and how often they were looked at."""

    def __init__(self, count: int) -> None:
        self.backends = {f"b{place}": up(f"b{place}") for place in range(count)}
        self.looks = 0
        self.others: list[Family] = []
        self.held: list[float] = []
        self.settled = 0

    def snapshot(self) -> Snapshot:
        self.looks += 1
        return Snapshot(NOW, dict(self.backends), 0, 1)

    def settle(self) -> Iterator[None]:
        for _ in self.backends:
            self.settled += 1
            yield

    def scrapes(self) -> Scrapes:
        return Scrapes(self.snapshot, lambda: DEFAULT_RULES, lambda: self.others, self.settle, self.held.append)


async def test_the_page_is_the_snapshot_as_prometheus_client_tells_it() -> None:
    fleet = Fleet(MANY)
    page = await fleet.scrapes().page("", gzip=False)
    assert page.body == generate_latest(SnapshotCollector(fleet.snapshot, lambda: DEFAULT_RULES))
    assert fleet.settled == MANY


async def test_a_page_is_of_one_moment_however_long_it_takes() -> None:
    fleet, turns = Fleet(MANY), 0
    page = asyncio.ensure_future(fleet.scrapes().page("", gzip=False))
    while not page.done():
        await asyncio.sleep(0)
        if fleet.looks:  # the moment has been
            turns += 1
            fleet.backends = {
                name: replace(state, health=Health(Verdict.DOWN)) for name, state in fleet.backends.items()
            }
    said = {family.name: family for family in text_string_to_metric_families((await page).body.decode())}
    assert [sample.value for sample in said["maek_backend_up"].samples] == [1.0] * MANY
    assert turns > 1


async def test_whoever_asks_while_a_page_is_written_gets_that_one() -> None:
    fleet = Fleet(MANY)
    scrapes = fleet.scrapes()
    first, second, other = await asyncio.gather(
        scrapes.page("", gzip=False), scrapes.page("", gzip=False), scrapes.page(OPENMETRICS, gzip=False)
    )
    assert first.body is second.body
    assert other.body.endswith(b"# EOF\n")
    assert fleet.looks == 2
    await scrapes.page("", gzip=False)
    assert fleet.looks == 3
    assert len(fleet.held) == 3
    assert min(fleet.held) > 0


async def test_a_scraper_that_hangs_up_leaves_the_others_theirs() -> None:
    scrapes = Fleet(MANY).scrapes()
    gone, stays = (asyncio.ensure_future(scrapes.page("", gzip=False)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await stays).body.startswith(b"# HELP maek_")


async def test_a_page_that_cannot_be_written_is_not_the_answer_of_the_next() -> None:
    fleet = Fleet(1)
    scrapes = fleet.scrapes()
    fleet.others = None  # type: ignore[assignment]
    with pytest.raises(TypeError):
        await scrapes.page("", gzip=False)
    fleet.others = []
    assert (await scrapes.page("", gzip=False)).body


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4"),
        ("*/*", "text/plain; version=0.0.4"),
        (OPENMETRICS, "application/openmetrics-text; version=1.0.0"),
        (OF_PROMETHEUS_3, "application/openmetrics-text; version=1.0.0"),
        ("text/plain;version=1.0.0;escaping=dots", "text/plain; version=1.0.0"),
    ],
)
async def test_it_comes_in_the_format_that_the_scraper_asks_for(accept: str, content_type: str) -> None:
    page = await Fleet(1).scrapes().page(accept, gzip=False)
    assert page.content_type.startswith(content_type)
    read = openmetrics_families if content_type.startswith("application") else text_string_to_metric_families
    assert "maek_backend_up" in {family.name for family in read(page.body.decode())}


@pytest.mark.parametrize(("accepted", "packed"), [("gzip, deflate", True), ("GZIP;q=0.5", True), ("br", False)])
async def test_it_is_packed_for_whoever_takes_it(accepted: str, packed: bool) -> None:
    scrapes = Fleet(3).scrapes()

    async def answer(request: web.Request) -> web.Response:
        return await scrape(scrapes, request)

    app = web.Application()
    app.router.add_get("/metrics", answer)
    async with TestServer(app) as server, ClientSession(auto_decompress=False) as client:
        async with client.get(server.make_url("/metrics"), headers={"accept-encoding": accepted}) as response:
            body = await response.read()
    assert (response.headers.get("content-encoding") == "gzip") is packed
    text = gzip.decompress(body) if packed else body
    assert text == (await scrapes.page("", gzip=False)).body
    assert int(response.headers["content-length"]) == len(body)
