"""Rules for searching mail, and for reading a message that is named by its uid.

Rules of this file
- Pure. Unknown words are the query only where a query stands: before the mail, and in English also after "about" or
  "from". Anywhere else the message is about something that the rule does not know.
"""

import re

from router.decide.decision import Decision
from router.decide.lexicon import TIME_LIKE, Kind, Word
from router.decide.patterns import lazy
from router.decide.request import Request
from router.decide.topic import topic_of
from router.tools.letters import UID_SHAPE
from router.tools.mail import DEFAULT_DAYS

MAX_QUERY_WORDS = 6
"""More words than this are a story, not a query."""
MAX_ENGLISH_WORDS_BEFORE = 2
"""Of an English topic that stands before "mail": more is a sentence that ends with it."""

_UID_NAMED = (
    lazy(
        r"(?=.*(?:uid|메일|읽|열어))(?:(?:uid|이?메일)\s*:?\s*)*"
        rf"(?P<uid>{UID_SHAPE})번?\s*(?:이?메일)?\s*(?:[을를이은는도의만]\s*)?(?:(?:내용|본문)\s*[을를이은는]?\s*)?"
        r"(?:좀\s*)?(?:읽어|열어|보여|알려)?\s*(?:줘요?|주세요|줄래요?|봐요?)?\s*[.!?~]*",
        re.IGNORECASE,
    ),
    lazy(
        r"(?:please\s+)?(?:read|open|show)(?:\s+me)?(?:\s+the)?(?:\s+(?:e-?mail|mail|message))?(?:\s+(?:with\s+)?uid)?"
        rf"\s+(?P<uid>{UID_SHAPE})(?:\s+please)?[.!?]*",
        re.IGNORECASE,
    ),
)
_POSSESSIVE = lazy(r"(?:'s|의)$")
_WHAT = lazy(r"\bwhat\b|뭐|뭔|무엇", re.IGNORECASE)

_KNOWN = (Kind.MAIL, Kind.SHOW, Kind.FIND, Kind.RECENT, Kind.WHICH, Kind.ABOUT, Kind.SENT, Kind.UNKNOWN)
_TOPICS = frozenset(
    (Kind.UNKNOWN, Kind.EVENT, Kind.MATERIAL, Kind.DOCUMENT, Kind.SERVER, Kind.NETWORK, Kind.MODEL, Kind.SERVICE)
)


def mail_read(request: Request) -> Decision | None:
    """`email.read` for a message that is nothing but the wish to read the mail of a uid."""
    named = next((found for shape in _UID_NAMED if (found := shape.fullmatch(request.text.strip())) is not None), None)
    return None if named is None else request.use("mail_read", "email", "read", {"uid": named["uid"].lower()})


def mail_search(request: Request) -> Decision | None:
    """`email.search` for a message that looks for mail, with the words and the days that it names."""
    if Kind.MAIL not in request.kinds or not request.only(*_KNOWN, *_TOPICS):
        return None
    when = request.when
    if when.several or when.impossible or when.begins is not None or when.is_bounded or TIME_LIKE.search(when.rest):
        return None
    query = _query(request)
    if query is None:
        return None
    today = request.facts.now.date()
    if when.day is not None and when.day > today:
        return None
    days = (today - when.day).days + 1 if when.day is not None else DEFAULT_DAYS
    return request.use("mail_search", "email", "search", {"query": query, "days": days})


def _query(request: Request) -> str | None:
    """The words to look for, empty for any mail; None where unknown words stand in no query's place."""
    words = [word for word in request.words if word.kind is not Kind.FILLER]
    places = [at for at, word in enumerate(words) if word.kind in _TOPICS]
    sent = any(word.kind is Kind.SENT for word in words)
    if not places:
        # "보낸 메일" alone is the sent folder, which nothing searches.
        return None if sent else ""
    first, last = places[0], places[-1]
    if len(places) != last - first + 1 or len(places) > MAX_QUERY_WORDS or not _is_query(request, words, first, last):
        return None
    topic = words[first : last + 1]
    if any(word.kind is Kind.MAIL and word.text.endswith("함") for word in words):
        # A folder, and the topic is its name: nothing searches one.
        return None
    came = last + 1 < len(words) and words[last + 1].kind in {Kind.SENT, Kind.RECENT}
    return topic_of([word.written for word in topic], sent=came)


def _is_query(request: Request, words: list[Word], first: int, last: int) -> bool:
    mail = next(at for at, word in enumerate(words) if word.kind is Kind.MAIL)
    if last < mail:
        if words[last].text.isascii() and request.words.index(words[last]) + 1 != request.words.index(words[mail]):
            # "the subjects of all emails": in English the topic stands right before its noun.
            return False
        if words[last].text.isascii() and len(words[first : last + 1]) > MAX_ENGLISH_WORDS_BEFORE:
            return False
        if _POSSESSIVE.search(words[last].written) and _WHAT.search(request.text):
            # "What is Bob's email?" asks for his address.
            return False
        linked = all(word.kind in {Kind.ABOUT, Kind.SENT, Kind.RECENT} for word in words[last + 1 : mail])
        asked = (
            bool(request.kinds & {Kind.FIND, Kind.SHOW, Kind.RECENT, Kind.ABOUT, Kind.SENT})
            or request.when.day is not None
        )
        return linked and asked
    before = words[first - 1]
    return before.kind is Kind.ABOUT and before.text.isascii() and last == len(words) - 1
