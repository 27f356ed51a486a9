"""The index made to say what the folder says: new and changed files read, those that are gone forgotten.

Rules of this file
- Blocking, for threads. It can be stopped between two files, and goes on another time.
- What cannot be read is an entry with its reason, never a gap.
- A folder that is not there changes nothing: a disk that is not mounted is no reason to forget what was on it.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from router.documents.folder import Folder, Seen
from router.documents.index import Entry, Index, writing
from router.documents.passages import Piece, first_title, pieces
from router.documents.reading import Unreadable, Why, libraries, text_of

BATCH_FILES = 32
"""Files of one transaction: what a stop or a crash takes back."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a refresh did, in numbers of files. `problems` are paths with the reason why they are not in the archive."""

    files: int
    changed: int
    """New ones too, and such as cannot be read."""
    removed: int
    problems: tuple[tuple[str, str], ...]
    finished: bool
    """False: it was stopped, and there is more."""


@dataclass(slots=True)
class _Tally:
    changed: int = 0
    removed: int = 0


Progress = Callable[[int, int], None]
"""Files gone through, and files in all."""


def refresh(
    folder: Folder,
    path: Path,
    progress: Progress = lambda _done, _total: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Report:
    """Bring the index at `path` up to date. Raises OSError without the folder, BlockingIOError
    while somebody else does it, sqlite3.Error if the index cannot be written."""
    seen = list(folder.files())
    with writing(path, str(folder.root)) as index:
        known = index.entries()
        here = libraries()
        if index.noted("libraries") != here:
            # What lacked a library then may be read now.
            known = {key: entry for key, entry in known.items() if entry.problem != Why.LIBRARY}
        tally, done = _Tally(), 0
        while done < len(seen) and not stopped():
            _take_in(index, folder, seen[done : done + BATCH_FILES], known, tally)
            done = min(done + BATCH_FILES, len(seen))
            progress(done, len(seen))
        finished = done == len(seen)
        if finished:
            _finish(index, {one.id for one in seen}, here, tally)
        problems = sorted((one.path, one.problem) for one in index.entries().values() if one.problem is not None)
    return Report(len(seen), tally.changed, tally.removed, tuple(problems), finished)


def _finish(index: Index, kept: set[str], here: str, tally: _Tally) -> None:
    with index.transaction():
        for gone in index.entries().keys() - kept:
            index.drop(gone)
            tally.removed += 1
        index.drop_unused_vectors()
        index.note("libraries", here)
        index.note("complete", "yes")


def _take_in(index: Index, folder: Folder, batch: Sequence[Seen], known: Mapping[str, Entry], tally: _Tally) -> None:
    """Files are read before the transaction begins: a slow disk must not keep others from writing."""
    entries = [(known.get(seen.id), *_entry(folder, seen, known.get(seen.id))) for seen in batch]
    with index.transaction():
        for old, entry, told in entries:
            if told is None:
                index.touch(entry)
            elif entry != old:
                tally.changed += 1
                index.put(entry, told)


def _entry(folder: Folder, seen: Seen, old: Entry | None) -> tuple[Entry, Sequence[Piece] | None]:
    """The file as it is now, and its passages; None where they are what they were."""
    if seen.problem is not None:
        return _refused(seen, seen.problem), ()
    if old is not None and old.hash and (old.mtime_ns, old.size_bytes) == (seen.mtime_ns, seen.size_bytes):
        return old, None
    try:
        content = folder.content(seen.path)
    except Unreadable as error:
        return _refused(seen, error.why), ()
    except OSError:
        return _refused(seen, Why.DENIED), ()
    digest = hashlib.sha256(content).hexdigest()
    if old is not None and old.hash == digest:
        return old._replace(mtime_ns=seen.mtime_ns, size_bytes=seen.size_bytes), None
    try:
        text = text_of(PurePath(seen.path).suffix, content)
    except Unreadable as error:
        return _refused(seen, error.why, digest), ()
    title = first_title(text) or PurePath(seen.path).stem
    return Entry(seen.id, seen.path, title, seen.mtime_ns, seen.size_bytes, digest, None), pieces(text)


def _refused(seen: Seen, why: Why, digest: str = "") -> Entry:
    path = seen.path.encode("utf-8", "replace").decode()
    return Entry(seen.id, path, PurePath(path).stem, seen.mtime_ns, seen.size_bytes, digest, str(why))
