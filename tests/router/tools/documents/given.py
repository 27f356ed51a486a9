"""What the tests of the document tool share: models that answer as they are told, and passages."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from router.tools.documents.archive import Document, Passage
from router.tools.models import ModelsAway, Vector

T = TypeVar("T")


@dataclass
class Lent:
    """Stands at `Models`. What was asked is kept; an answer that is None does not come."""

    says: str | None = None
    scores: Sequence[float] | None = None
    vectors: Mapping[str, Vector] | None = None
    hangs: bool = False
    asked: list[Sequence[Mapping[str, str]]] = field(default_factory=list)
    embedded: list[str] = field(default_factory=list)

    def serving(self, _role: str) -> tuple[str, ...]:
        return ("model",)

    async def complete(self, _role: str, messages: Sequence[Mapping[str, str]]) -> str:
        self.asked.append(messages)
        return await self._given(self.says)

    async def embed(self, _role: str, _model: str, texts: Sequence[str]) -> tuple[Vector, ...]:
        self.embedded += texts
        known = await self._given(self.vectors)
        return tuple(next((vector for part, vector in known.items() if part in text), (0.0, 1.0)) for text in texts)

    async def rerank(self, _role: str, _query: str, texts: Sequence[str]) -> tuple[float, ...]:
        return tuple(await self._given(self.scores))[: len(texts)]

    async def _given(self, answer: T | None) -> T:
        if self.hangs:
            await asyncio.Event().wait()
        if answer is None:
            raise ModelsAway("nobody answers")
        return answer


def passage(text: str, *, title: str = "안전 지침", heading: str = "", score: float = 1.0) -> Passage:
    """A passage of a document that is named after its title."""
    return Passage(Document(title, title, f"{title}.md"), heading, text, text, score)
