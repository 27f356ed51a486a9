"""Long work on the event loop, in slices between which everybody else has a turn.

Rules of this file
- For what only reads values that nobody changes: between two slices anything may happen.
- Not a thread: one that computes keeps the loop waiting for the interpreter, up to five milliseconds each time.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

SLICE_SECONDS = 0.001
"""A token that comes meanwhile is late by this, and by the one step that went beyond it."""

Step = TypeVar("Step")


class Slices:
    """One piece of work, timed by `clock`. `held_seconds`: how long it has held the event loop, over all its slices."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._began = clock()
        self._before_seconds = 0.0

    @property
    def held_seconds(self) -> float:
        """So far."""
        return self._before_seconds + self._clock() - self._began

    async def all_of(self, steps: Iterable[Step]) -> list[Step]:
        """What every step gives. Each should take well under a millisecond."""
        done: list[Step] = []
        for step in steps:
            done.append(step)
            if (took := self._clock() - self._began) > SLICE_SECONDS:
                self._before_seconds += took
                await asyncio.sleep(0)
                self._began = self._clock()
        return done
