"""Jobs on disk: what is accepted, in which order it runs, what is kept, and what is said when the file is no good."""

import asyncio
import os
import sqlite3
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from router.errors import NotFound, QueueFull
from router.jobs.database import FILE_NAME, Database, JobStoreFailed
from router.jobs.job import Change, Job, State
from router.jobs.schema import VERSION
from router.jobs.store import JobStore, KeyReused
from router.jobs.transitions import MOST_INTERRUPTIONS, Circumstances
from tests.router.jobs.given import ASKED, FAILED, KEEPING, NOW, OPEN, OWNER, WRITTEN


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[JobStore]:
    opened = JobStore(await Database.opened(tmp_path), lambda _job: None)
    yield opened
    await opened.close()


async def accepted(store: JobStore, now: float = NOW, **fields: object) -> Job:
    job, _ = await store.accept(replace(ASKED, session=f"s{now}", **fields), now, KEEPING)  # type: ignore[arg-type]
    return job


async def claimed(store: JobStore, now: float = NOW, full: tuple[str, ...] = ()) -> str | None:
    job = await store.claim(now, full)
    return None if job is None else job.id


async def ended(store: JobStore, job: Job, at: float) -> None:
    await store.change(job.id, Change.STARTED, Circumstances(at))
    await store.change(job.id, Change.FINISHED, Circumstances(at, result={}))


async def test_an_accepted_job_is_there_after_the_file_was_reopened(tmp_path: Path) -> None:
    first = JobStore(await Database.opened(tmp_path), lambda _job: None)
    job = await accepted(first)
    await first.close()
    second = JobStore(await Database.opened(tmp_path), lambda _job: None)
    assert await second.get(job.id, OWNER) == job
    await second.close()


async def test_nobody_else_sees_a_job(store: JobStore) -> None:
    job = await accepted(store)
    with pytest.raises(NotFound):
        await store.get(job.id, "another")
    assert await store.listed("another", tuple(State), 10, None) == []


async def test_one_name_is_one_job_of_its_owner(store: JobStore) -> None:
    first, is_new = await store.accept(replace(ASKED, key="k"), NOW, KEEPING)
    again, is_new_again = await store.accept(replace(ASKED, key="k"), NOW + 5, KEEPING)
    theirs, _ = await store.accept(replace(ASKED, key="k", owner="another"), NOW, KEEPING)
    assert (again, is_new, is_new_again) == (first, True, False)
    assert theirs.id != first.id
    with pytest.raises(KeyReused, match="another body"):
        await store.accept(replace(ASKED, key="k", digest="other"), NOW, KEEPING)


async def test_the_same_name_at_the_same_moment_is_one_job(store: JobStore) -> None:
    asked = replace(ASKED, key="k")
    jobs = await asyncio.gather(*(store.accept(asked, NOW, KEEPING) for _ in range(20)))
    assert len({job.id for job, _ in jobs}) == 1
    assert [is_new for _, is_new in jobs].count(True) == 1


async def test_jobs_run_by_priority_then_in_the_order_of_their_coming(store: JobStore) -> None:
    batch = await accepted(store, NOW, priority="batch")
    first = await accepted(store, NOW + 1)
    second = await accepted(store, NOW + 2)
    urgent = await accepted(store, NOW + 3, priority="interactive")
    order = [await claimed(store, NOW + 4) for _ in range(5)]
    assert order == [urgent.id, first.id, second.id, batch.id, None]


async def test_a_full_pool_leaves_its_jobs_waiting_and_no_others(store: JobStore) -> None:
    await accepted(store, NOW, role="slow")
    other = await accepted(store, NOW + 1)
    assert await claimed(store, NOW + 2, ("slow", "fast")) == other.id
    assert await claimed(store, NOW + 2, ("slow", "fast")) is None


async def test_jobs_of_one_session_run_one_after_the_other(store: JobStore) -> None:
    asked = replace(ASKED, session="one")
    first, _ = await store.accept(asked, NOW, KEEPING)
    second, _ = await store.accept(replace(asked, priority="interactive"), NOW, KEEPING)
    foreign, _ = await store.accept(replace(asked, owner="another"), NOW, KEEPING)
    assert [await claimed(store), await claimed(store), await claimed(store)] == [first.id, foreign.id, None]
    await store.change(first.id, Change.FAILED_FOR_NOW, Circumstances(NOW, run_at=NOW + 60))
    assert await claimed(store, NOW + 1) is None, "the second must not overtake the first, which only pauses"
    assert await claimed(store, NOW + 60) == first.id
    await store.change(first.id, Change.FINISHED, Circumstances(NOW, result={}))
    assert await claimed(store) == second.id


async def test_a_job_does_not_begin_before_its_time_and_not_after_its_deadline(store: JobStore) -> None:
    job = await accepted(store)
    assert await claimed(store, job.asked.deadline_at) is None
    await store.expire(job.asked.deadline_at - 1)
    assert (await store.get(job.id, OWNER)).state is State.QUEUED
    await store.expire(job.asked.deadline_at)
    dead = await store.get(job.id, OWNER)
    assert dead.trouble is not None
    assert (dead.state, dead.trouble.code) == (State.DEAD, "deadline_passed")


async def test_the_next_moment_is_the_nearest_start_or_deadline(store: JobStore) -> None:
    assert await store.next_at(NOW) is None
    job = await accepted(store)
    assert await store.next_at(NOW) == job.asked.deadline_at
    await store.change(job.id, Change.STARTED, Circumstances(NOW))
    await store.change(job.id, Change.FAILED_FOR_NOW, Circumstances(NOW, run_at=NOW + 9))
    assert await store.next_at(NOW) == NOW + 9


async def test_what_comes_too_late_changes_nothing(store: JobStore) -> None:
    job = await accepted(store)
    await store.claim(NOW, ())
    await store.change(job.id, Change.CANCELLED, Circumstances(NOW))
    assert await store.change(job.id, Change.FINISHED, Circumstances(NOW, result={})) is None
    assert await store.change("unknown", Change.CANCELLED, Circumstances(NOW)) is None
    assert (await store.get(job.id, OWNER)).state is State.CANCELLED


async def test_an_attempt_that_is_over_cannot_end_the_next_one(store: JobStore) -> None:
    job = await accepted(store)
    await store.claim(NOW, ())
    await store.change(job.id, Change.INTERRUPTED, Circumstances(NOW))
    await store.claim(NOW, ())
    assert await store.change(job.id, Change.FINISHED, Circumstances(NOW), attempt=1) is None
    assert await store.change(job.id, Change.FINISHED, Circumstances(NOW), attempt=2) is not None


async def test_events_are_numbered_across_attempts_and_read_from_any_of_them(store: JobStore) -> None:
    job = await accepted(store)
    await store.claim(NOW, ())
    await store.tell(job.id, [("token", b'{"text":"a"}'), ("token", b'{"text":"b"}')], 1000)
    await store.change(job.id, Change.FINISHED, Circumstances(NOW, result={}), last=[("done", b"{}")])
    events = await store.events(job.id, 0, 100)
    assert [(event.number, event.name) for event in events] == [
        (1, "job"), (2, "job"), (3, "token"), (4, "token"), (5, "done"), (6, "job"),
    ]  # fmt: skip
    assert [event.number for event in await store.events(job.id, 3, 2)] == [4, 5]


async def test_beyond_its_bytes_a_job_tells_that_there_is_more_and_its_end(store: JobStore) -> None:
    job = await accepted(store)
    await store.claim(NOW, ())
    for _ in range(50):
        await store.tell(job.id, [("token", b'{"text":"' + b"x" * 100 + b'"}')], 1000)
    await store.change(job.id, Change.FINISHED, Circumstances(NOW, result={"text": "x" * 5000}), last=[("done", b"{}")])
    names = [event.name for event in await store.events(job.id, 0, 100)]
    assert names.count("cut") == 1
    assert len(names) < 15
    assert names[-2:] == ["done", "job"]
    assert (await store.get(job.id, OWNER)).result == {"text": "x" * 5000}


async def test_a_start_finds_what_was_broken_off_and_lets_it_wait_again(store: JobStore) -> None:
    plain, writing, unsure, wrote = [await accepted(store, NOW + number) for number in range(4)]
    for _ in range(4):
        await store.claim(NOW + 9, ())
    await store.enter(writing.id, replace(OPEN, repeatable=True))
    await store.enter(unsure.id, OPEN)
    await store.enter(wrote.id, WRITTEN)
    await store.leave(wrote.id, WRITTEN)
    assert await store.recover(NOW + 10) == 4
    states = [(await store.get(job.id, OWNER)).state for job in (plain, writing, unsure, wrote)]
    assert states == [State.QUEUED] * 4
    assert (await store.get(plain.id, OWNER)).interruptions == 1


async def test_what_wrote_something_is_taken_up_after_its_deadline_too(store: JobStore) -> None:
    job = await accepted(store)
    await store.claim(NOW, ())
    await store.enter(job.id, OPEN)
    await store.recover(NOW)
    late = job.asked.deadline_at + 1
    await store.expire(late)
    assert await store.next_at(late) is None, "it waits for a free place, and not for a moment that is over"
    assert await claimed(store, late) == job.id


async def test_a_job_that_may_be_what_kills_maek_is_given_up(store: JobStore) -> None:
    job = await accepted(store)
    for _ in range(MOST_INTERRUPTIONS):
        await store.claim(NOW, ())
        await store.recover(NOW)
    dead = await store.get(job.id, OWNER)
    assert dead.trouble is not None
    assert (dead.state, dead.trouble.code) == (State.DEAD, "interrupted")


async def test_a_step_is_kept_from_its_beginning_and_begun_again_it_is_the_same(store: JobStore) -> None:
    job = await accepted(store)
    await store.enter(job.id, OPEN)
    await store.enter(job.id, OPEN)
    assert await store.steps(job.id) == [OPEN]
    await store.leave(job.id, FAILED)
    await store.enter(job.id, WRITTEN)
    await store.leave(job.id, WRITTEN)
    assert await store.steps(job.id) == [FAILED, WRITTEN]


async def test_whoever_retries_a_dead_letter_has_looked_at_what_it_wrote(store: JobStore) -> None:
    job = await accepted(store)
    await store.claim(NOW, ())
    await store.enter(job.id, OPEN)
    await store.change(job.id, Change.FAILED_FOR_GOOD, Circumstances(NOW))
    assert await store.change(job.id, Change.RETRIED, Circumstances(NOW)) is not None
    assert await store.steps(job.id) == []
    assert await claimed(store) == job.id


async def test_what_ended_makes_room_the_oldest_first_and_what_waits_never_does(store: JobStore) -> None:
    few = replace(KEEPING, jobs=3)
    jobs = [(await store.accept(replace(ASKED, session=str(n)), NOW + n, few))[0] for n in range(3)]
    with pytest.raises(QueueFull, match=r"router\.jobs\.max_jobs"):
        await store.accept(ASKED, NOW, few)
    await ended(store, jobs[1], NOW + 10)
    await ended(store, jobs[0], NOW + 11)
    await store.accept(replace(ASKED, session="new"), NOW + 12, few)
    with pytest.raises(NotFound):
        await store.get(jobs[1].id, OWNER)
    assert (await store.get(jobs[0].id, OWNER)).state is State.DONE


async def test_what_ended_long_ago_is_forgotten_with_all_that_it_told(store: JobStore, tmp_path: Path) -> None:
    old, young, waiting = [await accepted(store, NOW + number) for number in range(3)]
    await store.enter(old.id, OPEN)
    await ended(store, old, NOW)
    await ended(store, young, NOW + 10)
    assert await store.sweep(NOW + KEEPING.seconds, KEEPING) == 1
    left = await store.listed(OWNER, tuple(State), 10, None)
    assert [job.id for job in left] == [waiting.id, young.id]
    with sqlite3.connect(tmp_path / FILE_NAME) as other:
        orphans = other.execute(
            "SELECT (SELECT count(*) FROM events WHERE job NOT IN (SELECT number FROM jobs))"
            " + (SELECT count(*) FROM steps WHERE job NOT IN (SELECT number FROM jobs))"
        ).fetchone()
    other.close()
    assert orphans == (0,)


async def test_a_list_goes_backwards_page_by_page_and_by_state(store: JobStore) -> None:
    jobs = [await accepted(store, NOW + number) for number in range(5)]
    await ended(store, jobs[4], NOW + 9)
    page = await store.listed(OWNER, tuple(State), 2, None)
    rest = await store.listed(OWNER, tuple(State), 10, page[-1].id)
    assert [job.id for job in (*page, *rest)] == [job.id for job in reversed(jobs)]
    assert [job.id for job in await store.listed(OWNER, (State.DONE,), 10, None)] == [jobs[4].id]
    assert await store.counts() == {"queued": 4, "running": 0, "done": 1, "cancelled": 0, "dead": 0}


async def test_file_and_folder_are_their_users_alone(tmp_path: Path) -> None:
    database = await Database.opened(tmp_path / "data")
    await database.close()
    await database.close()
    for path in (tmp_path / "data", *(tmp_path / "data").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


async def test_only_one_process_works_on_a_file(tmp_path: Path) -> None:
    first = await Database.opened(tmp_path)
    with pytest.raises(JobStoreFailed, match="Another Maek"):
        await Database.opened(tmp_path)
    await first.close()
    await (await Database.opened(tmp_path)).close()


async def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"not a database" * 100)
    with pytest.raises(JobStoreFailed, match="is damaged or is no file of jobs"):
        await Database.opened(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == b"not a database" * 100


async def test_a_file_of_a_newer_maek_is_not_touched(tmp_path: Path) -> None:
    await (await Database.opened(tmp_path)).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as other:
        other.execute(f"PRAGMA user_version = {VERSION + 1}")
    other.close()
    with pytest.raises(JobStoreFailed, match="written by a newer Maek"):
        await Database.opened(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(JobStoreFailed, match="cannot be kept"):
        await Database.opened(tmp_path / "data")


async def test_a_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(JobStoreFailed, match="cannot be kept"):
        await Database.opened(tmp_path / "data")


async def test_a_file_that_another_program_holds_is_told_of(tmp_path: Path, store: JobStore) -> None:
    other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    await store._database._connection.execute("PRAGMA busy_timeout = 10")
    with pytest.raises(JobStoreFailed, match="another program"):
        await accepted(store)
    other.execute("ROLLBACK")
    other.close()
    await accepted(store)
