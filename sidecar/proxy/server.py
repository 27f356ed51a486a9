"""The proxy's door: takes clients in, and lets them go in good order at the end.

Rules of this file
- At the end nobody new is let in; what is being answered is answered, for so long as the grace lasts.
- A client that says nothing for a long while is let go.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sidecar.proxy.conversation import Conversation
from sidecar.proxy.counting import Counter
from sidecar.proxy.front import Front
from sidecar.proxy.upstream import Upstream

log = logging.getLogger(__name__)

IDLE_SECONDS = 75.0
"""Between two requests, and for a request's head; nginx waits as long. Most clients keep connections for less."""
LOOKS = 5
"""How often in that time idle clients are looked for."""
BACKLOG = 1024
"""Connections that wait to be taken: a whole team's clients may come back at once."""


class Proxy:
    """Everybody who is connected."""

    def __init__(self, front: Front, upstream: Upstream, counter: Counter, idle_seconds: float = IDLE_SECONDS) -> None:
        self.idle_seconds = idle_seconds
        self._front = front
        self._upstream = upstream
        self._counter = counter
        self._conversations: set[Conversation] = set()

    @asynccontextmanager
    async def listening(self, host: str, port: int, grace_seconds: float) -> AsyncIterator[tuple[str, int]]:
        """Gives where it listens. At the end running answers get `grace_seconds` to end. Raises OSError."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._accept, host, port, backlog=BACKLOG)
        sweeping = asyncio.create_task(self._sweep(), name="let idle clients go")
        try:
            yield server.sockets[0].getsockname()[:2]
        finally:
            sweeping.cancel()
            server.close()
            await self._finish(grace_seconds)

    def _accept(self) -> asyncio.BaseProtocol:
        conversation = Conversation(self._front, self._upstream, self._counter, self._over)
        self._conversations.add(conversation)
        return conversation.wire

    def _over(self, conversation: Conversation) -> None:
        self._conversations.discard(conversation)
        task = conversation.task
        error = None if task is None or task.cancelled() else task.exception()
        if error is not None:
            log.error("proxying failed", exc_info=error)

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.idle_seconds / LOOKS)
            latest = loop.time() - self.idle_seconds
            for conversation in list(self._conversations):
                since = conversation.wire.waits_since
                if since is not None and since < latest:
                    conversation.finish()

    async def _finish(self, grace_seconds: float) -> None:
        for conversation in list(self._conversations):
            conversation.finish()
        tasks = [conversation.task for conversation in self._conversations if conversation.task is not None]
        if not tasks:
            return
        log.info("stopping; %s running requests may take %s s to end", len(tasks), grace_seconds)
        _, late = await asyncio.wait(tasks, timeout=grace_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
