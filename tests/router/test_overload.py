"""More than a batching server takes, over real sockets: held in the line, by priority, or told when to come back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson

from router.config_load import loads
from sidecar.slots import ceiling_of
from simulator import Profile, SimSettings, serving
from simulator.settings import Engine
from tests.fakes.routers import Maek, maek
from tests.fakes.simulators import sim_state
from tests.fakes.waiting import until

RUN = 2
TOKENS = 10
SLOW = Profile(0.02, 0.0, 0.0, 0.0, 512, RUN, 64_000)
"""Ten answers a second, two at a time."""
MODEL = "sim-large-32b"


@dataclass
class Site:
    """A router before one vLLM, and how its clients fared."""

    router: Maek
    sim: str
    clients: list[asyncio.Task[None]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    """Who was answered, in this order."""
    refused: list[tuple[int, str, float]] = field(default_factory=list)
    """Status, code and Retry-After of those who were not."""

    async def _ask(self, name: str, priority: str) -> None:
        words = [{"role": "user", "content": "양자역학 설명해줘"}]
        body = {"model": "reasoner", "messages": words, "max_tokens": TOKENS, "stream": True}
        headers = {"x-maek-priority": priority}
        client, url = self.router.client, self.router.url + "/v1/chat/completions"
        async with client.post(url, json=body, headers=headers) as response:
            answer = await response.read()
            if response.status == 200:
                self.ended.append(name)
            else:
                code = orjson.loads(answer)["error"]["code"]
                self.refused.append((response.status, code, float(response.headers["retry-after"])))

    def asks(self, many: int, name: str, priority: str = "normal") -> None:
        """So many come at once."""
        self.clients += [asyncio.create_task(self._ask(name, priority)) for _ in range(many)]

    def in_flight(self) -> int:
        return self.router.house.snapshot().backends["sim"].work.in_flight

    def is_known_to_be_full(self) -> bool:
        snapshot = self.router.house.snapshot()
        return ceiling_of(snapshot.backends["sim"], snapshot.now) is not None

    def is_known_how_quick_it_is(self) -> bool:
        snapshot = self.router.house.snapshot()
        return snapshot.backends["sim"].turnover.ends_per_second(snapshot.now) is not None

    async def waiting(self) -> dict[str, float]:
        """Priority → how many stand in Maek's line."""
        async with self.router.client.get(self.router.url + "/metrics") as response:
            lines = (await response.text()).splitlines()
        found = (line.partition('{priority="')[2] for line in lines if line.startswith("maek_queue_depth{"))
        return {line.partition('"')[0]: float(line.rpartition(" ")[2]) for line in found}

    async def wait_for(self, **waiting: int) -> None:
        """Return once so many stand there."""
        async with asyncio.timeout(10):
            while not waiting.items() <= (await self.waiting()).items():  # noqa: ASYNC110 - nothing to wait on
                await asyncio.sleep(0.005)

    async def all_ended(self) -> None:
        await asyncio.gather(*self.clients)
        self.clients.clear()


@asynccontextmanager
async def vllm(most_wait_seconds: float = 60.0) -> AsyncIterator[Site]:
    """A vLLM of which nobody has told how many requests it takes."""
    async with serving(SimSettings(engine=Engine.VLLM, models=(MODEL,), profile=SLOW)) as url:
        backend = {"name": "sim", "url": url, "engine": "vllm", "models": {"reasoner": MODEL}}
        sidecar = {"discover": False, "stats_interval_seconds": 0.1, "backends": [backend]}
        role = {"queue": {"most_wait_seconds": most_wait_seconds}}
        router = {"listen": "127.0.0.1:0", "sessions": {"store": "memory"}, "roles": {"reasoner": role}}
        async with maek(loads(orjson.dumps({"sidecar": sidecar, "router": router}).decode())) as found:
            site = Site(found, url)
            yield site
            await site.all_ended()


async def test_a_flood_waits_in_the_line_by_priority_and_not_at_the_servers_door() -> None:
    async with vllm() as site:
        site.asks(60, "first")
        await until(site.is_known_to_be_full)
        before = site.in_flight()
        site.asks(8, "batch", "batch")
        site.asks(3, "interactive", "interactive")
        await site.wait_for(batch=8, interactive=3)
        assert site.in_flight() <= before + 2  # somebody may have been let in when it was asked once more how it is
        await until(lambda: "interactive" in site.ended or "batch" in site.ended)
        state = await sim_state(site.router.client, site.sim)
        assert state["running"] + state["waiting"] <= RUN + 2
        await site.all_ended()
        late = [name for name in site.ended if name != "first"]
        # One may be answered beside another one that began before it.
        assert set(late[:3]) == {"interactive"} or late[:4].count("interactive") == 3
        assert len(site.ended) == 71
        assert site.refused == []


async def test_who_would_wait_too_long_before_a_full_server_gets_429_and_when_to_come_back() -> None:
    async with vllm(most_wait_seconds=1.0) as site:
        site.asks(80, "first")
        await until(site.is_known_to_be_full)
        await until(site.is_known_how_quick_it_is)
        site.asks(12, "late")
        await until(lambda: len(site.refused) == 12)
        assert {(status, code) for status, code, _ in site.refused} == {(429, "queue_full")}
        # Some forty are before them, and ten are answered in a second.
        assert all(1 <= seconds <= 10 for _, _, seconds in site.refused)
        await site.all_ended()
        assert site.ended == ["first"] * 80


async def test_at_ordinary_load_nobody_is_held_or_turned_away() -> None:
    async with vllm(most_wait_seconds=1.0) as site:
        for _ in range(20):
            site.asks(RUN, "ordinary")
            await site.all_ended()
            assert set((await site.waiting()).values()) == {0.0}
        assert not site.is_known_to_be_full()
        assert len(site.ended) == 20 * RUN
        assert site.refused == []
