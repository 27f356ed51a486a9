"""What a recorder writes on: one file that grows, or a ring that a thread writes to while nobody waits for it.

Rules of this file
- A tape takes a line and never fails: what the disk does is told in the log, once until it is well again, and counted.
- Lines are made by whoever puts them here, and are bytes by then: the thread does little besides writing, so that it
  does not take turns from the event loop.
- Every segment of a ring begins with what is in force (`opens`), so that it can be read without those before it.
- What waits for the disk is bounded, in time (`BATCH_SECONDS`) and in memory (`MOST_PENDING_BYTES`).
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from sidecar.ring import Ring

log = logging.getLogger(__name__)

BATCH_SECONDS = 0.5
"""Between two writes to the disk. A process that is killed loses no more than this."""
RETRY_SECONDS = 30.0
"""Between two tries while the disk is full or cannot be written to."""
MOST_PENDING_BYTES = 8 * 1024 * 1024
"""In memory, while the disk is slow: some thousand requests."""
LAST_WRITE_SECONDS = 2.0
"""How long the end of the process waits for a disk that does not answer."""


class Lost(StrEnum):
    """Why a line was not recorded."""

    DISK = "disk"
    """It is full, or cannot be written to."""
    BEHIND = "behind"
    """It is too slow."""
    UNWRITABLE = "unwritable"
    """No JSON can hold it, or it is longer than a segment."""


class Line(NamedTuple):
    """One line, with its newline."""

    text: bytes
    opens: str | None = None
    """Under this name it is in force from now on, until another one takes its place."""
    closes: str | None = None
    """What is in force under this name no longer is."""


NEITHER = (None, None)
"""Of a line that holds for its own moment: it opens nothing and closes nothing."""


class Tape(Protocol):
    """Where lines go."""

    @property
    def on(self) -> bool:
        """Whether more is wanted than what is in force."""
        ...

    def put(self, line: Line) -> None:
        """Record a line."""
        ...

    def unwritable(self, error: Exception) -> None:
        """There was something of which no line could be made."""
        ...

    def close(self) -> None:
        """End the recording."""
        ...


class FileTape:
    """One file, which is begun anew. Raises OSError if it cannot be opened; ends for good when it cannot be written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._bytes = 0
        """Of whole lines."""
        # A line at a time, so that a crash loses at most the line that was being written.
        self._file: BinaryIO | None = path.open("wb", buffering=0)

    @property
    def on(self) -> bool:
        """Until it ends."""
        return self._file is not None

    def put(self, line: Line) -> None:
        """Write a line."""
        if self._file is None:
            return
        try:
            if self._file.write(line.text) < len(line.text):
                raise OSError("no space left for a whole line")
            self._bytes += len(line.text)
        except OSError as error:
            self.unwritable(error)

    def unwritable(self, error: Exception) -> None:
        """What cannot be recorded ends the recording: with a gap it would replay to other answers."""
        if self._file is None:
            return
        log.error("recording ended file=%s reason=%s; see to that and restart to record again", self._path, error)
        with suppress(OSError):
            self._file.truncate(self._bytes)
        self.close()

    def close(self) -> None:
        """End the recording."""
        if self._file is not None:
            self._file.close()
            self._file = None


class RingTape:
    """A ring in `folder`, of at most `most_bytes`; 0: nothing is recorded. `lost` hears how many lines were not, and
    why, in whichever thread that is found out."""

    def __init__(self, folder: Path, most_bytes: int, lost: Callable[[Lost, int], None]) -> None:
        self.retry_seconds = RETRY_SECONDS
        self._writer = _Writer(folder, lost)
        self._most_bytes = most_bytes
        self._lost = lost
        self._mutex = threading.Lock()
        self._pending: list[Line] = []
        self._pending_bytes = 0
        self._behind = False
        """More waits than may; told until there is room again."""
        self._news = threading.Event()
        self._ends = threading.Event()
        # A daemon: a disk that never answers shall not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="flight recorder", daemon=True)
        self._thread.start()

    @property
    def on(self) -> bool:
        """Whether anything is recorded."""
        return self._most_bytes > 0

    def adopt(self, most_bytes: int) -> None:
        """From now on no more than this."""
        self._most_bytes = most_bytes
        self._news.set()

    def put(self, line: Line) -> None:
        """Have a line written within the next second. What is in force is kept in mind while nothing is recorded."""
        if not self._most_bytes and line[1:] == NEITHER:
            return
        with self._mutex:
            # What is in force is little, and every later segment would begin with something else.
            fits = self._pending_bytes + len(line.text) <= MOST_PENDING_BYTES or line[1:] != NEITHER
            if fits:
                self._pending.append(line)
                self._pending_bytes += len(line.text)
        if not fits:
            self._fell_behind()
        elif not self._news.is_set():  # asked first: it is set for most of them, and setting takes longer than the rest
            self._news.set()

    def unwritable(self, error: Exception) -> None:
        """One line is missing."""
        log.debug("not recorded reason=%s", error)
        self._lost(Lost.UNWRITABLE, 1)

    def close(self) -> None:
        """Write what waits, and end."""
        self._ends.set()
        self._news.set()
        self._thread.join(LAST_WRITE_SECONDS)

    def _fell_behind(self) -> None:
        with self._mutex:
            news, self._behind = not self._behind, True
        if news:
            log.warning(
                "recording behind folder=%s bytes=%d; the disk is slow: chats go on, and until it catches up nothing "
                "more is recorded",
                self._writer.folder,
                MOST_PENDING_BYTES,
            )
        self._lost(Lost.BEHIND, 1)

    def _run(self) -> None:
        while True:
            self._news.wait()
            ends = self._ends.wait(BATCH_SECONDS)
            self._news.clear()
            self._writer.write(self._taken(), self._most_bytes, self.retry_seconds)
            if ends:
                with suppress(OSError):  # what can be written is
                    self._writer.end()
                return

    def _taken(self) -> list[Line]:
        """All that waits."""
        with self._mutex:
            lines, size_bytes = self._pending, self._pending_bytes
            self._pending, self._pending_bytes = [], 0
            caught_up = self._behind and size_bytes < MOST_PENDING_BYTES // 2
            self._behind &= not caught_up
        if caught_up:
            log.info("recording again folder=%s", self._writer.folder)
        return lines


class _Writer:
    """The side of the thread: the ring, and what to do while it cannot be written to."""

    def __init__(self, folder: Path, lost: Callable[[Lost, int], None]) -> None:
        self.folder = folder
        self._lost = lost
        self._ring: Ring | None = None
        self._most_bytes = 0
        self._in_force: dict[str, bytes] = {}
        self._failed_at: float | None = None
        """When the disk failed last; None: all is well."""

    def write(self, lines: list[Line], most_bytes: int, retry_seconds: float) -> None:
        """Write lines into a ring of at most `most_bytes`, as far as the disk lets us."""
        rests = self._failed_at is not None and time.monotonic() < self._failed_at + retry_seconds
        done = 0
        try:
            self._adopt(most_bytes)
            if rests or not most_bytes:
                self._pass_over(lines, Lost.DISK if most_bytes else None)
                return
            ring = self._opened()
            while done < len(lines):
                done += self._one_write(ring, lines[done:])
        except OSError as error:
            self._failed(error)
            self._pass_over(lines[done:], Lost.DISK)
            return
        if self._failed_at is not None and lines:
            self._failed_at = None
            log.info("recording again folder=%s", self.folder)

    def end(self) -> None:
        """Close the ring. Raises OSError, and has let go of it all the same."""
        if self._ring is not None:
            ring, self._ring = self._ring, None
            ring.close()

    def _adopt(self, most_bytes: int) -> None:
        if most_bytes != self._most_bytes:
            self._most_bytes = most_bytes
            self.end()

    def _opened(self) -> Ring:
        if self._ring is not None and not self._ring.in_place():
            self.end()
        if self._ring is None:
            self._ring = Ring(self.folder, self._most_bytes)
        return self._ring

    def _one_write(self, ring: Ring, lines: list[Line]) -> int:
        """Write as many as fit into one segment, at once; how many these are."""
        size, texts = 0, []
        for line in lines:
            if not ring.has_room(size + len(line.text)):
                break
            texts.append(line.text)
            size += len(line.text)
        if texts:
            ring.append(b"".join(texts))
            self._remember(lines[: len(texts)])
            return len(texts)
        opening = b"".join(self._in_force.values())
        if len(opening) + len(lines[0].text) > ring.segment_bytes:
            self._pass_over(lines[:1], Lost.UNWRITABLE)
            return 1
        ring.begin_segment()
        if opening:
            ring.append(opening)
        return 0

    def _pass_over(self, lines: list[Line], why: Lost | None) -> None:
        self._remember(lines)
        if why is not None and lines:
            self._lost(why, len(lines))

    def _remember(self, lines: list[Line]) -> None:
        for line in lines:
            if line.opens is not None:
                self._in_force[line.opens] = line.text
            if line.closes is not None:
                self._in_force.pop(line.closes, None)

    def _failed(self, error: OSError) -> None:
        if self._failed_at is None:
            reason = error.strerror or error
            log.warning(
                "recording paused folder=%s reason=%s; chats go on, and it is tried again from time to time",
                self.folder,
                reason,
            )
        self._failed_at = time.monotonic()
        with suppress(OSError):
            self.end()
