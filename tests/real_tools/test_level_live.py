"""The level as a real Prometheus computes it from what it scraped, while the backends change faster than it looks."""

import asyncio
import random
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client import CollectorRegistry, generate_latest

from router.prometheus.files import write
from sidecar import LEVEL_EXPRESSION, LEVEL_RECORD, Level
from sidecar.exposition import SnapshotCollector
from sidecar.load import DEFAULT_RULES
from sidecar.progress import Pulse
from sidecar.state import BackendState, Snapshot
from tests.real_tools.prometheus import Prometheus, prometheus
from tests.real_tools.test_level_in_prometheus import NOW, pulse_of, state_of

pytestmark = pytest.mark.real

BACKENDS = 20
CHANGE_SECONDS = 0.005
SCRAPES = 40
LEAST_RECORDED = 3
"""Rounds of the rules, of which there is one a second."""
SETTLING_SECONDS = 1.0
"""Until the last scrape of what changed is over, and five more."""
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
        self._backends: dict[str, BackendState] = {}
        self._pulses: dict[str, Pulse] = {}
        for number in range(BACKENDS):
            self._renew(f"b{number}")

    def _renew(self, name: str) -> None:
        state = state_of(self._dice, name)
        self._backends[name], self._pulses[name] = state, pulse_of(self._dice, state)

    async def change(self) -> None:
        while True:
            name = f"b{self._dice.randrange(BACKENDS)}"
            if self._dice.random() < 0.1:
                self._backends.pop(name, None)
            else:
                self._renew(name)
            self.changes += 1
            await asyncio.sleep(CHANGE_SECONDS)

    def snapshot(self) -> Snapshot:
        return Snapshot(NOW, dict(self._backends), self.changes % 4, 1, dict(self._pulses))

    async def metrics(self, _request: web.Request) -> web.Response:
        self.scrapes += 1
        if self.scrapes >= SCRAPES:
            self.enough.set()
        registry = CollectorRegistry()
        registry.register(SnapshotCollector(self.snapshot, lambda: DEFAULT_RULES))
        return web.Response(text=generate_latest(registry).decode())


async def settled(found: Prometheus) -> list[float]:
    """Moments at which the rules were computed on what no longer changes. A rule reads one series after the other, and
    what is scraped meanwhile is there for some of them alone."""
    since = (await found.moments(SAID))[-1] + SETTLING_SECONDS
    while True:
        moments = [moment for moment in await found.moments(LEVEL_RECORD) if moment > since]
        if len(moments) >= LEAST_RECORDED:
            return moments
        await asyncio.sleep(0.2)


async def test_a_real_prometheus_computes_the_level_that_maek_says_at_every_scrape(tmp_path: Path) -> None:
    changing = Changing()
    write(tmp_path / "rules")
    app = web.Application()
    app.router.add_get("/metrics", changing.metrics)
    async with TestServer(app) as server:
        task = asyncio.create_task(changing.change())
        async with prometheus(tmp_path, f"127.0.0.1:{server.port}", rules=tmp_path / "rules") as found:
            await asyncio.wait_for(changing.enough.wait(), DEADLINE_SECONDS)
            task.cancel()
            moments = await found.moments(SAID)
            said = [await found.at(SAID, moment) for moment in moments]
            computed = [await found.at(LEVEL_EXPRESSION, moment) for moment in moments]
            still = await asyncio.wait_for(settled(found), DEADLINE_SECONDS)
            recorded = [await found.at(LEVEL_RECORD, moment) for moment in still]
            beside = [await found.at(SAID, moment) for moment in still]
            complained = await found.ask("query", query='count_over_time(ALERTS{alertname="MaekLoadMismatch"}[5m])')
            planted = [await found.at(STRICT, moment) for moment in moments]
    assert len(moments) >= SCRAPES // 2
    assert changing.changes > 5 * len(moments)
    assert computed == said
    assert planted != said
    assert recorded == beside
    assert len(beside[0]) > BACKENDS // 2
    assert complained["result"] == []
    assert {level for levels in said for level in levels.values()} >= {f"{level:d}" for level in Level if level}
