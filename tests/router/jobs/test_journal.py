"""The journal: what is noted of a write that ends well, fails, takes long, or is broken off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from router.errors import ToolFailed, ToolOutcome
from router.jobs.database import Database
from router.jobs.job import Job
from router.jobs.journal import JobJournal, digest_of
from router.jobs.store import JobStore
from router.tools.call import call
from router.tools.parameters import NoParams
from router.tools.spec import Operation, PendingDraft, Tool, ToolCall, ToolResult
from router.tools.writing import JOURNAL
from tests.router.jobs.given import ASKED, KEEPING, NOW
from tests.router.tools.given import ctx

DRAFT = PendingDraft("calendar", "create_draft", {"title": "회의"}, "회의", 9e9)
SAVED = ToolResult("저장했어요", {"created": True})


class Notes:
    """A journal, what it has noted, and a tool that writes as the test says."""

    def __init__(self, store: JobStore, job: Job) -> None:
        self.store = store
        self.job = job
        self.journal = JobJournal(store, job, lambda: NOW, last_seconds=0.2)
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.fails: Exception | None = None
        self.writes = 0

    async def run(self, _call: ToolCall, _params: object) -> ToolResult:
        self.begun.set()
        await self.may_end.wait()
        if self.fails is not None:
            raise self.fails
        self.writes += 1
        return SAVED

    async def write(self, lent: ToolCall | None = None, *, seconds: float = 5.0) -> ToolResult:
        operation = Operation("save", "저장", "save", NoParams, self.run, writes=True, timeout_seconds=seconds)
        JOURNAL.set(self.journal)
        return await call(
            {"notes": Tool("notes", "메모", "notes", {"save": operation})}, "notes", "save", {}, lent or ctx()
        )

    async def noted(self) -> list[tuple[bool, bool]]:
        """Of each step whether it is open, and whether something was written."""
        return [(step.open, step.written) for step in await self.store.steps(self.job.id)]


@pytest.fixture
async def notes(tmp_path: Path) -> AsyncIterator[Notes]:
    store = JobStore(await Database.opened(tmp_path), lambda _job: None)
    job, _ = await store.accept(ASKED, NOW, KEEPING)
    yield Notes(store, job)
    await store.close()


async def test_a_write_is_noted_before_it_begins_and_after_it_ended(notes: Notes) -> None:
    writing = asyncio.create_task(notes.write())
    await notes.begun.wait()
    during = await notes.noted()
    notes.may_end.set()
    assert await writing == SAVED
    assert (during, await notes.noted()) == ([(True, False)], [(False, True)])


async def test_what_the_tool_says_it_did_not_do_is_known(notes: Notes) -> None:
    notes.may_end.set()
    notes.fails = ToolFailed("그 일정은 없어요")
    with pytest.raises(ToolFailed):
        await notes.write()
    assert await notes.noted() == [(False, False)]


async def test_a_connection_that_broke_says_nothing_of_what_was_done(notes: Notes) -> None:
    notes.may_end.set()
    notes.fails = OSError("reset")
    with pytest.raises(ToolFailed):
        await notes.write()
    assert await notes.noted() == [(True, False)]


async def test_a_tool_that_lost_its_server_does_not_know_what_was_done(notes: Notes) -> None:
    notes.may_end.set()
    notes.fails = ToolFailed("연결이 끊겼어요", ToolOutcome.UNREACHABLE)
    with pytest.raises(ToolFailed):
        await notes.write()
    assert await notes.noted() == [(True, False)]


async def test_a_failure_of_the_second_try_says_nothing_of_the_first(notes: Notes) -> None:
    notes.may_end.set()
    notes.fails = OSError("reset")
    with pytest.raises(ToolFailed):
        await notes.write()
    notes.fails = ToolFailed("기한이 지났어요")
    with pytest.raises(ToolFailed):
        await notes.write()
    assert await notes.noted() == [(True, False)]
    notes.fails = None
    await notes.write()
    assert await notes.noted() == [(False, True)]


async def test_what_was_begun_may_end_when_the_job_is_stopped(notes: Notes) -> None:
    writing = asyncio.create_task(notes.write())
    await notes.begun.wait()
    writing.cancel()
    await asyncio.sleep(0)
    notes.may_end.set()
    with suppress(asyncio.CancelledError):
        await writing
    assert writing.cancelled()
    assert await notes.noted() == [(False, True)]


async def test_what_does_not_end_soon_after_the_stop_is_unknown(notes: Notes) -> None:
    writing = asyncio.create_task(notes.write())
    await notes.begun.wait()
    writing.cancel()
    with suppress(asyncio.CancelledError):
        await writing
    assert await notes.noted() == [(True, False)]
    assert notes.writes == 0


async def test_a_write_that_takes_too_long_is_unknown(notes: Notes) -> None:
    with pytest.raises(ToolFailed, match="초 안에"):
        await notes.write(seconds=0.05)
    assert await notes.noted() == [(True, False)]


async def test_only_the_draft_that_waited_when_the_job_was_accepted_is_written(notes: Notes) -> None:
    notes.may_end.set()
    with pytest.raises(ToolFailed, match="기다리던 초안이 아니어서"):
        await notes.write(replace(ctx(), draft=DRAFT))
    with pytest.raises(ToolFailed, match="not the one that waited"):
        await notes.write(replace(ctx(language="en"), draft=DRAFT))
    assert (await notes.noted(), notes.writes) == ([], 0)
    asked = replace(ASKED, draft=digest_of(DRAFT))
    notes.journal = JobJournal(notes.store, replace(notes.job, asked=asked), lambda: NOW)
    assert await notes.write(replace(ctx(), draft=DRAFT)) == SAVED


async def test_without_a_journal_a_write_is_just_the_call(notes: Notes) -> None:
    notes.may_end.set()
    operation = Operation("save", "저장", "save", NoParams, notes.run, writes=True)
    tools = {"notes": Tool("notes", "메모", "notes", {"save": operation})}
    JOURNAL.set(None)
    assert await call(tools, "notes", "save", {}, ctx()) == SAVED
    assert await notes.noted() == []
