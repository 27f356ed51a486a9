"""The time of a run, and what is due when.

Rules of this file
- Second 0 is when the traffic begins, as in virtual time.
- Open loop: a request comes when it is due, whatever became of those before it. How late the machine made it is noted.
"""

import asyncio
from collections.abc import AsyncIterator

from bench.balance.workload import Demand, Traffic


class Clock:
    """Seconds since the traffic began, which is when it was made or `begin` was called."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()

    def begin(self) -> None:
        """Now is second 0."""
        self._began = self._loop.time()

    @property
    def now(self) -> float:
        """The time."""
        return self._loop.time() - self._began

    async def until(self, moment: float) -> None:
        """Wait for a moment; one that has passed lets others go first, and no more."""
        await asyncio.sleep(max(0.0, moment - self.now))


async def arrivals(traffic: Traffic, clock: Clock, late_seconds: list[float]) -> AsyncIterator[Demand]:
    """Each request when it is due; by how much it was late is appended to `late_seconds`."""
    for demand in traffic:
        await clock.until(demand.request.at)
        late_seconds.append(max(0.0, clock.now - demand.request.at))
        yield demand
