"""The classifier LLM: asked once, told what was wrong, asked once more.

Rules of this file
- The only part of deciding that waits for anything, and only through `AskModel`; which server answers is not its
  business.
- It decides or raises `Undecided`; it has no default of its own.
- A model's word counts for what it may decide and no more: operations of the registry, a draft confirmed only with the
  user's own yes, and no claim that something was done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Protocol

import orjson

from router.conversation import Message
from router.decide.agreeing import agrees
from router.decide.decision import REFUSED_SENDING, Action, Decision, Persona, SessionFacts, Slot, Source
from router.decide.entry import OPERATION, TOOL, asking
from router.decide.errors import Sending, Undecided, UndecidedReason, Unusable
from router.decide.grounding import may_name_day
from router.decide.guard import Objection, honest, objection, turns_persona
from router.decide.prompt import CONTEXT_TOKENS, PROMPT_VERSION, Prompt, prompt
from router.decide.reading import LLM_CONFIDENCE, read_answer
from router.decide.remembering import Origin, Remembering
from router.decide.schema import answer_schema
from router.decide.sheltering import sheltered
from router.errors import BackendTimeout, MaekError
from router.tools.spec import Tool

LATEST_MESSAGES = 12
"""In which a day may have been named that "that day" means."""
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
    context_tokens: int = CONTEXT_TOKENS
    """How much whoever is asked takes, prompt and answer together."""
    memory: Remembering[Decision] | None = None
    """What was asked lately; None: every message is asked about anew."""

    async def decide(self, message: str, facts: SessionFacts, history: Sequence[Message] = ()) -> Decision:
        """The model's decision, after one more try at most. Raises Undecided."""
        told = prompt(
            message, facts, history, tools=self.tools, persona=self.persona, context_tokens=self.context_tokens
        )
        may_confirm = facts.draft is not None and agrees(message, self.persona.name)
        said = (message, *(one.text for one in history[-LATEST_MESSAGES:]))
        if self.memory is None:
            return await self._asked(told, said, facts, may_confirm=may_confirm)
        decision, origin = await self.memory.answer(
            _key(told, may_confirm=may_confirm), lambda: self._asked(told, said, facts, may_confirm=may_confirm)
        )
        return decision if origin is Origin.MADE else replace(decision, reason=f"{decision.reason}_{origin}")

    async def _asked(self, told: Prompt, said: Sequence[str], facts: SessionFacts, *, may_confirm: bool) -> Decision:
        schema = answer_schema(self.tools, may_confirm=may_confirm)
        answer = await self._answer(told.chat, schema)
        try:
            return self._read(answer, told, said, facts, may_confirm=may_confirm)
        except Unusable as unusable:
            second = await self._answer([*told.chat, *_told(answer, unusable.reason)], schema)
        try:
            return self._read(second, told, said, facts, may_confirm=may_confirm)
        except Sending:
            return self._refused(Objection.MAIL, facts.language)
        except Unusable as unusable:
            raise Undecided(UndecidedReason.NONSENSE, unusable.reason) from unusable

    async def _answer(self, chat: Sequence[Mapping[str, str]], schema: Mapping[str, Any]) -> str:
        try:
            return await self.ask(chat, schema=schema)
        except (TimeoutError, BackendTimeout) as error:
            raise Undecided(UndecidedReason.TIMEOUT) from error
        except MaekError as error:
            raise Undecided(UndecidedReason.UNAVAILABLE, error.code) from error

    def _read(
        self, answer: str, told: Prompt, said: Sequence[str], facts: SessionFacts, *, may_confirm: bool
    ) -> Decision:
        decision = read_answer(answer, self.tools, may_confirm=may_confirm)
        wrong = objection(decision.response, self.persona) if decision.response else None
        if wrong is not None:
            return self._refused(wrong, facts.language)
        if (decision.tool, decision.operation) == (TOOL, OPERATION) and not may_name_day(said, facts.now):
            return _asking_for_day(decision, facts)
        # Who saw only part of a message does not rewrite it, nor does anybody who would change who answers.
        rewritten = decision.prompt if told.whole else None
        kept = None if rewritten is None or turns_persona(rewritten) else sheltered(rewritten)
        return replace(decision, prompt=kept, versions={Source.LLM: PROMPT_VERSION})

    def _refused(self, wrong: Objection, language: str) -> Decision:
        """The honest sentence in place of what the model wanted."""
        return Decision(
            Action.DIRECT,
            Source.LLM,
            REFUSED_SENDING if wrong is Objection.MAIL else f"classifier_{wrong}",
            LLM_CONFIDENCE,
            response=honest(wrong, self.persona, language),
            versions={Source.LLM: PROMPT_VERSION},
        )


def _asking_for_day(decision: Decision, facts: SessionFacts) -> Decision:
    """The question for the day of an entry, which the model made up."""
    known = {name: value for name, value in decision.params.items() if name != "date"}
    question = asking(facts, Slot.DATE, known, reason="classifier_missing_date")
    return replace(question, source=Source.LLM, confidence=LLM_CONFIDENCE, versions={Source.LLM: PROMPT_VERSION})


def _key(told: Prompt, *, may_confirm: bool) -> str:
    """Everything that the model is told, in short."""
    return blake2b(orjson.dumps([told.chat, may_confirm]), digest_size=16).hexdigest()


def _told(answer: str, reason: str) -> list[dict[str, str]]:
    return [
        {"role": "assistant", "content": sheltered(answer[:MAX_QUOTED_CHARACTERS]) or "{}"},
        {
            "role": "user",
            "content": f"That answer cannot be used: {reason}. Answer again with one JSON object as described.",
        },
    ]
