from collections.abc import Mapping
from typing import Any

import pytest

from router.decide.decision import REFUSED_SENDING
from router.decide.intent.labels import Label
from router.learning.lessons import Lesson, lesson_of, without_contradictions


@pytest.mark.parametrize(
    ("row", "label"),
    [
        ({"action": "tools", "tool": "calendar", "operation": "today"}, Label.CALENDAR_QUERY),
        ({"action": "tools", "tool": "calendar", "operation": "search"}, Label.CALENDAR_QUERY),
        ({"action": "tools", "tool": "calendar", "operation": "create_draft"}, Label.CALENDAR_CREATE),
        ({"action": "tools", "tool": "email", "operation": "search"}, Label.MAIL_QUERY),
        ({"action": "tools", "tool": "document", "operation": "ask"}, Label.OTHER),
        ({"action": "direct", "reason": "classifier"}, Label.DIRECT),
        ({"action": "direct", "reason": REFUSED_SENDING}, Label.MAIL_SEND),
        ({"action": "route"}, Label.OTHER),
    ],
)
def test_a_confirmed_decision_says_what_kind_of_message_it_was(row: Mapping[str, Any], label: Label) -> None:
    assert lesson_of({"text": "a", **row}) == Lesson("a", label)


@pytest.mark.parametrize(
    "row",
    [
        {"text": "네", "action": "tools", "tool": "calendar", "operation": "create_confirmed"},
        {"text": "회의", "action": "clarify"},
        {"text": "a", "action": None},
        {"action": "route"},
        {"text": 3, "action": "route"},
        {},
    ],
)
def test_what_means_something_only_in_its_conversation_teaches_nothing(row: Mapping[str, Any]) -> None:
    assert lesson_of(row) is None


def test_the_last_word_on_a_message_counts() -> None:
    changed = [Lesson("b", Label.OTHER), Lesson("a", Label.DIRECT), Lesson("b", Label.DIRECT)]
    assert without_contradictions(changed) == (Lesson("a", Label.DIRECT), Lesson("b", Label.DIRECT))
