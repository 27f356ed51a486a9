"""Sessions in one SQLite file: they survive a restart.

Rules of this file
- One connection, and a lock around each transaction: on a shared connection the statements of two coroutines would
  otherwise end up in one transaction. `BEGIN IMMEDIATE` does the same between two processes.
- A session is one row. Its history is bounded and always read and written whole, so rows of messages would only add
  ways to be inconsistent.
- Every error of SQLite leaves this file as `SessionStoreFailed`, which names the file and says what to do.
"""

import asyncio
import dataclasses
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import aiosqlite

from router.conversation import Message
from router.decide.decision import PendingQuestion
from router.sessions.encoding import draft_to_bytes, question_to_bytes
from router.sessions.kept import (
    Kept,
    appended,
    draft_of,
    dropped_of,
    history_of,
    is_over_age,
    question_of,
    session_of,
    summarised,
    transcript_of,
)
from router.sessions.store import (
    Bounds,
    Clock,
    Mark,
    Session,
    SessionStoreFailed,
    Transcript,
    checked_id,
    epoch_seconds,
    no_such_session,
)
from router.sessions.trimming import Entry, Summary
from router.tools.spec import PendingDraft

FILE_NAME = "sessions.sqlite3"
SCHEMA_VERSION = 3
BUSY_TIMEOUT_SECONDS = 5.0
"""Another process may hold the file for one transaction, which takes milliseconds; longer means that it hangs."""

_UPGRADES = (
    """CREATE TABLE sessions (
        owner TEXT NOT NULL, id TEXT NOT NULL, created_at REAL NOT NULL, used_at REAL NOT NULL,
        history BLOB NOT NULL, draft BLOB, PRIMARY KEY (owner, id)) WITHOUT ROWID""",
    "CREATE INDEX sessions_by_use ON sessions (used_at)",
    "PRAGMA user_version = 1",
    "ALTER TABLE sessions ADD COLUMN question BLOB",
    "PRAGMA user_version = 2",
    "ALTER TABLE sessions ADD COLUMN dropped BLOB",
    "ALTER TABLE sessions ADD COLUMN summary BLOB",
    "ALTER TABLE sessions ADD COLUMN language TEXT",
    "PRAGMA user_version = 3",
)
"""From an empty file to the newest schema, each version ending with its number."""
_COLUMNS = ", ".join(field.name for field in dataclasses.fields(Kept))
# The first two arguments name the session that was just opened: it goes last, even when the clock stood still.
_DROP_OLDEST = """DELETE FROM sessions WHERE (owner, id) IN (
    SELECT owner, id FROM sessions ORDER BY (owner = ? AND id = ?), used_at LIMIT ?)"""


class SqliteSessions:
    """A `SessionStore` on disk. Made by `opened`."""

    def __init__(self, connection: aiosqlite.Connection, path: Path, bounds: Bounds, now: Clock) -> None:
        self._connection = connection
        self._path = path
        self._bounds = bounds
        self._now = now
        self._lock = asyncio.Lock()
        self._count: int | None = None

    @classmethod
    async def opened(
        cls,
        folder: Path,
        bounds: Bounds,
        *,
        now: Clock = epoch_seconds,
        busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
    ) -> Self:
        """The store in `folder`, which is made if it is missing. Folder and file are readable by their user only.

        Raises `SessionStoreFailed` when the file cannot be made or read, is damaged, or comes from a newer Maek.
        """
        path = folder / FILE_NAME
        _make_private(path)
        # isolation_level=None: transactions begin where this file says so, not where the driver guesses.
        connection = await aiosqlite.connect(path, isolation_level=None, timeout=busy_timeout_seconds)
        store = cls(connection, path, bounds, now)
        try:
            await store._prepare()
        except BaseException:
            await connection.close()
            raise
        return store

    async def open(self, session_id: str | None, owner: str) -> Session:
        """See `SessionStore`."""
        known_id, now = checked_id(session_id), self._now()
        async with self._transaction():
            kept = await self._found(known_id, owner)
            if kept is None or is_over_age(kept.used_at, self._bounds, now):
                kept = Kept(now, now)
            kept = dataclasses.replace(kept, used_at=now)
            await self._put(known_id, owner, kept)
            await self._drop_over_number(owner, known_id)
        return session_of(known_id, owner, kept, self._bounds, now)

    async def history(self, session_id: str, owner: str) -> tuple[Message, ...]:
        """See `SessionStore`."""
        kept = await self._read(session_id, owner)
        return tuple(entry.message for entry in history_of(kept, self._bounds, self._now()))

    async def append(
        self,
        session_id: str,
        owner: str,
        messages: Sequence[Message],
        *,
        language: str | None = None,
        keeps_dropped: bool = False,
    ) -> int:
        """See `SessionStore`."""
        async with self._transaction():
            kept, waiting_tokens = appended(
                await self._find(session_id, owner),
                messages,
                self._bounds,
                self._now(),
                language=language,
                keeps_dropped=keeps_dropped,
            )
            await self._put(session_id, owner, kept)
        return waiting_tokens

    async def dropped(self, session_id: str, owner: str) -> tuple[Entry, ...]:
        """See `SessionStore`."""
        return dropped_of(await self._read(session_id, owner), self._bounds, self._now())

    async def put_summary(self, session_id: str, owner: str, summary: Summary, of: Sequence[Entry]) -> bool:
        """See `SessionStore`."""
        async with self._transaction():
            kept = summarised(await self._find(session_id, owner), summary, of)
            if kept is not None:
                await self._put(session_id, owner, kept)
        return kept is not None

    async def transcript(self, session_id: str, owner: str) -> Transcript:
        """See `SessionStore`."""
        kept, now = await self._read(session_id, owner), self._now()
        if is_over_age(kept.used_at, self._bounds, now):
            raise no_such_session()
        return transcript_of(session_id, owner, kept, self._bounds, now)

    async def listed(
        self, owner: str | None, most: int, after: Mark | None = None, *, drafted: bool = False
    ) -> list[Transcript]:
        """See `SessionStore`."""
        now = self._now()
        # A row comes behind the mark if it was used earlier, or at the same moment with a greater name.
        behind = (None, "", "") if after is None else (-after.used_at, after.owner, after.id)
        query = f"""SELECT id, owner, {_COLUMNS} FROM sessions
            WHERE (?1 IS NULL OR owner = ?1) AND used_at > ?2 AND (?3 IS NULL OR (-used_at, owner, id) > (?3, ?4, ?5))
                AND (draft IS NOT NULL OR NOT ?7)
            ORDER BY used_at DESC, owner, id LIMIT ?6"""  # noqa: S608 - the columns are words of this file
        async with (
            self._reading(),
            self._connection.execute(query, (owner, now - self._bounds.age_seconds, *behind, most, drafted)) as cursor,
        ):
            rows = await cursor.fetchall()
        return [transcript_of(found, whose, Kept(*fields), self._bounds, now) for found, whose, *fields in rows]

    async def pending(self, session_id: str, owner: str) -> PendingDraft | None:
        """See `SessionStore`."""
        return draft_of(await self._read(session_id, owner))

    async def put_pending(self, session_id: str, owner: str, draft: PendingDraft) -> None:
        """See `SessionStore`."""
        await self._set("draft", session_id, owner, draft_to_bytes(draft))

    async def clear_pending(self, session_id: str, owner: str) -> None:
        """See `SessionStore`."""
        await self._set("draft", session_id, owner, None)

    async def question(self, session_id: str, owner: str) -> PendingQuestion | None:
        """See `SessionStore`."""
        return question_of(await self._read(session_id, owner), self._now())

    async def put_question(self, session_id: str, owner: str, question: PendingQuestion) -> None:
        """See `SessionStore`."""
        await self._set("question", session_id, owner, question_to_bytes(question))

    async def clear_question(self, session_id: str, owner: str) -> None:
        """See `SessionStore`."""
        await self._set("question", session_id, owner, None)

    async def delete(self, session_id: str, owner: str) -> None:
        """See `SessionStore`."""
        async with self._transaction():
            if not await self._write("DELETE FROM sessions WHERE owner = ? AND id = ?", (owner, session_id)):
                raise no_such_session()
            self._count = await self._counted()

    def count(self) -> int | None:
        """See `SessionStore`."""
        return self._count

    async def sweep(self, now_epoch_seconds: float) -> int:
        """See `SessionStore`."""
        async with self._transaction():
            oldest_kept = now_epoch_seconds - self._bounds.age_seconds
            over_age = await self._write("DELETE FROM sessions WHERE used_at <= ?", (oldest_kept,))
            return over_age + await self._drop_over_number("", "")

    async def close(self) -> None:
        """See `SessionStore`. A transaction that runs is finished first."""
        async with self._lock:
            await self._connection.close()

    async def _prepare(self) -> None:
        with self._failures():
            # WAL: readers and the writer do not wait for each other. NORMAL: after a power cut the last turns may be
            # missing, the file is whole; a conversation is not worth an fsync at every message.
            await self._connection.execute("PRAGMA journal_mode = WAL")
            await self._connection.execute("PRAGMA synchronous = NORMAL")
        async with self._transaction():
            version = (await self._row("PRAGMA user_version", ()))[0]
            if version > SCHEMA_VERSION:
                raise SessionStoreFailed(
                    f"{self._path} was written by a newer Maek (schema {version}, known here: {SCHEMA_VERSION}). "
                    "Start that version again, or move the file away to begin without old sessions."
                )
            for statement in _upgrades_from(version):
                await self._write(statement, ())
        # A file that is damaged somewhere says so to whoever reads a session that is there.
        with suppress(sqlite3.DatabaseError):
            self._count = await self._counted()

    async def _drop_over_number(self, owner: str, session_id: str) -> int:
        """Forget the least recently used, this one last of all; returns how many."""
        count = await self._counted()
        over = max(0, count - self._bounds.sessions)
        dropped = await self._write(_DROP_OLDEST, (owner, session_id, over)) if over else 0
        self._count = count - dropped
        return dropped

    async def _counted(self) -> int:
        return int((await self._row("SELECT count(*) FROM sessions", ()))[0])

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        async with self._lock:
            with self._failures():
                try:
                    # Inside the try: a caller that is cancelled here leaves a transaction that began all the same.
                    await self._connection.execute("BEGIN IMMEDIATE")
                    yield
                    await self._connection.commit()
                except BaseException:
                    await self._connection.rollback()
                    raise

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[None]:
        async with self._lock:
            with self._failures():
                yield

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise SessionStoreFailed(_advice(self._path, error)) from error

    async def _row(self, query: str, arguments: tuple[Any, ...]) -> Any:
        async with self._connection.execute(query, arguments) as cursor:
            return await cursor.fetchone()

    async def _read(self, session_id: str, owner: str) -> Kept:
        async with self._reading():
            return await self._find(session_id, owner)

    async def _find(self, session_id: str, owner: str) -> Kept:
        kept = await self._found(session_id, owner)
        if kept is None:
            raise no_such_session()
        return kept

    async def _found(self, session_id: str, owner: str) -> Kept | None:
        # The columns are words of this file, never of a caller.
        query = f"SELECT {_COLUMNS} FROM sessions WHERE owner = ? AND id = ?"  # noqa: S608
        row = await self._row(query, (owner, session_id))
        return None if row is None else Kept(*row)

    async def _put(self, session_id: str, owner: str, kept: Kept) -> None:
        values = [getattr(kept, field.name) for field in dataclasses.fields(kept)]
        places = ", ".join("?" for _ in values)
        # As in `_found`, the columns are words of this file.
        statement = f"INSERT OR REPLACE INTO sessions (owner, id, {_COLUMNS}) VALUES (?, ?, {places})"  # noqa: S608
        await self._write(statement, (owner, session_id, *values))

    async def _write(self, statement: str, arguments: tuple[Any, ...]) -> int:
        async with self._connection.execute(statement, arguments) as cursor:
            return cursor.rowcount

    async def _set(self, column: str, session_id: str, owner: str, value: bytes | None) -> None:
        # As in `_found`, the column is a word of this file.
        statement = f"UPDATE sessions SET {column} = ? WHERE owner = ? AND id = ?"  # noqa: S608
        async with self._transaction():
            if not await self._write(statement, (value, owner, session_id)):
                raise no_such_session()


def _upgrades_from(version: int) -> tuple[str, ...]:
    """The statements that lead from a schema to the newest."""
    return _UPGRADES if version == 0 else _UPGRADES[_UPGRADES.index(f"PRAGMA user_version = {version}") + 1 :]


def _make_private(path: Path) -> None:
    """Makes folder and file before SQLite does, which would make them readable for everyone."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise SessionStoreFailed(
            f"Sessions cannot be kept in {path}: {error.strerror}. "
            "Let the user that runs Maek write there, or set MAEK_DATA_DIR to a folder that it may write."
        ) from error


def _advice(path: Path, error: sqlite3.Error) -> str:
    if isinstance(error, sqlite3.OperationalError):
        return (
            f"Sessions cannot be read or written in {path}: {error}. "
            "Look for a full disk, a read-only folder, or another process that holds the file."
        )
    return (
        f"{path} is damaged or is not a session file: {error}. "
        "Move it away to begin without old sessions, or put a backup in its place."
    )
