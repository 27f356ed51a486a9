"""The files of learning, in the data folder: messages that were decided, those that were confirmed, and what was
learned.

Rules of this file
- Nothing is kept unless the operator asks for it (`router.decide.keep_messages`); what is kept can be read by its owner
  alone, and never leaves the machine.
- The files are plain JSON lines, so that everybody can see, edit and delete what is in them.
- Learning is undone by taking the last overlay away: the one before it is in force again.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from router.decide.decision import Decision
from router.decide.intent.model import IntentModel, Overlay

log = logging.getLogger(__name__)

FOLDER = "learning"
MOST_KEPT_BYTES = 20_000_000
"""Of kept messages, some hundred thousand: a disk must not fill because somebody forgot that they are kept."""
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Learned:
    """An overlay, and what it was learned from."""

    overlay: Overlay
    base_version: str
    """Of the shipped model that it lies on; on another one it means nothing."""
    lessons: int
    learned_at: str
    """ISO 8601."""


class Keeping:
    """The folder of learning. Every method may raise OSError; what cannot be read is told in the log, and left out."""

    def __init__(self, data_folder: Path) -> None:
        self.folder = data_folder / FOLDER
        self.kept_file = self.folder / "kept.jsonl"
        self.confirmed_file = self.folder / "confirmed.jsonl"
        self._overlay = self.folder / "overlay.json"

    def keep(self, row_id: str, text: str, language: str, decision: Decision) -> None:
        """Add a decided message to those that wait for confirmation; nothing once there are too many."""
        if self.kept_file.exists() and self.kept_file.stat().st_size > MOST_KEPT_BYTES:
            log.warning("message not kept file=%s reason=full; `maek learn --review` goes through them", self.kept_file)
            return
        self._append(self.kept_file, kept_row(row_id, text, language, decision))

    def waiting(self) -> list[dict[str, Any]]:
        """The kept messages that nobody has looked at, oldest first, each text once."""
        seen = {row.get("text") for row in _rows(self.confirmed_file)}
        rows: dict[Any, dict[str, Any]] = {}
        for row in _rows(self.kept_file):
            if row.get("text") not in seen:
                rows.setdefault(row.get("text"), row)
        return list(rows.values())

    def confirm(self, row: Mapping[str, Any]) -> None:
        """Add a row that the operator has looked at, with what is right."""
        self._append(self.confirmed_file, row)

    def confirmed(self) -> list[dict[str, Any]]:
        """What the operator has confirmed, oldest first."""
        return list(_rows(self.confirmed_file))

    def learned(self) -> Learned | None:
        """What is in force; None where nothing was learned or it cannot be read."""
        try:
            stored = orjson.loads(self._overlay.read_bytes())
            overlay = Overlay(
                {str(piece): tuple(map(float, row)) for piece, row in stored["weights"].items()},
                tuple(map(float, stored["biases"])),
                str(stored["version"]),
            )
            return Learned(overlay, str(stored["base_version"]), int(stored["lessons"]), str(stored["learned_at"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.error("what was learned cannot be read file=%s reason=%r; it is left out", self._overlay, error)
            return None

    def learn(self, learned: Learned) -> None:
        """Put an overlay in force; the one before it is kept for `undo`."""
        if self._overlay.exists():
            self._overlay.rename(self._numbered(len(self._before()) + 1))
        self.folder.mkdir(parents=True, exist_ok=True)
        row = {
            "version": learned.overlay.version,
            "base_version": learned.base_version,
            "lessons": learned.lessons,
            "learned_at": learned.learned_at,
            "biases": learned.overlay.biases,
            "weights": learned.overlay.weights,
        }
        unfinished = self._overlay.with_suffix(".new")
        with _private(unfinished, os.O_TRUNC) as file:
            file.write(orjson.dumps(row))
        unfinished.replace(self._overlay)

    def undo(self) -> bool:
        """Take the last overlay away, and put the one before it in force again. False where there is none."""
        if not self._overlay.exists():
            return False
        self._overlay.unlink()
        if before := self._before():
            before[-1].rename(self._overlay)
        return True

    def _before(self) -> list[Path]:
        return sorted(self.folder.glob("overlay.[0-9][0-9][0-9].json"))

    def _numbered(self, number: int) -> Path:
        return self.folder / f"overlay.{number:03}.json"

    def _append(self, path: Path, row: Mapping[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with _private(path, os.O_APPEND) as file:
            file.write(orjson.dumps(row) + b"\n")


def kept_row(row_id: str, text: str, language: str, decision: Decision) -> dict[str, Any]:
    """A decided message as it is kept: what `maek decide` prints of it, with its text."""
    return {
        "id": row_id,
        "text": text,
        "language": language,
        "action": str(decision.action),
        "tool": decision.tool,
        "operation": decision.operation,
        "source": str(decision.source),
        "reason": decision.reason,
    }


def with_learned(model: IntentModel, learned: Learned | None) -> IntentModel:
    """The model with what was learned; without it where that was learned on another model."""
    if learned is None:
        return model
    if learned.base_version != model.base_version or len(learned.overlay.biases) != len(model.labels):
        log.warning("what was learned belongs to another model and is left out; run `maek learn` again")
        return model
    return model.with_overlay(learned.overlay)


def read_rows(lines: Iterable[bytes]) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """The rows of a file with their line numbers; None for a line that is no row."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            row = None
        yield number, row if isinstance(row, dict) else None


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for number, row in read_rows(lines):
        if row is None:
            log.error("line passed over file=%s line=%d reason=no JSON", path, number)
        else:
            yield row


def _private(path: Path, flag: int) -> Any:
    """The file, open for writing; others on the machine cannot read it."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | flag, _PRIVATE), "wb")
