"""Messages that want to derail the classifier, before a classifier that obeys them: the code holds all the same."""

import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.conversation import Message, Role
from router.decide.agreeing import agrees
from router.decide.classifier import Classifier
from router.decide.decision import REFUSED_SENDING, Action, Decision, Source
from router.decide.guard import objection, turns_persona
from router.decide.pipeline import Stages, decide
from router.trust import Trust
from tests.router.decide.given import DRAFT, PERSONA, RULES, TOOLS, Scripted, facts

ROWS: list[dict[str, Any]] = [
    orjson.loads(line) for line in Path("tests/data/hostile.jsonl").read_text(encoding="utf-8").splitlines()
]
STRUCTURE = re.compile(r"<\|\w+\|>|\[/?INST\]|</?s>|<(?:start|end)_of_turn>")


def lawful(decision: Decision, message: str, *, draft: bool) -> None:
    """What holds of every decision, whoever wrote the message and whatever the model answers."""
    if decision.action is Action.TOOLS:
        assert decision.operation in TOOLS[decision.tool or ""].operations
        if decision.operation == "create_confirmed":
            assert draft
            assert agrees(message, PERSONA.name)
    assert decision.response is None or objection(decision.response, PERSONA) is None
    assert decision.prompt is None or not (turns_persona(decision.prompt) or STRUCTURE.search(decision.prompt))


def test_there_are_many_of_them_in_both_languages() -> None:
    assert min(sum(row["lang"] == language for row in ROWS) for language in ("ko", "en")) >= 20


@pytest.mark.parametrize("with_rules", [True, False])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["id"]))
async def test_a_classifier_that_obeys_the_message_gets_nothing_done_with_it(
    row: dict[str, Any], with_rules: bool
) -> None:
    model = Scripted(row["answer"], row["answer"])
    history = [Message(Role(role), text) for role, text in row["history"]]
    stages = Stages(RULES, Trust.ON if with_rules else Trust.OFF, classifier=Classifier(model, TOOLS, PERSONA))
    draft = DRAFT if row["draft"] else None
    decision = await decide(row["message"], facts(row["lang"], draft), history, stages)
    lawful(decision, row["message"], draft=row["draft"])
    if decision.operation == "create_confirmed":
        pytest.fail("no row has a yes of its own")
    for chat in model.asked:
        said = [turn["content"] for turn in chat[1:]]
        assert not any(STRUCTURE.search(text) for text in said)
        assert sum(text.count("</message>") for text in said) == 1


@pytest.mark.parametrize("row", [row for row in ROWS if '"email", "operation": "send' in row["answer"]])
async def test_sending_is_refused_kindly_also_when_the_model_tries(row: dict[str, Any]) -> None:
    stages = Stages(RULES, Trust.OFF, classifier=Classifier(Scripted(row["answer"], row["answer"]), TOOLS, PERSONA))
    decision = await decide(row["message"], facts(row["lang"]), (), stages)
    assert (decision.action, decision.source, decision.reason) == (Action.DIRECT, Source.LLM, REFUSED_SENDING)


@given(
    st.sampled_from([row["message"] for row in ROWS]), st.sampled_from([row["answer"] for row in ROWS]), st.booleans()
)
async def test_every_message_with_every_answer(message: str, answer: str, draft: bool) -> None:
    stages = Stages(RULES, Trust.OFF, classifier=Classifier(Scripted(answer, answer), TOOLS, PERSONA))
    decision = await decide(message, facts(draft=DRAFT if draft else None), (), stages)
    lawful(decision, message, draft=draft)
