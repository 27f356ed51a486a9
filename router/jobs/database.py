"""The SQLite file of the jobs: opening it, and one transaction at a time.

Rules of this file
- One process works on a file: a lock beside it says so, and ends with the process, however that ends.
- What a transaction has committed is on the disk, also when the machine loses power: somebody was told so.
- Every error of SQLite leaves this file as `JobStoreFailed`, which names the file and says what to do.
"""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self

import aiosqlite

from router.errors import MaekFault
from router.jobs.schema import VERSION, upgrades_from

FILE_NAME = "jobs.sqlite3"
LOCK_NAME = "jobs.lock"
BUSY_TIMEOUT_SECONDS = 5.0
"""Somebody may look into the file with another program; longer than this means that it hangs."""


class JobStoreFailed(MaekFault):
    """The disk or the file does not let us keep jobs. The message says which file and what to do."""

    code = "job_store_failed"
    status = 500


class JobStoreHeld(JobStoreFailed):
    """Another process works on the file."""


class Transaction:
    """Statements of one transaction."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def rows(self, query: str, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What a query gives."""
        async with self._connection.execute(query, arguments) as cursor:
            return [dict(row) for row in await cursor.fetchall()]

    async def row(self, query: str, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
        """The first row that a query gives."""
        found = await self.rows(query, arguments)
        return found[0] if found else None

    async def write(self, statement: str, arguments: Mapping[str, Any]) -> int:
        """How many rows a statement changed."""
        async with self._connection.execute(statement, arguments) as cursor:
            return cursor.rowcount


class Database:
    """The open file. Made by `opened`."""

    def __init__(self, connection: aiosqlite.Connection, path: Path, lock: int) -> None:
        self._connection = connection
        self._path = path
        self._file_lock: int | None = lock
        self._lock = asyncio.Lock()

    @classmethod
    async def opened(cls, folder: Path) -> Self:
        """The file in `folder`, which is made if it is missing. Raises JobStoreFailed."""
        path = folder / FILE_NAME
        lock = _locked(path)
        try:
            # isolation_level=None: transactions begin where this file says so, not where the driver guesses.
            connection = await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_SECONDS)
        except BaseException:
            os.close(lock)
            raise
        database = cls(connection, path, lock)
        try:
            await database._prepare()
        except BaseException:
            await database.close()
            raise
        return database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """One transaction: all of it, or nothing."""
        async with self._lock:
            with self._failures():
                try:
                    # Inside the try: a caller that is cancelled here leaves a transaction that began all the same.
                    await self._connection.execute("BEGIN IMMEDIATE")
                    yield Transaction(self._connection)
                    await self._connection.commit()
                except BaseException:
                    await self._connection.rollback()
                    raise

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Queries."""
        async with self._lock:
            with self._failures():
                yield Transaction(self._connection)

    async def close(self) -> None:
        """Let go of the file. May be called twice. A transaction that runs is finished first."""
        async with self._lock:
            await self._connection.close()
            if self._file_lock is not None:
                os.close(self._file_lock)
                self._file_lock = None

    async def _prepare(self) -> None:
        self._connection.row_factory = sqlite3.Row
        with self._failures():
            await self._connection.execute("PRAGMA journal_mode = WAL")
            await self._connection.execute("PRAGMA synchronous = FULL")
            await self._connection.execute("PRAGMA foreign_keys = ON")
        async with self.transaction() as transaction:
            found = await transaction.row("PRAGMA user_version", {})
            version = 0 if found is None else found["user_version"]
            if version > VERSION:
                raise JobStoreFailed(
                    f"{self._path} was written by a newer Maek (schema {version}, known here: {VERSION}). "
                    "Start that version again, or move the file away to begin without old jobs."
                )
            for statement in upgrades_from(version):
                await transaction.write(statement, {})

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise JobStoreFailed(_advice(self._path, error)) from error


def _locked(path: Path) -> int:
    """Makes folder and file, readable by their user only, and holds the lock; its descriptor."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        lock = os.open(path.with_name(LOCK_NAME), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise JobStoreFailed(
            f"Jobs cannot be kept in {path}: {error.strerror}. "
            "Let the user that runs Maek write there, or set MAEK_DATA_DIR to a folder that it may write."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise JobStoreHeld(
            f"Another Maek works on the jobs in {path}. Ask that one, or give this one a data folder of its own "
            "(MAEK_DATA_DIR)."
        ) from None
    return lock


def _advice(path: Path, error: sqlite3.Error) -> str:
    if isinstance(error, sqlite3.OperationalError):
        return (
            f"Jobs cannot be read or written in {path}: {error}. "
            "Look for a full disk, a read-only folder, or another program that holds the file."
        )
    return (
        f"{path} is damaged or is no file of jobs: {error}. "
        "Move it away to begin without old jobs, or put a backup in its place."
    )
