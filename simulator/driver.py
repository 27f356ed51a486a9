"""Real time for the batch: one task that wakes for iterations and hands their tokens to all streams at once.

Rules of this file
- The driver owns its batch; nobody else moves it.
- One task a server. No timer, task or queue for a token: a stream has a count of tokens that are ready, and a waiter.
- What begins, ends: a generation lives in a context manager, and its slot is free when that is left, however it is
  left.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from simulator.batch import Batch, Occupancy, QueueFullError, StepEnd, Work
from simulator.faults import FaultBoard, Slow, Stall

DELIVERY_SECONDS = 60e-6
"""Wakes are at least this far apart for every running stream. Writing a chunk costs about half of it, so
delivery takes about half of a core at the most; beyond that several tokens of a stream go out together."""

MOST_STEPS = 256
"""Iterations in one wake: a machine faster than this process must not keep the event loop from its other work."""


class BrokenError(Exception):
    """The server broke down under the generation."""


@dataclass(slots=True)
class Totals:
    """What happened since the server started."""

    accepted: int = 0
    rejected: int = 0
    finished: int = 0
    cancelled: int = 0
    """The client left."""
    broken: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0


class Generation:
    """One answer in the making. Moments are in seconds on the driver's clock."""

    __slots__ = ("_waiter", "broken", "ended_at", "first_at", "ready", "submitted_at", "work")

    def __init__(self, work: Work, submitted_at: float) -> None:
        self.work = work
        self.submitted_at = submitted_at
        self.first_at: float | None = None
        self.ended_at: float | None = None
        self.ready = 0
        self.broken = False
        self._waiter: asyncio.Future[None] | None = None

    async def take(self) -> int:
        """Wait for tokens; return how many are new, 0 at the end. Raises BrokenError."""
        while not self.ready and self.ended_at is None and not self.broken:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self.broken:
            raise BrokenError
        taken, self.ready = self.ready, 0
        return taken

    def wake(self) -> None:
        """Let `take` look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        self._waiter = None


class Driver:
    """Steps a batch as time passes, heeding the faults that concern time."""

    def __init__(self, batch: Batch, board: FaultBoard, clock: Callable[[], float]) -> None:
        self._batch = batch
        self._board = board
        self._clock = clock
        self._open: dict[int, Generation] = {}
        self._next_key = 0
        self._changed = asyncio.Event()
        self.totals = Totals()

    @contextlib.asynccontextmanager
    async def generation(self, work: Work) -> AsyncIterator[Generation]:
        """Have `work` done. Raises QueueFullError at once if nothing more may wait."""
        generation, key = self._enter(work)
        try:
            yield generation
        finally:
            self._leave(key, generation)

    def occupancy(self) -> Occupancy:
        """Return how full the machine is."""
        return self._batch.occupancy()

    def is_resident(self, model: str) -> bool:
        """Say whether `model` is in memory."""
        return self._batch.is_resident(model, self._clock())

    def expires_in_seconds(self, model: str) -> float:
        """Return how long `model` stays in memory if nobody asks for it."""
        return self._batch.expires_in_seconds(model, self._clock())

    def unload(self, model: str) -> None:
        """Put an idle model out of memory."""
        self._batch.unload(model)

    def heed(self) -> None:
        """Look at the faults again: they changed."""
        self._changed.set()

    async def run(self) -> None:
        """Turn until cancelled."""
        while True:
            now = self._clock()
            self._heed_faults(now)
            self._deliver(self._batch.advance(now, MOST_STEPS))
            self._changed.clear()
            await self._sleep(now)

    def _enter(self, work: Work) -> tuple[Generation, int]:
        now = self._clock()
        idle = self._batch.next_at() is None
        key, self._next_key = self._next_key, self._next_key + 1
        try:
            self._batch.submit(key, work, now)
        except QueueFullError:
            self.totals.rejected += 1
            raise
        self.totals.accepted += 1
        self.totals.prompt_tokens += work.prompt_tokens
        generation = self._open[key] = Generation(work, now)
        if idle:
            self._changed.set()
        return generation, key

    def _leave(self, key: int, generation: Generation) -> None:
        self._batch.cancel(key, self._clock())
        self._open.pop(key, None)
        if generation.broken:
            self.totals.broken += 1
        elif generation.ended_at is None:
            self.totals.cancelled += 1
        else:
            self.totals.finished += 1

    def _heed_faults(self, now: float) -> None:
        slow = self._board.get(Slow, now)
        self._batch.pace = slow.factor if slow else 1.0
        if self._board.get(Stall, now):
            self._batch.freeze(now)
        else:
            self._batch.thaw(now)
        if self._board.is_down(now):
            for key, generation in self._open.items():
                self._batch.cancel(key, now)
                generation.broken = True
                generation.wake()

    def _deliver(self, ends: list[StepEnd]) -> None:
        touched: dict[int, Generation] = {}
        for end in ends:
            for key in end.tokens:
                generation = self._open.get(key)
                if generation is None:
                    continue
                if generation.first_at is None:
                    generation.first_at = end.at
                generation.ready += 1
                touched[key] = generation
            for key in end.finished:
                if key in self._open:
                    self._open[key].ended_at = end.at
            self.totals.output_tokens += len(end.tokens)
        for generation in touched.values():
            generation.wake()

    async def _sleep(self, woke_at: float) -> None:
        moments = [self._board.next_change_at(woke_at)]
        next_at = self._batch.next_at()
        if next_at is not None:
            moments.append(max(next_at, woke_at + DELIVERY_SECONDS * len(self._open)))
        wake_at = min((moment for moment in moments if moment is not None), default=None)
        if wake_at is None:
            await self._changed.wait()
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wake_at - self._clock()):
                await self._changed.wait()
