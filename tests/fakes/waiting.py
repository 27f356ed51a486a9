"""Waiting for a condition instead of for luck."""

import asyncio
from collections.abc import Callable

DEADLINE_SECONDS = 10.0
"""For things that take milliseconds, on machines that are busy."""


async def until(condition: Callable[[], object], deadline_seconds: float = DEADLINE_SECONDS) -> None:
    """Return once `condition` holds; AssertionError if it does not in time."""
    try:
        async with asyncio.timeout(deadline_seconds):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event to wait on
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError("the condition did not come true in time") from None
