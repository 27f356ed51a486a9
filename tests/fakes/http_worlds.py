"""A router that a test writes, before simulators over HTTP, in the world of the bench."""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from bench.balance.agent import Attempt, Engine, Failure, FailureKind, Reading, Request, World
from bench.balance.fleets import Host
from bench.balance.live.pace import Clock
from bench.balance.live.world import HttpWorld
from bench.balance.workload import Ask, Traffic, as_traffic
from bench.balance.world import Run
from simulator import PRESETS, SimSettings, serving
from tests.fakes.simulators import set_faults, sim_state

FLEET = (Host("first", Engine.VLLM, PRESETS["instant"], 2.0), Host("second", Engine.OLLAMA, PRESETS["instant"], 1.0))
FIRST, SECOND = 0, 1
STALL = {"stall": {}}


def asked(*rows: tuple[float, int, int]) -> Traffic:
    """Traffic from rows of time, prompt and output tokens."""
    return as_traffic([Ask(*row) for row in rows], seed=0)


ONE = asked((0.0, 100, 30))


class Script:
    """A router that writes down what it is told, and does at an arrival what a test says. What failed, it fails."""

    poll_seconds: float | None = None

    def __init__(self, world: World, arrive: Callable[["Script", Request], None]) -> None:
        self.world = world
        self.told: list[tuple[str, object]] = []
        self.readings: list[tuple[int, Reading | None]] = []
        self.attempts: list[Attempt] = []
        self._arrive = arrive

    def send(self, request: Request, backend: int) -> None:
        """Send, and remember."""
        self.attempts.append(self.world.send(request, backend))

    def arrive(self, request: Request) -> None:
        self.told.append(("arrived", request.id))
        self._arrive(self, request)

    def first_token(self, attempt: Attempt) -> None:
        self.told.append(("first token", attempt.backend))
        for other in self.attempts:
            if other is not attempt and other.request is attempt.request:
                self.world.cancel(other)

    def finished(self, attempt: Attempt, output_tokens: int) -> None:
        assert attempt.over
        self.told.append(("finished", output_tokens))

    def failed(self, attempt: Attempt, failure: Failure) -> None:
        self.told.append(("failed", failure))
        if failure.kind not in (FailureKind.CUT, FailureKind.TIMEOUT):
            self.world.fail(attempt.request)

    def abandoned(self, request: Request) -> None:
        self.told.append(("abandoned", request.id))

    def polled(self, backend: int, reading: Reading | None) -> None:
        self.readings.append((backend, reading))

    def wake(self, key: Hashable) -> None:
        self.told.append(("woken", key))


def to(backend: int) -> Callable[[Script, Request], None]:
    """Send everything there."""
    return lambda script, request: script.send(request, backend)


def to_nobody(script: Script, request: Request) -> None:
    """Have every request wait."""


def to_both(script: Script, request: Request) -> None:
    """A request and its hedge."""
    script.send(request, FIRST)
    script.send(request, SECOND)


@dataclass(frozen=True, slots=True)
class Scene:
    """Two simulators and what is needed to play before them."""

    urls: tuple[str, ...]
    session: aiohttp.ClientSession

    async def fault(self, faults: Mapping[str, Mapping[str, Any]], backend: int = FIRST) -> None:
        """Exactly these faults hold there."""
        await set_faults(self.session, self.urls[backend], faults)

    async def state(self, backend: int) -> dict[str, Any]:
        """What a simulator knows of itself."""
        return await sim_state(self.session, self.urls[backend])

    async def until_empty(self, backend: int) -> dict[str, Any]:
        """The state once nobody is there any more."""
        async with asyncio.timeout(10.0):
            while (state := await self.state(backend))["running"] + state["waiting"]:  # noqa: ASYNC110  across a socket
                await asyncio.sleep(0.005)
        return state

    def world(self, traffic: Traffic, patience_seconds: float = 60.0, urls: tuple[str, ...] = ()) -> HttpWorld:
        """A world before them."""
        where = urls or self.urls
        session = self.session
        return HttpWorld(FLEET, where, traffic, 0, Clock(), session, session, patience_seconds=patience_seconds)

    async def play(
        self,
        traffic: Traffic,
        arrive: Callable[[Script, Request], None],
        kind: type[Script] = Script,
        patience_seconds: float = 60.0,
        urls: tuple[str, ...] = (),
    ) -> tuple[Run, Script]:
        """A run with a script."""
        scripts: list[Script] = []

        def make(world: World) -> Script:
            scripts.append(kind(world, arrive))
            return scripts[0]

        run = await self.world(traffic, patience_seconds, urls).run(make)
        return run, scripts[0]


@asynccontextmanager
async def playing(**second: Any) -> AsyncIterator[Scene]:
    """Simulators of `FLEET`; `second` are more settings of the second."""
    async with AsyncExitStack() as stack:
        settings = [
            SimSettings(engine="vllm", models=("model",)),
            SimSettings(engine="ollama", models=("model",), **second),
        ]
        urls = [await stack.enter_async_context(serving(one)) for one in settings]
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        yield Scene(tuple(urls), await stack.enter_async_context(aiohttp.ClientSession(connector=connector)))
