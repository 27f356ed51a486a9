"""Waiting for something without letting a client's connection fall silent.

Rules of this file
- What is waited for is cancelled, and awaited, when nobody wants it any more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def filled(
    coming: Coroutine[Any, Any, T],
    every_seconds: float,
    quiet: Callable[[], Awaitable[None]],
    abandoned: Callable[[asyncio.Future[T]], None] | None = None,
) -> T:
    """What `coming` gives; `quiet` is awaited every so often until it is there.

    `abandoned` is called with the finished task when the wait was broken off, even if the task was just done: what it
    gave may have to be closed.
    """
    task = asyncio.ensure_future(coming)
    try:
        while not (await asyncio.wait((task,), timeout=every_seconds))[0]:
            await quiet()
    except BaseException:
        if abandoned is not None:
            task.add_done_callback(abandoned)
        task.cancel()
        await asyncio.wait((task,))
        raise
    return task.result()
