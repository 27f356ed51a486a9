"""The simulator as a classifier: simple rules in place of a small model.

Rules of this file
- Pure: the same prompt gives the same decision. Dates are counted from the date that the prompt names, never
  from a clock; where it names none, no date is answered.
- These rules are a stand-in, so that the whole product can be seen without a model. They are kept plain;
  judging messages well is not their business.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

Decision = dict[str, Any]

_HANGUL = re.compile(r"[가-힣]")
_ISO_DATE = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_MARKS = re.compile(r"^\s*<message>|</message>\s*$")
"""What routers put around a message, so that it is read as data."""
_HOUR = re.compile(r"(오전|오후)?\s*(\d{1,2})\s*시|\b(\d{1,2})\s*(am|pm)\b", re.IGNORECASE)

FIRST_AFTERNOON_HOURS = range(1, 8)
"""A bare hour of a meeting is in the afternoon if it is one of these: nobody meets at three in the night."""


def is_korean(text: str) -> bool:
    """Say whether the user wrote Korean: one syllable is enough."""
    return _HANGUL.search(text) is not None


def is_classifier_prompt(system: str) -> bool:
    """Say whether a system prompt asks for decisions: it names the key and one of its values."""
    return '"action"' in system and '"direct"' in system


def decide(text: str, system: str) -> Decision:
    """Return the decision on `text` as the classifier would answer it."""
    message = _MARKS.sub("", text).strip()
    today = _today(system)
    for rule in _RULES:
        if rule.pattern.search(message):
            return rule.answer(message, today)
    if len(message) <= 12 and _VAGUE.search(message):
        question = "무엇을 해드릴까요? 조금 더 알려주세요." if is_korean(message) else "What exactly shall I do?"
        return {"action": "clarify", "response": question}
    return {"action": "route", "prompt": message}


def _today(system: str) -> date | None:
    found = _ISO_DATE.search(system)
    if found is None:
        return None
    try:
        return date(*(int(part) for part in found.groups()))
    except ValueError:
        return None


_VAGUE = re.compile(
    r"^((아까 ?)?(그|이|저)(거|것)?)?\s*(좀\s*)?(해 ?(줘|주세요)?|부탁해|처리해 ?줘)[.!?~]*$"
    r"|^(do (it|that|this)|that one|the same)[.!?]*$",
    re.IGNORECASE,
)


def _tool(tool: str, operation: str, **params: Any) -> Decision:
    return {"action": "tools", "tool": tool, "operation": operation, "params": params}


def _direct(korean: str, english: str) -> Callable[[str, date | None], Decision]:
    def answer(message: str, _today: date | None) -> Decision:
        return {"action": "direct", "response": korean if is_korean(message) else english}

    return answer


def _fixed(tool: str, operation: str, **params: Any) -> Callable[[str, date | None], Decision]:
    return lambda _message, _today: _tool(tool, operation, **params)


def _this_week(_message: str, today: date | None) -> Decision:
    if today is None:
        return _tool("calendar", "search")
    monday = today - timedelta(days=today.weekday())
    sunday = monday + timedelta(days=6)
    return _tool("calendar", "search", date_from=monday.isoformat(), date_to=sunday.isoformat())


def _draft(message: str, today: date | None) -> Decision:
    params: dict[str, str] = {"title": "회의" if is_korean(message) else "Meeting"}
    if today is not None:
        day = today + timedelta(days=1 if re.search(r"내일|tomorrow", message, re.IGNORECASE) else 0)
        params["date"] = day.isoformat()
    hour = _hour(message)
    if hour is not None:
        params["time"] = f"{hour:02d}:00"
    return _tool("calendar", "create_draft", **params)


def _hour(message: str) -> int | None:
    found = _HOUR.search(message)
    if found is None:
        return None
    half, hour = found[1] or (found[4] or "").lower(), int(found[2] or found[3])
    if half in ("오후", "pm") or (not half and hour in FIRST_AFTERNOON_HOURS):
        hour = hour % 12 + 12
    return hour % 24


def _about(operation: str) -> Callable[[str, date | None], Decision]:
    return lambda message, _today: _tool("document", operation, query=message)


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    answer: Callable[[str, date | None], Decision]


def _rules(table: Mapping[str, Callable[[str, date | None], Decision]]) -> tuple[_Rule, ...]:
    return tuple(_Rule(re.compile(pattern, re.IGNORECASE), answer) for pattern, answer in table.items())


_RULES = _rules(
    {
        # The first that matches decides, so what is narrow stands above what is wide.
        r"메일.*(보내|발송|전송)|\b(send|write)\b.*\be?-?mail": _direct(
            "죄송해요, 메일은 제가 보낼 수 없어요. 찾거나 읽어드리는 건 할 수 있어요.",
            "Sorry, I cannot send mail. I can search it or read it to you.",
        ),
        r"^(안녕|하이|헬로|반가워|좋은 ?(아침|저녁)|잘 ?자)|^(hi|hello|hey|good (morning|night))\b": _direct(
            "안녕하세요! 저는 이드예요. 무엇을 도와드릴까요?", "Hello! What can I do for you?"
        ),
        r"^(고마워|고맙|감사)|^(thanks|thank you)\b": _direct("천만에요!", "You are welcome!"),
        r"(넌|너는?|당신은?) ?누구|이름이 ?뭐|\bwho are you\b": _direct(
            "저는 이드예요. 일정, 메일, 문서, 서버 일을 도와드려요.",
            "I am your assistant. I help with calendar, mail, documents and servers.",
        ),
        r"오늘.*(일정|스케줄)|\btoday'?s? schedule|\bschedule\b.*today": _fixed("calendar", "today"),
        r"이번 ?주.*(일정|스케줄)|\bthis week'?s? schedule|\bschedule\b.*this week": _this_week,
        r"(오늘|내일|\d\s*시).*(회의|미팅|약속)|\bmeeting\b.*\b(tomorrow|today|at \d)": _draft,
        r"최근.*메일|메일.*(확인|있어|왔)|\b(recent|latest|new) e?-?mails?\b": _fixed(
            "email", "search", query="", days=7
        ),
        r"gpu.*(상태|status)": _fixed("infra", "status", host="gpu"),
        r"(서비스|서버).*(살아|헬스)|\bservices?\b.*\b(alive|up|healthy)": _fixed("infra", "health"),
        r"디스크|\bdisk\b": _fixed("infra", "disk"),
        r"네트워크.*상태|\bnetwork status": _fixed("infra", "network"),
        r"모델.*(뭐|무엇|목록)|\b(which|what) models\b": _fixed("infra", "models", host="gpu"),
        r"산업안전보건법|중대재해|위험성 ?평가|\bASME\b.*(내용|뭐|절차|what|how)": _about("ask"),
        r"문서.*(찾|검색)|\bASME\b|\b(find|search)\b.*\bdocuments?\b": _about("search_full"),
    }
)
