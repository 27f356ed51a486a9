"""A word of a domain takes a message to the documents only where the message is about documents."""

import pytest

from router.config import Config
from router.decide.decision import Action
from router.decider import rules_of
from tests.router.decide.given import TOOLS, decided

SHIPPED = rules_of(Config(), TOOLS)


@pytest.mark.parametrize(
    ("message", "operation"),
    [
        ("12월 3일 오후 2시 ASME 심사 캘린더에 넣어줘", "calendar.create_draft"),
        ("안전보건 교육 일정 다음주 월요일 10시에 추가", "calendar.create_draft"),
        ("위험성평가 회의 내일 3시", "calendar.create_draft"),
        ("산업안전보건법 관련 메일 찾아줘", "email.search"),
        ("법률 자문 메일 찾아줘", "email.search"),
        ("PSM 담당자한테 온 메일", "email.search"),
        ("위험성평가 회의록 찾아줘", "document.search_full"),
        ("ASME의 최신판 알려줘", "document.ask"),
        ("산업안전보건법은 언제 개정됐어?", "document.ask"),
        ("산업안전보건법 위반하면 어떻게 돼?", "document.ask"),
        ("ASME 심사 준비 어떻게 해야 해", "document.ask"),
        ("What does ASME Section VIII say about hydrostatic tests?", "document.ask"),
    ],
)
def test_what_is_to_be_done_outweighs_what_it_is_about(message: str, operation: str) -> None:
    decision = decided(message, rules=SHIPPED)
    assert decision is not None
    assert f"{decision.tool}.{decision.operation}" == operation


@pytest.mark.parametrize(
    ("message", "action"),
    [
        ("ASME 심사 캘린더에 넣어줘", Action.CLARIFY),
        ("안전 운전하세요", Action.DIRECT),
        ("산업안전보건법 메일로 보내줘", Action.DIRECT),
    ],
)
def test_a_domain_does_not_take_what_is_not_its_business(message: str, action: Action) -> None:
    decision = decided(message, rules=SHIPPED)
    assert decision is not None
    assert decision.action is action


@pytest.mark.parametrize(
    "message",
    [
        "ASME 관련 회의 언제야",
        "다음주 ASME 회의 일정 알려줘",
        "ASME 교육 언제 있는지 캘린더 확인해줘",
        "과태료 냈어 ㅠㅠ",
        "ASME 자격증 땄어!",
        "열처리 했어?",
        "예규야 밥 먹었어?",
        "플랜지 그림 그려줘",
        "법률 드라마 추천해줘",
        "압력용기 설계 계산 코드 짜줘",
        "위험성평가서 작성해줘",
        "산업안전보건법을 요약해서 메일로 보내줘",
        "I hate statutes",
        "asmeba 뭐야",
    ],
)
def test_a_message_that_only_mentions_a_domain_is_left_to_the_next_stage(message: str) -> None:
    assert decided(message, rules=SHIPPED) is None
