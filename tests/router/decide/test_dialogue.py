# ruff: noqa: E501, SIM905 - a table: a line is a conversation
"""Ask-backs over turns: what was asked, what was said, what came of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decide.decision import Action, Decision, PendingQuestion, SessionFacts, Slot
from router.decide.dialogue import TRANSITIONS, Step
from router.decide.hearing import Heard, heard
from router.decide.pipeline import Stages, decide_at_once
from router.decide.request import Request, Rules
from tests.router.decide.given import DRAFT, NOW, PERSONA, RULES, TOOLS


def decided(message: str, facts: SessionFacts, rules: Rules = RULES) -> Decision | None:
    """What is decided without waiting."""
    return decide_at_once(message, facts, Stages(rules)).decision


def talk(*messages: str, language: str = "ko") -> list[Decision | None]:
    """What the rules make of each message, with the question that the one before left."""
    made: list[Decision | None] = []
    question = None
    for message in messages:
        made.append(decided(message, SessionFacts(NOW, language, None, question)))
        question = made[-1].asks if made[-1] is not None else None
    return made


def outcome(decision: Decision | None) -> Any:
    """In a word: the draft, what is missing, or the reason; "new" where it is about something else."""
    if decision is None:
        return "new"
    if decision.operation == "create_draft":
        return dict(decision.params)
    return str(decision.asks.slot) if decision.asks is not None else decision.reason


MEETING, TOMORROW, ENTRY = "회의 잡아줘", "내일 회의 잡아줘", "내일 3시 일정 추가해줘"


def draft(day: str = "2026-11-26", at: str | None = "15:00", title: str = "회의", **more: str) -> dict[str, str]:
    return {"title": title, "date": day} | ({"time": at} if at else {}) | more


@pytest.mark.parametrize(
    ("messages", "last"),
    [
        # The day is missing.
        ((MEETING,), "date"),
        ((MEETING, "내일 3시"), draft()),
        ((MEETING, "내일 오후 세 시요"), draft()),
        ((MEETING, "회의는 내일 3시로 해줘"), draft()),
        ((MEETING, "금요일 오후 2시부터 4시까지요"), draft("2026-11-27", "14:00", end_time="16:00")),
        ((MEETING, "내일"), "time"),
        ((MEETING, "내일요"), "time"),
        ((MEETING, "2번"), "time"),
        ((MEETING, "두 번째 거"), "time"),
        ((MEETING, "내일로 할게"), "time"),
        ((MEETING, "내일 하루 종일"), draft(at=None)),
        ((MEETING, "3시"), "date"),
        ((MEETING, "3시", "내일"), draft()),
        ((MEETING, "7번"), "date"),
        ((MEETING, "어제"), "date"),
        ((MEETING, "2월 30일"), "date"),
        ((MEETING, "내일이나 모레"), "date"),
        ((MEETING, "내일부터 모레까지"), "date"),
        ((MEETING, "오늘 9시"), draft("2026-11-25", "21:00")),
        ((MEETING, "오늘 오전 9시"), "date"),
        (("오늘 회의 잡아줘", "9시"), draft("2026-11-25", "21:00")),
        (("3시 회의 잡아줘", "오늘"), draft("2026-11-25")),
        (("9시 회의 잡아줘", "오늘"), "date"),
        # The hour is missing.
        ((TOMORROW,), "time"),
        ((TOMORROW, "3시"), draft()),
        ((TOMORROW, "3"), draft()),
        ((TOMORROW, "2번"), draft(at="14:00")),
        ((TOMORROW, "오전 10시"), draft(at="10:00")),
        ((TOMORROW, "종일이요"), draft(at=None)),
        ((TOMORROW, "25시"), "time"),
        ((TOMORROW, "모레로 바꿔줘"), "time"),
        ((TOMORROW, "모레로 바꿔줘", "3시"), draft("2026-11-27")),
        # Which half of the day.
        ((TOMORROW, "8시"), "half"),
        ((TOMORROW, "8시", "오후요"), draft(at="20:00")),
        ((TOMORROW, "8시", "아침이요"), draft(at="08:00")),
        ((TOMORROW, "8시", "2번"), draft(at="20:00")),
        ((TOMORROW, "8시", "오전 8시"), draft(at="08:00")),
        ((TOMORROW, "8시", "3시로 해줘"), draft()),
        ((TOMORROW, "8시", "네"), "half"),
        ((TOMORROW, "8시부터 9시", "저녁"), draft(at="20:00", end_time="21:00")),
        ((TOMORROW, "7시 30분", "오후"), draft(at="19:30")),
        ((TOMORROW, "8시부터 12시까지", "오후"), draft(at="20:00")),
        ((TOMORROW, "8시부터 18시까지"), draft(at="08:00", end_time="18:00")),
        ((MEETING, "오늘 8시"), draft("2026-11-25", "20:00")),
        ((MEETING, "8시", "오늘"), "date"),
        # The title is missing.
        ((ENTRY,), "title"),
        ((ENTRY, "회의로 해줘"), draft()),
        ((ENTRY, "제목은 팀 주간 회의로 해줘"), draft(title="팀 주간 회의")),
        ((ENTRY, "홍길동 면담이요"), draft(title="홍길동 면담")),
        ((ENTRY, "위험성평가"), draft(title="위험성평가")),
        ((ENTRY, "1번으로"), draft()),
        ((ENTRY, "개인 일정"), draft(title="개인 일정")),
        ((ENTRY, "4시 치과"), draft(at="16:00", title="치과")),
        ((ENTRY, "모레로"), "title"),
        ((ENTRY, "모레로", "4시로", "치과"), draft("2026-11-27", "16:00", "치과")),
        ((ENTRY, "모레로", "4시로", "5시로"), "question_let_go"),
        # An answer that is none.
        ((MEETING, "글쎄"), "date"),
        ((MEETING, "네"), "date"),
        ((MEETING, "글쎄", "네", "몰라"), "question_let_go"),
        ((MEETING, "글쎄", "네", "내일 3시"), draft()),
        ((ENTRY, "네", "그래", "좋아"), "question_let_go"),
        # No more.
        ((MEETING, "취소"), "question_dropped"),
        ((ENTRY, "아니 됐어"), "question_dropped"),
        ((TOMORROW, "8시", "그만할래"), "new"),
        ((TOMORROW, "8시", "그만둘래"), "question_dropped"),
        # Something else.
        ((MEETING, "오늘 일정"), "calendar_today"),
        ((MEETING, "안녕"), "greeting"),
        ((MEETING, "그건 그렇고 양자역학이 뭐야?"), "new"),
        ((MEETING, "내일 비 온대"), "new"),
        ((TOMORROW, "GPU 서버 상태"), "infra_status"),
        ((ENTRY, "안녕"), "greeting"),
        ((ENTRY, "오늘 점심 뭐 먹지?"), "new"),
        ((ENTRY, "배고프다"), "new"),
        ((ENTRY, "최근 메일"), "mail_search"),
        ((ENTRY, "2월 30일 치과"), "new"),
        ((ENTRY, "모레 4시 치과 잡아줘"), "new"),
        ((ENTRY, "!"), "new"),
        ((ENTRY, "가 " * 9), "new"),
        ((ENTRY, "가" * 61), "new"),
        ((MEETING, "오늘 일정", "내일 3시"), "new"),
    ],
)
def test_a_conversation_in_korean_ends_as_it_should(messages: tuple[str, ...], last: Any) -> None:
    assert outcome(talk(*messages)[-1]) == last


@pytest.mark.parametrize(
    ("messages", "last"),
    [
        (("set up a meeting", "tomorrow at 3 pm"), draft(title="meeting")),
        (("set up a meeting", "tomorrow"), "time"),
        (("set up a meeting", "the second one", "2 pm"), draft(at="14:00", title="meeting")),
        (("set up a meeting", "tomorrow", "all day"), draft(at=None, title="meeting")),
        (("set up a meeting", "tomorrow", "at 8", "pm"), draft(at="20:00", title="meeting")),
        (("set up a meeting", "tomorrow", "at 8", "in the morning"), draft(at="08:00", title="meeting")),
        (("set up a meeting", "never mind"), "question_dropped"),
        (("set up a meeting", "not sure", "whatever", "i don't know"), "question_let_go"),
        (("set up a meeting", "what models are available?"), "infra_models"),
        (("set up a meeting", "tell me a joke"), "new"),
    ],
)
def test_a_conversation_in_english_ends_as_it_should(messages: tuple[str, ...], last: Any) -> None:
    assert outcome(talk(*messages, language="en")[-1]) == last


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("message", [MEETING, TOMORROW, ENTRY])
def test_every_choice_is_an_answer_by_its_text_and_by_its_number(message: str, language: str) -> None:
    (asked,) = talk(message, language=language)
    assert asked is not None
    assert asked.asks is not None
    for number, choice in enumerate(asked.asks.choices, start=1):
        by_text, by_number = (talk(message, said, language=language)[-1] for said in (choice, f"{number}번"))
        assert by_text == by_number
        assert by_text is not None
        assert by_text.reason in {"missing_time", "calendar_draft"}


def test_the_table_has_a_step_for_everything_and_only_drops_and_forgets_without_patience() -> None:
    assert set(TRANSITIONS) == {(again, what) for again in (True, False) for what in Heard}
    assert {step for (again, _), step in TRANSITIONS.items() if not again} == set(Step) - {Step.ASK_AGAIN}


def test_what_is_wrong_with_an_answer_is_said_before_it_is_asked_again() -> None:
    for said, why in (
        ("어제", "이미 지난 날짜"),
        ("2월 30일", "'2월 30일'"),
        ("내일이나 모레", "하루, 한 시각"),
        ("글쎄", "조금만 더"),
    ):
        answer = talk(MEETING, said)[-1]
        assert answer is not None
        assert answer.response is not None
        assert why in answer.response
        assert "어느 날짜" in answer.response


def test_a_question_whose_time_is_over_is_no_more_asked() -> None:
    asked = talk(MEETING)[0]
    assert asked is not None
    late = SessionFacts(NOW + timedelta(seconds=601), "ko", None, asked.asks)
    assert late.question is None
    assert decided("내일 3시", late) is None


def test_a_yes_to_a_question_confirms_no_older_draft() -> None:
    asked = talk(MEETING)[0]
    assert asked is not None
    decision = decided("네", SessionFacts(NOW, "ko", DRAFT, asked.asks))
    assert decision is not None
    assert (decision.action, decision.reason) == (Action.CLARIFY, "asked_again")


def test_without_the_tool_there_is_nothing_to_go_on_with() -> None:
    asked = talk(TOMORROW)[0]
    assert asked is not None
    rules = Rules(tools={"infra": TOOLS["infra"]}, persona=PERSONA)
    assert decided("3시", SessionFacts(NOW, "ko", None, asked.asks), rules) is None
    assert decided(TOMORROW, SessionFacts(NOW, "ko"), rules) is None


@pytest.mark.parametrize(("said", "what"), [("오전", Heard.IMPOSSIBLE), ("오후", Heard.FILLS), ("밤", Heard.FILLS)])
def test_half_a_day_that_is_over_is_no_answer(said: str, what: Heard) -> None:
    known = {"title": "회의", "date": "2026-11-25", "time": "08:00"}
    question = PendingQuestion("calendar", "create_draft", known, Slot.HALF, ("오전 8시", "오후 8시"), 1, 9e9)
    assert heard(Request(said, SessionFacts(NOW, "ko", None, question), RULES), question).heard is what


_SAID = st.sampled_from(
    "내일 모레 어제 3시 8시 25시 오전 오후 회의 회의로 해줘 취소 네 아니 1번 9번 글쎄 종일 오늘 일정 안녕 금요일 부터 까지 ? ! 2월 30일 tomorrow at 8 pm no yes".split()
)


@given(st.lists(st.lists(_SAID, min_size=1, max_size=4).map(" ".join) | st.text(max_size=20), max_size=14))
def test_no_conversation_asks_for_ever_and_no_draft_lacks_its_day(messages: list[str]) -> None:
    made = talk(MEETING, *messages)
    asked_in_a_row = 0
    for decision in made:
        asked_in_a_row = asked_in_a_row + 1 if decision is not None and decision.asks is not None else 0
        if decision is not None and decision.reason.startswith("missing_date"):
            asked_in_a_row = 1
        assert asked_in_a_row <= 12
        if decision is not None and decision.operation == "create_draft":
            assert {"title", "date"} <= set(decision.params)
            assert decision.params["date"] >= NOW.date().isoformat()


def test_a_question_can_be_kept_and_asked_again_as_often_as_it_says() -> None:
    asked = talk(MEETING)[0]
    assert asked is not None
    assert asked.asks is not None
    last = replace(asked.asks, again=0)
    decision = decided("글쎄", SessionFacts(NOW, "ko", None, last))
    assert decision is not None
    assert decision.reason == "question_let_go"
