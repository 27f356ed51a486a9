"""What goes on in the background while Maek runs, and the first look before it begins.

Rules of this file
- What begins here ends with the context that it was given. Work that breaks is told in the log, never silently gone.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

from sidecar import BackendState, Fact, Snapshot, Verdict

log = logging.getLogger(__name__)

FIRST_LOOK_SECONDS = 0.4
"""How long the start waits for the first round of probes: loopback servers answer within it, and nobody waits for a
dead one."""

Witness = Callable[[Callable[[Fact], None]], Callable[[], None]]
"""Has somebody told of every fact; gives what ends that."""


async def first_look(snapshot: Callable[[], Snapshot], witness: Witness) -> None:
    """Let the first round of probes end, so that the first request knows the fleet; but not for long."""
    met = asyncio.Event()

    def look(_fact: Fact | None = None) -> None:
        if all(_is_met(state) for state in snapshot().backends.values()):
            met.set()

    look_no_more = witness(look)
    look()
    try:
        async with asyncio.timeout(FIRST_LOOK_SECONDS):
            await met.wait()
    except TimeoutError:
        log.info("some backends have not answered yet; they join as they do")
    finally:
        look_no_more()


def _is_met(state: BackendState) -> bool:
    """Whether the first round has told what this backend offers, or that it is not there."""
    health = state.health
    return health.verdict is Verdict.DOWN or health.loading or health.suspended or state.models is not None


async def for_the_while(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    """Have `work` done in the background until the stack is closed."""
    task = asyncio.create_task(work)
    task.add_done_callback(tell_of_failure)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)


def tell_of_failure(task: asyncio.Task[None]) -> None:
    """Log what ended background work, unless somebody ended it."""
    if not task.cancelled() and task.exception() is not None:
        log.error("background work ended; restart Maek to have it again", exc_info=task.exception())
