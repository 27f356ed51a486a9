"""Where answers go in tests."""

import asyncio
from collections.abc import Callable

from router.attempt import Opened


class Kept:
    """Keeps what comes. `comes()` waits for the next chunk; `reading` is unset to be a client that does not read."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.openings: list[Opened] = []
        self.quiets = 0
        self.reading = asyncio.Event()
        self.reading.set()
        self.waits: list[tuple[int, float]] = []
        """Position and expected seconds, as told."""
        self.loads: list[float] = []
        """Expected seconds, as told."""
        self.on_quiet: Callable[[], None] = lambda: None
        self._came: asyncio.Queue[bytes] = asyncio.Queue()

    async def waiting(self, position: int, expected_seconds: float) -> None:
        """Note it."""
        self.waits.append((position, expected_seconds))
        await self.reading.wait()

    async def loading(self, expected_seconds: float) -> None:
        """Note it."""
        self.loads.append(expected_seconds)
        await self.reading.wait()

    async def opened(self, opened: Opened) -> None:
        """The answer begins."""
        self.openings.append(opened)

    async def chunk(self, data: bytes) -> None:
        """Keep it, and wait while nobody reads."""
        self.chunks.append(data)
        self._came.put_nowait(data)
        await self.reading.wait()

    async def quiet(self) -> None:
        """Count it."""
        self.quiets += 1
        self.on_quiet()
        await self.reading.wait()

    async def comes(self) -> bytes:
        """The next chunk."""
        return await self._came.get()

    @property
    def bytes(self) -> bytes:
        """All of it."""
        return b"".join(self.chunks)
