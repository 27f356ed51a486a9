"""A simulated server and a client for it, over real sockets.

Rules of this file
- `start(SimSettings(...))` serves until the test ends and returns a `Sim`, with the few questions that tests ask.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest

from simulator import SimSettings, serving

DEADLINE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Sim:
    """One running server and a session that talks to it."""

    url: str
    session: aiohttp.ClientSession

    async def get(self, path: str) -> tuple[int, Any]:
        """Return status and body: JSON if it is, else text."""
        async with self.session.get(self.url + path) as response:
            return response.status, _read(await response.read())

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Return status and body: JSON if it is, else text."""
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        async with self.session.post(self.url + path, data=data) as response:
            return response.status, _read(await response.read())

    async def put_faults(self, faults: object) -> None:
        """Let exactly these faults hold."""
        async with self.session.put(f"{self.url}/sim/faults", json=faults) as response:
            assert response.status == 200, await response.text()

    async def state(self) -> Any:
        """Return `/sim/state`."""
        return (await self.get("/sim/state"))[1]

    async def until(self, holds: Callable[[Any], bool]) -> Any:
        """Wait until the state is as wanted; return it."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not holds(state := await self.state()):  # noqa: ASYNC110  it is across a socket
                await asyncio.sleep(0.005)
        return state


def _read(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode()


@pytest.fixture
async def start() -> AsyncIterator[Callable[[SimSettings], Awaitable[Sim]]]:
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))

        async def begin(settings: SimSettings) -> Sim:
            return Sim(await stack.enter_async_context(serving(settings)), session)

        yield begin
