"""A chat service, a bot, a Maek and a simulated LLM server, all over real sockets."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from router.keys import new_key
from simulator import SimSettings
from simulator.profiles import PRESETS
from tests.examples.bots import Bot, bot
from tests.examples.screen import Screen
from tests.fakes.routers import Maek, maek_with_simulators

SLOWLY = SimSettings(profile=replace(PRESETS["instant"], base_seconds=0.05))
"""Twenty tokens a second: an answer of 60 takes three seconds, so that it is seen to grow."""

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


S = TypeVar("S", bound=Service)


@dataclass(frozen=True, slots=True)
class World(Generic[S]):
    """Everything that runs."""

    service: S
    bot: Bot
    router: Maek

    @property
    def screen(self) -> Screen:
        """What people see."""
        return self.service.screen


@asynccontextmanager
async def world(
    service: Callable[[], AbstractAsyncContextManager[S]], folder: Path, settings: SimSettings | None = None
) -> AsyncIterator[World[S]]:
    """All of it; at the end the bot must have done nothing that the real service would have refused."""
    key, key_hash = new_key()
    limits = {"message_chars": MOST_CHARACTERS}
    options = {"data_dir": str(folder / "data"), "keys": [key_hash], "limits": limits}
    async with maek_with_simulators(settings or SimSettings(), **options) as (router, _), service() as chat:
        environ = {**chat.environ, "MAEK_URL": router.url, "MAEK_KEY": key}
        async with bot(chat.name, folder, environ) as running:
            yield World(chat, running, router)
        assert chat.screen.faults == []
