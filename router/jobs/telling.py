"""What a job tells while it runs, on its way to the disk.

Rules of this file
- Tokens that come together are one event: a disk that is asked for every token tells none of them in time.
- What could not be stored ends the job; nobody is told of what is not on the disk.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import orjson

from router.jobs.store import Ending, JobStore

PACE_SECONDS = 0.2
"""Between two writes to the disk: as often as a reader's eye notices."""
TOKEN = "token"  # noqa: S105 - a piece of an answer


class Teller:
    """Takes the events of one attempt, and stores them in batches while the context lasts. `told` hears of each."""

    def __init__(self, store: JobStore, job_id: str, most_bytes: int, told: Callable[[], None]) -> None:
        self._store = store
        self._job_id = job_id
        self._most_bytes = most_bytes
        self._told = told
        self._waiting: list[tuple[str, Mapping[str, Any]]] = []
        self._news = asyncio.Event()
        self._over = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._store_as_it_comes())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Not cancelled: what is being written would be lost.
        self._over.set()
        self._news.set()
        await self._task

    def tell(self, name: str, fields: Mapping[str, Any]) -> None:
        """One event. Raises what went wrong with storing those before it."""
        if self._task.done():
            self._task.result()
        last = self._waiting[-1] if self._waiting else None
        if last is not None and name == last[0] == TOKEN:
            self._waiting[-1] = (TOKEN, {"text": last[1]["text"] + fields["text"]})
        else:
            self._waiting.append((name, fields))
        self._news.set()

    def rest(self) -> Sequence[Ending]:
        """What is not stored yet, to be stored with the end."""
        rest, self._waiting = self._waiting, []
        return [(name, orjson.dumps(fields)) for name, fields in rest]

    async def _store_as_it_comes(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if self._over.is_set():
                return
            await self._store.tell(self._job_id, self.rest(), self._most_bytes)
            self._told()
            try:
                async with asyncio.timeout(PACE_SECONDS):
                    await self._over.wait()
            except TimeoutError:
                continue
