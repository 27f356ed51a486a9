import asyncio

import pytest

from router.decide.classifier import Classifier
from router.decide.decision import Action, Decision, SessionFacts, Source
from router.decide.pipeline import Stages, decide
from router.errors import NoBackend
from tests.router.decide.given import PERSONA, RULES, TOOLS, Scripted, facts

ROUTE = '{"action": "route"}'


class Sure:
    """An embedded model that is sure of everything."""

    def decide(self, _message: str, _facts: SessionFacts, /) -> Decision | None:
        return Decision(Action.DIRECT, Source.MODEL, "sure", response="음")


class Unsure:
    """An embedded model that is sure of nothing."""

    def decide(self, _message: str, _facts: SessionFacts, /) -> Decision | None:
        return None


class Silent:
    """A classifier's server that never answers."""

    async def __call__(self, *_messages: object, **_schema: object) -> str:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


async def test_a_sure_rule_asks_nobody_else() -> None:
    model = Scripted()
    decision = await decide("오늘 일정", facts(), (), Stages(RULES, Sure(), Classifier(model, TOOLS, PERSONA)))
    assert (decision.source, decision.fallbacks, model.asked) == (Source.RULE, (), [])


async def test_the_embedded_model_comes_before_the_classifier() -> None:
    decision = await decide("음 글쎄", facts(), (), Stages(RULES, Sure(), Classifier(Scripted(), TOOLS, PERSONA)))
    assert (decision.source, decision.fallbacks) == (Source.MODEL, ("rule: unsure",))


async def test_the_classifier_is_asked_when_nobody_was_sure() -> None:
    decision = await decide(
        "음 글쎄", facts(), (), Stages(RULES, Unsure(), Classifier(Scripted(ROUTE), TOOLS, PERSONA))
    )
    assert (decision.source, decision.fallbacks) == (Source.LLM, ("rule: unsure", "model: unsure"))


@pytest.mark.parametrize(
    ("classifier", "reason"),
    [
        (None, "off"),
        (Classifier(Scripted(NoBackend("none")), TOOLS, PERSONA), "unavailable"),
        (Classifier(Scripted(TimeoutError()), TOOLS, PERSONA), "timeout"),
        (Classifier(Silent(), TOOLS, PERSONA), "timeout"),
        (Classifier(Scripted("?", "?"), TOOLS, PERSONA), "nonsense"),
    ],
)
async def test_without_the_classifier_the_reasoner_is_the_safe_default(
    classifier: Classifier | None, reason: str
) -> None:
    decision = await decide("음 글쎄", facts(), (), Stages(RULES, None, classifier, deadline_seconds=0.05))
    assert (decision.action, decision.source, decision.confidence) == (Action.ROUTE, Source.DEFAULT, 0.0)
    assert decision.fallbacks == ("rule: unsure", f"llm: {reason}")


async def test_rules_can_be_off() -> None:
    decision = await decide("오늘 일정", facts(), (), Stages(None))
    assert (decision.action, decision.fallbacks) == (Action.ROUTE, ("rule: off", "llm: off"))


async def test_a_caller_that_goes_away_is_not_answered_with_a_default() -> None:
    task = asyncio.create_task(
        decide("음 글쎄", facts(), (), Stages(RULES, None, Classifier(Silent(), TOOLS, PERSONA)))
    )
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
