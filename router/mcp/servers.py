"""All servers of others that the configuration names, and the tools that they offer now.

Rules of this file
- A new configuration ends the servers that it does not name, or names otherwise, and leaves the others alone.
- Nobody waits for a server: neither the start of Maek nor a reload.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from router.config_tools.mcp import McpConfig
from router.mcp.keeper import Connect, Keeper, Witness
from router.tools.spec import Tool

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Kept:
    keeper: Keeper
    task: asyncio.Task[None]


class McpServers:
    """The servers in force. `forget` is told the names of those that are configured no more."""

    def __init__(self, witness: Witness, forget: Callable[[str], None], connect: Connect | None = None) -> None:
        self._witness = witness
        self._forget = forget
        self._connect = connect
        self._kept: dict[str, _Kept] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def adopt(self, config: McpConfig, data_folder: Path) -> None:
        """Start what is new and end what is gone, in the background. Call it in the event loop."""
        for name in [*self._kept]:
            if config.servers.get(name) != self._kept[name].keeper.settings:
                self._end(name)
                self._forget(name)
        for name, settings in config.servers.items():
            if name not in self._kept:
                keeper = Keeper(name, settings, data_folder, self._witness, random.random, self._connect)
                task = asyncio.create_task(keeper.run(), name=f"mcp {name}")
                task.add_done_callback(_tell_of_failure)
                self._kept[name] = _Kept(keeper, task)
                self._witness(name, None)

    def tools(self) -> Mapping[str, Tool]:
        """What they offer now, in the order of the configuration."""
        return {kept.keeper.tool.name: kept.keeper.tool for kept in self._kept.values()}

    async def close(self) -> None:
        """End all of them; returns when their processes are gone."""
        for name in [*self._kept]:
            self._end(name)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _end(self, name: str) -> None:
        kept = self._kept.pop(name)
        kept.keeper.ending = True
        task = kept.task
        task.cancel()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _tell_of_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("mcp server is no longer kept; restart Maek to have it again", exc_info=task.exception())
