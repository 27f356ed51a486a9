# ruff: noqa: E501, SIM905 - word lists
"""What a message is to the question that was asked before it.

Rules of this file
- Pure. An answer is heard only in a message that has nothing in it but an answer; one that says more is something else,
  and is decided as if nothing had been asked.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from enum import StrEnum
from typing import Any

from router.decide.agreeing import agrees, refuses
from router.decide.decision import PendingQuestion, Slot
from router.decide.entry import MAX_TITLE_CHARACTERS, hhmm, known_of
from router.decide.lexicon import Kind
from router.decide.patterns import lazy
from router.decide.request import Request
from router.decide.talk_rules import small_talk
from router.decide.when import When, read_when
from router.language import pick


class Heard(StrEnum):
    """What a message is to the question before it."""

    FILLS = "fills"
    """It names what was asked for."""
    ASIDE = "aside"
    """It names another part of the same entry."""
    REFUSES = "refuses"
    VAGUE = "vague"
    """It is an answer, and names nothing: "yes", "whenever", the seventh of three choices."""
    IMPOSSIBLE = "impossible"
    """A day or a time that does not exist or is over."""
    ELSE = "else"


EITHER_HALF = range(7, 9)
"""Bare hours that people mean of the morning as often as of the evening."""
MAX_TITLE_WORDS = 8

_NUMBER = lazy(
    r"(?:(?:number|option|no\.?|#)\s?)?(?P<digit>[1-9])\s?(?:번(?:째)?|st|nd|rd|th)?(?:\s?(?:거|것|걸|one))?(?:\s?(?:요|이요|으로|로|으로\s?(?:해\s?)?(?:줘|주세요|할게|할게요)))?"
    r"|(?:the\s+)?(?P<word>첫|두|세|first|second|third)(?:\s?번째)?(?:\s?(?:거|것|걸|one))?(?:\s?(?:요|으로|로|(?:으로|로)\s?(?:해\s?)?(?:줘|주세요|할게|할게요)))?",
    re.IGNORECASE,
)
_ORDINALS = {"첫": 1, "두": 2, "세": 3, "first": 1, "second": 2, "third": 3}
_POLITE_END = lazy(r"(?<=[시분일반])이?요$")
_BARE_HOUR = lazy(r"(?P<hour>[1-9]|1\d|2[0-3])\s?(?:요|이요|에|쯤)?")
_HALVES = {
    "am": lazy(r"(?:오전|아침|새벽)(?:에|이?요|으로)?|a\.?m\.?|(?:in\s+the\s+)?morning", re.IGNORECASE),
    "pm": lazy(
        r"(?:오후|저녁|밤|낮)(?:에|이?요|으로)?|p\.?m\.?|(?:in\s+the\s+)?(?:afternoon|evening)|(?:at\s+)?night",
        re.IGNORECASE,
    ),
}
_SAYS_HALF = lazy(
    r"오전|오후|아침|점심|낮|저녁|밤|새벽|정오|자정|\b0\d|\b(?:1[3-9]|2\d)\s?[:시]|[ap]\.?\s?m\b|morning|afternoon|evening|night|noon|o'clock\s+sharp",
    re.IGNORECASE,
)
_ALL_DAY = lazy(r"(?:하루\s?)?종일|all[ -]?day|the\s+whole\s+day", re.IGNORECASE)
_VAGUE = lazy(
    r"(?:음+|흠+|글쎄(?:요|다)?|몰라요?|모르겠(?:어요?|습니다|네요?|는데요?)|잘\s?모르겠(?:어요?|습니다)|아무\s?(?:거나|때나|날이나)(?:요)?|상관\s?없(?:어요?|습니다)|언제든지?(?:요)?|뭐(?:지|가\s?좋을까요?)?|네|잠깐만?요?|"
    r"h+m+|um+|not\s+sure|i\s+don'?t\s+know|idk|whatever|whenever|any\s?time|any\s?day|no\s+idea|you\s+(?:choose|decide)|what)[\s.!?~…]*",
    re.IGNORECASE,
)
_BESIDE = frozenset(
    "으로 로 에 요 이요 예요 이에요 입니다 정도 쯤 쯤에 그럼 음 네 예 응 아 그냥 그 좀 해 해줘 해줘요 해주세요 해요 할게 할게요 하자 하죠 합시다 할까 할까요 줘 주세요 주실래요 부탁해 부탁해요 부탁드려요 "
    "부탁합니다 부탁드립니다 좋아 좋아요 좋을 것 같아 같아요 좋겠어 좋겠어요 잡아 잡아줘 잡아주세요 넣어 넣어줘 넣어주세요 등록해 등록해줘 등록해주세요 추가해줘 추가해주세요 바꿔줘 바꿔주세요 변경해줘 변경해주세요 이나 나 또는 or 가능해 가능해요 괜찮아 괜찮아요 으로요 로요 에요 날 시간은 시간 "
    "날짜는 날짜 때 at on for the a please make it let's lets do how about maybe it's its is that's thats that fine works work ok okay yes yeah sure well um uh then in day time date to set put would be good great me".split()
)
"""What may stand beside a day or a time and says nothing more."""
_TITLE_HEAD = lazy(
    r"^(?:제목은|이름은|제목|(?:please\s+)?(?:call|name|title)\s+it|(?:the\s+)?title\s+(?:is|should\s+be)|it'?s(?:\s+called)?|make\s+it)\s*:?\s+",
    re.IGNORECASE,
)
_TITLE_TAIL = lazy(
    r"\s*(?:(?:이?라고|으로|로)\s*(?:좀\s*)?(?:해|하면|적어|써|넣어|등록해|저장해|부탁해)?\s*(?:줘|주세요|줘요|돼|돼요|됩니다|요|할게요?|하자)?|(?:이에요|예요|입니다|이요|요)|(?:으로|로)\s*(?:할게요?|하자|부탁해요?|부탁드려요))?[\s.!~]*$"
)
_SENTENCE = lazy(
    r"(?:[가-힣](?:다|까|니|냐|죠|네|네요|거든|는데|[아어해]요|자|래|해|데)|(?<!필)[가-힣]{3,}요)$|^(?:i|i'm|i'll|we|you|what|how|why|when|who|where|is|are|can|could|do|does|did|tell|show|explain|let|never)\b",
    re.IGNORECASE,
)
_ELSEWHERE = frozenset(
    (Kind.SHOW, Kind.FIND, Kind.SEND, Kind.EXPLAIN, Kind.MAIL, Kind.CHANGE, Kind.ALIVE, Kind.STATE, Kind.WHICH)
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A message, heard as an answer."""

    heard: Heard
    found: Mapping[str, Any] = field(default_factory=dict)
    """The parameters that it settles."""
    either_half: bool = False
    """The hour may be before or after noon."""
    why: str = ""
    """Of IMPOSSIBLE: a sentence for the user."""


def heard(request: Request, question: PendingQuestion) -> Answer:
    """What the message is to the question."""
    persona = request.rules.persona.name
    if refuses(request.message, persona):
        return Answer(Heard.REFUSES)
    said = _POLITE_END.sub("", request.text.strip(" .!~"))
    chosen = _chosen(said, question)
    if chosen is not None:
        said = chosen
    elif _VAGUE.fullmatch(said) or agrees(request.message, persona) or _is_number(said, question):
        return Answer(Heard.VAGUE)
    now = request.facts.now
    if question.slot is Slot.HALF and (half := _half(said)) is not None:
        return _moved(question.params, half, now, request.facts.language)
    if question.slot is Slot.TIME and (hour := _BARE_HOUR.fullmatch(said)):
        said = f"{hour['hour']}시"
    when = request.when if said == request.text else read_when(said, now)
    answer = _timed(said, when, question, request)
    if answer is None and question.slot is Slot.TITLE:
        answer = _titled(said, when, request, chosen=chosen is not None)
    if answer is None:
        return Answer(Heard.ELSE)
    # Which half of the day is asked of a time: another time answers that.
    wanted = Slot.TIME if question.slot is Slot.HALF else question.slot
    return replace(answer, heard=Heard.ASIDE) if answer.found and wanted not in answer.found else answer


def _chosen(said: str, question: PendingQuestion) -> str | None:
    """The choice that is meant by its number or its text."""
    for choice in question.choices:
        if said.lower() == choice.lower():
            return choice
    number = _number(said, question)
    return question.choices[number - 1] if number is not None and number <= len(question.choices) else None


def _is_number(said: str, question: PendingQuestion) -> bool:
    return _number(said, question) is not None


def _number(said: str, question: PendingQuestion) -> int | None:
    """The number of a choice. Where a time is asked for, a bare number is an hour."""
    found = _NUMBER.fullmatch(said)
    if found is None or (question.slot in {Slot.TIME, Slot.HALF} and _BARE_HOUR.fullmatch(said)):
        return None
    return int(found["digit"]) if found["digit"] else _ORDINALS[found["word"].lower()]


def _half(said: str) -> str | None:
    return next((half for half, words in _HALVES.items() if words.fullmatch(said)), None)


def _timed(said: str, when: When, question: PendingQuestion, request: Request) -> Answer | None:
    """What it says of day and time; None where it says more than that, or nothing of it."""
    rest, language = when.rest, request.facts.language
    all_day = _ALL_DAY.search(rest) is not None
    if not _says_no_more(_ALL_DAY.sub(" ", rest), question.params.get("title")):
        return None
    if when.impossible:
        words = when.impossible[0]
        why = pick(language, ko=f"'{words}'은(는) 없는 날짜나 시간이에요.", en=f'"{words}" does not exist.')
        return Answer(Heard.IMPOSSIBLE, why=why)
    if when.several or when.day != when.last_day:
        why = pick(language, ko="하루, 한 시각만 골라 주세요.", en="Please choose one day and one time.")
        return Answer(Heard.IMPOSSIBLE, why=why)
    found = known_of("", when, all_day=all_day)
    return _in_time(found, question.params, request, bare=not _SAYS_HALF.search(said)) if found else None


def _in_time(found: dict[str, Any], known: Mapping[str, Any], request: Request, *, bare: bool) -> Answer:
    """The answer, unless the day or the hour is over. `bare`: the hour was said without its half of the day."""
    now, language = request.facts.now, request.facts.language
    day, begins = found.get("date", known.get("date")), found.get("time", known.get("time"))
    if day is not None and day < now.date().isoformat():
        return Answer(Heard.IMPOSSIBLE, why=pick(language, ko="이미 지난 날짜예요.", en="That day is over."))
    if begins is None:
        return Answer(Heard.FILLS, found)
    at = time.fromisoformat(begins)
    if day == now.date().isoformat() and at <= now.time():
        if bare and "time" in found and at.hour < 12 and at.replace(hour=at.hour + 12) > now.time():
            return Answer(Heard.FILLS, found | _shifted(found, 12))
        return Answer(Heard.IMPOSSIBLE, why=pick(language, ko="이미 지난 시각이에요.", en="That time is over."))
    return Answer(Heard.FILLS, found, either_half=bare and "time" in found and at.hour in EITHER_HALF)


def _moved(known: Mapping[str, Any], half: str, now: datetime, language: str) -> Answer:
    """The time that was known, in that half of the day."""
    at = time.fromisoformat(known["time"])
    hours = (at.hour % 12 + (12 if half == "pm" else 0)) - at.hour
    moved = _shifted(known, hours)
    if known.get("date") == now.date().isoformat() and str(moved["time"]) <= f"{now:%H:%M}":
        return Answer(Heard.IMPOSSIBLE, why=pick(language, ko="이미 지난 시각이에요.", en="That time is over."))
    return Answer(Heard.FILLS, moved)


def _shifted(known: Mapping[str, Any], hours: int) -> dict[str, str | None]:
    """Beginning and end so many hours later; an end that would fall into the next day is left open."""
    begins = time.fromisoformat(known["time"])
    begins = begins.replace(hour=begins.hour + hours)
    end = known.get("end_time")
    ends = time.fromisoformat(end) if end else None
    if ends is not None:
        ends = ends.replace(hour=ends.hour + hours) if ends.hour + hours < 24 else None
    return {"time": hhmm(begins), "end_time": hhmm(ends)}


def _says_no_more(rest: str, title: str | None) -> bool:
    """Whether nothing is left but particles, politeness and the title that is known."""
    own = {word.lower() for word in (title or "").split()}
    for written in rest.lower().split():
        word = written.strip(".,!?~")
        if word and word not in _BESIDE and word not in own and word[:-1] not in own:
            return False
    return True


def _titled(said: str, when: When, request: Request, *, chosen: bool) -> Answer:
    """What it says of the title."""
    if chosen:
        return Answer(Heard.FILLS, {"title": said})
    names_day = when.day is not None or when.begins is not None
    title = _TITLE_TAIL.sub("", _TITLE_HEAD.sub("", when.rest)).strip(" .!~\"'")
    kinds = {word.kind for word in request.rules.lexicon.read(title)}
    elsewhere = request.asks or kinds & _ELSEWHERE or (names_day and Kind.ADD in request.kinds)
    if (
        elsewhere
        or when.impossible
        or small_talk(request) is not None
        or not title
        or len(title) > MAX_TITLE_CHARACTERS
        or len(title.split()) > MAX_TITLE_WORDS
        or _SENTENCE.search(title)
    ):
        return Answer(Heard.ELSE)
    found = known_of("", when, all_day=False) if when.day == when.last_day and not when.several else {}
    return Answer(Heard.FILLS, found | {"title": title})
