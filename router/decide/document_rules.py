# ruff: noqa: E501 - word lists
"""Rules for documents: the operator's domains, the archive itself, and explanations.

Rules of this file
- Pure. A domain's name alone hijacks nothing: a message that also speaks of mail, of the calendar or of work to be done on a text
  is left to others.
- Entering a domain gives its preferred operation one point; every word for asking or for searching gives one to that side. A tie
  goes to searching: there the user's own words weigh as much as ours.
"""

import re

from router.decide.decision import Decision
from router.decide.lexicon import Kind
from router.decide.patterns import lazy
from router.decide.request import Request

_ASKING = (
    r"내용|절차|뭐(?:야|예요|지|니|가|라고)|뭔가요|뭔지|무엇|알려|설명|방법|기준|의무|요건|정의|의미|뜻|차이|이유|어떻게|언제|누가|누구|몇|왜|얼마|"
    r"해야\s?(?:하|해|돼|되|할)|되나|인가요?\b|what|how|when|who|why|which|explain|procedure|requirements?|require[sd]?|definition|mean|tell\s+me"
)
_SEARCHING = r"관련|자료|찾아|검색|문서|목록|리스트|파일|서고|find|search|look\s+for|documents?|materials?|files?|related|references?|list"
_WORK = lazy(
    r"작성|써\s?(?:줘|주|줄)|쓰기|만들|번역|요약|비교|분석|정리해|계산|코드|짜\s?(?:줘|주)|보고서|검토|추천|\b(?:write|draft|translate|summari[sz]e|compare|"
    r"analy[sz]e|code|report|review|create|make|recommend)\b",
    re.IGNORECASE,
)
# Endings of a sentence that are not also the end of a noun (재해, 필요, 방지 and 사고 are nouns).
_PREDICATE = lazy(
    r"(?:다|(?<![개필중소주])요|죠|네|군|까|니|려|며|게|걸|래|든|녀|봐|이지|[하라다되]고|[해마]라|(?<![재상침피손])해|[했됐었았]음|[했갔왔됐였있없먹]어)$"
    r"|\b(?:is|are|was|were|am|be|will|should|has|have|had|i|we|you)\b",
    re.IGNORECASE,
)
_CHEER = lazy(r"[\s.!?~ㅋㅎㅠㅜ]+$")
_PAST = "".join(chr(code) for code in range(0xAC00, 0xD7A4) if (code - 0xAC00) % 28 == 20 and chr(code) not in "있겠")
"""Syllables that end in ㅆ: before 어, the past of a verb."""
_DID = lazy(rf"[{_PAST}]어요?$")
_REQUESTED = lazy(r"(?:줘요?|주세요|주라|줄래요?|달라|다오)$")
_WHEN_OR_WHERE = lazy(r"언제|몇\s?시|어디서|\b(?:when|where|what\s+time)\b", re.IGNORECASE)
FOREIGN = frozenset((Kind.MAIL, Kind.CALENDAR, Kind.ADD, Kind.SEND, Kind.CHANGE, Kind.HOST_NAME, Kind.SERVICE_NAME))
_TOOL_NOUNS = frozenset(
    (
        Kind.CALENDAR,
        Kind.MAIL,
        Kind.DOCUMENT,
        Kind.SERVICE_NAME,
        Kind.HOST_NAME,
        Kind.DISK,
        Kind.ADD,
        Kind.SEND,
        Kind.CHANGE,
    )
)
_REQUEST_TAIL = lazy(
    r"\s*(?:관련(?:된|한)?|관한|대한)?\s*(?:자료|문서|파일|목록|리스트)*(?:[을를]|들[을를]?|좀)?\s*(?:좀\s*)?(?:(?:찾아|검색해|보여|알려)\s?(?:줘요?|주세요|줄래요?|봐)|검색|찾기)?[\s?!.~]*$"
)
_REQUEST_HEAD = lazy(
    r"^(?:please\s+)?(?:can\s+you\s+)?(?:find|search(?:\s+for)?|look\s+for|show)\s+(?:me\s+)?(?:the\s+|any\s+|all\s+)?"
    r"(?:(?:documents?|materials?|files?|docs)\s+)?(?:(?:about|on|for|regarding|related\s+to)\s+)?",
    re.IGNORECASE,
)
_EXPLAIN = lazy(
    r"(?P<topic>\S.*?)\s?설명(?:을|좀)?\s?(?:부탁\S*|(?:해|하여)\s?(?:줘요?|주세요|주십시오|줄래요?|주실래요|줄\s?수\s?있\S+|주실\s?수\s?있\S+|달라\S*|봐\S*|라)?)?[\s.!?~]*"
    r"|(?:please\s+|can\s+you\s+|could\s+you\s+)*explain\s+(?:to\s+me\s+)?(?P<topic_en>\S.*)",
    re.IGNORECASE,
)
_HOW_TO = lazy(r"(?:하는|쓰는|보내는|만드는|(?-i:[가-힣])는|(?-i:[가-힣])할)\s?(?:법|방법)|how\s+to\b", re.IGNORECASE)
_POINTING = lazy(
    r"^(?:이|그|저|이거|그거|저거|이것|그것|위|방금|아까|it|this|that)(?:[은는을를]|에\s?대해서?)?\s*(?:좀|다시|더|자세히)?\s*$",
    re.IGNORECASE,
)


def domain_documents(request: Request) -> Decision | None:
    """The document operation for a message on one of the operator's domains."""
    if request.kinds & FOREIGN or _WORK.search(request.text):
        return None
    if Kind.EVENT in request.kinds and (request.when.day or request.when.begins or _WHEN_OR_WHERE.search(request.text)):
        return None
    if _something_else(request):
        return None
    domain = next((domain for domain in request.rules.domains if domain.is_in(request.text)), None)
    if domain is None:
        return None
    asking, searching = _count(_ASKING, request.text), _count(_SEARCHING, request.text)
    if not asking and not searching and _tells(request.text):
        # "안전 운전하세요": speaks of it, asks nothing.
        return None
    points = {"ask": asking, "search_full": searching}
    points[domain.prefer] = points.get(domain.prefer, 0) + 1
    operation = max(("search_full", "ask", domain.prefer), key=lambda name: points[name])
    query = _searched(request.text) if operation != "ask" else request.text
    return request.use(f"domain_{operation}", domain.tool, operation, {"query": query})


def _something_else(request: Request) -> bool:
    """Whether the message asks for a thing to be done that is neither showing, finding nor explaining (그려줘)."""
    last = next((word for word in reversed(request.words) if word.kind is not Kind.FILLER), None)
    return last is not None and last.kind is Kind.UNKNOWN and _REQUESTED.search(last.text) is not None


def _tells(text: str) -> bool:
    """Whether a text says something rather than asking: 안전 운전하세요; and what somebody did is small talk too."""
    said = _CHEER.sub("", text)
    return _DID.search(said) is not None or ("?" not in text and _PREDICATE.search(said) is not None)


def archive_search(request: Request) -> Decision | None:
    """`search_full` for a message that wants documents found, with the words that say which."""
    kinds = request.kinds
    known = request.only(Kind.DOCUMENT, Kind.MATERIAL, Kind.FIND, Kind.SHOW, Kind.ABOUT, Kind.RECENT, Kind.UNKNOWN)
    if (
        Kind.DOCUMENT not in kinds
        or Kind.FIND not in kinds
        or not known
        or request.when.day is not None
        or request.asks
    ):
        return None
    words = [word for word in request.words if word.kind is not Kind.FILLER]
    unknown = [at for at, word in enumerate(words) if word.kind is Kind.UNKNOWN]
    find = next(at for at, word in enumerate(words) if word.kind is Kind.FIND)
    english = words[find].text.isascii()
    if unknown and not english and unknown[-1] > find:
        return None
    query = " ".join(words[at].written for at in unknown)
    return request.use("archive_search", "document", "search_full", {"query": re.sub("(?<=..)[을를의]$", "", query)})


def explanation(request: Request) -> Decision | None:
    """To the reasoner with an explicit request to explain something that is no business of a tool."""
    found = _EXPLAIN.fullmatch(request.text)
    if found is None:
        return None
    if Kind.STATE in request.kinds or (request.kinds & _TOOL_NOUNS and not _HOW_TO.search(request.text)):
        return None
    topic = found["topic"] or found["topic_en"] or ""
    return None if _POINTING.search(topic) else request.route("explanation")


def _count(words: str, text: str) -> int:
    return len({found.lower() for found in re.findall(words, text, re.IGNORECASE)})


def _searched(text: str) -> str:
    """The text without the words of the request; the whole of it where nothing else is left."""
    return _REQUEST_HEAD.sub("", _REQUEST_TAIL.sub("", text)).strip() or text
