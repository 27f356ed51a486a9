"""Threads for what may block for long: servers and disks of others.

Rules of this file
- Such work has threads of its own. Those of the event loop are few, and serve what everybody waits for: names of
  servers, `/metrics`, documents.
- They are daemons: a disk that hangs for ever does not keep Maek from ending.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar, cast

T = TypeVar("T")


async def in_own_thread(work: Callable[[], T]) -> T:
    """What `work` gives or raises. Who is cancelled meanwhile leaves it to its end; nobody hears of that."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if ended.done():
            return
        if error is None:
            ended.set_result(cast("T", result))
        else:
            ended.set_exception(error)

    def run() -> None:
        result: T | None = None
        failed: BaseException | None = None
        try:
            result = work()
        except BaseException as error:
            failed = error
        with suppress(RuntimeError):  # Maek has ended
            loop.call_soon_threadsafe(tell, result, failed)

    threading.Thread(target=run, name="tool", daemon=True).start()
    return await ended


class OneLook(Generic[T]):
    """Looks at something that may hang, once at a time: whoever asks meanwhile waits for the same answer."""

    def __init__(self, look: Callable[[], T]) -> None:
        self._look = look
        self._looking: asyncio.Future[T] | None = None

    async def __call__(self) -> T:
        """What `look` gives."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(in_own_thread(self._look))
        return await asyncio.shield(self._looking)
