"""How late the event loop is, as the task that watches it tells."""

import asyncio
import time

from router.loop_lag import ALARM_SECONDS, watch_the_loop
from tests.fakes.waiting import until

HELD_SECONDS = 3 * ALARM_SECONDS


async def test_whoever_holds_the_loop_is_noticed() -> None:
    lags: list[float] = []
    task = asyncio.create_task(watch_the_loop(lags.append))
    await until(lambda: lags)
    before = len(lags)
    time.sleep(HELD_SECONDS)  # noqa: ASYNC251 - holding the loop is the point
    await until(lambda: len(lags) > before)
    task.cancel()
    assert lags[before] >= HELD_SECONDS - ALARM_SECONDS - 0.001
    assert min(lags) >= 0
