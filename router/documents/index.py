"""The index: which files were read, and their passages, in one SQLite file with FTS5.

Rules of this file
- Blocking, for threads: nothing of it is called on the event loop. A connection belongs to one thread.
- A file's row and its passages change in one transaction, so that a reader never sees half a document.
- The index can be made anew from the folder at any time: one that is damaged, of another schema or of another folder is
  thrown away. Folder and file are readable by their user only.
"""

import fcntl
import hashlib
import os
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from router.documents.passages import Piece, joined
from router.documents.query import GRAM, Term, fts_expression, like_pattern, quoted
from router.tools.documents.archive import Document, Holdings
from router.tools.models import Vector

FILE_NAME = "index.sqlite3"
SCHEMA_VERSION = 2
BUSY_TIMEOUT_SECONDS = 10.0
"""Readers do not wait for the writer (WAL), but for a moment when the file is opened or tidied up."""
DIGEST_BYTES = 16
"""128 bits: no two texts meet."""
MOST_CANDIDATES = 300
"""Passages that are weighed for each way of finding them."""

_SCHEMA = """
CREATE TABLE files (
    id TEXT PRIMARY KEY, path TEXT NOT NULL, title TEXT NOT NULL,
    mtime_ns INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
    hash TEXT NOT NULL, problem TEXT, first_row INTEGER NOT NULL, passages INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE passages USING fts5(
    name, heading, text, start UNINDEXED, doc UNINDEXED, tokenize = 'trigram');
CREATE TABLE meanings (row INTEGER PRIMARY KEY, digest BLOB NOT NULL);
CREATE INDEX meanings_by_digest ON meanings (digest);
CREATE TABLE vectors (digest BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID;
"""
_EMBEDDER = "embedder"
"""In `meta`: the model whose vectors are kept."""


class Entry(NamedTuple):
    """A file as it was when it was read; `problem` says why it could not be."""

    id: str
    path: str
    title: str
    mtime_ns: int
    size_bytes: int
    hash: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that has something of the question."""

    document: Document
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """What the index has of a question: candidates, in how many passages each term is, and how many there are."""

    candidates: tuple[Candidate, ...]
    containing: Mapping[str, int]
    passages: int


def meaning(heading: str, text: str) -> str:
    """What a passage's vector is made of: its headings and its text."""
    return f"{heading}\n{text}" if heading else text


def digest_of(text: str) -> bytes:
    """Under which its vector is kept: a passage that is moved, or whose document changes elsewhere, keeps its own."""
    return hashlib.sha256(text.encode()).digest()[:DIGEST_BYTES]


@contextmanager
def writing(path: Path, folder: str) -> Iterator["Index"]:
    """The index of that folder, made if need be. One writer at a time: raises BlockingIOError while there is another.

    Raises sqlite3.Error or OSError if the file cannot be used.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with closing(_sound(path, folder) or _anew(path, folder)) as connection:
            yield Index(connection)
    finally:
        os.close(lock)


@contextmanager
def asking(path: Path, folder: str) -> Iterator["Index | None"]:
    """The index of that folder, to be read; None where there is none yet. Raises sqlite3.Error."""
    if not path.exists():
        yield None
        return
    with closing(_connected(path)) as connection:
        connection.execute("BEGIN")  # one state of the index for all that is asked of it
        yield Index(connection) if _is_of(connection, folder) else None


def _sound(path: Path, folder: str) -> sqlite3.Connection | None:
    """The index that is there, if it can be gone on with."""
    if not path.exists():
        return None
    connection = _connected(path)
    try:
        if _is_of(connection, folder):
            return connection
    except sqlite3.OperationalError:
        connection.close()
        raise  # held by another process, or the disk is full: no reason to throw it away
    except sqlite3.DatabaseError:
        pass  # not a database, or damaged
    connection.close()
    return None


def _anew(path: Path, folder: str) -> sqlite3.Connection:
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        name.unlink(missing_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = _connected(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    connection.execute("INSERT INTO meta VALUES ('folder', ?)", (folder,))
    return connection


def _connected(path: Path) -> sqlite3.Connection:
    # isolation_level=None: transactions begin where this file says so. It never makes the file: that is `_anew`.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_SECONDS)


def _is_of(connection: sqlite3.Connection, folder: str) -> bool:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != SCHEMA_VERSION:
        return False
    row: tuple[str] | None = connection.execute("SELECT value FROM meta WHERE key = 'folder'").fetchone()
    return row == (folder,)


class Index:
    """An open index. Made by `writing` and `asking`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what is written inside."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def entries(self) -> dict[str, Entry]:
        """What was read, by id."""
        rows = self._connection.execute("SELECT id, path, title, mtime_ns, size_bytes, hash, problem FROM files")
        return {row[0]: Entry(*row) for row in rows}

    def put(self, entry: Entry, pieces: Sequence[Piece]) -> None:
        """A document in place of what it was."""
        self.drop(entry.id)
        (last,) = self._connection.execute("SELECT coalesce(max(first_row + passages), 1) FROM files").fetchone()
        self._connection.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*entry, last, len(pieces)))
        name = f"{entry.title} {entry.path}"
        self._connection.executemany(
            "INSERT INTO passages (rowid, name, heading, text, start, doc) VALUES (?, ?, ?, ?, ?, ?)",
            [(last + at, name, one.heading, one.text, one.start, entry.id) for at, one in enumerate(pieces)],
        )
        self._connection.executemany(
            "INSERT INTO meanings VALUES (?, ?)",
            [(last + at, digest_of(meaning(one.heading, one.text))) for at, one in enumerate(pieces)],
        )

    def touch(self, entry: Entry) -> None:
        """A file that has the same text as before, and another time."""
        self._connection.execute(
            "UPDATE files SET mtime_ns = ?, size_bytes = ? WHERE id = ?", (entry.mtime_ns, entry.size_bytes, entry.id)
        )

    def drop(self, doc_id: str) -> None:
        """Forget a document; one that is not there is none."""
        rows = self._rows_of(doc_id)
        self._connection.execute("DELETE FROM passages WHERE rowid >= ? AND rowid < ?", rows)
        self._connection.execute("DELETE FROM meanings WHERE row >= ? AND row < ?", rows)
        self._connection.execute("DELETE FROM files WHERE id = ?", (doc_id,))

    def note(self, key: str, value: str) -> None:
        """Something to be known of the index itself."""
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def noted(self, key: str) -> str | None:
        """What `note` wrote."""
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def holdings(self) -> Holdings:
        """How complete the archive is."""
        documents, problems = self._connection.execute("SELECT count(*), count(problem) FROM files").fetchone()
        return Holdings(documents - problems, problems, self.noted("complete") is not None)

    def recent(self, limit: int) -> tuple[Document, ...]:
        """The documents that were changed last."""
        rows = self._connection.execute(
            "SELECT id, title, path FROM files WHERE problem IS NULL ORDER BY mtime_ns DESC, path LIMIT ?", (limit,)
        )
        return tuple(Document(*row) for row in rows)

    def document(self, doc_id: str) -> Document | None:
        """The document with that id."""
        query = "SELECT id, title, path FROM files WHERE problem IS NULL AND id = ?"
        row = self._connection.execute(query, (doc_id,)).fetchone()
        return None if row is None else Document(*row)

    def text(self, doc_id: str) -> str:
        """The text of a document, put together from its passages."""
        query = "SELECT start, text FROM passages WHERE rowid >= ? AND rowid < ? ORDER BY rowid"
        return joined(self._connection.execute(query, self._rows_of(doc_id)))

    def embedder(self) -> str | None:
        """The model whose vectors are kept; None where none are."""
        return self.noted(_EMBEDDER)

    def embed_anew(self, model: str) -> None:
        """Vectors of this model from now on: others' mean other things, and go."""
        self._connection.execute("DELETE FROM vectors")
        self.note(_EMBEDDER, model)

    def without_vector(self, limit: int) -> list[str]:
        """Texts that have no vector yet, each once."""
        query = """SELECT heading, text FROM passages WHERE rowid IN (
            SELECT min(row) FROM meanings WHERE digest NOT IN (SELECT digest FROM vectors) GROUP BY digest LIMIT ?)"""
        return [meaning(*row) for row in self._connection.execute(query, (limit,))]

    def put_vectors(self, vectors: Mapping[str, Vector]) -> None:
        """Vectors of texts."""
        rows = [(digest_of(text), array("f", vector).tobytes()) for text, vector in vectors.items()]
        self._connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

    def vectors(self, texts: Iterable[str]) -> tuple[Sequence[float] | None, ...]:
        """The vector of each text; None where there is none yet."""
        return tuple(map(self._vector, texts))

    def count_vectors(self) -> int:
        """How many there are."""
        (count,) = self._connection.execute("SELECT count(*) FROM vectors").fetchone()
        return int(count)

    def vector_length(self) -> int | None:
        """How many numbers each of them has; None where there are none."""
        row = self._connection.execute("SELECT length(vector) FROM vectors LIMIT 1").fetchone()
        return None if row is None else int(row[0]) // array("f").itemsize

    def drop_unused_vectors(self) -> None:
        """Forget the vectors of what is in no document any more."""
        self._connection.execute("DELETE FROM vectors WHERE digest NOT IN (SELECT digest FROM meanings)")

    def _vector(self, text: str) -> Sequence[float] | None:
        row = self._connection.execute("SELECT vector FROM vectors WHERE digest = ?", (digest_of(text),)).fetchone()
        return None if row is None else array("f", row[0])

    def _rows_of(self, doc_id: str) -> tuple[int, int]:
        """The first row of a document's passages, and the one after the last."""
        query = "SELECT first_row, first_row + passages FROM files WHERE id = ?"
        first, end = self._connection.execute(query, (doc_id,)).fetchone() or (0, 0)
        return int(first), int(end)

    def find(self, terms: Sequence[Term]) -> Found:
        """Candidates for a question: by trigram and BM25, and by LIKE for terms that are too short for a trigram."""
        (passages,) = self._connection.execute("SELECT coalesce(sum(passages), 0) FROM files").fetchone()
        containing = {term.text: self._containing(term.text) for term in terms if len(term.text) >= GRAM}
        rows = dict.fromkeys(self._by_trigram(terms))
        short = [term.text for term in terms if len(term.text) < GRAM]
        # A compound that is nowhere in one piece may be written apart: 산소농도 is found in 산소 농도 by its pairs.
        apart = [pair for term in terms if containing.get(term.text) == 0 for pair in term.pairs]
        if short or apart:
            looked_for = list(dict.fromkeys([*short, *apart]))
            found, counts = self._by_like(looked_for, list(dict.fromkeys([*looked_for, *containing])))
            rows |= dict.fromkeys(found)
            containing |= {text: counts[text] for text in short}
        return Found(tuple(self._candidates(rows)), containing, passages)

    def _containing(self, text: str) -> int:
        query = "SELECT count(*) FROM passages WHERE passages MATCH ?"
        (count,) = self._connection.execute(query, (quoted(text),)).fetchone()
        return int(count)

    def _by_trigram(self, terms: Sequence[Term]) -> list[int]:
        expression = fts_expression(terms)
        if expression is None:
            return []
        query = "SELECT rowid FROM passages WHERE passages MATCH ? ORDER BY bm25(passages, 2.0, 2.0, 1.0) LIMIT ?"
        return [row for (row,) in self._connection.execute(query, (expression, MOST_CANDIDATES))]

    def _by_like(self, short: Sequence[str], every: Sequence[str]) -> tuple[list[int], dict[str, int]]:
        """Those that say most of all terms first; and how many passages have each of the short ones."""
        has = "(name || char(10) || heading || char(10) || text) LIKE ? ESCAPE '\\'"
        every_has, any_has = ", ".join([has] * len(every)), " OR ".join([has] * len(short))
        query = f"SELECT rowid, {every_has} FROM passages WHERE {any_has}"  # noqa: S608 - ours: terms are bound
        patterns = [like_pattern(text) for text in (*every, *short)]
        rows = self._connection.execute(query, patterns).fetchall()
        columns = {text: 1 + every.index(text) for text in short}
        counts = {text: sum(row[column] for row in rows) for text, column in columns.items()}
        rows.sort(key=lambda row: -sum(row[1:]))
        return [row[0] for row in rows[:MOST_CANDIDATES]], counts

    def _candidates(self, rows: Iterable[int]) -> Iterator[Candidate]:
        query = """SELECT files.id, files.title, files.path, heading, text
            FROM passages JOIN files ON files.id = passages.doc WHERE passages.rowid = ?"""
        for row in rows:
            doc_id, title, path, heading, text = self._connection.execute(query, (row,)).fetchone()
            yield Candidate(Document(doc_id, title, path), heading, text)
