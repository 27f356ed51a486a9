import pytest

from router.conversation import Message, Role
from router.decide.classifier import MAX_QUOTED_CHARACTERS, Classifier
from router.decide.decision import Action
from router.decide.errors import Undecided, UndecidedReason
from router.decide.prompt import PROMPT_VERSION
from router.errors import BackendTimeout, NoBackend, Shed
from tests.router.decide.given import DRAFT, PERSONA, TOOLS, Scripted, facts

ROUTE = '{"action": "route", "prompt": null}'


async def test_a_good_answer_is_taken_at_once() -> None:
    model = Scripted(ROUTE)
    decision = await Classifier(model, TOOLS, PERSONA).decide("왜?", facts(), [Message(Role.USER, "안녕")])
    assert decision.action is Action.ROUTE
    assert decision.versions == {"llm": PROMPT_VERSION}
    assert [turn["content"] for turn in model.asked[0][1:]] == ["안녕", "왜?"]
    assert model.schemas[0] is not None


async def test_a_bad_answer_is_told_what_was_wrong_and_asked_once_more() -> None:
    model = Scripted('{"action": "tools", "tool": "email", "operation": "send"}', ROUTE)
    decision = await Classifier(model, TOOLS, PERSONA).decide("왜?", facts())
    assert decision.action is Action.ROUTE
    assert len(model.asked) == 2
    assert "sending is impossible" in model.asked[1][-1]["content"]
    assert [turn["role"] for turn in model.asked[1][-2:]] == ["assistant", "user"]


async def test_two_bad_answers_are_nonsense() -> None:
    model = Scripted("", "x" * 5000)
    with pytest.raises(Undecided) as raised:
        await Classifier(model, TOOLS, PERSONA).decide("왜?", facts())
    assert raised.value.reason is UndecidedReason.NONSENSE
    assert raised.value.detail == "there is no JSON object in the answer"
    assert len(model.asked) == 2


async def test_a_long_bad_answer_is_quoted_in_part_and_an_empty_one_not_as_nothing() -> None:
    long, empty = Scripted("x" * 5000, ROUTE), Scripted("", ROUTE)
    await Classifier(long, TOOLS, PERSONA).decide("왜?", facts())
    await Classifier(empty, TOOLS, PERSONA).decide("왜?", facts())
    assert len(long.asked[1][-2]["content"]) == MAX_QUOTED_CHARACTERS
    assert empty.asked[1][-2]["content"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NoBackend("none"), UndecidedReason.UNAVAILABLE),
        (Shed("full"), UndecidedReason.UNAVAILABLE),
        (BackendTimeout("slow"), UndecidedReason.TIMEOUT),
        (TimeoutError(), UndecidedReason.TIMEOUT),
    ],
)
@pytest.mark.parametrize("before", [(), ("nonsense",)])
async def test_trouble_on_either_try_is_told_by_its_kind(
    error: Exception, reason: UndecidedReason, before: tuple[str, ...]
) -> None:
    with pytest.raises(Undecided) as raised:
        await Classifier(Scripted(*before, error), TOOLS, PERSONA).decide("왜?", facts())
    assert raised.value.reason is reason


async def test_a_draft_can_be_confirmed_only_while_it_waits() -> None:
    answer = '{"action": "tools", "tool": "calendar", "operation": "create_confirmed"}'
    decision = await Classifier(Scripted(answer), TOOLS, PERSONA).decide("그걸로 가자", facts(draft=DRAFT))
    assert decision.operation == "create_confirmed"
    with pytest.raises(Undecided):
        await Classifier(Scripted(answer, answer), TOOLS, PERSONA).decide("그걸로 가자", facts())
