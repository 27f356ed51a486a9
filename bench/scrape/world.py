"""Simulators, a Maek before them in a process of its own, and the traffic that fills its metrics.

Rules of this file
- Every backend is asked for every model that it has, so that every series that can be there is there.
- Hardly anything is probed while something is measured: the rounds are a minute apart.
"""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson

from simulator import SimSettings, serving

PROJECT = Path(__file__).resolve().parents[2]
ROUND_SECONDS = 60
ROUNDS = 3
AT_ONCE = 4
PATIENCE_SECONDS = 240.0
"""A machine that is busy with other things misses whole rounds."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many backends, and how many models they have together. Each model is on two backends, where there are two."""

    backends: int
    models: int

    def models_of(self, backend: int) -> list[str]:
        """The models of one backend, by number."""
        each = max(1, min(2, self.backends) * self.models // self.backends)
        return [f"model-{(backend * each + number) % self.models}" for number in range(each)]


@dataclass(frozen=True, slots=True)
class Host:
    """The Maek that is measured."""

    url: str
    client: aiohttp.ClientSession
    process: asyncio.subprocess.Process

    async def settle(self) -> None:
        """All traffic has been."""
        await self._say("settle")

    async def cpu_seconds(self) -> float:
        """Used since its start."""
        return float(await self._say("cpu"))

    async def watch(self) -> None:
        """Look how long the event loop is held, from now on."""
        await self._say("watch")

    async def held(self) -> tuple[float, float]:
        """The longest time that it was: CPU and real seconds."""
        cpu, real = (await self._say("held")).split()
        return float(cpu), float(real)

    async def _say(self, word: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(word.encode() + b"\n")
        answer = await self.process.stdout.readline()
        assert answer, "Maek ended"
        return answer.decode()


@asynccontextmanager
async def hosting(size: Size, folder: Path) -> AsyncIterator[Host]:
    """Such a Maek that has answered every model on every backend."""
    async with AsyncExitStack() as stack:
        backends = []
        for number in range(size.backends):
            models = size.models_of(number)
            url = await stack.enter_async_context(serving(SimSettings(models=tuple(models))))
            backends.append({"name": f"backend-{number}", "url": url, "models": {"reasoner": models[0]}})
        config = folder / "config.yaml"
        config.write_bytes(orjson.dumps(_config(backends)))  # JSON is YAML
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.scrape.host", str(config),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=PROJECT,
            env={**os.environ, "MAEK_DATA_DIR": str(folder)},
        )  # fmt: skip
        stack.push_async_callback(_end, process)
        assert process.stdout is not None
        found = re.search(rb"http://[0-9.:]+", await process.stdout.readline())
        assert found is not None, "Maek ended"
        client = await stack.enter_async_context(aiohttp.ClientSession(auto_decompress=False))
        host = Host(found.group().decode(), client, process)
        await _all_known(host, size)
        await _fill(host, [name for number in range(size.backends) for name in size.models_of(number)])
        await host.settle()
        yield host


def _config(backends: list[dict[str, object]]) -> dict[str, object]:
    return {
        "sidecar": {"discover": False, "interval_seconds": ROUND_SECONDS, "backends": backends},
        "router": {"listen": "127.0.0.1:0", "sessions": {"store": "memory"}, "recorder": {"bytes": 0}},
    }


async def _all_known(host: Host, size: Size) -> None:
    """Wait until every backend has said what it has."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            async with host.client.get(host.url + "/backends") as answer:
                told = orjson.loads(await answer.read())["backends"]
            if all(len(backend["models"]) == len(size.models_of(0)) for backend in told):
                return
            await asyncio.sleep(0.1)


async def _fill(host: Host, models: list[str]) -> None:
    """Ask for every model so often that each of its backends has answered, streamed and not."""
    wanted = iter([(model, stream) for stream in (True, False) for _ in range(ROUNDS) for model in models])

    async def some() -> None:
        for model, stream in wanted:
            body = {"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 3}
            async with host.client.post(host.url + "/v1/chat/completions", json=body | {"stream": stream}) as answer:
                assert answer.status == 200, await answer.text()
                await answer.read()

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    await process.wait()
