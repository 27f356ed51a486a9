"""Doing something again and again: when there is news, and when its time has come.

Rules of this file
- It goes on whatever happens: what nobody foresaw is logged, and tried again after a while.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from router.jobs.database import JobStoreFailed

log = logging.getLogger(__name__)

LONGEST_SLEEP_SECONDS = 60.0
"""The clock of the wall may be set while we sleep."""
SHORTEST_SLEEP_SECONDS = 0.01
AFTER_TROUBLE_SECONDS = 5.0


async def again_and_again(one_round: Callable[[], Awaitable[float | None]], news: asyncio.Event, what: str) -> None:
    """Rounds, for ever. Each gives how long the next one can wait, in seconds; None: until there is news."""
    while True:
        news.clear()
        try:
            seconds = await one_round()
        except JobStoreFailed as error:
            log.error("%s stand still reason=%s", what, error.message)
            seconds = AFTER_TROUBLE_SECONDS
        except Exception:
            log.exception("unforeseen error in a round of %s", what)
            seconds = AFTER_TROUBLE_SECONDS
        await came(news, LONGEST_SLEEP_SECONDS if seconds is None else max(seconds, SHORTEST_SLEEP_SECONDS))


async def came(news: asyncio.Event, seconds: float) -> bool:
    """Whether there was any within so long, but no longer than a minute."""
    try:
        async with asyncio.timeout(min(seconds, LONGEST_SLEEP_SECONDS)):
            await news.wait()
    except TimeoutError:
        return False
    return True
