"""A new calendar entry: ready as a draft, or the question for what is missing of it.

Rules of this file
- Pure. Whoever understood a message hands over the title and the days and times; what is missing is asked for, one
  thing at a time, and never made up.
- A draft is nothing done yet: the user is asked before it is written.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time
from typing import Any, assert_never

from router.decide.decision import Action, Decision, PendingQuestion, SessionFacts, Slot, Source
from router.decide.patterns import lazy
from router.decide.request import Request
from router.decide.when import When
from router.language import Language, pick

TOOL, OPERATION = "calendar", "create_draft"
MAX_TITLE_CHARACTERS = 60
"""A longer title is a sentence that was misunderstood."""
QUESTION_SECONDS = 600.0
"""How long an answer is waited for: who comes back later has something else in mind."""
TIMES_ASKED_AGAIN = 2
"""Of one question; then Maek lets go."""

_ALL_DAY = lazy(
    r"휴가|연차|반차|생일|기념일|출장|종일|\b(?:vacation|birthday|anniversary|holiday|all[ -]day|day off)\b",
    re.IGNORECASE,
)
_ORDER = (Slot.DATE, Slot.TITLE, Slot.TIME)
"""What is asked for first. A parameter has the name of its slot."""
_WEEKDAYS_KO = "월화수목금토일"
_CHOICES: Mapping[Slot, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Slot.DATE: (("오늘", "내일", "모레"), ("today", "tomorrow", "the day after tomorrow")),
    Slot.TIME: (("오전 10시", "오후 2시", "하루 종일"), ("10 am", "2 pm", "all day")),
    Slot.TITLE: (("회의", "약속", "개인 일정"), ("meeting", "appointment", "personal")),
}


def draft_or_question(request: Request, title: str) -> Decision | None:
    """`create_draft` for a new entry of that title, or the question for what is missing of it.

    None where the message cannot mean one entry (several days, a day that is over, a title that is a sentence), or
    where nothing here writes entries.
    """
    when = _planned(request.when)
    one_day = when.day == when.last_day and not when.several
    over = when.day is not None and when.day < request.facts.now.date()
    if TOOL not in request.rules.tools or len(title) > MAX_TITLE_CHARACTERS or not one_day:
        return None
    known = known_of(title, when, all_day=_ALL_DAY.search(request.text) is not None)
    if when.impossible:
        language, words = request.facts.language, when.impossible[0]
        before = pick(language, ko=f"'{words}'은(는) 없는 날짜나 시간이에요.", en=f'"{words}" does not exist.')
        slot = Slot.TIME if "date" in known else Slot.DATE
        return asking(request.facts, slot, known, reason="impossible_date", before=before)
    return None if over else completed(request, known)


def _planned(when: When) -> When:
    """The days as somebody means them who plans: a birthday in July, said in November, is next year's."""
    return when if when.coming is None else replace(when, day=when.coming, last_day=when.coming)


def known_of(title: str, when: When, *, all_day: bool) -> dict[str, Any]:
    """What is settled of an entry; a time that is None is settled, too."""
    known: dict[str, Any] = {}
    if title:
        known["title"] = title
    if when.day is not None:
        known["date"] = when.day.isoformat()
    if when.begins is not None:
        known |= {"time": hhmm(when.begins), "end_time": hhmm(when.ends)}
    elif all_day:
        known["time"] = None
    return known


def completed(request: Request, known: Mapping[str, Any]) -> Decision | None:
    """The draft of an entry of which everything is known, else the next question."""
    missing = next((slot for slot in _ORDER if slot not in known), None)
    if missing is not None:
        return asking(request.facts, missing, known)
    return request.use("calendar_draft", TOOL, OPERATION, known)


def asking(
    facts: SessionFacts,
    slot: Slot,
    known: Mapping[str, Any],
    *,
    reason: str = "",
    before: str = "",
    again: int = TIMES_ASKED_AGAIN,
) -> Decision:
    """The question for `slot`, after the sentence `before`; `again`: how often it may be repeated."""
    language = facts.language
    choices = _half_choices(known, language) if slot is Slot.HALF else pick_of(_CHOICES[slot], language)
    until = facts.now.timestamp() + QUESTION_SECONDS
    return Decision(
        Action.CLARIFY,
        Source.RULE,
        reason or f"missing_{slot}",
        response=f"{before} {_question(slot, known, language)}".strip(),
        asks=PendingQuestion(TOOL, OPERATION, dict(known), slot, choices, again, until),
    )


def pick_of(both: tuple[tuple[str, ...], tuple[str, ...]], language: str) -> tuple[str, ...]:
    """The list in that language, of a Korean and an English one."""
    return both[0] if language == Language.KO else both[1]


def hhmm(at: time | None) -> str | None:
    """As parameters have it."""
    return at.isoformat("minutes") if at else None


def _question(slot: Slot, known: Mapping[str, Any], language: str) -> str:
    title, day = known.get("title"), known.get("date")
    what = pick(language, ko=f"'{title}' 일정" if title else "일정", en=f'"{title}"' if title else "the entry")
    on = day_in_words(date.fromisoformat(day), language) if day else ""
    match slot:
        case Slot.DATE:
            both = (
                ""
                if "time" in known
                else pick(language, ko=" 날짜와 시간을 알려 주세요.", en=" Please give me the date and time.")
            )
            return pick(language, ko=f"{what}을 어느 날짜에 넣을까요?", en=f"On which date should I put {what}?") + both
        case Slot.TIME:
            return pick(
                language,
                ko=f"{on}, {what}을 몇 시에 넣을까요? 시간을 알려 주세요.",
                en=f"At what time on {on} should I put {what}?",
            )
        case Slot.TITLE:
            return pick(
                language, ko=f"{on}에 넣을 일정의 제목을 알려 주세요.", en=f"What should the entry on {on} be called?"
            )
        case Slot.HALF:
            first, second = _half_choices(known, language)
            return pick(language, ko=f"{first}인가요, {second}인가요?", en=f"{first} or {second}?")
        case _:
            assert_never(slot)


def day_in_words(day: date, language: str) -> str:
    """A day as it is said."""
    return pick(
        language, ko=f"{day.month}월 {day.day}일 {_WEEKDAYS_KO[day.weekday()]}요일", en=f"{day:%A}, {day.day} {day:%B}"
    )


def _half_choices(known: Mapping[str, Any], language: str) -> tuple[str, ...]:
    at = time.fromisoformat(known["time"])
    hour = at.hour % 12 or 12
    minutes_ko = f" {at.minute}분" if at.minute else ""
    minutes_en = f":{at.minute:02}" if at.minute else ""
    return pick_of(
        (
            (f"오전 {hour}시{minutes_ko}", f"오후 {hour}시{minutes_ko}"),
            (f"{hour}{minutes_en} am", f"{hour}{minutes_en} pm"),
        ),
        language,
    )
