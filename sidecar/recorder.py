"""The flight recorder: facts and questions, as they come, into a JSONL file.

Rules of this file
- It writes what `sidecar.trace` says a line is, in the order in which the store took the facts in.
- A full disk stops the recording, says so once, and never stops a request.
- Moments are written as they are on the process's monotonic clock, untouched: replay compares ages, and a
  subtraction would change their last digit.
"""

import logging
from pathlib import Path
from typing import BinaryIO

from sidecar.load import LoadRules
from sidecar.store import Store
from sidecar.trace import Entry, Query, RulesInForce, write

log = logging.getLogger(__name__)


class Recorder:
    """Writes to a file, which it begins anew. Raises OSError if the file cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # A line at a time, so that a crash loses at most the line that was being written.
        self._file: BinaryIO | None = path.open("wb", buffering=0)

    def follow(self, store: Store) -> None:
        """Record every fact of `store` from now on."""
        store.witness(self._write)

    def rules(self, at: float, failures_to_down: int, rules: LoadRules) -> None:
        """Note the rules in force from `at` on."""
        self._write(RulesInForce(at, failures_to_down, rules))

    def query(self, at: float, backend: str) -> None:
        """Note that somebody asked at `at` how busy `backend` is."""
        self._write(Query(at, backend))

    def close(self) -> None:
        """End the recording."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, entry: Entry) -> None:
        if self._file is None:
            return
        try:
            self._file.write(write(entry))
        except OSError as error:
            log.error(
                "recording ended file=%s reason=%s; free some space and restart to record again", self._path, error
            )
            self.close()
