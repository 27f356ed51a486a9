"""Maek dies at every step of a job in turn: nothing that was accepted is lost, and nothing is written twice."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from router.errors import MaekError, NotFound
from router.jobs.database import Database, Transaction
from router.jobs.job import ENDED, Job, State
from router.jobs.store import JobStore
from router.jobs.worker import Means, Tell, Worker
from router.tools.call import call
from router.tools.parameters import NoParams
from router.tools.spec import Operation, Tool, ToolCall, ToolResult
from tests.router.jobs.given import ASKED, KEEPING, NOW, OWNER, SETTINGS
from tests.router.tools.given import ctx


class Crash(BaseException):
    """The process is dead: nothing after it happens."""


@dataclass
class Life:
    """How many steps a process lives; each step of it asks."""

    steps: int | None = None
    taken: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def step(self) -> None:
        if self.steps is not None and self.taken >= self.steps:
            self.over.set()
            raise Crash
        self.taken += 1


class Mortal(Database):
    """A file that dies with its process, before a transaction or just after it is on the disk."""

    life: Life | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        self._step()
        async with super().transaction() as do:
            yield do
        self._step()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        self._step()
        async with super().reading() as do:
            yield do

    def _step(self) -> None:
        if self.life is not None:
            self.life.step()


@dataclass
class World:
    """What stays when a process dies: the disk, and what a tool has written elsewhere."""

    folder: Path
    repeatable: bool
    written: list[str] = field(default_factory=list)
    settled: bool = False
    """Whether the draft waits no more."""
    accepted: list[str] = field(default_factory=list)


class Silent:
    """Nobody looks."""

    def told(self, job_id: str) -> None: ...

    def counted(self, jobs: Mapping[str, int]) -> None: ...

    def active(self, jobs: int) -> None: ...

    def failed(self, error: MaekError) -> None: ...

    def retried(self, code: str) -> None: ...


async def lived(world: World, life: Life) -> None:
    """One process: takes up what is there, accepts the job if nobody did, and works until it has ended or died."""
    news = asyncio.Event()

    async def write(_call: ToolCall, _params: Any) -> ToolResult:
        life.step()
        if not (world.repeatable and world.written):  # by its name: a second time finds it there
            world.written.append("entry")
        life.step()
        return ToolResult("저장했어요", {"created": True})

    operation = Operation("save", "저장", "save", NoParams, write, writes=True, repeatable=world.repeatable)
    tools = {"notes": Tool("notes", "메모", "notes", {"save": operation})}

    async def perform(job: Job, tell: Tell) -> Mapping[str, Any]:
        tell("decision", {"action": "tools"})
        result = await call(tools, "notes", "save", {}, ctx())
        await settle(job)
        tell("token", {"text": result.text})
        return {"text": result.text}

    async def settle(_job: Job) -> None:
        life.step()
        world.settled = True
        life.step()

    database = await Mortal.opened(world.folder)
    database.life = life
    store = JobStore(database, lambda _job: news.set())
    worker = Worker(Means(store, perform, settle, lambda: SETTINGS, lambda: NOW + 1, random.random, Silent()))
    running = asyncio.create_task(live_on(world, store, worker, news, life))
    dying = asyncio.create_task(life.over.wait())
    await asyncio.wait((running, dying), return_when=asyncio.FIRST_COMPLETED)
    life.steps = 0 if life.over.is_set() else None
    for _, task in list(worker._running.values()):
        task.cancel()
    for task in (running, dying):
        task.cancel()
    await asyncio.gather(running, dying, *(task for _, task in worker._running.values()), return_exceptions=True)
    await database.close()


async def live_on(world: World, store: JobStore, worker: Worker, news: asyncio.Event, life: Life) -> None:
    await store.recover(NOW)
    if not world.accepted:
        # By a name: a caller that had no answer asks again, and may have been accepted.
        job, _ = await store.accept(replace(ASKED, key="k"), NOW, KEEPING)
        world.accepted.append(job.id)
    rounds = asyncio.create_task(worker.run())
    try:
        while not life.over.is_set():
            news.clear()
            job = await store.get(world.accepted[0], OWNER)
            if job.state in ENDED:
                return
            worker.wake()
            await news.wait()
    finally:
        rounds.cancel()
        await asyncio.gather(rounds, return_exceptions=True)


@pytest.mark.parametrize("repeatable", [True, False], ids=["repeatable", "once only"])
async def test_dying_at_any_step_loses_no_job_and_writes_nothing_twice(tmp_path: Path, repeatable: bool) -> None:
    died_at = 0
    unknown = 0
    while True:
        folder = tmp_path / str(died_at)
        world = World(folder, repeatable)
        life = Life(steps=died_at)
        await lived(world, life)
        if not life.over.is_set():
            break
        had_accepted = bool(world.accepted)
        await lived(world, Life())
        database = await Database.opened(folder)
        store = JobStore(database, lambda _job: None)
        job = await store.get(world.accepted[0], OWNER)
        await store.close()
        told = f"died at step {died_at}, accepted before: {had_accepted}, {job.trouble}"
        assert job.state in ENDED, told
        assert len(world.written) <= 1, told
        assert world.settled, told
        if job.state is State.DEAD:
            unknown += 1
            assert not repeatable, told
            assert job.trouble is not None, told
            assert job.trouble.code == "write_unknown", told
        else:
            assert job.state is State.DONE, told
            assert len(world.written) == 1, told
            assert job.result is not None, told
            assert job.result["text"] == "저장했어요", told
        died_at += 1
    assert died_at > 15, "a process has more steps than that"
    assert (unknown > 0) is not repeatable, "between the two notes nobody can know"


async def test_a_job_that_was_accepted_when_the_process_died_at_once_is_there(tmp_path: Path) -> None:
    database = await Database.opened(tmp_path)
    store = JobStore(database, lambda _job: None)
    job, _ = await store.accept(ASKED, NOW, KEEPING)
    await database.close()
    again = JobStore(await Database.opened(tmp_path), lambda _job: None)
    assert (await again.get(job.id, OWNER)).state is State.QUEUED
    with pytest.raises(NotFound):
        await again.get("another", OWNER)
    await again.close()
