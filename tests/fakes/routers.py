"""A whole Maek on a loopback port, in the test's own event loop: real sockets, real store, real monitor."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from router.app import House, running
from router.config import Config
from router.config_load import loads
from router.serve import listening
from router.sse import Decoder, Event
from simulator import SimSettings, serving


@dataclass(frozen=True, slots=True)
class Maek:
    """A running router and a client for it."""

    house: House
    url: str
    client: aiohttp.ClientSession

    async def post(self, path: str, body: Any, **kwargs: Any) -> tuple[int, Any]:
        """Status and JSON of a POST."""
        async with self.client.post(self.url + path, json=body, **kwargs) as response:
            return response.status, await response.json()

    async def get(self, path: str, **kwargs: Any) -> tuple[int, Any]:
        """Status and JSON of a GET."""
        async with self.client.get(self.url + path, **kwargs) as response:
            return response.status, await response.json()

    async def events(self, path: str, body: Any) -> list[Event]:
        """Every server-sent event of a streamed POST."""
        decoder = Decoder()
        async with self.client.post(self.url + path, json=body) as response:
            assert response.status == 200, await response.text()
            return [event for chunk in [await response.read()] for event in decoder.feed(chunk)]

    def in_flight(self) -> int:
        """Requests that the store holds to be running, over all backends."""
        return sum(state.work.in_flight for state in self.house.snapshot().backends.values())


def config_for(backends: Iterable[Mapping[str, Any]] = (), **router: Any) -> Config:
    """A configuration for tests: any free port, nothing discovered, nothing on disk, quick rounds."""
    sidecar = {"discover": False, "retry_interval_seconds": 0.1, "backends": list(backends)}
    chosen = {"listen": "127.0.0.1:0", "sessions": {"store": "memory"}, "data_dir": "/nonexistent/maek"}
    chosen |= {"recorder": {"bytes": 0}} | router
    return loads(orjson.dumps({"sidecar": sidecar, "router": chosen}).decode())  # JSON is YAML


@asynccontextmanager
async def maek(config: Config, *, record: Path | None = None, ports: Iterable[int] = ()) -> AsyncIterator[Maek]:
    """A router with this configuration, listening."""
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(running(config, record=record, ports=ports))
        url = await stack.enter_async_context(listening(house))
        client = await stack.enter_async_context(aiohttp.ClientSession())
        yield Maek(house, url, client)


@asynccontextmanager
async def maek_with_simulators(*settings: SimSettings, **router: Any) -> AsyncIterator[tuple[Maek, list[str]]]:
    """A router in front of simulators named `sim0`, `sim1` …, which serve both roles; and the simulators' URLs."""
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(serving(one)) for one in settings]
        roles = {"classifier": "sim-small-1b", "reasoner": "sim-large-32b"}
        backends = [{"name": f"sim{number}", "url": url, "models": roles} for number, url in enumerate(urls)]
        yield await stack.enter_async_context(maek(config_for(backends, **router))), urls
