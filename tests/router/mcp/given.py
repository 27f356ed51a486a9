"""What the tests of servers of others share."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from router.config_tools.mcp import McpConfig, McpServerConfig
from router.mcp.servers import McpServers
from router.tools.call import call
from router.tools.spec import PendingDraft, Tool, ToolResult
from tests.fakes import mcp_servers
from tests.fakes.waiting import until
from tests.router.tools.given import ctx

STARTED_SECONDS = 60.0
"""For the SDK to be loaded and a program to start, on machines that are busy."""


def fake(*talents: str, **settings: Any) -> McpServerConfig:
    """A fake server that is started as a child."""
    path = str(Path(mcp_servers.__file__))
    return McpServerConfig(command=sys.executable, args=(path, *talents), **settings)


@dataclass
class Servers:
    """Running servers, and what was told of them."""

    servers: McpServers
    data_folder: Path
    told: list[tuple[str, bool | None]] = field(default_factory=list)

    def tool(self, name: str = "fake") -> Tool:
        """What one of them offers now."""
        return self.servers.tools()[f"mcp_{name}"]

    async def call(
        self, operation: str, draft: PendingDraft | None = None, *, name: str = "fake", **params: Any
    ) -> ToolResult:
        """One call, as the rest of Maek makes it; in English."""
        return await call(
            self.servers.tools(), f"mcp_{name}", operation, params, replace(ctx(language="en"), draft=draft)
        )

    async def is_up(self, name: str = "fake") -> None:
        """Returns when it is."""
        await until(lambda: self.tool(name).operations and self.tool(name).trouble is None, STARTED_SECONDS)

    async def is_down(self, name: str = "fake") -> None:
        """Returns when it is, and has been started."""
        await until(lambda: (name, False) in self.told, STARTED_SECONDS)


@asynccontextmanager
async def serving(data_folder: Path, servers: Mapping[str, McpServerConfig]) -> AsyncIterator[Servers]:
    """These servers, until the context ends."""
    told: list[tuple[str, bool | None]] = []
    running = McpServers(lambda name, up: told.append((name, up)), lambda name: told.append((name, None)))
    running.adopt(McpConfig(servers=dict(servers)), data_folder)
    try:
        yield Servers(running, data_folder, told)
    finally:
        await running.close()
