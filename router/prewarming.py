"""Has models loaded before somebody has to wait for them: who is asked, and the tasks that ask.

Rules of this file
- `Warmth` decides; a task waits for the end of each load. None of them outlives the router.
- Asking costs a request nothing: a role that is in use is looked at once a second, between two requests.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from router.balance.pools import Pool
from router.balance.prewarm import Warming, Warmth
from sidecar import Snapshot

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 1.0
"""A busy role is asked for hundreds of times a second; that nobody is cold is soon known."""

Load = Callable[[str, str], Awaitable[None]]
"""Has a backend load a model, and waits until it has answered."""


class Prewarmer:
    """Owner of what is asked for lately, and of the loads that run. `snapshot` takes one now; `asked` hears of whoever
    is asked to load, and for which role."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        load: Load,
        asked: Callable[[float, str, Warming], None] = lambda _at, _role, _warming: None,
    ) -> None:
        self.on = True
        self._asked = asked
        self._snapshot = snapshot
        self._load = load
        self._warmth = Warmth()
        self._looked_at: dict[str, float] = {}
        self._loads: dict[str, asyncio.Future[None]] = {}

    def demanded(self, role: str, pool: Pool) -> None:
        """Somebody asks for `role`, which `pool` serves: whoever is cold in it may be asked to get ready."""
        now = asyncio.get_running_loop().time()
        self._warmth.note(role, now)
        if not self.on or not self._warmth.in_use(role, now):
            return
        if now - self._looked_at.get(role, 0.0) < LOOK_AGAIN_SECONDS:
            return
        self._looked_at[role] = now
        warming = self._warmth.next(pool, role, self._snapshot())
        if warming is None:
            return
        cold = warming.chosen
        if cold.backend not in self._loads:
            self._asked(now, role, warming)
            task = asyncio.ensure_future(self._load(*cold))
            self._loads[cold.backend] = task
            task.add_done_callback(partial(self._ended, cold.backend))

    def _ended(self, backend: str, task: "asyncio.Future[None]") -> None:
        del self._loads[backend]
        if not task.cancelled() and task.exception() is not None:
            log.error("loading ended in a way that nobody foresaw backend=%s", backend, exc_info=task.exception())

    async def close(self) -> None:
        """Wait for none of them."""
        loads = list(self._loads.values())
        for load in loads:
            load.cancel()
        await asyncio.gather(*loads, return_exceptions=True)
