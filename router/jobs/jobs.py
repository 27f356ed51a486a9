"""Jobs as the rest of Maek uses them: accept, look, follow, cancel, retry.

Rules of this file
- The file is opened when there is a first job, or at the start if it is there: who has no jobs has no file.
- Somebody who follows a job is told what is on the disk, and woken when there is more.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from router.errors import BadRequest, MaekError, NotFound
from router.jobs.courier import Courier
from router.jobs.database import FILE_NAME, Database, JobStoreFailed, JobStoreHeld
from router.jobs.job import ENDED, Change, Event, Job, NewJob, State, Step
from router.jobs.rounds import again_and_again, came
from router.jobs.settings import JobSettings
from router.jobs.store import JobStore, no_such_job
from router.jobs.transitions import Circumstances
from router.jobs.worker import Means, Perform, Settle, Worker
from router.sessions.store import Clock, epoch_seconds

log = logging.getLogger(__name__)

SWEEP_SECONDS = 60.0
"""Between two looks for jobs that ended too long ago."""
TAKE_OVER_SECONDS = 2.0
"""Between two looks whether another Maek still works on the jobs."""
EVENTS_AT_ONCE = 500


class Counted(Protocol):
    """Who counts what happens to jobs."""

    def job_ended(self, state: str, seconds: float) -> None:
        """A job has ended, so long after it was accepted."""
        ...

    def job_retried(self, code: str) -> None:
        """A job that failed of this will be tried again."""
        ...

    def webhook_sent(self, outcome: str) -> None:
        """`delivered`, `failed` or `given_up`."""
        ...

    def failed(self, error: MaekError) -> None:
        """An attempt ended with an error."""
        ...


class _Open:
    """What there is once the file is open."""

    def __init__(self, store: JobStore, worker: Worker, courier: Courier) -> None:
        self.store = store
        self.worker = worker
        self.courier = courier
        self.tasks: list[asyncio.Task[None]] = []


class Jobs:
    """All jobs. `active` hears how many run."""

    def __init__(
        self,
        folder: Path,
        settings: JobSettings,
        counted: Counted,
        active: Callable[[int], None],
        now: Clock = epoch_seconds,
    ) -> None:
        self.settings = settings
        self.counts: Mapping[str, int] = dict.fromkeys(State, 0)
        self._folder = folder
        self._counted = counted
        self._active = active
        self._now = now
        self._perform: Perform | None = None
        self._settle: Settle | None = None
        self._open: _Open | None = None
        self._opening = asyncio.Lock()
        self._listeners: dict[str, set[asyncio.Event]] = {}
        self._closing = False

    def adopt(self, settings: JobSettings) -> None:
        """Put settings in force. What runs goes on."""
        self.settings = settings
        if self._open is not None:
            self._open.worker.wake()
            self._open.courier.wake()

    @asynccontextmanager
    async def running(self, perform: Perform, settle: Settle) -> AsyncIterator[None]:
        """Run jobs for as long as the context lasts; those that run at its end wait for the next start.

        Raises JobStoreFailed where there is a file that cannot be used. While another Maek works on it, this one waits
        for that one's end, and refuses jobs.
        """
        self._perform, self._settle = perform, settle
        taking_over: asyncio.Task[None] | None = None
        try:
            if (self._folder / FILE_NAME).exists():
                try:
                    await self._opened()
                except JobStoreHeld as error:
                    log.warning("%s This one refuses jobs until that one has ended.", error.message)
                    taking_over = asyncio.create_task(again_and_again(self._take_over, asyncio.Event(), "jobs"))
            yield
        finally:
            if taking_over is not None:
                taking_over.cancel()
                await asyncio.gather(taking_over, return_exceptions=True)
            await self._close()

    async def accept(self, new: NewJob) -> tuple[Job, bool]:
        """The job, and whether it is new. It is on the disk when this returns. Raises MaekError."""
        opened = await self._opened()
        job, is_new = await opened.store.accept(new, self._now(), self.settings.keeping)
        if is_new:
            opened.worker.wake()
        return job, is_new

    async def get(self, job_id: str, owner: str) -> tuple[Job, Sequence[Step]]:
        """The owner's job of this id, and what it wrote. Raises NotFound."""
        store = (await self._there()).store
        return await store.get(job_id, owner), await store.steps(job_id)

    async def listed(self, owner: str, states: Collection[State], most: int, before: str | None) -> Sequence[Job]:
        """The owner's jobs in these states, newest first, from before the job `before`."""
        try:
            return await (await self._there()).store.listed(owner, states, most, before)
        except NotFound:
            return ()

    async def cancel(self, job_id: str, owner: str) -> None:
        """Let it be; what a backend generates for it has stopped when this returns. Raises NotFound."""
        opened = await self._there()
        job = await opened.store.get(job_id, owner)
        cancelled = await opened.store.change(job_id, Change.CANCELLED, Circumstances(self._now()))
        await opened.worker.stop(job_id)
        if cancelled is not None and self._settle is not None and await opened.store.steps(job_id):
            await self._settle(job)

    async def retry(self, job_id: str, owner: str) -> None:
        """Try a dead letter again, as if it had just come. Raises NotFound, and BadRequest for any other job."""
        opened = await self._there()
        job = await opened.store.get(job_id, owner)
        if await opened.store.change(job_id, Change.RETRIED, Circumstances(self._now())) is None:
            raise BadRequest(f"This job is {job.state}; only a dead one can be tried again.")

    async def follow(
        self, job_id: str, owner: str, after: int, quiet_seconds: float
    ) -> AsyncGenerator[Event | None, None]:
        """What a job tells after its event `after`, until it has ended; None after each so long a silence.

        Raises NotFound.
        """
        store = (await self._there()).store
        await store.get(job_id, owner)
        news = asyncio.Event()
        listeners = self._listeners.setdefault(job_id, set())
        listeners.add(news)
        try:
            while not self._closing:
                news.clear()
                ended = (await store.get(job_id, owner)).state in ENDED
                events = await store.events(job_id, after, EVENTS_AT_ONCE)
                for event in events:
                    yield event
                    after = event.number
                if events:
                    continue
                if ended:
                    return
                if not await came(news, quiet_seconds):
                    yield None
        finally:
            listeners.discard(news)
            if not listeners:
                self._listeners.pop(job_id, None)

    def wind_down(self) -> None:
        """Maek is about to end: nobody is told more, and no other job begins."""
        self._closing = True
        if self._open is not None:
            self._open.worker.take_no_more()
        for job_id in list(self._listeners):
            self.told(job_id)

    def told(self, job_id: str) -> None:
        """See `worker.Watcher`."""
        for news in self._listeners.get(job_id, ()):
            news.set()

    def counted(self, jobs: Mapping[str, int]) -> None:
        """See `worker.Watcher`."""
        self.counts = jobs

    def active(self, jobs: int) -> None:
        """See `worker.Watcher`."""
        self._active(jobs)

    def failed(self, error: MaekError) -> None:
        """See `worker.Watcher`."""
        self._counted.failed(error)

    def retried(self, code: str) -> None:
        """See `worker.Watcher`."""
        self._counted.job_retried(code)

    async def _take_over(self) -> float | None:
        """Open the file if nobody holds it any more."""
        with suppress(JobStoreHeld):
            await self._opened()
            return None
        return TAKE_OVER_SECONDS

    async def _there(self) -> _Open:
        """The open file. Raises NotFound where there has never been a job."""
        if self._open is None and not (self._folder / FILE_NAME).exists():
            raise no_such_job()
        return await self._opened()

    async def _opened(self) -> _Open:
        async with self._opening:
            if self._open is None:
                self._open = await self._begun()
            return self._open

    async def _begun(self) -> _Open:
        assert self._perform is not None
        assert self._settle is not None
        store = JobStore(await Database.opened(self._folder), self._changed)
        try:
            await store.recover(self._now())
        except BaseException:
            await store.close()
            raise
        means = Means(store, self._perform, self._settle, lambda: self.settings, self._now, random.random, self)
        courier = Courier(store, lambda: self.settings.webhooks, self._now, random.random, self._counted.webhook_sent)
        opened = _Open(store, Worker(means), courier)
        works: tuple[Coroutine[Any, Any, None], ...] = (
            opened.worker.run(),
            courier.run(),
            again_and_again(partial(self._sweep, store), asyncio.Event(), "forgotten jobs"),
        )
        # They outlive the request that happens to begin them, and what they log is not about it.
        opened.tasks = [asyncio.create_task(work, context=Context()) for work in works]
        return opened

    def _changed(self, job: Job) -> None:
        if job.ended_at is not None and job.state in ENDED:
            self._counted.job_ended(str(job.state), max(0.0, job.ended_at - job.accepted_at))
        self.told(job.id)
        if self._open is not None:
            self._open.worker.wake()
            self._open.courier.wake()

    async def _sweep(self, store: JobStore) -> float:
        await store.sweep(self._now(), self.settings.keeping)
        return SWEEP_SECONDS

    async def _close(self) -> None:
        self.wind_down()
        if self._open is None:
            return
        opened, self._open = self._open, None
        for task in opened.tasks:
            task.cancel()
        await asyncio.gather(*opened.tasks, return_exceptions=True)
        try:
            await opened.worker.drain()
        except JobStoreFailed as error:
            log.error("jobs stay running in the file until the next start reason=%s", error.message)
        finally:
            await opened.store.close()
