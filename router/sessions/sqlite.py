"""Sessions in one SQLite file: they survive a restart.

Rules of this file
- One connection, and a lock around each transaction: on a shared connection the statements of two coroutines would
  otherwise end up in one transaction. `BEGIN IMMEDIATE` does the same between two processes.
- A session is one row. Its history is bounded and always read and written whole, so rows of messages would only add
  ways to be inconsistent.
- Every error of SQLite leaves this file as `SessionStoreFailed`, which names the file and says what to do.
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self

import aiosqlite

from router.conversation import Message
from router.decide.decision import PendingQuestion
from router.sessions.encoding import (
    draft_from_bytes,
    draft_to_bytes,
    history_from_bytes,
    history_to_bytes,
    question_from_bytes,
    question_to_bytes,
)
from router.sessions.store import (
    Bounds,
    Clock,
    Session,
    SessionStoreFailed,
    checked_id,
    epoch_seconds,
    no_such_session,
)
from router.sessions.trimming import Entry, entry_of, trimmed
from router.tools.spec import PendingDraft

FILE_NAME = "sessions.sqlite3"
SCHEMA_VERSION = 2
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
)
"""From an empty file to the newest schema, each version ending with its number."""
# The first two arguments name the session that was just opened: it goes last, even when the clock stood still.
_DROP_OVER_NUMBER = """DELETE FROM sessions WHERE (owner, id) IN (
    SELECT owner, id FROM sessions ORDER BY (owner = ? AND id = ?), used_at
    LIMIT max(0, (SELECT count(*) FROM sessions) - ?))"""


class SqliteSessions:
    """A `SessionStore` on disk. Made by `opened`."""

    def __init__(self, connection: aiosqlite.Connection, path: Path, bounds: Bounds, now: Clock) -> None:
        self._connection = connection
        self._path = path
        self._bounds = bounds
        self._now = now
        self._lock = asyncio.Lock()

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
            await self._write(
                """INSERT INTO sessions (owner, id, created_at, used_at, history) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (owner, id) DO UPDATE SET used_at = excluded.used_at""",
                (owner, known_id, now, now, history_to_bytes(())),
            )
            await self._write(_DROP_OVER_NUMBER, (owner, known_id, self._bounds.sessions))
            created_at = await self._value("created_at", known_id, owner)
        return Session(known_id, owner, created_at, now)

    async def history(self, session_id: str, owner: str) -> tuple[Message, ...]:
        """See `SessionStore`."""
        async with self._reading():
            stored = await self._value("history", session_id, owner)
        return tuple(entry.message for entry in self._trimmed(stored, ()))

    async def append(self, session_id: str, owner: str, messages: Sequence[Message]) -> None:
        """See `SessionStore`."""
        async with self._transaction():
            stored = await self._value("history", session_id, owner)
            history = history_to_bytes(self._trimmed(stored, messages))
            await self._write(
                "UPDATE sessions SET history = ?, used_at = ? WHERE owner = ? AND id = ?",
                (history, self._now(), owner, session_id),
            )

    async def pending(self, session_id: str, owner: str) -> PendingDraft | None:
        """See `SessionStore`."""
        async with self._reading():
            stored = await self._value("draft", session_id, owner)
        return None if stored is None else draft_from_bytes(stored)

    async def put_pending(self, session_id: str, owner: str, draft: PendingDraft) -> None:
        """See `SessionStore`."""
        await self._set("draft", session_id, owner, draft_to_bytes(draft))

    async def clear_pending(self, session_id: str, owner: str) -> None:
        """See `SessionStore`."""
        await self._set("draft", session_id, owner, None)

    async def question(self, session_id: str, owner: str) -> PendingQuestion | None:
        """See `SessionStore`."""
        async with self._reading():
            stored = await self._value("question", session_id, owner)
        question = None if stored is None else question_from_bytes(stored)
        return question if question is not None and self._now() < question.expires_at else None

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

    async def sweep(self, now_epoch_seconds: float) -> int:
        """See `SessionStore`."""
        async with self._transaction():
            oldest_kept = now_epoch_seconds - self._bounds.age_seconds
            over_age = await self._write("DELETE FROM sessions WHERE used_at <= ?", (oldest_kept,))
            return over_age + await self._write(_DROP_OVER_NUMBER, ("", "", self._bounds.sessions))

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

    async def _value(self, column: str, session_id: str, owner: str) -> Any:
        # The column is a word of this file, never of a caller.
        query = f"SELECT {column} FROM sessions WHERE owner = ? AND id = ?"  # noqa: S608
        row = await self._row(query, (owner, session_id))
        if row is None:
            raise no_such_session()
        return row[0]

    async def _write(self, statement: str, arguments: tuple[Any, ...]) -> int:
        async with self._connection.execute(statement, arguments) as cursor:
            return cursor.rowcount

    async def _set(self, column: str, session_id: str, owner: str, value: bytes | None) -> None:
        # As in `_value`, the column is a word of this file.
        statement = f"UPDATE sessions SET {column} = ? WHERE owner = ? AND id = ?"  # noqa: S608
        async with self._transaction():
            if not await self._write(statement, (value, owner, session_id)):
                raise no_such_session()

    def _trimmed(self, stored: bytes, added: Sequence[Message]) -> tuple[Entry, ...]:
        now = self._now()
        entries = (*history_from_bytes(stored), *(entry_of(message, now) for message in added))
        return trimmed(entries, tokens=self._bounds.tokens, age_seconds=self._bounds.age_seconds, now=now)


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
