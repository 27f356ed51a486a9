"""What the keyword rules hear in a message while a draft waits for a yes."""

from dataclasses import replace

import pytest

from router.decide.decision import Action
from router.decide.request import Request
from router.decide.rules import decide_by_rules
from tests.router.decide.given import DRAFT, RULES, decided, facts


@pytest.mark.parametrize(
    "message",
    [
        "네",
        "네!",
        "넵",
        "응",
        "응 그렇게 해줘",
        "네 좋아요",
        "그래",
        "ㅇㅇ",
        "yes",
        "Yes, please",
        "ok",
        "go ahead",
        "이드야 응",
    ],
)
def test_a_yes_confirms_the_pending_draft(message: str) -> None:
    decision = decided(message, DRAFT)
    assert decision is not None
    assert (decision.tool, decision.operation, dict(decision.params)) == ("calendar", "create_confirmed", {})


@pytest.mark.parametrize(
    "message", ["아니", "아니요", "아니 됐어", "취소해줘", "하지 마", "no", "no thanks", "Cancel that", "never mind"]
)
def test_a_no_drops_the_pending_draft(message: str) -> None:
    decision = decided(message, DRAFT)
    assert decision is not None
    assert (decision.action, decision.drops_draft) == (Action.DIRECT, True)


@pytest.mark.parametrize("message", ["네 " * 41, "네 근데 4시로 바꿔줘", "네 아니요", "음", "좋은 생각이 아니야", "!?"])
def test_anything_else_is_no_answer_to_the_draft(message: str) -> None:
    decision = decided(message, DRAFT)
    assert decision is None


def test_a_yes_to_a_draft_whose_time_is_over_is_told_so_and_anything_else_is_no_answer_to_it() -> None:
    session = facts(draft=DRAFT)
    late = type(session)(session.now.replace(hour=11), session.language, DRAFT)
    decision = decide_by_rules(Request("네", late, RULES))
    assert decision is not None
    assert (decision.reason, decision.action, decision.drops_draft) == ("draft_expired", Action.DIRECT, True)
    assert "시간이 지나서 등록하지 않았어요" in (decision.response or "")
    assert decide_by_rules(Request("아니", late, RULES)) is None


def test_a_yes_to_a_draft_that_nobody_keeps_is_told_how_it_could_be_kept() -> None:
    for message, language, said in (("응", "ko", "등록하지 않았어요"), ("yes", "en", "Nothing was saved")):
        session = replace(facts(), language=language, unkept_draft=True)
        decision = decide_by_rules(Request(message, session, RULES))
        assert decision is not None
        assert decision.reason == "draft_not_kept"
        assert (decision.response or "").startswith(said)
        assert "x-maek-session" in (decision.response or "")
    assert decide_by_rules(Request("음", replace(facts(), unkept_draft=True), RULES)) is None


def test_a_draft_of_a_tool_that_confirms_nothing_is_left_to_others() -> None:
    assert decided("네", type(DRAFT)("infra", "x", {}, "", DRAFT.expires_at)) is None


def test_another_request_is_read_as_usual_while_a_draft_waits() -> None:
    decision = decided("오늘 일정", DRAFT)
    assert decision is not None
    assert decision.operation == "today"
