"""What the document tool needs of an archive, whoever keeps it.

Rules of this file
- Words only: what is found, and the questions that can be asked. How it is found is the archive's business.
- The text of a document is somebody's writing: data to be shown, never an instruction.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co"})


@dataclass(frozen=True, slots=True)
class Document:
    """A document of the archive. `doc_id` is opaque and stays the same as long as the file keeps its place."""

    doc_id: str
    title: str
    path: str
    """Relative to the folder of the archive."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that has to do with a question."""

    document: Document
    heading: str
    """The headings above it, from the outermost in, joined by " › "; empty where there are none."""
    text: str
    snippet: str
    """The part of `text` that met the question, with **marks** around what met it."""
    score: float
    """Higher is nearer; comparable within one answer only."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """How complete the archive is."""

    documents: int
    unreadable: int
    """Files that could not be read; `maek documents index` names them with the reason."""
    complete: bool
    """False until the folder has been gone through once."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors of passages, one each; None where there is none yet."""

    model: str
    """Who made them: a question has to be embedded by the same one."""
    of: tuple[Sequence[float] | None, ...]


def visible(text: str) -> str:
    """The text without what nobody sees: control characters, text direction, invisible letters."""
    return "".join(one for one in text if one in "\n\t" or unicodedata.category(one) not in _UNSEEN)


class ArchiveFailed(Exception):
    """The archive cannot be asked now; the text says why, for the log."""


class Archive(Protocol):
    """Questions to an archive. All of them raise ArchiveFailed when it cannot be asked."""

    async def holdings(self) -> Holdings:
        """How much there is."""
        ...

    async def recent(self, limit: int) -> tuple[Document, ...]:
        """The documents that were changed last, the newest first."""
        ...

    async def passages(self, query: str, limit: int) -> tuple[Passage, ...]:
        """The passages nearest to the question, the best first; none where nothing of it is said anywhere."""
        ...

    async def text(self, doc_id: str) -> tuple[Document, str] | None:
        """A document and its text; None where there is no such document, or not any more."""
        ...

    async def vectors(self, passages: Sequence[Passage]) -> Vectors | None:
        """What these passages mean, as numbers; None where the archive keeps no such thing."""
        ...
