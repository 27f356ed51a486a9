"""Vectors for the passages of a folder, made in the background and kept in its index.

Rules of this file
- Incremental: only texts that have none are embedded. A stop, a crash or a backend that goes away loses one batch.
- The model whose vectors are there is gone on with as long as anybody serves it: vectors of two models say nothing to
  each other.
- Bounded, and never in the way: it asks with the lowest priority, and the archive is searched meanwhile.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Mapping, Sequence

from router.documents.index import Index, writing
from router.documents.local import LocalArchive
from router.tools.models import Models, ModelsAway, Vector

log = logging.getLogger(__name__)

BATCH_TEXTS = 32
"""Of one request: some 25,000 characters, which embedding servers take at once."""
BATCH_SECONDS = 120.0
"""For one batch, on a machine without a GPU."""
MOST_VECTORS = 50_000
"""Of one index, 200 MB with 1,024 numbers each; what is beyond is ranked by its words alone."""


async def embed_missing(archive: LocalArchive, models: Models, role: str) -> int:
    """How many texts got a vector. Whatever goes wrong ends it until the next time, and is told to the log."""
    done = 0
    try:
        while missing := await _next(archive, models, role):
            model, texts = missing
            async with asyncio.timeout(BATCH_SECONDS):
                vectors = await models.embed(role, model, texts)
            await asyncio.to_thread(_keep, archive, model, dict(zip(texts, vectors, strict=True)))
            done += len(texts)
    except ModelsAway as error:
        log.info("documents not embedded role=%s reason=%s", role, error)
    except TimeoutError:
        log.info("documents not embedded role=%s reason=no answer in %g s", role, BATCH_SECONDS)
    except BlockingIOError:
        log.info("documents are being indexed by another process folder=%s", archive.folder.root)
    except (sqlite3.Error, OSError, ValueError) as error:
        log.error("documents not embedded file=%s reason=%s", archive.index, error)
    if done:
        log.info("documents embedded role=%s texts=%d", role, done)
    return done


async def _next(archive: LocalArchive, models: Models, role: str) -> tuple[str, Sequence[str]] | None:
    """The model to ask, and what to embed next; None where nothing is missing, or nobody could do it."""
    serving = models.serving(role)
    if not serving or not archive.index.exists():
        return None
    model, texts = await asyncio.to_thread(_missing, archive, serving)
    return (model, texts) if texts else None


def _missing(archive: LocalArchive, serving: Sequence[str]) -> tuple[str, Sequence[str]]:
    with writing(archive.index, str(archive.folder.root)) as index:
        model = index.embedder()
        if model is None or model not in serving:
            model = serving[0]
            with index.transaction():
                index.embed_anew(model)
        room = MOST_VECTORS - index.count_vectors()
        return model, index.without_vector(min(BATCH_TEXTS, room)) if room > 0 else ()


def _keep(archive: LocalArchive, model: str, vectors: Mapping[str, Vector]) -> None:
    with writing(archive.index, str(archive.folder.root)) as index, index.transaction():
        if index.embedder() == model:  # another process may have begun with another one
            _one_length(index, vectors)
            index.put_vectors(vectors)


def _one_length(index: Index, vectors: Mapping[str, Vector]) -> None:
    """Begin anew where a model of the same name has vectors of another length: it is another model."""
    length = len(next(iter(vectors.values())))
    kept = index.vector_length()
    if kept is not None and kept != length:
        index.embed_anew(index.embedder() or "")
