"""The classifier LLM: asked once, told what was wrong, asked once more.

Rules of this file
- The only part of deciding that waits for anything, and only through `AskModel`; which server answers is not its
  business.
- It decides or raises `Undecided`; it has no default of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from router.conversation import Message
from router.decide.decision import Decision, Persona, SessionFacts, Source
from router.decide.errors import Undecided, UndecidedReason, Unusable
from router.decide.prompt import HISTORY_BUDGET_TOKENS, PROMPT_VERSION, messages
from router.decide.reading import read_answer
from router.decide.schema import answer_schema
from router.errors import BackendTimeout, MaekError
from router.tools.spec import Tool

MAX_QUOTED_CHARACTERS = 1000
"""Of a bad answer, shown to its author again. The fault is at its beginning or it has no shape at all."""


class AskModel(Protocol):
    """One question to whichever server serves the classifier."""

    async def __call__(self, messages: Sequence[Mapping[str, str]], *, schema: Mapping[str, Any] | None) -> str:
        """The whole answer, following `schema` where the server can enforce one. Raises MaekError or TimeoutError."""
        ...


@dataclass(frozen=True, slots=True)
class Classifier:
    """Decides by asking a model."""

    ask: AskModel
    tools: Mapping[str, Tool]
    persona: Persona
    history_budget_tokens: int = HISTORY_BUDGET_TOKENS

    async def decide(self, message: str, facts: SessionFacts, history: Sequence[Message] = ()) -> Decision:
        """The model's decision, after one more try at most. Raises Undecided."""
        chat = messages(
            message,
            facts,
            history,
            tools=self.tools,
            persona=self.persona,
            history_budget_tokens=self.history_budget_tokens,
        )
        schema = answer_schema(self.tools, draft_pending=facts.draft is not None)
        answer = await self._answer(chat, schema)
        try:
            return self._read(answer, facts)
        except Unusable as unusable:
            second = await self._answer([*chat, *_told(answer, unusable.reason)], schema)
        try:
            return self._read(second, facts)
        except Unusable as unusable:
            raise Undecided(UndecidedReason.NONSENSE, unusable.reason) from unusable

    async def _answer(self, chat: Sequence[Mapping[str, str]], schema: Mapping[str, Any]) -> str:
        try:
            return await self.ask(chat, schema=schema)
        except (TimeoutError, BackendTimeout) as error:
            raise Undecided(UndecidedReason.TIMEOUT) from error
        except MaekError as error:
            raise Undecided(UndecidedReason.UNAVAILABLE, error.code) from error

    def _read(self, answer: str, facts: SessionFacts) -> Decision:
        decision = read_answer(answer, self.tools, facts.draft)
        return replace(decision, versions={Source.LLM: PROMPT_VERSION})


def _told(answer: str, reason: str) -> list[dict[str, str]]:
    return [
        {"role": "assistant", "content": answer[:MAX_QUOTED_CHARACTERS] or "{}"},
        {
            "role": "user",
            "content": f"That answer cannot be used: {reason}. Answer again with one JSON object as described.",
        },
    ]
