"""What the operator has confirmed, as the intent model understands it.

Rules of this file
- Pure. A lesson is a message and the kind of message that it is; what the model never decides by itself (documents,
  servers, the reasoner's work) teaches it to leave such messages alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from router.decide.decision import REFUSED_SENDING
from router.decide.intent.labels import Label

_BY_TOOL: Mapping[tuple[Any, Any], Label] = {
    ("calendar", "today"): Label.CALENDAR_QUERY,
    ("calendar", "search"): Label.CALENDAR_QUERY,
    ("calendar", "create_draft"): Label.CALENDAR_CREATE,
    ("email", "search"): Label.MAIL_QUERY,
}


@dataclass(frozen=True, slots=True, order=True)
class Lesson:
    """A message, and what kind it is. OTHER stands for everything that the model must not decide."""

    text: str
    label: Label


def lesson_of(row: Mapping[str, Any]) -> Lesson | None:
    """The lesson in a row of confirmed decisions; None where it teaches nothing.

    An answer to something that was said before (a yes, a date that was asked for) teaches nothing: the words alone do
    not say what they mean.
    """
    match row:
        case {"text": str(text), "action": "tools", "operation": operation} if operation != "create_confirmed":
            return Lesson(text, _BY_TOOL.get((row.get("tool"), operation), Label.OTHER))
        case {"text": str(text), "action": "direct"}:
            return Lesson(text, Label.MAIL_SEND if row.get("reason") == REFUSED_SENDING else Label.DIRECT)
        case {"text": str(text), "action": "route"}:
            return Lesson(text, Label.OTHER)
        case _:
            return None


def without_contradictions(lessons: Iterable[Lesson]) -> tuple[Lesson, ...]:
    """Each text once, in the order of the texts; the last word on a text counts, for people change their minds."""
    last = {lesson.text: lesson for lesson in lessons}
    return tuple(sorted(last.values()))
