from collections.abc import Mapping
from typing import Any

import pytest

from router.decide.decision import REFUSED_SENDING, Action, Decision, Source
from router.judging.expectation import expectation_of, is_right, outcome_of

TODAY = Decision(Action.TOOLS, Source.RULE, "calendar_today", tool="calendar", operation="today")
REFUSAL = Decision(Action.DIRECT, Source.RULE, REFUSED_SENDING)
ROUTED = Decision(Action.ROUTE, Source.DEFAULT, "nobody_was_sure")
SPOKEN = Decision(Action.DIRECT, Source.LLM, "classifier")


@pytest.mark.parametrize(
    ("row", "outcomes"),
    [
        ({"expect": "calendar.today"}, {"calendar.today"}),
        ({"expect": ["route", "document.ask"]}, {"route", "document.ask"}),
        ({"label": "mail_send"}, {"refuse"}),
        ({"label": "qa"}, {"abstain", "route"}),
        ({"action": None, "source": "abstain"}, {"abstain"}),
        ({"action": "tools", "tool": "email", "operation": "search"}, {"email.search"}),
        ({"action": "direct", "reason": "greeting"}, {"direct"}),
        ({"action": "direct", "reason": REFUSED_SENDING}, {"refuse"}),
    ],
)
def test_a_row_says_what_is_right_in_its_own_words_by_a_label_or_as_a_decision(
    row: Mapping[str, Any], outcomes: set[str]
) -> None:
    expected = expectation_of(row)
    assert expected is not None
    assert expected.outcomes == outcomes


@pytest.mark.parametrize("row", [{}, {"expect": []}, {"expect": 3}, {"expect": [1]}, {"action": "dance"}])
def test_a_row_that_does_not_say_what_is_right_cannot_be_judged(row: Mapping[str, Any]) -> None:
    assert expectation_of(row) is None


@pytest.mark.parametrize(
    ("expect", "decision", "right"),
    [
        ("calendar.today", TODAY, True),
        ("calendar.search", TODAY, False),
        ("calendar.today", None, False),
        ("abstain", None, True),
        ("abstain", ROUTED, True),
        ("route", None, True),
        ("direct", ROUTED, False),
        ("refuse", REFUSAL, True),
        ("direct", REFUSAL, False),
        ("refuse", SPOKEN, True),
        ("refuse", TODAY, False),
    ],
)
def test_a_decision_is_right_when_it_is_one_of_those_expected(
    expect: str, decision: Decision | None, right: bool
) -> None:
    expected = expectation_of({"expect": expect})
    assert expected is not None
    assert is_right(expected, decision) is right


def test_whoever_may_be_left_to_others_need_not_be_decided() -> None:
    mixed = expectation_of({"label": "cal_update_mixed"})
    assert mixed is not None
    assert not mixed.in_scope
    assert is_right(mixed, TODAY)
    assert outcome_of(None) == "abstain"
