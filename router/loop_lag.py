"""How late the event loop is: a task that sets an alarm, again and again, and looks how late it was woken.

Rules of this file
- Whatever holds the loop while it sleeps makes it late by what was left of that: a stall of a second is seen as a
  second less a tenth at worst, and one of ten milliseconds in one of ten cases.
"""

import asyncio
import time
from collections.abc import Callable

ALARM_SECONDS = 0.1
"""Ten a second cost a thousandth of a core."""


async def watch_the_loop(lagged: Callable[[float], None]) -> None:
    """Tell how late each alarm was, in seconds, until cancelled."""
    while True:
        due = time.monotonic() + ALARM_SECONDS  # finer than the clock of uvloop, which counts milliseconds
        await asyncio.sleep(ALARM_SECONDS)
        lagged(max(0.0, time.monotonic() - due))
