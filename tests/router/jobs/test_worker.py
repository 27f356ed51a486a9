"""The worker: a disk that fails, a bug in a job, and what is told on the way."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from router.errors import BadRequest, MaekError, ToolFailed
from router.jobs.database import Database, JobStoreFailed, Transaction
from router.jobs.job import Job, State
from router.jobs.store import JobStore
from router.jobs.telling import Teller
from router.jobs.worker import Means, Perform, Tell, Worker
from router.tools.call import call
from router.tools.parameters import NoParams
from router.tools.spec import Operation, Tool, ToolCall, ToolResult
from tests.fakes.waiting import until
from tests.router.jobs.given import ASKED, KEEPING, NOW, OWNER, SETTINGS
from tests.router.tools.given import ctx


class Disk(Database):
    """A file whose disk is full while the test says so."""

    full = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with super().transaction() as do:
            with self._failures():
                if self.full:
                    raise sqlite3.OperationalError("database or disk is full")
            yield do


@dataclass
class Heard:
    """What the worker tells."""

    errors: list[str] = field(default_factory=list)
    retries: list[str] = field(default_factory=list)
    most_active: int = 0

    def told(self, job_id: str) -> None: ...

    def counted(self, jobs: Mapping[str, int]) -> None: ...

    def active(self, jobs: int) -> None:
        self.most_active = max(self.most_active, jobs)

    def failed(self, error: MaekError) -> None:
        self.errors.append(error.code)

    def retried(self, code: str) -> None:
        self.retries.append(code)


class Shop:
    """A worker with its store, and the jobs whose drafts wait no more."""

    def __init__(self, disk: Disk, perform: Perform) -> None:
        self.disk = disk
        self.news = asyncio.Event()
        self.heard = Heard()
        self.settled: list[str] = []
        self.store = JobStore(disk, lambda _job: self.news.set())
        self.worker = Worker(
            Means(self.store, perform, self.settle, lambda: SETTINGS, lambda: NOW, random.Random(1).random, self.heard)
        )

    async def settle(self, job: Job) -> None:
        self.settled.append(job.id)

    async def accept(self, session: str = "room") -> str:
        job, _ = await self.store.accept(replace(ASKED, session=session), NOW, KEEPING)
        self.worker.wake()
        return job.id

    async def becomes(self, job_id: str, *states: State) -> Job:
        async with asyncio.timeout(10):
            while True:
                self.news.clear()
                if (job := await self.store.get(job_id, OWNER)).state in states:
                    return job
                await self.news.wait()
                self.worker.wake()


Opener = Callable[[Perform], Awaitable[Shop]]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opener]:
    shops: list[tuple[Shop, asyncio.Task[None]]] = []

    async def open_one(perform: Perform) -> Shop:
        shop = Shop(await Disk.opened(tmp_path), perform)
        shops.append((shop, asyncio.create_task(shop.worker.run())))
        return shop

    yield open_one
    for shop, task in shops:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await shop.worker.drain()
        await shop.store.close()


async def test_a_bug_in_one_job_is_a_dead_letter_and_ends_no_other(
    opened: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    async def perform(job: Job, _tell: Tell) -> Mapping[str, Any]:
        if job.asked.session == "bug":
            raise ZeroDivisionError
        return {"text": "네"}

    shop = await opened(perform)
    bug, well = await shop.accept("bug"), await shop.accept("well")
    dead = await shop.becomes(bug, State.DEAD)
    assert dead.trouble is not None
    assert dead.trouble.code == "internal"
    assert (await shop.becomes(well, State.DONE)).result == {"text": "네"}
    assert shop.heard.errors == ["internal"]
    assert "ZeroDivisionError" in caplog.text


async def test_a_full_disk_loses_no_job(opened: Opener) -> None:
    runs = 0

    async def perform(_job: Job, _tell: Tell) -> Mapping[str, Any]:
        nonlocal runs
        runs += 1
        shop.disk.full = runs == 1
        return {"text": f"{runs}"}

    shop = await opened(perform)
    job_id = await shop.accept()
    await until(lambda: shop.worker._stranded)
    assert (await shop.store.get(job_id, OWNER)).state is State.RUNNING
    shop.disk.full = False
    shop.worker.wake()
    job = await shop.becomes(job_id, State.DONE)
    assert (job.result, job.attempts) == ({"text": "2"}, 2)


async def test_what_cannot_be_stored_while_it_runs_breaks_the_attempt_off(opened: Opener) -> None:
    tries = 0

    async def perform(_job: Job, tell: Tell) -> Mapping[str, Any]:
        nonlocal tries
        tries += 1
        shop.disk.full = tries == 1
        tell("token", {"text": "a"})
        while tries == 1:
            await asyncio.sleep(0.01)
            tell("token", {"text": "b"})
        return {"text": "whole"}

    shop = await opened(perform)
    job_id = await shop.accept()
    await until(lambda: shop.worker._stranded)
    shop.disk.full = False
    shop.worker.wake()
    assert (await shop.becomes(job_id, State.DONE)).result == {"text": "whole"}


async def test_a_pool_runs_as_many_jobs_as_it_may(opened: Opener) -> None:
    gate = asyncio.Event()

    async def perform(_job: Job, _tell: Tell) -> Mapping[str, Any]:
        await gate.wait()
        return {}

    shop = await opened(perform)
    jobs = [await shop.accept(str(number)) for number in range(5)]
    await shop.becomes(jobs[1], State.RUNNING)
    gate.set()
    for job_id in jobs:
        await shop.becomes(job_id, State.DONE)
    assert shop.heard.most_active == SETTINGS.concurrency == 2


async def test_a_write_whose_end_nobody_knows_ends_the_job_as_unknown_though_the_turn_went_well(opened: Opener) -> None:
    async def hang(_call: ToolCall, _params: Any) -> ToolResult:
        raise OSError("reset")

    operation = Operation("save", "저장", "save", NoParams, hang, writes=True)
    tools = {"notes": Tool("notes", "메모", "notes", {"save": operation})}

    async def perform(_job: Job, tell: Tell) -> Mapping[str, Any]:
        try:
            await call(tools, "notes", "save", {}, ctx())
        except MaekError as error:
            tell("token", {"text": error.message})
        return {"text": "연결하지 못했어요"}

    shop = await opened(perform)
    job = await shop.becomes(await shop.accept(), State.DEAD)
    assert job.trouble is not None
    assert job.trouble.code == "write_unknown"
    names = [event.name for event in await shop.store.events(job.id, 0, 100)]
    assert names == ["job", "job", "token", "job"], "what was told before is told, too"
    assert shop.settled == [job.id]


@pytest.mark.parametrize("repeatable", [True, False])
async def test_a_job_given_up_after_an_open_write_says_that_first(opened: Opener, repeatable: bool) -> None:
    async def lost(_call: ToolCall, _params: Any) -> ToolResult:
        raise OSError("reset")

    operation = Operation("save", "저장", "save", NoParams, lost, writes=True, repeatable=repeatable)
    tools = {"notes": Tool("notes", "메모", "notes", {"save": operation})}

    async def perform(_job: Job, _tell: Tell) -> Mapping[str, Any]:
        with suppress(ToolFailed):
            await call(tools, "notes", "save", {}, ctx())
        raise BadRequest("too long")

    shop = await opened(perform)
    job = await shop.becomes(await shop.accept(), State.DEAD)
    assert job.trouble is not None
    assert job.trouble.code == "write_unknown"


async def test_a_stop_lets_a_job_wait_without_counting(opened: Opener) -> None:
    async def perform(_job: Job, _tell: Tell) -> Mapping[str, Any]:
        await asyncio.Event().wait()
        return {}

    shop = await opened(perform)
    job_id = await shop.accept()
    await shop.becomes(job_id, State.RUNNING)
    await shop.worker.drain()
    job = await shop.store.get(job_id, OWNER)
    assert (job.state, job.interruptions, job.failures) == (State.QUEUED, 0, 0)
    later = await shop.accept("later")
    await shop.worker._round()
    assert (await shop.store.get(later, OWNER)).state is State.QUEUED, "nothing begins after the end"


async def test_tokens_that_come_together_are_one_event(tmp_path: Path) -> None:
    store = JobStore(await Database.opened(tmp_path), lambda _job: None)
    job, _ = await store.accept(ASKED, NOW, KEEPING)
    teller = Teller(store, job.id, 1000, lambda: None)
    async with teller:
        teller.tell("token", {"text": "a"})
        teller.tell("token", {"text": "b"})
        teller.tell("notice", {"notice": "c"})
        teller.tell("token", {"text": "d"})
    assert [name for name, _ in teller.rest()] == ["token", "notice", "token"]
    await store.close()


async def test_whoever_tells_hears_that_it_could_not_be_stored(tmp_path: Path) -> None:
    disk = await Disk.opened(tmp_path)
    store = JobStore(disk, lambda _job: None)
    job, _ = await store.accept(ASKED, NOW, KEEPING)
    disk.full = True

    async def tell() -> None:
        async with Teller(store, job.id, 1000, lambda: None) as teller:
            teller.tell("token", {"text": "a"})
            await until(teller._task.done)
            teller.tell("token", {"text": "b"})
            raise AssertionError("it told what could not be stored")

    with pytest.raises(JobStoreFailed, match="Jobs cannot be read or written"):
        await tell()
    await store.close()
