"""The models that tools are lent: a role is named, and whoever serves it best at the moment answers.

Rules of this file
- Words only. Who is asked, how long that takes and how it is counted is the business of who lends (`router.lending`).
- A tool gets on without: whatever goes wrong is `ModelsAway`, and there is always a plainer way.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

Vector = tuple[float, ...]
"""Of length 1, so that the product of two is their nearness."""


class ModelsAway(Exception):
    """No model could be asked, or none gave anything of use; the text says why, for the log."""


class Models(Protocol):
    """Models by role. Every question raises ModelsAway; whoever asks bounds the time."""

    def serving(self, role: str) -> tuple[str, ...]:
        """The models that would answer for this role now; empty where there is no such role, or only a simulator."""
        ...

    async def complete(self, role: str, messages: Sequence[Mapping[str, str]]) -> str:
        """The whole text that a model of the role writes to these messages (`role` and `content`)."""
        ...

    async def embed(self, role: str, model: str, texts: Sequence[str]) -> tuple[Vector, ...]:
        """A vector for each text. Only who runs this very model is asked: others' vectors mean other things."""
        ...

    async def rerank(self, role: str, query: str, texts: Sequence[str]) -> tuple[float, ...]:
        """How much each text has to do with the query; higher is more. Comparable within one answer only."""
        ...


class NoModels:
    """Lent where there is nobody to ask."""

    def serving(self, _role: str) -> tuple[str, ...]:
        """Nobody."""
        return ()

    async def complete(self, role: str, _messages: Sequence[Mapping[str, str]]) -> str:
        """Raises ModelsAway."""
        raise _nobody(role)

    async def embed(self, role: str, _model: str, _texts: Sequence[str]) -> tuple[Vector, ...]:
        """Raises ModelsAway."""
        raise _nobody(role)

    async def rerank(self, role: str, _query: str, _texts: Sequence[str]) -> tuple[float, ...]:
        """Raises ModelsAway."""
        raise _nobody(role)


def _nobody(role: str) -> ModelsAway:
    return ModelsAway(f"nobody was lent who serves {role}")
