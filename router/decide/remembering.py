"""What a model was asked a moment ago, or is being asked right now, is not asked again.

Rules of this file
- A key is everything that the model is told, so that what is remembered is what it would have been asked anew: the
  prompt has the message, the history, the draft, the language, the tools and the clock to the minute ("in two hours"
  means something else a minute later).
- Bounded in number and in time. A failure is shared by those who wait for it, and is not remembered.
- Who stops waiting takes nothing from the others; when nobody waits any more, nothing goes on.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

T = TypeVar("T")

KEPT_SECONDS = 30.0
"""Long enough for a client that sends a message twice or asks for the decision before it chats, too short for the world
to have changed."""
MOST_KEPT = 256
"""A decision takes a kilobyte or two."""


class Origin(StrEnum):
    """Where an answer came from."""

    MADE = "made"
    SHARED = "shared"
    """Somebody else was asking the same."""
    REMEMBERED = "remembered"


@dataclass(slots=True)
class _Running(Generic[T]):
    task: asyncio.Task[T]
    waiting: int = 0


class Remembering(Generic[T]):
    """Answers by key. `clock` gives seconds that only grow."""

    def __init__(
        self, clock: Callable[[], float], *, kept_seconds: float = KEPT_SECONDS, most_kept: int = MOST_KEPT
    ) -> None:
        self._clock = clock
        self._kept_seconds = kept_seconds
        self._most_kept = most_kept
        # In order of their making, so that those over age and over number stand in front.
        self._kept: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._running: dict[str, _Running[T]] = {}

    async def answer(self, key: str, make: Callable[[], Coroutine[Any, Any, T]]) -> tuple[T, Origin]:
        """What `make` gives, made once for all who ask within the time; raises what it raises."""
        self._forget()
        if key in self._kept:
            return self._kept[key][1], Origin.REMEMBERED
        running, origin = self._running.get(key), Origin.SHARED
        if running is None:
            running, origin = _Running(asyncio.ensure_future(make())), Origin.MADE
            self._running[key] = running
            running.task.add_done_callback(lambda task: self._ended(key, task))
        running.waiting += 1
        try:
            return await asyncio.shield(running.task), origin
        finally:
            running.waiting -= 1
            if not running.waiting and not running.task.done():
                # Out of the way first: who comes now begins anew.
                del self._running[key]
                running.task.cancel()
                await asyncio.wait((running.task,))

    def _ended(self, key: str, task: asyncio.Task[T]) -> None:
        running = self._running.get(key)
        if running is not None and running.task is task:
            del self._running[key]
        # Asking for the exception tells asyncio that somebody has seen it: those who waited have, if there were any.
        if not task.cancelled() and task.exception() is None:
            self._kept.pop(key, None)
            self._kept[key] = (self._clock(), task.result())
            self._forget()

    def _forget(self) -> None:
        now = self._clock()
        while self._kept:
            made_at, _ = next(iter(self._kept.values()))
            if len(self._kept) <= self._most_kept and now - made_at < self._kept_seconds:
                return
            self._kept.popitem(last=False)
