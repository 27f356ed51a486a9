import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from router.decide.classifier import Classifier
from router.decide.decision import Action, Decision, Source
from router.decide.pipeline import EmbeddedModel, Stages, decide, decide_at_once
from router.decide.prompt import PROMPT_VERSION
from router.decide.request import Domain, Request
from router.errors import NoBackend
from router.tools.spec import Tool
from router.trust import Trust
from tests.router.decide.given import PERSONA, RULES, TOOLS, Scripted, facts

ROUTE = '{"action": "route"}'


class Sure:
    """An embedded model that is sure of everything."""

    version = "7"

    def decide(self, _request: Request, /) -> Decision | None:
        return Decision(Action.DIRECT, Source.MODEL, "sure", response="음")


class Unsure:
    """An embedded model that is sure of nothing."""

    version = "7"

    def decide(self, _request: Request, /) -> Decision | None:
        return None


class Silent:
    """A classifier's server that never answers."""

    async def __call__(self, *_messages: object, **_schema: object) -> str:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


async def test_a_sure_rule_asks_nobody_else() -> None:
    model = Scripted()
    decision = await decide(
        "오늘 일정", facts(), (), Stages(RULES, model=Sure(), classifier=Classifier(model, TOOLS, PERSONA))
    )
    assert (decision.source, decision.fallbacks, model.asked) == (Source.RULE, (), [])


async def test_the_embedded_model_comes_before_the_classifier() -> None:
    decision = await decide(
        "음 글쎄", facts(), (), Stages(RULES, model=Sure(), classifier=Classifier(Scripted(), TOOLS, PERSONA))
    )
    assert (decision.source, decision.fallbacks) == (Source.MODEL, ("rule: unsure",))


async def test_the_classifier_is_asked_when_nobody_was_sure() -> None:
    decision = await decide(
        "음 글쎄", facts(), (), Stages(RULES, model=Unsure(), classifier=Classifier(Scripted(ROUTE), TOOLS, PERSONA))
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
    decision = await decide("음 글쎄", facts(), (), Stages(RULES, classifier=classifier, deadline_seconds=0.05))
    assert (decision.action, decision.source, decision.confidence) == (Action.ROUTE, Source.DEFAULT, 0.0)
    assert decision.fallbacks == ("rule: unsure", "model: off", f"llm: {reason}")


async def test_rules_can_be_off() -> None:
    decision = await decide("오늘 일정", facts(), (), Stages(RULES, Trust.OFF))
    assert (decision.action, decision.fallbacks) == (Action.ROUTE, ("rule: off", "model: off", "llm: off"))


async def test_a_decision_names_the_version_of_every_stage_that_might_have_decided() -> None:
    stages = Stages(RULES, model=Sure(), classifier=Classifier(Scripted(), TOOLS, PERSONA))
    decision = await decide("오늘 일정", facts(), (), stages)
    assert decision.versions == {"rule": RULES.version, "model": "7", "llm": PROMPT_VERSION}
    by_llm = Stages(RULES, Trust.OFF, Sure(), Trust.OFF, Classifier(Scripted(ROUTE), TOOLS, PERSONA))
    assert (await decide("오늘 일정", facts(), (), by_llm)).versions == {"llm": PROMPT_VERSION}


def test_the_version_of_the_rules_changes_with_what_the_operator_told_them() -> None:
    same = replace(RULES, domains=tuple(replace(domain) for domain in RULES.domains))
    other = replace(RULES, domains=(Domain("asme", ("ASME", "B31.3")),))
    assert same.version == RULES.version != other.version


@pytest.mark.parametrize(
    ("answer", "agrees"),
    [
        ('{"action": "tools", "tool": "calendar", "operation": "today", "params": {}}', True),
        ('{"action": "route"}', False),
        ("?", None),
    ],
)
async def test_a_stage_in_shadow_decides_nothing_and_is_compared_with_the_classifier(
    answer: str, agrees: bool | None
) -> None:
    classifier = Classifier(Scripted(answer, answer), TOOLS, PERSONA)
    decision = await decide("오늘 일정", facts(), (), Stages(RULES, Trust.SHADOW, classifier=classifier))
    assert decision.source is (Source.DEFAULT if agrees is None else Source.LLM)
    assert decision.fallbacks[0] == "rule: shadow"
    (silent,) = decision.silent
    assert (silent.source, silent.tool, silent.operation, silent.agrees) == (Source.RULE, "calendar", "today", agrees)


def test_what_was_decided_at_once_is_no_judgement_of_a_stage_in_shadow() -> None:
    decision = decide_at_once("오늘 일정", facts(), Stages(RULES, Trust.SHADOW, Sure())).decision
    assert decision is not None
    assert (decision.source, decision.silent[0].agrees) == (Source.MODEL, None)


@pytest.mark.parametrize("model", [Unsure(), Sure()])
def test_a_stage_that_is_off_is_not_asked(model: EmbeddedModel) -> None:
    said = decide_at_once("음 글쎄", facts(), Stages(RULES, model=model, model_trust=Trust.OFF))
    assert (said.decision, said.fallbacks, said.silent) == (None, ("rule: unsure", "model: off"), ())


async def test_a_caller_that_goes_away_is_not_answered_with_a_default() -> None:
    task = asyncio.create_task(
        decide("음 글쎄", facts(), (), Stages(RULES, classifier=Classifier(Silent(), TOOLS, PERSONA)))
    )
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class Routing:
    """An embedded model that gives everything to the reasoner."""

    version = "7"

    def decide(self, _request: Request, /) -> Decision | None:
        return Decision(Action.ROUTE, Source.MODEL, "sure")


@pytest.mark.parametrize(
    ("known", "source", "fallbacks"),
    [
        (TOOLS, Source.MODEL, ("rule: unsure",)),
        ({**TOOLS, "mcp_x": Tool("mcp_x", "x", "x", {}, foreign=True)}, Source.MODEL, ("rule: unsure",)),
        (
            {**TOOLS, "mcp_x": Tool("mcp_x", "x", "x", TOOLS["infra"].operations, foreign=True)},
            Source.LLM,
            ("rule: unsure", "model: outside"),
        ),
    ],
    ids=["ours alone", "one that offers nothing", "one that the embedded model does not know"],
)
async def test_the_classifier_hears_what_may_be_for_a_tool_of_others(
    known: Mapping[str, Tool], source: Source, fallbacks: tuple[str, ...]
) -> None:
    rules = replace(RULES, tools=known)
    classifier = Classifier(Scripted(ROUTE), known, PERSONA)
    decision = await decide("음 글쎄", facts(), (), Stages(rules, model=Routing(), classifier=classifier))
    assert (decision.source, decision.fallbacks) == (source, fallbacks)
