"""The flight recorders of a running Maek: the ring that is always there, and the file that somebody asked for.

Rules of this file
- Composition and two small readers. It decides nothing, and nobody waits for it.
- The ring holds no questions of how busy a backend is: they need the facts from the first one on to be answered, and
  in a ring the first ones are gone. Choices and decisions stand for themselves.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from router.balance.admission import Shed
from router.balance.choice import Choice
from router.balance.policies import PolicyName
from router.balance.prewarm import Warming
from router.flight.choices import choice_body, shed_body
from router.flight.files import FOLDER
from router.flight.warmings import warming_body
from sidecar import LoadRules, Lost, Note, Recorder, RingTape, Store


class FlightRecording:
    """Everything that records. Raises OSError if `file` cannot be opened."""

    def __init__(
        self, store: Store, file: Path | None, data_folder: Path, most_bytes: int, lost: Callable[[Lost, int], None]
    ) -> None:
        self._file = None if file is None else Recorder(file)
        self._tape = RingTape(data_folder / FOLDER, most_bytes, lost)
        self._ring = Recorder(self._tape, hashes=False)
        for recorder in self._all():
            recorder.follow(store)

    def close(self) -> None:
        """Write what waits, and end."""
        with ExitStack() as stack:
            for recorder in self._all():
                stack.callback(recorder.close)

    def adopt(self, most_bytes: int, at: float, failures_to_down: int, rules: LoadRules) -> None:
        """A configuration is in force from `at` on."""
        self._tape.adopt(most_bytes)
        for recorder in self._all():
            recorder.rules(at, failures_to_down, rules)

    def asked(self, at: float, backend: str) -> None:
        """Somebody asked how busy a backend is."""
        if self._file is not None:
            self._file.query(at, backend)

    def chose(self, at: float, decision: str, policy: PolicyName, choice: Choice) -> None:
        """Somebody acts on a choice."""
        if self._on:
            self._note(Note(at, "choice", choice_body(decision, policy, choice)))

    def shed(self, at: float, decision: str, policy: PolicyName, shed: Shed) -> None:
        """Somebody was told to come back."""
        if self._on:
            self._note(Note(at, "shed", shed_body(decision, policy, shed)))

    def warming(self, at: float, role: str, warming: Warming) -> None:
        """Somebody was asked to load a model that nobody waits for."""
        if self._on:
            self._note(Note(at, "warming", warming_body(role, warming)))

    def decided(self, at: float, record: Callable[[], Mapping[str, Any]]) -> None:
        """A request has ended, of which `record` tells."""
        if self._on:
            self._note(Note(at, "decision", record()))

    @property
    def _on(self) -> bool:
        return self._tape.on or self._file is not None

    def _note(self, note: Note) -> None:
        for recorder in self._all():
            recorder.note(note)

    def _all(self) -> tuple[Recorder, ...]:
        return (self._ring,) if self._file is None else (self._file, self._ring)
