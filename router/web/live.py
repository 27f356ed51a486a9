"""What everybody who looks at the status page is told, made once for all of them.

Rules of this file
- It costs what is looked at: without a listener only the history is kept, a look every few seconds.
- Bounded: so many listeners, and each is told what has changed since it was last told.
- A picture is of one moment, and painted in slices: with a hundred backends it takes longer than the event loop may be
  held.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from router.errors import Shed
from router.fleet import Fleet
from router.web.glimpses import backend_glimpse, look_at, roles_glimpse
from router.web.history import History
from sidecar import Slices, Snapshot, each_backend_json

MOST_LISTENERS = 32
"""Tabs, over all keys. Each costs a write every half a second."""
LOOK_SECONDS = 10.0
"""Between two looks for the history: six of them make a point."""
FRESH_SECONDS = 0.2
"""So long one picture of the fleet is good for every listener."""
RETRY_AFTER_SECONDS = 10.0


class Picture(NamedTuple):
    """The fleet at one moment."""

    backends: Mapping[str, Mapping[str, Any]]
    """By name, in the order of the configuration."""
    roles: Mapping[str, Sequence[Mapping[str, Any]]]


class Live:
    """Lets listeners in, and shows them the fleet. `waiting` tells how many requests wait for room."""

    def __init__(self, waiting: Callable[[], int], most: int = MOST_LISTENERS) -> None:
        self.waiting = waiting
        self.history = History()
        self.listeners = 0
        self._most = most
        self._over = asyncio.Event()
        self._painting: asyncio.Task[Picture] | None = None
        self._taken_of: Fleet | None = None
        self._taken_at = 0.0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """One listener, for as long as the context lasts. Raises Shed when there are too many."""
        if self.listeners >= self._most:
            raise Shed(
                f"{self.listeners} pages look already, as many as may; close one, or try again soon.",
                retry_after_seconds=RETRY_AFTER_SECONDS,
            )
        self.listeners += 1
        try:
            yield
        finally:
            self.listeners -= 1

    async def picture(self, fleet: Fleet) -> Picture:
        """The fleet now, or a moment ago."""
        snapshot = fleet.snapshot()
        fresh = fleet is self._taken_of and snapshot.now - self._taken_at < FRESH_SECONDS
        if self._painting is None or not fresh:
            self._painting = asyncio.create_task(_paint(fleet, snapshot.still()))
            self._taken_of, self._taken_at = fleet, snapshot.now
        return await asyncio.shield(self._painting)  # a listener that leaves does not spoil it for the others

    async def over_within(self, seconds: float) -> bool:
        """Wait so long; whether Maek ends meanwhile, and the listeners with it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()
        return self._over.is_set()

    def wind_down(self) -> None:
        """Maek ends: nobody is told anything more."""
        self._over.set()

    async def remember(self, fleet: Callable[[], Fleet]) -> None:
        """Keep the history, until cancelled."""
        while True:
            now_in_force = fleet()
            snapshot = now_in_force.snapshot().still()
            told = each_backend_json(snapshot, now_in_force.load_rules)
            self.history.look(snapshot.now, await Slices().all_of(map(look_at, told)))
            await asyncio.sleep(LOOK_SECONDS)


async def _paint(fleet: Fleet, snapshot: Snapshot) -> Picture:
    told = each_backend_json(snapshot, fleet.load_rules)
    backends = await Slices().all_of(map(backend_glimpse, told))
    return Picture({backend["name"]: backend for backend in backends}, roles_glimpse(fleet, snapshot))
