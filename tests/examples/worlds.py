"""A chat service, a bot, a Maek and a simulated LLM server, all over real sockets, for the tests of a module.

Rules of this file
- A world is started once. Each test begins in a room of its own, so that it finds no conversation of others, and with
  a server that is well.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import aiohttp

from router.app import House, running
from router.keys import new_key
from router.serve import listening
from simulator import SimSettings, serving
from tests.examples.bots import Bot, bot
from tests.examples.screen import Screen
from tests.fakes.routers import config_for
from tests.fakes.simulators import set_faults
from tests.real.servers import free_port

SLOWLY = {"slow": {"factor": 500}}
"""A hundred tokens a second: an answer of 60 takes long enough to be seen to grow."""

MOST_CHARACTERS = 1000
"""Of one message to this Maek."""


class Service(Protocol):
    """What the fake services have in common."""

    name: str
    screen: Screen

    @property
    def environ(self) -> dict[str, str]:
        """What the bot is started with."""
        ...

    def begin(self) -> None:
        """Whoever writes from now on does so in another room."""
        ...


S = TypeVar("S", bound=Service)


@dataclass(slots=True)
class World(Generic[S]):
    """Everything that runs."""

    service: S
    bot: Bot
    data_path: Path
    _house: House
    _simulator_url: str
    _doors: AsyncExitStack
    """Of Maek."""

    @property
    def screen(self) -> Screen:
        """What people see."""
        return self.service.screen

    @property
    def entries(self) -> int:
        """In the calendar."""
        files = (self.data_path / "calendar").glob("*.ics")
        return sum(file.read_text("utf-8").count("BEGIN:VEVENT") for file in files)

    async def begin(self) -> None:
        """Another test."""
        self.service.begin()
        self.screen.begin()
        self.bot.begin()
        await self.fault({})

    async def fault(self, faults: Mapping[str, Mapping[str, Any]]) -> None:
        """What is wrong with the LLM server from now on."""
        async with aiohttp.ClientSession() as client:
            await set_faults(client, self._simulator_url, faults)

    async def maek_goes(self) -> None:
        """Nobody listens any more."""
        await self._doors.aclose()

    async def maek_comes(self) -> None:
        """Maek listens where it did."""
        await self._doors.enter_async_context(listening(self._house))


@asynccontextmanager
async def world(service: Callable[[], AbstractAsyncContextManager[S]], folder: Path) -> AsyncIterator[World[S]]:
    """All of it."""
    key, key_hash = new_key()
    port, data_path = free_port(), folder / "data"
    roles = {"classifier": "sim-small-1b", "reasoner": "sim-large-32b"}
    options = {"data_dir": str(data_path), "keys": [key_hash], "limits": {"message_chars": MOST_CHARACTERS}}
    async with AsyncExitStack() as stack:
        simulator_url = await stack.enter_async_context(serving(SimSettings()))
        backend = {"name": "sim", "url": simulator_url, "models": roles}
        house = await stack.enter_async_context(running(config_for([backend], listen=f"127.0.0.1:{port}", **options)))
        doors = await stack.enter_async_context(AsyncExitStack())
        await doors.enter_async_context(listening(house))
        chat = await stack.enter_async_context(service())
        environ = {**chat.environ, "MAEK_URL": f"http://127.0.0.1:{port}", "MAEK_KEY": key}
        started = await stack.enter_async_context(bot(chat.name, folder, environ))
        yield World(chat, started, data_path, house, simulator_url, doors)
