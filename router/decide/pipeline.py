"""The stages in their order: rules, embedded model, classifier, safe default.

Rules of this file
- It always decides: trouble of a stage is written into `fallbacks`, and the next one is asked. Only cancellation
  passes.
- The safe default is ROUTE: the reasoner can answer anything, and does nothing that cannot be undone.
- The answer to a question of ours is no matter of trust: whoever asked, the next message is heard as its answer first.
- A stage in shadow is asked as if it were on, and then passed over: what it says is kept beside the decision.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from router.conversation import Message
from router.decide.classifier import Classifier
from router.decide.decision import Action, Decision, SessionFacts, Silent, Source
from router.decide.dialogue import question_answer
from router.decide.errors import Undecided, UndecidedReason
from router.decide.prompt import PROMPT_VERSION
from router.decide.request import Request, Rules
from router.decide.rules import decide_by_rules
from router.trust import Trust

DEADLINE_SECONDS = 20.0
"""For the classifier with both its tries. Later than this the user would have had the reasoner's first words."""

_UNSURE = "unsure"
_OFF = "off"
_SHADOW = "shadow"
_OUTSIDE = "outside"


class EmbeddedModel(Protocol):
    """A small model in the process. Pure: no waiting, the same answer for the same arguments."""

    @property
    def version(self) -> str:
        """Changes whenever the same message may be decided otherwise."""
        ...

    def decide(self, request: Request, /) -> Decision | None:
        """The decision, or None where it is not confident."""
        ...


@dataclass(frozen=True, slots=True)
class Stages:
    """Who decides, and how far each is trusted. None: there is no such stage."""

    rules: Rules
    """Read by the embedded model too: they know the words and the names of this house."""
    rules_trust: Trust = Trust.ON
    model: EmbeddedModel | None = None
    model_trust: Trust = Trust.ON
    classifier: Classifier | None = None
    deadline_seconds: float = DEADLINE_SECONDS

    @property
    def versions(self) -> Mapping[str, str]:
        """The version of every stage that there is."""
        found: dict[str, str] = {Source.RULE: self.rules.version} if self.rules_trust is not Trust.OFF else {}
        if self.model is not None and self.model_trust is not Trust.OFF:
            found[Source.MODEL] = self.model.version
        if self.classifier is not None:
            found[Source.LLM] = PROMPT_VERSION
        return found


@dataclass(frozen=True, slots=True)
class AtOnce:
    """What the stages that need no waiting say."""

    decision: Decision | None
    fallbacks: tuple[str, ...]
    """The stages that did not decide, each with its reason."""
    silent: tuple[Silent, ...]


async def decide(message: str, facts: SessionFacts, history: Sequence[Message], stages: Stages) -> Decision:
    """The decision of the first stage that is sure, else the safe default; never raises for a stage's trouble."""
    at_once = decide_at_once(message, facts, stages)
    if at_once.decision is not None:
        return at_once.decision
    fallbacks = [*at_once.fallbacks]
    decision = await _by_classifier(message, facts, history, stages, fallbacks)
    if decision is None:
        decision = Decision(Action.ROUTE, Source.DEFAULT, "nobody_was_sure", confidence=0.0)
    return replace(
        decision,
        fallbacks=tuple(fallbacks),
        versions={**stages.versions, **decision.versions},
        silent=_compared(at_once.silent, decision),
    )


def decide_at_once(message: str, facts: SessionFacts, stages: Stages) -> AtOnce:
    """The decision of the stages that need no waiting; None where none is sure."""
    request = Request(message, facts, stages.rules)
    answered = question_answer(request)
    if answered is not None:
        return AtOnce(replace(answered, versions=stages.versions), (), ())
    fallbacks: list[str] = []
    silent: list[Silent] = []
    for source, trust, ask in _at_once_stages(stages):
        if trust is Trust.OFF or ask is None:
            fallbacks.append(f"{source}: {_OFF}")
            continue
        decision = ask(request)
        if decision is None:
            fallbacks.append(f"{source}: {_UNSURE}")
        elif source is Source.MODEL and _may_be_outside(decision, stages):
            fallbacks.append(f"{source}: {_OUTSIDE}")
        elif trust is Trust.SHADOW:
            fallbacks.append(f"{source}: {_SHADOW}")
            silent.append(_silent(decision))
        else:
            decided = replace(
                decision, fallbacks=tuple(fallbacks), versions=stages.versions, silent=_compared(silent, decision)
            )
            return AtOnce(decided, (), ())
    return AtOnce(None, tuple(fallbacks), tuple(silent))


def _may_be_outside(decision: Decision, stages: Stages) -> bool:
    """Whether it may be a matter for a tool that the embedded model has never heard of, and the classifier has."""
    if decision.action is not Action.ROUTE or stages.classifier is None:
        return False
    return any(tool.foreign and tool.operations for tool in stages.rules.tools.values())


def agree(one: Decision | Silent, other: Decision | Silent) -> bool:
    """Whether both would do the same; with which parameters is not asked."""
    return (one.action, one.tool, one.operation) == (other.action, other.tool, other.operation)


def _at_once_stages(stages: Stages) -> Iterable[tuple[Source, Trust, Callable[[Request], Decision | None] | None]]:
    yield Source.RULE, stages.rules_trust, decide_by_rules
    yield Source.MODEL, stages.model_trust, None if stages.model is None else stages.model.decide


def _silent(decision: Decision) -> Silent:
    return Silent(
        decision.source, decision.action, decision.tool, decision.operation, decision.reason, decision.confidence
    )


def _compared(silent: Iterable[Silent], decision: Decision) -> tuple[Silent, ...]:
    """With whether the classifier agrees, where it was the classifier that decided: only its word is a judgement."""
    if decision.source is not Source.LLM:
        return tuple(silent)
    return tuple(replace(one, agrees=agree(one, decision)) for one in silent)


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
