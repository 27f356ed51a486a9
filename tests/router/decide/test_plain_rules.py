# ruff: noqa: E501, SIM905 - tables
"""What Maek knows by itself: what it can do, what time it is."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from router.decide.abilities import abilities, away, who
from router.decide.decision import Persona, SessionFacts
from router.decide.request import Request
from router.decide.rules import decide_by_rules
from router.language import is_ko
from tests.router.decide.given import NOW, PERSONA, RULES, TOOLS


def said(message: str, language: str, now: datetime = NOW) -> tuple[str, str] | None:
    decision = decide_by_rules(Request(message, SessionFacts(now, language), RULES))
    return None if decision is None else (decision.reason, decision.response or "")


@pytest.mark.parametrize(
    "message",
    "뭐 할 수 있어?|너 뭐 할 수 있어|넌 뭘 할 수 있니?|할 수 있는 게 뭐야?|도움말|사용법 알려줘|이드야 뭐 할 수 있어?|어떤 기능이 있나요?|무엇을 도와줄 수 있어요?".split(
        "|"
    ),
)
def test_what_it_can_do_is_told_from_the_tools_that_are_set_up(message: str) -> None:
    assert said(message, "ko") == (
        "abilities",
        "저는 이드예요. 이야기를 나누고 궁금한 것을 함께 찾아보고, 서버와 서비스 쪽 일을 봐 드려요.",
    )


@pytest.mark.parametrize("message", ["what can you do?", "Help!", "how can you help me", "what are your capabilities?"])
def test_in_english_too(message: str) -> None:
    assert said(message, "en") == (
        "abilities",
        "I'm 이드. I chat and answer questions, and I look after servers and services.",
    )


def test_a_tool_that_is_set_up_is_told_and_without_any_none_is_promised() -> None:
    configured = {"email": replace(TOOLS["email"], configured=True), "infra": TOOLS["infra"]}
    assert abilities(configured, "ko") == "메일, 서버와 서비스"
    assert abilities(configured, "en") == "mail, servers and services"
    assert who(PERSONA, {}, "ko") == "저는 이드예요. 이야기를 나누고 궁금한 것을 함께 찾아봐요."
    assert who(PERSONA, {}, "en") == "I'm 이드. I chat and answer questions."


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_model_that_is_away_is_admitted_with_what_still_works(language: str) -> None:
    there, none = away(PERSONA, TOOLS, language), away(PERSONA, {}, language)
    assert there.startswith(none)
    assert "이드" in none
    assert ("서버와 서비스" if language == "ko" else "servers and services") in there


@pytest.mark.parametrize(
    ("message", "language"),
    [
        ("지금 몇 시야", "ko"),
        ("몇 시예요?", "ko"),
        ("현재 시간 알려줘", "ko"),
        ("몇 시인지 알려줘", "ko"),
        ("what time is it now?", "en"),
        ("what's the time", "en"),
        ("tell me the time", "en"),
    ],
)
@pytest.mark.parametrize(
    ("now", "ko", "en"),
    [
        ((0, 0), "오전 12시예요", "12:00 am"),
        ((9, 5), "오전 9시 5분이에요", "9:05 am"),
        ((12, 30), "오후 12시 30분이에요", "12:30 pm"),
        ((23, 59), "오후 11시 59분이에요", "11:59 pm"),
    ],
)
def test_the_time_is_that_of_the_clock(message: str, language: str, now: tuple[int, int], ko: str, en: str) -> None:
    at = NOW.replace(hour=now[0], minute=now[1])
    assert said(message, language, at) == ("time", f"지금은 {ko}." if language == "ko" else f"It's {en}.")


@pytest.mark.parametrize(
    "message",
    ["오늘 며칠이야?", "오늘은 무슨 요일이에요", "오늘 날짜 알려줘", "오늘 날짜가 뭐야", "오늘 몇월 며칠이지"],
)
def test_the_date_is_that_of_the_zone(message: str) -> None:
    elsewhere = datetime(2026, 12, 31, 16, 0, tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo("Asia/Seoul"))
    assert said(message, "ko", elsewhere) == ("date", "오늘은 2027년 1월 1일 금요일이에요.")


@pytest.mark.parametrize("message", ["what day is it today", "what's today's date?", "what is the date"])
def test_the_date_in_english(message: str) -> None:
    assert said(message, "en") == ("date", "Today is Wednesday, 25 November 2026.")


@pytest.mark.parametrize(
    "message",
    [
        "회의 몇 시야?",
        "지금 뉴욕은 몇 시야",
        "내일 며칠이야",
        "오늘 며칠째야",
        "help me write a letter",
        "엑셀로 뭐 할 수 있어?",
        "what time is it in London",
        "what can you do about my leaking roof",
    ],
)
def test_anything_more_is_left_to_others(message: str) -> None:
    found = said(message, "ko")
    assert found is None or found[0] not in {"time", "date", "abilities"}


@pytest.mark.parametrize(
    ("word", "told"), [("이드", "이드예요"), ("맥", "맥이에요"), ("Maek", "Maek예요"), ("", "예요")]
)
def test_a_name_has_the_copula_that_fits(word: str, told: str) -> None:
    assert is_ko(word) == told
    assert who(Persona(word, "", ""), {}, "ko").startswith(f"저는 {told}.")
