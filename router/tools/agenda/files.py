"""Calendars as iCalendar files in the data folder, one for each owner.

Rules of this file
- Every method may block, so callers run it in a thread.
- A file is replaced whole or not at all; one that cannot be understood is told of and left untouched.
- One writer at a time, by a lock on a file beside it: it holds between threads, between the services of a reload, and
  between processes. Readers need none.
- Readable by their owner alone.
"""

import fcntl
import logging
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from pathlib import Path

from router.tools.agenda import ical, words
from router.tools.agenda.entries import Entry
from router.tools.agenda.store import CalendarFailed, Found

log = logging.getLogger(__name__)

FOLDER = "calendar"
_OWNER = re.compile(r"[A-Za-z0-9_-]{1,64}")


class CalendarUnreadable(CalendarFailed):
    """The file holds something else than a calendar, or is damaged. `file` names it within the data folder."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.file = f"{FOLDER}/{path.name}"

    def told(self, language: str) -> str:
        """See `CalendarFailed`."""
        return words.unreadable(language, self.file)


class CalendarUnreachable(CalendarFailed):
    """The disk does not let us read or write the file. `file` names it within the data folder."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(str(path))
        self.file = f"{FOLDER}/{path.name}"
        self.reason = reason

    def told(self, language: str) -> str:
        """See `CalendarFailed`."""
        return words.unreachable(language, self.file, self.reason)


class CalendarFiles:
    """The calendars under a data folder, as an `Agenda`."""

    def __init__(self, data_folder: Path, zone: tzinfo | None) -> None:
        self.zone = zone
        self._folder = data_folder / FOLDER

    def found(self, owner: str, begins: datetime, ends: datetime) -> Found:
        """See `Agenda`."""
        path = self._path(owner)
        with _failures(path):
            calendar = ical.parsed(_stored(path))
            return Found(ical.entries_between(calendar, begins, ends, self.zone))

    def ready(self, owner: str) -> None:
        """See `Agenda`. A file that is not there is made."""

    def add(self, owner: str, entry: Entry, made_at: datetime) -> bool:
        """See `Agenda`. Where it raises, nothing was written."""
        path = self._path(owner)
        with _failures(path):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _alone(path.with_suffix(".lock")):
                calendar = ical.parsed(_stored(path))
                if ical.has(calendar, entry.uid):
                    return False
                _replace(path, ical.added(calendar, entry, made_at))
                return True

    def _path(self, owner: str) -> Path:
        # Owners are made by `router.keys`; nothing else may become a path.
        if _OWNER.fullmatch(owner) is None:
            raise ValueError("an owner that cannot be the name of a file")
        return self._folder / f"{owner}.ics"


def _stored(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


@contextmanager
def _failures(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        log.error("calendar not usable file=%s reason=%s", path, error.strerror)
        raise CalendarUnreachable(path, error.strerror or type(error).__name__) from error
    except ValueError as error:
        # What the file says is somebody's: only where it is goes into the log.
        log.error("calendar not readable file=%s reason=%s", path, type(error).__name__)
        raise CalendarUnreadable(path) from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """As the only one that holds this lock; it ends with the process, too."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, content: bytes) -> None:
    """The new content, on the disk before the old one goes."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=".new")
    unfinished = Path(name)  # of mkstemp: readable by its owner alone
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
