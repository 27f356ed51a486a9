"""What is known of a new entry, and what is asked for."""

from dataclasses import replace
from datetime import date, time

import pytest

from router.decide.decision import Action, Decision, Slot
from router.decide.entry import MAX_TITLE_CHARACTERS, completed, draft_or_question
from router.decide.request import Request, Rules
from router.decide.when import When
from router.tools.spec import Tool
from tests.router.decide.given import NOW, PERSONA, RULES, TOOLS, facts

TOMORROW = date(2026, 11, 26)
AT_THREE = When(TOMORROW, TOMORROW, time(15), None)


class Read(Request):
    """A message whose days and times are given."""

    def __init__(self, when: When, text: str = "회의", language: str = "ko", rules: Rules = RULES) -> None:
        super().__init__(text, facts(language), rules)
        self.__dict__["when"] = when


def made(title: str, when: When, **more: str) -> Decision | None:
    return draft_or_question(Read(when, **more), title)


def with_tools(**tools: Tool) -> Rules:
    return Rules(tools=tools, persona=PERSONA)


@pytest.mark.parametrize(
    ("title", "when", "slot"),
    [
        ("회의", When(), Slot.DATE),
        ("", When(), Slot.DATE),
        ("회의", When(begins=time(15)), Slot.DATE),
        ("회의", replace(AT_THREE, begins=None), Slot.TIME),
        ("", AT_THREE, Slot.TITLE),
        ("회의", When(impossible=("2월 30일",)), Slot.DATE),
        ("회의", replace(AT_THREE, begins=None, impossible=("25시",)), Slot.TIME),
    ],
)
@pytest.mark.parametrize("language", ["ko", "en"])
def test_what_is_missing_is_named_and_never_made_up(title: str, when: When, slot: Slot, language: str) -> None:
    decision = made(title, when, language=language)
    assert decision is not None
    assert decision.asks is not None
    assert (decision.action, decision.asks.slot, len(decision.asks.choices)) == (Action.CLARIFY, slot, 3)
    assert decision.asks.expires_at > NOW.timestamp()
    assert decision.params == {}


@pytest.mark.parametrize(
    ("title", "when"),
    [
        ("가" * (MAX_TITLE_CHARACTERS + 1), AT_THREE),
        ("회의", replace(AT_THREE, several=True)),
        ("회의", replace(AT_THREE, last_day=date(2026, 11, 27))),
        ("회의", replace(AT_THREE, day=date(2026, 11, 24), last_day=date(2026, 11, 24))),
        ("회의", replace(AT_THREE, ends=time(14))),
    ],
)
def test_what_cannot_be_one_entry_is_left_to_others(title: str, when: When) -> None:
    assert made(title, when) is None


def test_without_the_tool_nothing_is_asked_and_nothing_drafted() -> None:
    known = {"title": "회의", "date": "2026-11-26", "time": "15:00"}
    without = with_tools(infra=TOOLS["infra"])
    empty = with_tools(calendar=replace(TOOLS["calendar"], operations={}))
    assert draft_or_question(Read(When(), rules=without), "회의") is None
    assert completed(Read(When(), rules=without), known) is None
    assert completed(Read(When(), rules=empty), known) is None


def test_what_has_no_hour_lasts_all_day() -> None:
    decision = made("휴가", replace(AT_THREE, begins=None), text="내일 휴가 등록해줘")
    assert decision is not None
    assert dict(decision.params) == {"title": "휴가", "date": "2026-11-26"}


def test_a_day_of_the_year_that_has_passed_is_planned_for_the_next() -> None:
    decision = draft_or_question(Request("7월 12일 생일", facts(), RULES), "생일")
    assert decision is not None
    assert decision.params == {"title": "생일", "date": "2027-07-12"}
