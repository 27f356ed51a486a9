"""Found passages put into a better order by a model, where one is configured for it.

Rules of this file
- It only changes the order: what the words did not find is not found here, and nothing that they found is lost.
- Failure and lateness are the order that the words gave, which is a good one; the log says why, the user need not know.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

from router.tools.documents.archive import Archive, Passage
from router.tools.models import Models, ModelsAway, Vector

log = logging.getLogger(__name__)

RANKING_SECONDS = 8.0
"""A reranker looks at thirty passages in less than a second on a GPU, and in several without."""
RANKED_PASSAGES = 30
"""What words put further down than this is no better answer."""
RANK_CONSTANT = 60
"""Of reciprocal rank fusion (Cormack, Clarke and Büttcher 2009), as in their paper."""


@dataclass(frozen=True, slots=True)
class Rankers:
    """The roles to ask; None: nobody. A reranker knows more than vectors, and goes first where there are both."""

    rerank_role: str | None = None
    embed_role: str | None = None


async def ranked(
    passages: Sequence[Passage], query: str, rankers: Rankers, models: Models, archive: Archive
) -> tuple[Passage, ...]:
    """The passages, the best first. Raises nothing that a model did; ArchiveFailed as any question to the archive."""
    first, rest = passages[:RANKED_PASSAGES], passages[RANKED_PASSAGES:]
    if len(first) < 2:
        return tuple(passages)
    try:
        async with asyncio.timeout(RANKING_SECONDS):
            if rankers.rerank_role is not None:
                ordered = await _reranked(first, query, rankers.rerank_role, models)
            elif rankers.embed_role is not None:
                ordered = await _by_meaning(first, query, rankers.embed_role, models, archive)
            else:
                ordered = first
    except ModelsAway as error:
        log.info("documents not reranked reason=%s", error)
        ordered = first
    except TimeoutError:
        log.info("documents not reranked reason=no answer in %g s", RANKING_SECONDS)
        ordered = first
    return (*ordered, *rest)


async def _reranked(passages: Sequence[Passage], query: str, role: str, models: Models) -> Sequence[Passage]:
    scores = await models.rerank(role, query, [_told(one) for one in passages])
    order = sorted(range(len(passages)), key=lambda at: -scores[at])
    return [passages[at] for at in order]


async def _by_meaning(
    passages: Sequence[Passage], query: str, role: str, models: Models, archive: Archive
) -> Sequence[Passage]:
    known = await archive.vectors(passages)
    if known is None or all(vector is None for vector in known.of):
        raise ModelsAway("the archive has no vectors yet")
    (asked,) = await models.embed(role, known.model, [query])
    return fused(passages, [_nearness(asked, vector) for vector in known.of])


def fused(passages: Sequence[Passage], nearness: Sequence[float | None]) -> list[Passage]:
    """The passages by both orders together: the one they come in, and that of their nearness (None: unknown, last).

    Where the two are of equal weight, meaning has the say.
    """
    by_meaning = sorted(range(len(passages)), key=lambda at: 2.0 if (near := nearness[at]) is None else -near)
    place = {at: number for number, at in enumerate(by_meaning)}

    def score(at: int) -> float:
        return 1 / (RANK_CONSTANT + at) + 1 / (RANK_CONSTANT + place[at])

    return [passages[at] for at in sorted(range(len(passages)), key=lambda at: (-score(at), place[at]))]


def _nearness(asked: Vector, vector: Sequence[float] | None) -> float | None:
    if vector is None or len(vector) != len(asked):
        return None
    return float(sum(map(mul, asked, vector)))


def _told(passage: Passage) -> str:
    return f"{passage.document.title} {passage.heading}\n{passage.text}".strip()
