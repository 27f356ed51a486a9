"""One policy on one traffic over HTTP: everything started anew, played, and ended.

Rules of this file
- Every run has its own simulators: what one router left behind in them is no other router's business.
- Faults and strangers come by the clock, whatever the router does.
- Whatever does not end in time is ended, and is no result.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import aiohttp

from bench.balance.agent import Agent, Request, World
from bench.balance.live.noise import Meter, Noise
from bench.balance.live.pace import Clock
from bench.balance.live.processes import Ended, Program, programs, simulators
from bench.balance.live.prompts import body_of
from bench.balance.live.serve import Clients, run_with_counts, wait_until_ready, written_config
from bench.balance.live.streams import chat
from bench.balance.live.troubles import changes, strangers
from bench.balance.live.world import HttpWorld
from bench.balance.policies import POLICIES
from bench.balance.scenarios import Scenario
from bench.balance.workload import Demand, Traffic
from bench.balance.world import Run

SERVE = "serve"
"""The row of `maek serve` itself, which is no agent."""
_DRAIN_SECONDS = 240.0
"""After the last request was due: clients leave after a minute, and the longest answers of a slow machine take more."""


@dataclass(frozen=True, slots=True)
class Played:
    """What a run over HTTP gave."""

    run: Run
    noise: Noise


@dataclass(frozen=True, slots=True)
class Stage:
    """What a run is played on."""

    scenario: Scenario
    traffic: Traffic
    seed: int
    urls: tuple[str, ...]
    clock: Clock
    chats: aiohttp.ClientSession
    """Keeps no connections."""
    questions: aiohttp.ClientSession

    @property
    def last_at(self) -> float:
        """When the last request is due."""
        return self.traffic[-1].request.at if self.traffic else 0.0


async def played(policy: str, scenario: Scenario, traffic: Traffic, seed: int) -> Played:
    """Play. Raises Ended when a process did not live to the end, or the run did not end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="balance-")))
        running = stack.enter_context(simulators(scenario.fleet, folder))
        urls = tuple(program.url() for program in running)
        async with _sessions() as (chats, questions):
            stage = Stage(scenario, traffic, seed, urls, Clock(), chats, questions)
            if policy != SERVE:
                return await _play_agent(policy, stage, running)
            arguments = ["serve", "-c", str(written_config(scenario.fleet, urls, folder))]
            (maek,) = stack.enter_context(programs(folder, [("maek serve", arguments)]))
            return await _play_serve(stage, maek, running)


async def _play_agent(policy: str, stage: Stage, running: Sequence[Program]) -> Played:
    fleet = stage.scenario.fleet
    world = HttpWorld(fleet, stage.urls, stage.traffic, stage.seed, stage.clock, stage.chats, stage.questions)
    # Only those who see everything need more of a world than this, and they cannot play here.
    make = cast("Callable[[World], Agent]", POLICIES[policy].make)
    return await _timed(stage, running, partial(world.run, make), world.late_seconds)


async def _play_serve(stage: Stage, maek: Program, running: Sequence[Program]) -> Played:
    url = maek.url()
    await wait_until_ready(stage.questions, url)
    clients = Clients(stage.scenario.fleet, url, stage.traffic, stage.clock, stage.chats)
    play = partial(run_with_counts, clients, stage.questions, url, stage.urls)
    return await _timed(stage, (*running, maek), play, clients.late_seconds)


async def _timed(
    stage: Stage, running: Sequence[Program], play: Callable[[], Awaitable[Run]], late_seconds: Sequence[float]
) -> Played:
    """Play with everything that happens besides, and with an eye on the machine."""
    meter = Meter({program.name: program.process.pid for program in running})
    stage.clock.begin()
    try:
        async with asyncio.timeout(stage.last_at + _DRAIN_SECONDS), asyncio.TaskGroup() as group:
            besides = [group.create_task(_trouble(stage)), group.create_task(_come_from_outside(stage))]
            run = await play()
            for task in besides:
                task.cancel()
    except TimeoutError:
        raise Ended(f"it was not over {_DRAIN_SECONDS:.0f} s after the last request was due") from None
    noise = meter.read(late_seconds)
    for program in running:
        program.check()
    return Played(run, noise)


async def _trouble(stage: Stage) -> None:
    for change in changes(stage.scenario, stage.last_at):
        await stage.clock.until(change.at)
        url = stage.urls[change.backend] + "/sim/faults"
        async with stage.questions.put(url, json=change.faults, raise_for_status=True):
            pass


async def _come_from_outside(stage: Stage) -> None:
    async with asyncio.TaskGroup() as group:
        for number, one in enumerate(strangers(stage.scenario, stage.last_at, stage.seed), start=1):
            request = Request(-number, one.at, one.prompt_tokens)
            body = body_of(Demand(request, one.prompt_tokens, one.output_tokens))
            await stage.clock.until(one.at)
            group.create_task(_ask_as_stranger(stage, stage.urls[one.backend], body))


async def _ask_as_stranger(stage: Stage, url: str, body: bytes) -> None:
    await chat(stage.chats, url, body, lambda count: None)


@asynccontextmanager
async def _sessions() -> AsyncIterator[tuple[aiohttp.ClientSession, aiohttp.ClientSession]]:
    """One that makes a connection for each chat, one that keeps them for questions; neither gives up by itself."""
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True), timeout=timeout) as chats,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as questions,
    ):
        yield chats, questions
