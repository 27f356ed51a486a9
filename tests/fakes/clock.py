"""A clock that stands still until a test moves it, and a sleep that goes by it."""

import asyncio
import heapq
from itertools import count


class Clock:
    """Call it for seconds. Whoever sleeps by it is woken in the order of time, one at a time."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.slept: list[float] = []
        """How long anybody wanted to sleep, in the order of asking."""
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._news = asyncio.Event()

    def __call__(self) -> float:
        """Seconds."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Wait until the test has moved the clock that far."""
        self.slept.append(seconds)
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._numbers), woken))
        self._news.set()
        await woken

    async def tick(self, sleepers: int = 1) -> None:
        """Wait until that many sleep, then move on to the moment when the first of them wakes, and wake it."""
        await self.settled(sleepers)
        self.now, _, woken = heapq.heappop(self._sleepers)
        woken.set_result(None)

    async def settled(self, sleepers: int = 1) -> None:
        """Wait until that many sleep: they have done what they woke for."""
        while len(self._living()) < sleepers:
            self._news.clear()
            await self._news.wait()

    def _living(self) -> list[tuple[float, int, asyncio.Future[None]]]:
        self._sleepers = [sleeper for sleeper in self._sleepers if not sleeper[2].done()]
        heapq.heapify(self._sleepers)
        return self._sleepers
