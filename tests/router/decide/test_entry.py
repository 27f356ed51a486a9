"""What is known of a new entry, and what is asked for."""

from dataclasses import replace
from datetime import date, time

import pytest

from router.decide.decision import Action, Slot, Source
from router.decide.entry import MAX_TITLE_CHARACTERS, Stamp, completed, draft_or_question
from router.decide.when import When
from tests.router.decide.given import NOW, TOOLS, facts

TOMORROW = date(2026, 11, 26)
AT_THREE = When(TOMORROW, TOMORROW, time(15), None)
STAMP = Stamp(Source.MODEL, 0.97)


def test_whoever_understood_the_message_stands_in_the_decision() -> None:
    draft = draft_or_question("회의", AT_THREE, "회의", facts(), TOOLS, STAMP)
    question = draft_or_question("회의", When(), "회의", facts(), TOOLS, STAMP)
    for decision in (draft, question):
        assert decision is not None
        assert (decision.source, decision.confidence) == (Source.MODEL, 0.97)


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
    decision = draft_or_question(title, when, "회의", facts(language), TOOLS, STAMP)
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
    assert draft_or_question(title, when, "회의", facts(), TOOLS, STAMP) is None


def test_without_the_tool_nothing_is_asked_and_nothing_drafted() -> None:
    assert draft_or_question("회의", When(), "회의", facts(), {}, STAMP) is None
    known = {"title": "회의", "date": "2026-11-26", "time": "15:00"}
    assert completed(known, facts(), {}, STAMP) is None
    assert completed(known, facts(), {"calendar": replace(TOOLS["calendar"], operations={})}, STAMP) is None


def test_what_has_no_hour_lasts_all_day() -> None:
    decision = draft_or_question("휴가", replace(AT_THREE, begins=None), "내일 휴가 등록해줘", facts(), TOOLS, STAMP)
    assert decision is not None
    assert dict(decision.params) == {"title": "휴가", "date": "2026-11-26"}
