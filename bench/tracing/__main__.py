"""The command: Maeks in front of the same simulator, asked in turns: off, on, and, if named, as Maek was before.

    python -m bench.tracing [--before FOLDER] [--requests 300] [--rounds 9]

Rules of this file
- CPU time of the process, its threads included, by the scheduler's own account. What it takes while nobody asks it is
  measured too, and left out.
- They take turns, and ratios are those of the medians: numbers of two runs do not compare.
- `--before` is a working copy of another commit, run by the same Python: off has to cost what it cost before.
"""

import argparse
import asyncio
import os
import re
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

from bench.overhead.processes import cpu_seconds
from simulator import SimSettings, serving

PROJECT = Path(__file__).resolve().parents[2]
AT_ONCE = 8
SENT_SECONDS = 1.2
"""The batch processor sends at least once a second."""
UNTIMED = 100
"""Requests after the start, in which everything is done for the first time."""
MOST_ADDED = 0.15
"""Of CPU time, by which tracing may make a request dearer."""
MESSAGES = [{"role": "user", "content": "hello"}]
LOADS: dict[str, tuple[str, dict[str, Any]]] = {
    "passed on": ("/v1/chat/completions", {"model": "reasoner", "messages": MESSAGES, "max_tokens": 4, "stream": True}),
    "decided": ("/chat", {"message": "양자역학 설명해줘", "stream": True}),
    "greeting": ("/chat", {"message": "안녕"}),
}
"""Two spans, three, and two of which none is an attempt."""


@dataclass(slots=True)
class Side:
    """One Maek."""

    name: str
    url: str
    pid: int
    microseconds: dict[str, list[float]] = field(default_factory=lambda: {load: [] for load in LOADS})
    """For each request, one for each round."""
    idle: list[float] = field(default_factory=list)
    """Seconds of CPU in the time in which what was told last is sent."""

    async def turn(self, client: aiohttp.ClientSession, load: str, requests: int) -> None:
        """So many chats, until all that is told of them has been sent."""
        began = cpu_seconds(self.pid)
        await self.ask(client, load, requests)
        await asyncio.sleep(SENT_SECONDS)
        self.microseconds[load].append((cpu_seconds(self.pid) - began - median(self.idle)) / requests * 1e6)

    async def rest(self) -> None:
        """As long as a turn with nobody who asks."""
        began = cpu_seconds(self.pid)
        await asyncio.sleep(SENT_SECONDS)
        self.idle.append(cpu_seconds(self.pid) - began)

    async def ask(self, client: aiohttp.ClientSession, load: str, requests: int) -> None:
        """So many chats, a few at once."""
        path, body = LOADS[load]
        left = iter(range(requests))

        async def some() -> None:
            for _ in left:
                async with client.post(self.url + path, json=body) as response:
                    assert response.status == 200, await response.text()
                    await response.read()

        await asyncio.gather(*(some() for _ in range(AT_ONCE)))


async def _side(name: str, code: Path, sim: str, router: dict[str, Any], folder: Path, stack: AsyncExitStack) -> Side:
    models = {"reasoner": "sim-large-32b", "classifier": "sim-small-1b"}
    backend = {"name": "sim", "url": sim, "models": models}
    sidecar = {"discover": False, "interval_seconds": 600, "backends": [backend]}
    settings = {"listen": "127.0.0.1:0", "sessions": {"store": "memory"}, "recorder": {"bytes": 0}} | router
    config = folder / f"{name}.yaml"
    config.write_bytes(orjson.dumps({"sidecar": sidecar, "router": settings}))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "router", "serve", "-c", str(config),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, cwd=code,
        env={**os.environ, "MAEK_DATA_DIR": str(folder / name), "PYTHONPATH": str(code)},
    )  # fmt: skip
    stack.callback(process.terminate)
    assert process.stdout is not None
    while (found := re.search(rb"http://[0-9.:]+", line := await process.stdout.readline())) is None:
        assert line, f"{name} ended"
    return Side(name, found.group().decode(), process.pid)


async def _collector(stack: AsyncExitStack) -> tuple[str, list[int]]:
    """Its URL, and the sizes of what it got."""
    sizes: list[int] = []

    async def take(request: web.Request) -> web.Response:
        sizes.append(len(await request.read()))
        return web.Response()

    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.add_routes([web.post("/v1/traces", take)])
    server = await stack.enter_async_context(TestServer(app))
    return str(server.make_url("")).rstrip("/"), sizes


async def _measured(before: Path | None, requests: int, rounds: int) -> list[Side]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tracing-")))
        sim = await stack.enter_async_context(serving(SimSettings(preset="instant")))
        client = await stack.enter_async_context(aiohttp.ClientSession())
        endpoint, sizes = await _collector(stack)
        sides = [
            await _side("off", PROJECT, sim, {}, folder, stack),
            await _side("on", PROJECT, sim, {"tracing": {"endpoint": endpoint}}, folder, stack),
            await _side(
                "unsampled", PROJECT, sim, {"tracing": {"endpoint": endpoint, "sample_ratio": 0}}, folder, stack
            ),
        ]
        if before is not None:
            sides.insert(0, await _side("before", before, sim, {}, folder, stack))
        for side in sides:
            for load in LOADS:
                await side.ask(client, load, UNTIMED)
        for number in range(rounds):
            await asyncio.gather(*(side.rest() for side in sides))
            for load in LOADS:
                for place in range(len(sides)):
                    await sides[(number + place) % len(sides)].turn(client, load, requests)
        print(f"{sum(sizes) / 1e6:.1f} MB of traces in {len(sizes)} batches")
        return sides


def main() -> int:
    """Returns the exit status: 1 where tracing costs more than it may."""
    parser = argparse.ArgumentParser(prog="python -m bench.tracing", description=__doc__.partition("\n")[0])
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="a working copy of another commit")
    parser.add_argument("--requests", type=int, default=300, help="in one round (300)")
    parser.add_argument("--rounds", type=int, default=9, help="for each side and load (9)")
    arguments = parser.parse_args()
    sides = asyncio.run(
        _measured(arguments.before and arguments.before.resolve(), arguments.requests, arguments.rounds)
    )
    off = next(side for side in sides if side.name == "off")
    on = next(side for side in sides if side.name == "on")
    print(f"\n| load | {' | '.join(side.name for side in sides)} |\n|---|{'---|' * len(sides)}")
    for load in LOADS:
        cells = (f"{median(side.microseconds[load]):.0f} us ({_ratio(side, off, load):.3f})" for side in sides)
        print(f"| {load} | {' | '.join(cells)} |")
    return 0 if all(_ratio(on, off, load) <= 1 + MOST_ADDED for load in LOADS) else 1


def _ratio(side: Side, to: Side, load: str) -> float:
    return median(side.microseconds[load]) / median(to.microseconds[load])


if __name__ == "__main__":
    sys.exit(main())
