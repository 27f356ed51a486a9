"""Recordings on disk: which files they are, their lines, and what one of them says of a decision.

Rules of this file
- It reads, and nothing else: Maek may be writing there at the same moment.
- What the end of a process cut short is the last line of its file. It is passed over, and told.
- A ring is what is left of many lives of many versions on a disk that may be old: a line of it that cannot be read is
  told, and the others are read all the same.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from sidecar import Note, note_in, segments_of

FOLDER = "flight"
"""Of the ring, in the data folder."""


def recordings(path: Path) -> list[Path]:
    """The files of a recording, the oldest first: itself, or those of a ring in a folder, which may be Maek's data
    folder. Raises OSError if it cannot be read."""
    if not path.is_dir():
        return [path]
    return segments_of(path / FOLDER if (path / FOLDER).is_dir() else path)


def whole_lines(lines: Iterable[bytes], torn: Callable[[], None]) -> Iterator[bytes]:
    """Those that were written to their end. `torn` hears of one that was not."""
    for line in lines:
        if not line.endswith(b"\n") and not _is_json(line):
            torn()
            return
        yield line


def notes_in(lines: Iterable[bytes], unreadable: Callable[[int, str], None]) -> Iterator[tuple[int, Note]]:
    """The notes of a segment of a ring, with the numbers of their lines. `unreadable` hears of lines that are none of a
    recording, and why. Facts are passed over: nothing in a ring asks what they come to."""
    for number, line in enumerate(lines, start=1):
        if (found := note_in(line)) is None:
            continue
        if isinstance(found, Note):
            yield number, found
        else:
            unreadable(number, found)


def decision_in(folder: Path, record_id: str) -> dict[str, Any] | None:
    """What the ring in `folder` says of a decision; None if it holds none of this id. Raises OSError."""
    folder.stat()
    wanted = orjson.dumps(record_id)
    for path in reversed(recordings(folder)):
        with suppress(FileNotFoundError), path.open("rb") as lines:  # it has made way in the meantime
            for line in whole_lines(lines, torn=_nothing):
                if wanted in line and (record := _decision(line)) is not None and record.get("id") == record_id:
                    return record
    return None


def _decision(line: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict) or found.pop("event", None) != "decision":
        return None
    found.pop("t", None)
    return found


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _nothing() -> None:
    """A search does not mind."""
