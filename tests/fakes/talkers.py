"""Servers that say on a socket whatever a test wants, and leave nothing open behind them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def talking(talk: Talk, *, path: Path | None = None, **tls: Any) -> AsyncIterator[int]:
    """A server on a port of its own, which this gives, or at a path. Each connection is closed when `talk` is over."""
    connections: list[tuple[asyncio.Task[Any] | None, asyncio.StreamWriter]] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append((asyncio.current_task(), writer))
        try:
            await talk(reader, writer)
        except (ConnectionError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    if path is None:
        server = await asyncio.start_server(connected, "127.0.0.1", 0, **tls)
    else:
        server = await asyncio.start_unix_server(connected, path)
    try:
        yield 0 if path is not None else server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task, writer in connections:
            if task is not None:
                task.cancel()
            writer.transport.abort()
        await asyncio.gather(*(task for task, _ in connections if task is not None))
        await asyncio.sleep(0)  # what was aborted is closed in the next round of the loop


async def hang_up(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Say nothing, and close."""
