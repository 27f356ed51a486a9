"""The flight recorder: facts and questions, as they come, onto a tape.

Rules of this file
- It writes what `sidecar.recording` says a line is, in the order in which the store took the facts in.
- It never stops a request: what the disk does is the tape's affair.
- Moments are written as they are on the process's monotonic clock, untouched: replay compares ages, and a
  subtraction would change their last digit.
- No address and no key: where a backend is becomes the number of the place, in the order of their coming. That one
  moved can be told from that, which is all that replay has to know.
"""

from dataclasses import replace
from pathlib import Path

import orjson

from sidecar.facts import BackendAdded, BackendRemoved, RequestStarted
from sidecar.load import LoadRules
from sidecar.progress import Rhythm
from sidecar.recording import Entry, Note, Query, RulesInForce, write
from sidecar.store import Store
from sidecar.tape import FileTape, Line, Tape

IN_FORCE = frozenset({RulesInForce, BackendAdded, BackendRemoved})
"""Entries whose lines hold until others take their place: every segment of a ring begins with them."""


class Recorder:
    """Writes onto a tape, or to a file, which it begins anew. Raises OSError if the file cannot be opened.

    `hashes`: those of how prompts begin, by which whoever has a text can find out whether it was asked here. Only a
    recording that shall teach a store what the live one has learnt needs them.
    """

    def __init__(self, tape: Path | Tape, *, hashes: bool = True) -> None:
        self._tape = FileTape(tape) if isinstance(tape, Path) else tape
        self._hashes = hashes
        self._places: dict[str, str] = {}
        self._store: Store | None = None

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

    def note(self, note: Note) -> None:
        """Note what others than the store have to say."""
        self._write(note)

    def close(self) -> None:
        """End the recording."""
        self._tape.close()

    def _write(self, entry: Entry) -> None:
        in_force = type(entry) in IN_FORCE
        if not self._tape.on and not in_force:
            return
        try:
            text = write(self._to_be_shown(entry))
        except orjson.JSONEncodeError as error:
            self._tape.unwritable(error)
            return
        self._tape.put(_line(text, entry) if in_force else Line(text))

    def _to_be_shown(self, entry: Entry) -> Entry:
        match entry:
            case BackendAdded(spec=spec):
                place = self._places.setdefault(spec.url, str(len(self._places) + 1))
                return replace(entry, spec=replace(spec, url=place))
            case RequestStarted() if entry.blocks and not self._hashes:
                return replace(entry, blocks=())
            case _:
                return entry


def _line(text: bytes, entry: Entry) -> Line:
    """The line of an entry that is in force from now on, or ends what is."""
    match entry:
        case BackendAdded(spec=spec):
            return Line(text, opens=f"backend {spec.name}")
        case BackendRemoved(backend=backend):
            return Line(text, closes=f"backend {backend}")
        case _:
            return Line(text, opens="rules")
