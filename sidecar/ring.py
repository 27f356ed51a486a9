"""A ring of lines on disk: segments in a folder, of which the oldest goes when there is no room for the next line.

Rules of this file
- The bound holds at every moment: room is made before something is written, not after.
- Only whole lines are left behind. A write that the disk cuts short is taken back; one that the end of the process cuts
  short is the last line of its segment, which readers pass over.
- No segment is left empty, and there are never more than `MOST_SEGMENTS`, however often Maek is started anew.
- One owner at a time: the folder is locked for as long as the ring is open. It and what is in it is its user's alone.
- Every failure is an OSError, after which the ring has to be closed.
"""

import fcntl
import os
from collections import deque
from pathlib import Path

SEGMENTS = 8
"""With all of them full, an eighth of the ring goes at once."""
MOST_SEGMENTS = 1024
"""Each start begins one. A Maek that is started anew every few seconds would else fill the folder with small files."""
PATTERN = "flight-*.jsonl"
NO_FILE = -1


class RingBusy(OSError):
    """Another process writes there."""


def segments_of(folder: Path) -> list[Path]:
    """The segments of a ring, the oldest first. Raises OSError if the folder cannot be read."""
    names = (path for path in folder.iterdir() if path.match(PATTERN) and path.stem.partition("-")[2].isdecimal())
    return sorted(names, key=_number)


class Ring:
    """An open ring of at most `most_bytes`. Raises OSError, and RingBusy if another process has it open."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.segment_bytes = most_bytes // SEGMENTS
        """No more fit into one segment."""
        self._folder = folder
        self._most_bytes = most_bytes
        self._lock = _locked(folder)
        self._file = NO_FILE
        self._size = 0
        try:
            paths = segments_of(folder)
            self._segments = deque((path, path.stat().st_size) for path in paths)
            self._held_bytes = sum(size for _, size in self._segments)
            self._next = 1 + (_number(paths[-1]) if paths else 0)
            self._make_room(0)
        except OSError:
            os.close(self._lock)
            raise

    def in_place(self) -> bool:
        """Whether the folder is still where it was; somebody may have moved or deleted it."""
        try:
            there, held = self._folder.stat(), os.fstat(self._lock)
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)

    def has_room(self, size_bytes: int) -> bool:
        """Whether so much fits into the segment that is open; False if none is."""
        return self._file != NO_FILE and self._size + size_bytes <= self.segment_bytes

    def begin_segment(self) -> None:
        """End the segment that is open, and open the next one."""
        self._end_segment()
        path = self._folder / f"flight-{self._next:08}.jsonl"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._next += 1
        self._size = 0
        self._segments.append((path, 0))

    def append(self, lines: bytes) -> None:
        """Write whole lines into the segment that is open, where they have room: all of them, or OSError and none."""
        self._make_room(len(lines))
        try:
            if os.write(self._file, lines) < len(lines):
                raise OSError("no space left for a whole line")
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(lines)
        self._held_bytes += len(lines)
        self._segments[-1] = (self._segments[-1][0], self._size)

    def close(self) -> None:
        """Let go of the files and of the lock."""
        try:
            self._end_segment()
        finally:
            os.close(self._lock)

    def _make_room(self, size_bytes: int) -> None:
        # The segment that is open is never among them: it has room for what is to be written.
        while self._segments and (
            self._held_bytes + size_bytes > self._most_bytes or len(self._segments) > MOST_SEGMENTS
        ):
            path, size = self._segments[0]
            path.unlink(missing_ok=True)
            self._segments.popleft()
            self._held_bytes -= size

    def _end_segment(self) -> None:
        if self._file == NO_FILE:
            return
        os.close(self._file)
        self._file = NO_FILE
        if not self._size:
            self._segments.pop()[0].unlink(missing_ok=True)


def _locked(folder: Path) -> int:
    """The folder, held until what this returns is closed."""
    held = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.fchmod(held, 0o700)
    except BlockingIOError:
        os.close(held)
        raise RingBusy("another Maek writes there") from None
    except OSError:
        os.close(held)
        raise
    return held


def _number(segment: Path) -> int:
    return int(segment.stem.partition("-")[2])
