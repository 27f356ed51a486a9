"""The flight recorder: facts and questions, as they come, into a JSONL file.

Rules of this file
- It writes what `sidecar.recording` says a line is, in the order in which the store took the facts in.
- A full disk stops the recording, says so once, and never stops a request. What stands in the file still replays.
- Moments are written as they are on the process's monotonic clock, untouched: replay compares ages, and a
  subtraction would change their last digit.
- No address and no key: where a backend is becomes the number of the place, in the order of their coming. That one
  moved can be told from that, which is all that replay has to know.
"""

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import orjson

from sidecar.facts import BackendAdded
from sidecar.load import LoadRules
from sidecar.progress import Rhythm
from sidecar.recording import Entry, Query, RulesInForce, write
from sidecar.store import Store

log = logging.getLogger(__name__)


class Recorder:
    """Writes to a file, which it begins anew. Raises OSError if the file cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, str] = {}
        self._store: Store | None = None
        self._bytes = 0
        """Of whole lines."""
        # A line at a time, so that a crash loses at most the line that was being written.
        self._file: BinaryIO | None = path.open("wb", buffering=0)

    def follow(self, store: Store) -> None:
        """Record every fact of `store` from now on: before its first one, or replay will not know the backends."""
        self._store = store
        store.witness(self._write)

    def rules(self, at: float, failures_to_down: int, rules: LoadRules) -> None:
        """Note the rules in force from `at` on."""
        self._write(RulesInForce(at, failures_to_down, rules))

    def query(self, at: float, backend: str) -> None:
        """Note that somebody asked at `at` how busy `backend` is."""
        rhythm = Rhythm() if self._store is None else self._store.rhythm(backend)
        self._write(Query(at, backend, rhythm))

    def close(self) -> None:
        """End the recording."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, entry: Entry) -> None:
        if self._file is None:
            return
        try:
            line = write(self._without_address(entry))
            if self._file.write(line) < len(line):
                raise OSError("no space left for a whole line")
            self._bytes += len(line)
        except (OSError, orjson.JSONEncodeError) as error:
            log.error("recording ended file=%s reason=%s; see to that and restart to record again", self._path, error)
            with suppress(OSError):
                self._file.truncate(self._bytes)
            self.close()

    def _without_address(self, entry: Entry) -> Entry:
        match entry:
            case BackendAdded(spec=spec):
                place = self._places.setdefault(spec.url, str(len(self._places) + 1))
                return replace(entry, spec=replace(spec, url=place))
            case _:
                return entry
