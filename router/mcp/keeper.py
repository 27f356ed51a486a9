"""Keeps one server of others connected: started in the background, started again when it dies.

Rules of this file
- One task lives in the connection from its handshake to its end; calls come from other tasks and wait for nothing but
  their answers.
- What the server offered last stays known while it is away, so that whoever asks for it is told what is the matter.
- The back-off grows with every failure and begins anew after a connection that lasted.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from router.config_tools.mcp import McpServerConfig
from router.mcp.naming import on_one_line
from router.mcp.offering import NotUp, Server, tool_of
from router.mcp.remote import Address, Answer, Link, RemoteFailed, RemoteTool
from router.tools.spec import Tool
from sidecar import SecretUnusable
from sidecar.config import resolve

log = logging.getLogger(__name__)

FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 60.0
LASTING_SECONDS = 30.0
"""A connection that lasted so long was a good one."""
PING_INTERVAL_SECONDS = 30.0
RELIST_SECONDS = 1.0
"""Between two looks at the tools of a server that keeps saying that they have changed."""
PATIENCE_SECONDS = 3.0
"""That a call waits for a server which is just being started."""
MAX_REASON_CHARACTERS = 300
EXTRA = "pip install 'maek[mcp]'"
STARTING = "it is being started"

Connect = Callable[[str, Address], AbstractAsyncContextManager[Link]]
Witness = Callable[[str, bool | None], None]
"""Told a server's name, and that it is up (True), that it ended or could not be had (False), or is new (None)."""


class Keeper:
    """One server. `noise` gives numbers from 0 to 1, so that servers which died together do not come back together."""

    def __init__(
        self,
        name: str,
        settings: McpServerConfig,
        data_folder: Path,
        witness: Witness,
        noise: Callable[[], float],
        connect: Connect | None = None,
    ) -> None:
        self.settings = settings
        self._server = Server(name, settings, data_folder, self.ask)
        self._witness = witness
        self._noise = noise
        self._connect = connect
        self._link: Link | None = None
        self._up = asyncio.Event()
        self._wanted = asyncio.Event()
        self._running = 0
        self.ending = False
        """Set before it is cancelled."""
        self._known: Sequence[RemoteTool] = []
        self.tool: Tool = tool_of(self._server, (), STARTING)

    async def run(self) -> None:
        """Keep it connected until cancelled."""
        clock = asyncio.get_running_loop().time
        failures, said = 0, ""
        while True:
            began = clock()
            why, for_log = await self._lived()
            if self.ending:
                # A connection that breaks while it is cancelled raises what broke, and the cancellation is lost.
                raise asyncio.CancelledError
            self._witness(self._server.name, False)
            self.tool = replace(self.tool, trouble=why)
            failures = 0 if clock() - began >= LASTING_SECONDS else failures + 1
            pause = (
                min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** min(failures - 1, 10)) if failures else 0.0
            )
            level = logging.DEBUG if for_log == said else logging.WARNING
            log.log(
                level, "mcp server not up server=%s reason=%s again_in_seconds=%.1f", self._server.name, for_log, pause
            )
            said = for_log
            await self._pause(pause * (0.75 + 0.5 * self._noise()))

    async def ask(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        """One call of a tool. Raises RemoteFailed, and NotUp where nothing was sent."""
        if self._link is None or self._link.gone.is_set():
            self._up.clear()
            # Somebody wants it: no reason to wait for the end of a long pause.
            self._wanted.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._up.wait()
        link = self._link
        if link is None or link.gone.is_set():
            raise NotUp(self.tool.trouble or STARTING)
        self._running += 1
        try:
            return await link.call(name, arguments)
        finally:
            self._running -= 1

    async def _lived(self) -> tuple[str, str]:
        """One connection from its start to its end; why it ended, for users and for the log."""
        try:
            connect = await asyncio.to_thread(sdk) if self._connect is None else self._connect
            address = await asyncio.to_thread(address_of, self.settings)
            async with connect(self._server.name, address) as link:
                known = await self._listed(link)
                self._link = link
                self._up.set()
                self._witness(self._server.name, True)
                log.info("mcp server up server=%s tools=%d", self._server.name, known)
                why = await self._watched(link)
                return why, why
        except Exception as error:  # the SDK and a server of others may raise anything; it is counted
            log.debug("mcp connection broke server=%s", self._server.name, exc_info=error)
            return _reason(error)
        finally:
            self._link = None
            self._up.clear()

    async def _watched(self, link: Link) -> str:
        """Until the connection is over; lists the tools again when they change."""
        while not link.gone.is_set():
            link.changed.clear()
            if not await _either(link.gone, link.changed, PING_INTERVAL_SECONDS):
                if self._running == 0:
                    # One that works on a call may be busy; its call has a deadline.
                    await link.ping()
            elif link.changed.is_set() and not link.gone.is_set():
                known = await self._listed(link)
                log.info("mcp server has other tools server=%s tools=%d", self._server.name, known)
                await _either(link.gone, link.gone, RELIST_SECONDS)
        return "it ended"

    async def _listed(self, link: Link) -> int:
        """Offers what the server has now; how many tools it has told of."""
        known = await link.tools()
        if known != self._known:
            # Only then: what is made of a schema is kept by others for as long as it is the same.
            self._known, self.tool = known, tool_of(self._server, known, None)
        self.tool = replace(self.tool, trouble=None)
        return len(known)

    async def _pause(self, seconds: float) -> None:
        # Not under the first pause, however much it is wanted: a server that dies at once would be started for ever.
        await asyncio.sleep(min(seconds, FIRST_BACKOFF_SECONDS))
        self._wanted.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds - FIRST_BACKOFF_SECONDS)):
                await self._wanted.wait()


def sdk() -> Connect:
    """The door to the SDK. Raises RemoteFailed where the extra is missing."""
    try:
        connect: Connect = import_module("router.mcp.connection").connected
    except ModuleNotFoundError as error:
        raise RemoteFailed(f"the package {error.name} is missing; run: {EXTRA}") from error
    return connect


def address_of(settings: McpServerConfig) -> Address:
    """With the secrets read. Raises SecretUnusable."""
    env = {name: resolve(reference, os.environ) for name, reference in settings.env.items()}
    headers = {name: resolve(reference, os.environ) for name, reference in settings.headers.items()}
    command = () if settings.command is None else (settings.command, *settings.args)
    return Address(command, env, settings.cwd, settings.url, headers, settings.timeout_seconds)


async def _either(one: asyncio.Event, other: asyncio.Event, seconds: float) -> bool:
    """Whether one of them is set before the time is over."""
    waiting = [asyncio.ensure_future(event.wait()) for event in (one, other)]
    try:
        done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
    return bool(done)


def _reason(error: BaseException) -> tuple[str, str]:
    """Why it ended: our own sentence, else the class of what was raised, because a message may repeat a header. For
    users, and for the log, which has no words of the server."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, RemoteFailed):
        return on_one_line(str(error), MAX_REASON_CHARACTERS), on_one_line(error.for_log, MAX_REASON_CHARACTERS)
    if isinstance(error, SecretUnusable):
        why = on_one_line(str(error), MAX_REASON_CHARACTERS)
    elif type(error).__module__.startswith("httpx2"):
        why = f"nobody answers there as a server should ({type(error).__name__})"
    else:
        why = f"the connection broke ({type(error).__name__})"
    return why, why
