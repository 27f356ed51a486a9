"""The level as a real Prometheus computes it from what it scraped, while the backends change faster than it looks."""

import asyncio
import random
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client import CollectorRegistry, generate_latest

from sidecar import LEVEL_EXPRESSION, Level
from sidecar.exposition import SnapshotCollector
from sidecar.load import DEFAULT_RULES
from sidecar.state import Snapshot
from tests.real_tools.prometheus import prometheus
from tests.real_tools.test_level_in_prometheus import NOW, state_of

pytestmark = pytest.mark.real

BACKENDS = 20
CHANGE_SECONDS = 0.005
SCRAPES = 40
DEADLINE_SECONDS = 60.0
SAID = "maek_backend_load"
STRICT = LEVEL_EXPRESSION.replace(">= bool", "> bool")


class Changing:
    """Backends of which one changes every five milliseconds, and that come and go."""

    def __init__(self) -> None:
        self._dice = random.Random(7)
        self.changes = 0
        self.scrapes = 0
        self.enough = asyncio.Event()
        self._backends = {f"b{number}": state_of(self._dice, f"b{number}") for number in range(BACKENDS)}

    async def change(self) -> None:
        while True:
            name = f"b{self._dice.randrange(BACKENDS)}"
            if self._dice.random() < 0.1:
                self._backends.pop(name, None)
            else:
                self._backends[name] = state_of(self._dice, name)
            self.changes += 1
            await asyncio.sleep(CHANGE_SECONDS)

    def snapshot(self) -> Snapshot:
        return Snapshot(NOW, dict(self._backends), self.changes % 4, 1)

    async def metrics(self, _request: web.Request) -> web.Response:
        self.scrapes += 1
        if self.scrapes >= SCRAPES:
            self.enough.set()
        registry = CollectorRegistry()
        registry.register(SnapshotCollector(self.snapshot, lambda: DEFAULT_RULES))
        return web.Response(text=generate_latest(registry).decode())


async def test_a_real_prometheus_computes_the_level_that_maek_says_at_every_scrape(tmp_path: Path) -> None:
    changing = Changing()
    app = web.Application()
    app.router.add_get("/metrics", changing.metrics)
    async with TestServer(app) as server:
        task = asyncio.create_task(changing.change())
        async with prometheus(tmp_path, f"127.0.0.1:{server.port}") as found:
            await asyncio.wait_for(changing.enough.wait(), DEADLINE_SECONDS)
            task.cancel()
            moments = await found.moments(SAID)
            said = [await found.at(SAID, moment) for moment in moments]
            computed = [await found.at(LEVEL_EXPRESSION, moment) for moment in moments]
            planted = [await found.at(STRICT, moment) for moment in moments]
    assert len(moments) >= SCRAPES // 2
    assert changing.changes > 5 * len(moments)
    assert computed == said
    assert planted != said
    assert {level for levels in said for level in levels.values()} >= {f"{level:d}" for level in Level if level}
