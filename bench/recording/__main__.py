"""The command: two Maeks in front of the same simulators, one of which records, asked in turns.

    python -m bench.recording [--backends 3] [--requests 300] [--rounds 5]

Rules of this file
- CPU time of the process, its threads included, as the system counts it: what else the machine does takes nothing.
- The two take turns, and the ratio is that of the medians: numbers of two runs do not compare.
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

import aiohttp
import psutil

from simulator import SimSettings, serving

RING_BYTES = 67_108_864
PROJECT = Path(__file__).resolve().parents[2]
AT_ONCE = 8
UNTIMED = 50
"""Requests after the start, in which everything is done for the first time."""
BODY = {"model": "reasoner", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4, "stream": True}


@dataclass(slots=True)
class Side:
    """One of the two."""

    name: str
    url: str
    process: psutil.Process
    microseconds: list[float] = field(default_factory=list)
    """For each request, one for each round."""

    async def ask(self, client: aiohttp.ClientSession, requests: int) -> None:
        """So many chats, a few at once."""
        left = iter(range(requests))

        async def some() -> None:
            for _ in left:
                async with client.post(self.url + "/v1/chat/completions", json=BODY) as response:
                    assert response.status == 200, await response.text()
                    await response.read()

        await asyncio.gather(*(some() for _ in range(AT_ONCE)))

    def cpu_seconds(self) -> float:
        """Since it was started."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


async def _side(name: str, size: int, urls: list[str], folder: Path, stack: AsyncExitStack) -> Side:
    backends = ", ".join(
        f"{{name: sim{number}, url: '{url}', models: {{reasoner: sim-large-32b}}}}" for number, url in enumerate(urls)
    )
    config = folder / f"{name}.yaml"
    config.write_text(
        f"sidecar: {{discover: false, backends: [{backends}]}}\n"
        f"router: {{listen: '127.0.0.1:0', recorder: {{bytes: {size}}}}}\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "router", "serve", "-c", str(config),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, cwd=PROJECT,
        env={**os.environ, "MAEK_DATA_DIR": str(folder / name)},
    )  # fmt: skip
    stack.callback(process.terminate)
    assert process.stdout is not None
    while (found := re.search(rb"http://[0-9.:]+", line := await process.stdout.readline())) is None:
        assert line, "Maek ended"
    return Side(name, found.group().decode(), psutil.Process(process.pid))


async def _measured(backends: int, requests: int, rounds: int) -> list[Side]:
    async with AsyncExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="recording-")))
        urls = [await stack.enter_async_context(serving(SimSettings())) for _ in range(backends)]
        client = await stack.enter_async_context(aiohttp.ClientSession())
        sides = [
            await _side("off", 0, urls, root, stack),
            await _side("on", RING_BYTES, urls, root, stack),
        ]
        for side in sides:
            await side.ask(client, UNTIMED)
        for number in range(rounds):
            for side in sides if number % 2 else reversed(sides):
                before = side.cpu_seconds()
                await side.ask(client, requests)
                side.microseconds.append((side.cpu_seconds() - before) / requests * 1e6)
        await asyncio.sleep(1.0)  # what was recorded last is written by then
        written = sum(path.stat().st_size for path in (root / "on" / "flight").iterdir())
        print(f"{written / (UNTIMED + rounds * requests):.0f} bytes on the disk for each request")
        return sides


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.recording", description=__doc__.partition("\n")[0])
    parser.add_argument("--backends", type=int, default=3, help="who could serve (3)")
    parser.add_argument("--requests", type=int, default=300, help="in one round (300)")
    parser.add_argument("--rounds", type=int, default=5, help="for each side (5)")
    arguments = parser.parse_args()
    sides = asyncio.run(_measured(arguments.backends, arguments.requests, arguments.rounds))
    for side in sides:
        print(f"{side.name:>3}: {median(side.microseconds):.0f} µs of CPU for each request")
    off, on = (median(side.microseconds) for side in sides)
    print(f"on / off: {on / off:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
