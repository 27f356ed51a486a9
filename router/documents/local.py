"""The archive of a folder on this machine: questions answered in threads.

Rules of this file
- Nothing blocks the event loop: every look into the index or the folder is a thread's.
- A document whose file is gone is not told of any more, also before the next refresh.
"""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from router.config import Config
from router.config_tools.documents import DocumentKind
from router.documents.folder import Folder
from router.documents.index import FILE_NAME, Candidate, Found, Index, asking, meaning
from router.documents.query import Term, Weighed, apart, rarity, snippet, terms_of, weigh
from router.documents.refreshing import Progress, Report, refresh
from router.tools.documents.archive import ArchiveFailed, Document, Holdings, Passage, Vectors

log = logging.getLogger(__name__)

T = TypeVar("T")

LEAST_COVERAGE = 0.3
"""A passage that speaks of less of the question has nothing to say to it. Higher loses answers, lower quotes what is
beside the point: `python -m bench.documents` counts both."""
NOTHING_YET = Holdings(0, 0, complete=False)


@dataclass(frozen=True, slots=True)
class LocalArchive:
    """An `Archive` over a folder. `index` is the file of its index."""

    folder: Folder
    index: Path

    async def holdings(self) -> Holdings:
        """See `Archive`."""
        return await self._asked(Index.holdings, NOTHING_YET)

    async def recent(self, limit: int) -> tuple[Document, ...]:
        """See `Archive`."""
        return await self._asked(lambda index: self._still_there(index.recent(limit)), ())

    async def passages(self, query: str, limit: int) -> tuple[Passage, ...]:
        """See `Archive`."""
        terms = terms_of(query)
        return await self._asked(lambda index: self._best(index.find(terms), terms, limit), ()) if terms else ()

    async def text(self, doc_id: str) -> tuple[Document, str] | None:
        """See `Archive`."""

        def read(index: Index) -> tuple[Document, str] | None:
            document = index.document(doc_id)
            if document is None or not self.folder.has(document.path):
                return None
            return document, index.text(doc_id)

        return await self._asked(read, None)

    async def vectors(self, passages: Sequence[Passage]) -> Vectors | None:
        """See `Archive`."""

        def look(index: Index) -> Vectors | None:
            model = index.embedder()
            if model is None:
                return None
            return Vectors(model, index.vectors(meaning(one.heading, one.text) for one in passages))

        return await self._asked(look, None)

    async def refreshed(self) -> Report:
        """What a refresh did. Raises OSError or sqlite3.Error. Cancelled, it stops before the next files."""
        stop = threading.Event()
        try:
            return await asyncio.to_thread(refresh, self.folder, self.index, _tell_nobody, stop.is_set)
        finally:
            stop.set()

    def refreshed_here(self, progress: Progress) -> Report:
        """The same in this thread, with its progress told."""
        return refresh(self.folder, self.index, progress)

    async def _asked(self, question: Callable[[Index], T], otherwise: T) -> T:
        def ask() -> T:
            with asking(self.index, str(self.folder.root)) as index:
                return otherwise if index is None else question(index)

        try:
            return await asyncio.to_thread(ask)
        except (sqlite3.Error, OSError) as error:
            log.error("documents cannot be asked file=%s reason=%s", self.index, error)
            raise ArchiveFailed(str(error)) from error

    def _best(self, found: Found, terms: Sequence[Term], limit: int) -> tuple[Passage, ...]:
        weighed = [(weight, one) for one, weight in _weighed(found, terms) if weight.coverage >= LEAST_COVERAGE]
        weighed.sort(key=lambda pair: -pair[0].score)
        best: list[Passage] = []
        there: dict[str, bool] = {}
        for weight, one in weighed:
            path = one.document.path
            if len(best) < limit and there.setdefault(path, self.folder.has(path)):
                best.append(Passage(one.document, one.heading, one.text, snippet(one.text, terms), weight.score))
        return tuple(best)

    def _still_there(self, documents: Sequence[Document]) -> tuple[Document, ...]:
        return tuple(one for one in documents if self.folder.has(one.path))


def local_archive(config: Config) -> LocalArchive | None:
    """The archive that is configured; None where there is none."""
    chosen = config.router.tools.document
    if chosen.kind is not DocumentKind.LOCAL or chosen.folder is None:
        return None
    # The folder itself may be a link: the operator named it.
    root = Path(chosen.folder).expanduser().resolve()
    return LocalArchive(Folder(root, chosen.max_file_bytes), config.router.data_folder() / "documents" / FILE_NAME)


def _weighed(found: Found, terms: Sequence[Term]) -> list[tuple[Candidate, Weighed]]:
    texts = [one.text.casefold() for one in found.candidates]
    rare = {
        term.text: rarity(found.passages, found.containing[term.text] or sum(apart(term, text) > 0 for text in texts))
        for term in terms
    }
    usual = sum(len(one.text) for one in found.candidates) / max(1, len(found.candidates))
    return [
        (one, weigh(terms, rare, f"{one.document.title} {one.document.path}", one.heading, one.text, usual))
        for one in found.candidates
    ]


def _tell_nobody(_done: int, _total: int) -> None:
    """The background has nobody to tell."""
