"""Rules for the calendar: what is on, and new entries.

Rules of this file
- Pure. What an entry needs, and what is asked for where that is missing, stands in `entry`.
"""

import re

from router.decide.decision import Decision
from router.decide.entry import draft_or_question
from router.decide.lexicon import TIME_LIKE, Kind, Word
from router.decide.patterns import lazy
from router.decide.request import Request

_LOOKS = (Kind.CALENDAR, Kind.EVENT, Kind.SHOW, Kind.FIND, Kind.WHICH, Kind.PERIOD)
_NOT_A_DRAFT = frozenset(
    (Kind.SHOW, Kind.FIND, Kind.SEND, Kind.EXPLAIN, Kind.CHANGE, Kind.MAIL, Kind.WHICH, Kind.ALIVE)
)
_OBJECT = lazy(r"(?<=..)[을를]$")
_SAYS_MORE = lazy(
    r"[다라자냐]고(?=\s|$)|(?:장소|이름|참석자|시간|내용|메모)[은는을이가]|초대|^(?:did|do|does|is|are|was|have|has|where|when|what|which|who|how)\b|\bhappening\b|\b(?:location|called|named|titled|invite|"
    r"following)\b",
    re.IGNORECASE,
)
"""Reported speech, further fields and questions: more than day, time and title."""
# "for lunch", "my meeting": what a title neither begins nor ends with.
_LOOSE_ENDS = frozenset(
    ("to", "for", "on", "in", "at", "a", "an", "the", "my", "and", "please", "me", "you", "can", "could")
)


def calendar_query(request: Request) -> Decision | None:
    """`today` or `search` for a message that asks for the entries of some days, and for nothing else."""
    when = request.when
    if when.day is None or when.last_day is None or when.several or when.impossible:
        return None
    looking = Kind.CALENDAR in request.kinds or (Kind.EVENT in request.kinds and Kind.SHOW in request.kinds)
    if not looking or not request.only(*_LOOKS) or TIME_LIKE.search(when.rest):
        return None
    # "오늘 3시 일정" may as well be a new entry.
    if when.begins is not None and not (request.asks or request.kinds & {Kind.SHOW, Kind.FIND}):
        return None
    if when.day == when.last_day == request.facts.now.date():
        return request.use("calendar_today", "calendar", "today", {})
    days = {"date_from": when.day.isoformat(), "date_to": when.last_day.isoformat()}
    return request.use("calendar_days", "calendar", "search", days)


def calendar_draft(request: Request) -> Decision | None:
    """`create_draft` for a new entry, or the question for what is missing of it."""
    return draft_or_question(request, entry_title(request.words)) if _wants_entry(request) else None


def _wants_entry(request: Request) -> bool:
    """Something to add to the calendar, or a bare "내일 3시 회의"."""
    kinds = request.kinds
    if (
        kinds & _NOT_A_DRAFT
        or request.asks
        or request.when.repeats
        or TIME_LIKE.search(request.when.rest)
        or _SAYS_MORE.search(request.text)
    ):
        return False
    content = [word for word in request.words if word.kind is not Kind.FILLER]
    if _verb(content) is not None:
        return Kind.CALENDAR in kinds or Kind.EVENT in kinds
    if Kind.ADD in kinds or Kind.EVENT not in kinds or request.when.day is None or request.when.begins is None:
        return False
    event = next(at for at, word in enumerate(content) if word.kind is Kind.EVENT)
    if content[event].text.isascii():
        # "dentist appointment", "meeting with Bob"; with more words before it the message has a verb of its own.
        return event <= 1
    # A Korean noun phrase ends with its noun, and without a particle; more would be a sentence about a meeting.
    return content[-1].kind is Kind.EVENT and content[-1].text == content[-1].written


def _verb(content: list[Word]) -> Word | None:
    """The word that asks for adding: the last in Korean, the first in English; elsewhere it means something else."""
    for word, english in ((content[0], True), (content[-1], False)) if content else ():
        if word.kind is Kind.ADD and word.text.isascii() is english:
            return word
    return None


def entry_title(words: tuple[Word, ...]) -> str:
    """What the entry is about: the words besides the calendar, the verb and loose ends."""
    verb = _verb([word for word in words if word.kind is not Kind.FILLER])
    kept = [word for word in words if word.kind is not Kind.CALENDAR and word is not verb]
    firm = [at for at, word in enumerate(kept) if not _loose(word)]
    if not firm:
        return ""
    kept = kept[firm[0] : firm[-1] + 1]
    last = kept[-1]
    end = _OBJECT.sub("", last.written) if last.kind is Kind.UNKNOWN else last.text
    return " ".join([*(word.written for word in kept[:-1]), end])


def _loose(word: Word) -> bool:
    return word.kind is Kind.FILLER or word.text.lower() in _LOOSE_ENDS
