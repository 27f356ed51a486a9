"""Waiting for something that happens in another process, or has no event of its own."""

import asyncio
from collections.abc import Awaitable, Callable

DEADLINE_SECONDS = 20.0
"""More than any machine needs; a test that comes here has failed."""


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Return once `condition` holds. Raises TimeoutError if it never does."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)
