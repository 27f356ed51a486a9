"""Sessions on disk: what survives, who may read it, and what is said when the file is no good."""

import asyncio
import os
import re
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from router.conversation import Message, Role
from router.decide.decision import PendingQuestion, Slot
from router.sessions.encoding import draft_to_bytes, history_to_bytes
from router.sessions.sqlite import FILE_NAME, SCHEMA_VERSION, SqliteSessions
from router.sessions.store import Bounds, SessionStoreFailed, epoch_seconds
from router.sessions.trimming import Summary, entry_of
from router.tools.spec import PendingDraft

OWNER = "0123456789ab"
NOBODY = 65534
"""A user without rights, on Debian and elsewhere."""
QUESTION = Message(Role.USER, "안녕")
DRAFT = PendingDraft("calendar", "create_draft", {"title": "회의"}, "등록할까요?", 9e9)
BOUNDS = Bounds(tokens=4000, age_seconds=86_400.0, sessions=1000)
Opener = Callable[..., Awaitable[SqliteSessions]]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens stores, by default in the test's folder, and closes them whatever happens."""
    stores = []

    async def open_one(folder: Path = tmp_path, bounds: Bounds = BOUNDS, **options: float) -> SqliteSessions:
        stores.append(await SqliteSessions.opened(folder, bounds, **options))
        return stores[-1]

    yield open_one
    for store in stores:
        await store.close()


async def test_history_and_draft_survive_a_restart(opened, tmp_path):
    store = await opened()
    made = await store.open("room-1", OWNER)
    await store.append("room-1", OWNER, (QUESTION,))
    await store.put_pending("room-1", OWNER, DRAFT)
    await store.close()

    store = await opened()
    assert await store.history("room-1", OWNER) == (QUESTION,)
    assert await store.pending("room-1", OWNER) == DRAFT
    assert (await store.open("room-1", OWNER)).created_at == made.created_at


async def test_two_processes_may_share_the_file(opened, tmp_path):
    stores = [await opened() for _ in range(2)]
    await stores[0].open("room-1", OWNER)
    await asyncio.gather(*(stores[number % 2].append("room-1", OWNER, (QUESTION,)) for number in range(20)))
    assert await stores[1].history("room-1", OWNER) == (QUESTION,) * 20


async def test_folder_and_files_are_for_their_user_only(opened, tmp_path):
    store = await opened(tmp_path / "data")
    await store.open("room-1", OWNER)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
    await store.close()
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert modes == dict.fromkeys((FILE_NAME, FILE_NAME + "-wal", FILE_NAME + "-shm"), 0o600)


async def test_the_file_names_its_schema(opened, tmp_path):
    await (await opened()).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    database.close()


async def test_a_file_of_the_first_schema_is_taken_up_with_all_that_is_in_it(opened, tmp_path):
    database = sqlite3.connect(tmp_path / FILE_NAME)
    database.execute(
        """CREATE TABLE sessions (
        owner TEXT NOT NULL, id TEXT NOT NULL, created_at REAL NOT NULL, used_at REAL NOT NULL,
        history BLOB NOT NULL, draft BLOB, PRIMARY KEY (owner, id)) WITHOUT ROWID"""
    )
    kept = history_to_bytes([entry_of(QUESTION, epoch_seconds())])
    database.execute("INSERT INTO sessions VALUES (?, 'room-1', 1.0, 1.0, ?, NULL)", (OWNER, kept))
    database.execute("PRAGMA user_version = 1")
    database.commit()
    database.close()
    store = await opened()
    asked = PendingQuestion("calendar", "create_draft", {}, Slot.DATE, ("오늘",), 2, 9e9)
    assert await store.history("room-1", OWNER) == (QUESTION,)
    assert await store.question("room-1", OWNER) is None
    await store.put_question("room-1", OWNER, asked)
    await store.close()
    assert await (await opened()).question("room-1", OWNER) == asked


async def test_a_file_of_the_second_schema_learns_to_keep_languages_and_summaries(opened, tmp_path):
    database = sqlite3.connect(tmp_path / FILE_NAME)
    database.execute(
        """CREATE TABLE sessions (
        owner TEXT NOT NULL, id TEXT NOT NULL, created_at REAL NOT NULL, used_at REAL NOT NULL,
        history BLOB NOT NULL, draft BLOB, question BLOB, PRIMARY KEY (owner, id)) WITHOUT ROWID"""
    )
    at = epoch_seconds()
    database.execute(
        "INSERT INTO sessions VALUES (?, 'room-1', ?, ?, ?, ?, NULL)",
        (OWNER, at, at, history_to_bytes([entry_of(QUESTION, at)]), draft_to_bytes(DRAFT)),
    )
    database.execute("PRAGMA user_version = 2")
    database.commit()
    database.close()
    store = await opened(bounds=replace(BOUNDS, tokens=20))
    taken_up = await store.open("room-1", OWNER)
    assert (taken_up.language, taken_up.summary, await store.pending("room-1", OWNER)) == (None, None, DRAFT)
    await store.append("room-1", OWNER, (Message(Role.USER, "가" * 16),), language="ko", keeps_dropped=True)
    waiting = await store.dropped("room-1", OWNER)
    await store.put_summary("room-1", OWNER, Summary("인사", at), waiting)
    await store.close()
    again = await (await opened()).open("room-1", OWNER)
    assert (again.language, again.summary) == ("ko", Summary("인사", at))


async def test_a_file_of_a_newer_maek_is_refused_and_left_as_it_was(opened, tmp_path):
    database = sqlite3.connect(tmp_path / FILE_NAME)
    database.execute("PRAGMA user_version = 7")
    database.close()
    with pytest.raises(SessionStoreFailed, match=r"written by a newer Maek \(schema 7, .* Start that version"):
        await opened()
    database = sqlite3.connect(tmp_path / FILE_NAME)
    assert database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    database.close()


async def test_a_file_that_is_not_a_database_is_named_with_what_to_do(opened, tmp_path):
    path = tmp_path / FILE_NAME
    path.write_bytes(b"this is a letter to a friend, not a database\n" * 100)
    with pytest.raises(SessionStoreFailed, match=re.escape(f"{path} is damaged") + ".* Move it away"):
        await opened()


async def test_a_file_damaged_in_the_middle_is_named_when_it_is_read(opened, tmp_path):
    store = await opened()
    for number in range(200):
        await store.open(f"room-{number}", OWNER)
        await store.append(f"room-{number}", OWNER, (Message(Role.USER, "x" * 500),))
    await store.close()
    path = tmp_path / FILE_NAME
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    store = await opened()
    with pytest.raises(SessionStoreFailed, match="is damaged or is not a session file"):
        await store.history("room-1", OWNER)


async def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(opened, tmp_path):
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(SessionStoreFailed, match=r"cannot be kept in .*/data/sessions.sqlite3.*MAEK_DATA_DIR"):
        await opened(tmp_path / "data")


async def test_a_folder_that_may_not_be_written_is_named_with_what_to_do(opened, tmp_path):
    tmp_path.chmod(0o500)
    with as_nobody(), pytest.raises(SessionStoreFailed, match=r"Permission denied.*MAEK_DATA_DIR"):
        await opened()


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of root, who may write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


async def test_a_file_that_another_process_holds_is_an_error_that_says_so_and_passes(opened, tmp_path):
    store = await opened(busy_timeout_seconds=0.01)
    await store.open("room-1", OWNER)
    other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(SessionStoreFailed, match=r"database is locked.*another process that holds the file"):
        await store.append("room-1", OWNER, (QUESTION,))
    other.execute("ROLLBACK")
    other.close()
    await store.append("room-1", OWNER, (QUESTION,))
    assert await store.history("room-1", OWNER) == (QUESTION,)


async def test_what_was_deleted_or_trimmed_is_not_in_the_rows_any_more(opened, tmp_path):
    store = await opened(bounds=replace(BOUNDS, tokens=30))
    await store.open("room-1", OWNER)
    for number in range(50):
        await store.append("room-1", OWNER, (Message(Role.USER, f"secret {number}"),))
    await store.close()
    database = sqlite3.connect(tmp_path / FILE_NAME)
    (history,) = database.execute("SELECT history FROM sessions").fetchone()
    database.close()
    assert b"secret 49" in history
    assert b"secret 0" not in history


async def test_a_store_that_could_not_be_opened_leaves_no_thread_behind(opened, tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b"not a database" * 100)
    before = set(threading.enumerate())
    with pytest.raises(SessionStoreFailed):
        await opened()
    left = set(threading.enumerate()) - before
    for thread in left:
        await asyncio.to_thread(thread.join, 5.0)
    assert not any(thread.is_alive() for thread in left)
