"""Runs jobs: takes the next one when its pool has room, and writes down how it ended.

Rules of this file
- A job's state in the store is the truth; whatever ends here is asked for there, and may come too late.
- One of the few places that catch everything: a job that fails in a way that nobody foresaw is a dead letter, is
  counted, and ends no other.
"""

import asyncio
import logging
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import orjson

from router.errors import Internal, MaekError, PolicyFault
from router.jobs.database import JobStoreFailed
from router.jobs.job import Change, Job, Trouble
from router.jobs.journal import JobJournal
from router.jobs.rounds import again_and_again
from router.jobs.settings import JobSettings
from router.jobs.store import JobStore
from router.jobs.telling import TOKEN, Teller
from router.jobs.transitions import (
    Circumstances,
    Counter,
    Resumption,
    change_after,
    pause_seconds,
    resumption,
    too_late,
    unknown_write,
)
from router.logs import answering
from router.sessions.store import Clock
from router.tools.writing import JOURNAL

log = logging.getLogger(__name__)

DONE = "done"

Tell = Callable[[str, Mapping[str, Any]], None]
"""Takes an event: its name, and its data as JSON values."""
Perform = Callable[[Job, Tell], Awaitable[Mapping[str, Any]]]
"""Does what a job asks for, telling what happens; gives what `/chat` would have answered. Raises MaekError."""
Settle = Callable[[Job], Awaitable[None]]
"""Lets the draft that a job has written, or may have, wait no more: nobody shall say yes to it again."""


class Watcher(Protocol):
    """Who hears what happens here."""

    def told(self, job_id: str) -> None:
        """A job has told something."""
        ...

    def counted(self, jobs: Mapping[str, int]) -> None:
        """So many are in each state."""
        ...

    def active(self, jobs: int) -> None:
        """So many jobs run now."""
        ...

    def failed(self, error: MaekError) -> None:
        """An attempt ended with an error."""
        ...

    def retried(self, code: str) -> None:
        """A job that failed of this will be tried again."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What the worker works with."""

    store: JobStore
    perform: Perform
    settle: Settle
    settings: Callable[[], JobSettings]
    now: Clock
    random: Callable[[], float]
    watcher: Watcher


class Worker:
    """Runs jobs until it is told to stop."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._news = asyncio.Event()
        self._running: dict[str, tuple[Job, asyncio.Task[None]]] = {}
        self._stranded: dict[str, Job] = {}
        """Those whose end could not be written down."""
        self._closing = False

    def wake(self) -> None:
        """There may be something to do."""
        self._news.set()

    async def run(self) -> None:
        """Take jobs as they come, for ever."""
        await again_and_again(self._round, self._news, "jobs")

    def take_no_more(self) -> None:
        """Begin no other job; those that run go on."""
        self._closing = True

    async def stop(self, job_id: str) -> None:
        """Break off a job that runs, and wait until it has ended. What becomes of it is in the store already."""
        if (running := self._running.get(job_id)) is not None:
            await _ended(running[1])

    async def drain(self) -> None:
        """Let jobs that run wait for the next start."""
        self.take_no_more()
        interrupted = list(self._running.values())
        await asyncio.gather(*(_ended(task) for _, task in interrupted))
        for job, _ in interrupted:
            await self._again(job)

    async def _round(self) -> float | None:
        """Begin what can begin; seconds until something else may."""
        means = self._means
        means.watcher.counted(await means.store.counts())
        for job in list(self._stranded.values()):
            await self._again(job)
            del self._stranded[job.id]
        looked_at = means.now()  # one moment for all of it, or what comes due between two looks is seen by neither
        await means.store.expire(looked_at)
        while not self._closing:
            settings = means.settings()
            busy = Tally(job.pool for job, _ in self._running.values())
            full = [pool for pool, many in busy.items() if many >= settings.most_in(pool)]
            claimed = await means.store.claim(looked_at, full)
            if claimed is None:
                break
            self._begin(claimed)
        next_at = await means.store.next_at(looked_at)
        return None if next_at is None else next_at - means.now()

    async def _again(self, job: Job) -> None:
        """Let it wait for another attempt; nobody is to blame."""
        given = Circumstances(self._means.now(), job.trouble)
        await self._means.store.change(job.id, Change.INTERRUPTED, given, attempt=job.attempts)

    def _begin(self, job: Job) -> None:
        task = asyncio.create_task(self._work(job), name=f"job {job.id}")
        self._running[job.id] = (job, task)
        self._means.watcher.active(len(self._running))
        task.add_done_callback(partial(self._over, job))

    def _over(self, job: Job, task: asyncio.Task[None]) -> None:
        del self._running[job.id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("end of a job not written down job=%s", job.id, exc_info=error)
            self._stranded[job.id] = job
        self._means.watcher.active(len(self._running))
        self.wake()

    async def _work(self, job: Job) -> None:
        try:
            try:
                with answering(job.id):
                    await self._attempt(job)
            except JobStoreFailed:
                raise
            except Exception:
                log.exception("unforeseen error job=%s", job.id)
                unforeseen = Internal("Something unforeseen happened in Maek; its log has more under the job's id.")
                self._means.watcher.failed(unforeseen)
                await self._broken_off(job, unforeseen)
        except JobStoreFailed as error:
            log.error("job left as it is until the disk takes it job=%s reason=%s", job.id, error.message)
            self._stranded[job.id] = job

    async def _attempt(self, job: Job) -> None:
        means = self._means
        if resumption(await means.store.steps(job.id)) is not Resumption.RUN:
            await self._settle_writes(job)
            return
        JOURNAL.set(JobJournal(means.store, job, means.now))  # of this task alone
        most_bytes = means.settings().keeping.event_bytes
        teller = Teller(means.store, job.id, most_bytes, lambda: means.watcher.told(job.id))
        deadline = asyncio.timeout(job.asked.deadline_at - means.now())
        try:
            async with deadline, teller:
                result = await means.perform(job, teller.tell)
        except TimeoutError:
            if not deadline.expired():
                raise
            await self._broken_off(job, None)
        except JobStoreFailed:
            raise
        except MaekError as error:
            means.watcher.failed(error)
            await self._broken_off(job, error)
        else:
            await self._finished(job, result, teller)

    async def _finished(self, job: Job, result: Mapping[str, Any], teller: Teller) -> None:
        store, now = self._means.store, self._means.now()
        left_open = next((step for step in await store.steps(job.id) if step.open), None)
        if left_open is not None:
            await self._means.settle(job)
            given = Circumstances(now, unknown_write(left_open))
            await store.change(job.id, Change.FAILED_FOR_GOOD, given, attempt=job.attempts, last=teller.rest())
            return
        given = Circumstances(now, result=result)
        await store.change(job.id, Change.FINISHED, given, attempt=job.attempts, last=teller.rest())

    async def _broken_off(self, job: Job, error: MaekError | None) -> None:
        """After an attempt that failed; None: its time is over."""
        means = self._means
        if await self._settle_writes(job):
            return
        now = means.now()
        if error is None:
            change, given = Change.FAILED_FOR_GOOD, Circumstances(now, too_late())
        else:
            trouble, settings = Trouble(error.code, error.message), means.settings()
            change = change_after(error, job, settings.patience)
            counter = Counter.REFUSAL if isinstance(error, PolicyFault) else Counter.FAILURE
            times = 1 + (job.refusals if counter is Counter.REFUSAL else job.failures)
            pause = pause_seconds(times, settings.patience, means.random(), error.retry_after_seconds)
            given = Circumstances(now, trouble, run_at=now + pause, counts_as=counter)
            if change is Change.FAILED_FOR_NOW:
                means.watcher.retried(error.code)
        left_open = next((step for step in await means.store.steps(job.id) if step.open), None)
        if left_open is not None and change is Change.FAILED_FOR_GOOD:
            given = Circumstances(now, unknown_write(left_open))
        await means.store.change(job.id, change, given, attempt=job.attempts)

    async def _settle_writes(self, job: Job) -> bool:
        """End a job that has written something, or may have; whether it is such a one."""
        store, now = self._means.store, self._means.now()
        steps = await store.steps(job.id)
        how = resumption(steps)
        if how is Resumption.RUN:
            return False
        await self._means.settle(job)
        if how is Resumption.UNKNOWN:
            left_open = next(step for step in steps if step.open)
            given = Circumstances(now, unknown_write(left_open))
            await store.change(job.id, Change.FAILED_FOR_GOOD, given, attempt=job.attempts)
            return True
        written = [step for step in steps if step.written]
        result = {
            "session": job.asked.session,
            "action": "tools",
            "text": "\n".join(step.text or "" for step in written),
            "tool": written[-1].tool,
            "operation": written[-1].operation,
            "data": dict(written[-1].data or {}),
            "finish_reason": "stop",
        }
        last = [(TOKEN, orjson.dumps({"text": result["text"]})), (DONE, orjson.dumps(result))]
        await store.change(job.id, Change.FINISHED, Circumstances(now, result=result), attempt=job.attempts, last=last)
        return True


async def _ended(task: asyncio.Task[None]) -> None:
    """Break it off, and wait for its end."""
    task.cancel()
    await asyncio.wait((task,))
