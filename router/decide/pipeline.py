"""The stages in their order: rules, embedded model, classifier, safe default.

Rules of this file
- It always decides: trouble of a stage is written into `fallbacks`, and the next one is asked. Only cancellation
  passes.
- The safe default is ROUTE: the reasoner can answer anything, and does nothing that cannot be undone.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from router.conversation import Message
from router.decide.classifier import Classifier
from router.decide.decision import Action, Decision, SessionFacts, Source
from router.decide.errors import Undecided, UndecidedReason
from router.decide.rules import Rules, decide_by_rules

DEADLINE_SECONDS = 20.0
"""For the classifier with both its tries. Later than this the user would have had the reasoner's first words."""

_UNSURE = "unsure"
_OFF = "off"


class EmbeddedModel(Protocol):
    """A small model in the process. Pure: no waiting, the same answer for the same arguments."""

    def decide(self, message: str, facts: SessionFacts, /) -> Decision | None:
        """The decision, or None where it is not confident."""
        ...


@dataclass(frozen=True, slots=True)
class Stages:
    """Who decides. None: that stage is off."""

    rules: Rules | None
    model: EmbeddedModel | None = None
    classifier: Classifier | None = None
    deadline_seconds: float = DEADLINE_SECONDS


async def decide(message: str, facts: SessionFacts, history: Sequence[Message], stages: Stages) -> Decision:
    """The decision of the first stage that is sure, else the safe default; never raises for a stage's trouble."""
    fallbacks: list[str] = []
    decision = decide_at_once(message, facts, stages, fallbacks)
    if decision is None:
        decision = await _by_classifier(message, facts, history, stages, fallbacks)
    if decision is None:
        decision = Decision(Action.ROUTE, Source.DEFAULT, "nobody_was_sure", confidence=0.0)
    return replace(decision, fallbacks=tuple(fallbacks))


def decide_at_once(message: str, facts: SessionFacts, stages: Stages, fallbacks: list[str]) -> Decision | None:
    """The decision of the stages that need no waiting; None where none is sure, with the reasons in `fallbacks`."""
    decision = decide_by_rules(message, facts, stages.rules) if stages.rules else None
    if decision is not None:
        return decision
    fallbacks.append(f"{Source.RULE}: {_UNSURE if stages.rules else _OFF}")
    if stages.model is None:
        return None
    decision = stages.model.decide(message, facts)
    if decision is None:
        fallbacks.append(f"{Source.MODEL}: {_UNSURE}")
    return decision


async def _by_classifier(
    message: str, facts: SessionFacts, history: Sequence[Message], stages: Stages, fallbacks: list[str]
) -> Decision | None:
    if stages.classifier is None:
        fallbacks.append(f"{Source.LLM}: {_OFF}")
        return None
    try:
        async with asyncio.timeout(stages.deadline_seconds):
            return await stages.classifier.decide(message, facts, history)
    except TimeoutError:
        fallbacks.append(f"{Source.LLM}: {UndecidedReason.TIMEOUT}")
    except Undecided as undecided:
        fallbacks.append(f"{Source.LLM}: {undecided.reason}")
    return None
