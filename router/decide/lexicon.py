# ruff: noqa: E501 - word lists: a line is a word family
"""The words that the keyword rules know, and a message read as those words.

Rules of this file
- Pure. A word list a kind; Korean and English side by side. A Korean word may be written against its neighbour (오늘일정) and may
  carry particles; an English one stands between word boundaries.
- What is in no list is `UNKNOWN`, and that is the point: a rule is sure only of messages in which it knows every word, or
  in which the unknown ones stand exactly where a title or a query stands.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from router.decide.folding import PARTICLE_TAIL, term_pattern
from router.decide.patterns import lazy


class Kind(StrEnum):
    """What a word does in a request."""

    CALENDAR = "calendar"
    EVENT = "event"
    MAIL = "mail"
    DOCUMENT = "document"
    MATERIAL = "material"
    SERVER = "server"
    SERVICE = "service"
    HOST_NAME = "host_name"
    SERVICE_NAME = "service_name"
    DISK = "disk"
    SPACE = "space"
    NETWORK = "network"
    MODEL = "model"
    STATE = "state"
    ALIVE = "alive"
    SHOW = "show"
    FIND = "find"
    ADD = "add"
    SEND = "send"
    CHANGE = "change"
    """Asks for something that no tool here does: cancel, move, remind, repeat, book a room, look into a folder."""
    EXPLAIN = "explain"
    WHICH = "which"
    RECENT = "recent"
    ABOUT = "about"
    SENT = "sent"
    PERIOD = "period"
    FILLER = "filler"
    UNKNOWN = "unknown"


_REQUEST = (
    r"(?:\s?(?:줘요?|주세요|주십시오|주라|줄래요?|주실래요|주겠(?:니|어요?)|주시겠(?:어요|습니까)|달라|다오|주면\s?(?:돼|좋겠(?:어요?|다)))"
    r"|\s?줄\s?수\s?있(?:어요?|니|나요?|을까요?)|\s?주실\s?수\s?있(?:나요|어요|을까요)|\s?봐\s?줘요?|\s?봐\s?주세요|\s?봐요?)"
)
_EXIST = r"있(?:어요?|나요?|니|냐|지요?|죠|습니까|을까요?|는지|는가)|없(?:어요?|나요?|니|지)"
_COPULA = r"야|예요|에요|지요?|죠|니|냐|인가요?|입니까|더라"
_SHOWING = "알려|보여|말해|얘기해|이야기해|확인해|체크해|조회해|정리해|가르쳐"
_ADDING = "넣어|추가해|등록해|잡아|만들어|생성해|예약해|기록해|적어|저장해|올려|써"
_CHANGING = (
    "취소|삭제|지워|지우|없애|옮겨|옮기|변경|바꿔|바꾸|수정|미뤄|미루|연기|당겨|알림|알람|깨워|리마인드|반복|매일|매주|매월|매달|매년|마다|빼\\s?줘|"
    "다시|비워|비우|택시|플레이리스트|읽음|읽어|열어|표시|보관|차단|이동|분류|정렬|제목|본문|첨부|주소|스팸|휴지통|임시|회의실|미팅룸"
)

WORDS: Mapping[Kind, str] = {
    Kind.ADD: rf"(?:{_ADDING}){_REQUEST}|추가|등록|생성|예약|잡자|잡을래|schedule(?=\s+(?:a|an|my|another)\b)|^schedule(?=\s+(?!for\b|of\b|on\b)\w)|set\s+up|book|add|put|create|make|"
    r"arrange|plan",
    Kind.CALENDAR: r"일정(?:표)?|스케줄|스케쥴|캘린더|달력|calendars?|schedules?|agenda|appointments\s+list",
    Kind.EVENT: r"회의|미팅|약속|모임|면담|면접|회식|세미나|워크숍|워크샵|발표|상담|점심\s?약속|저녁\s?약속|"
    r"(?:meeting|appointment|event|interview|lunch|dinner|workshop|seminar)s?|calls?(?=\s+with\b)|(?<=schedule\sa\s)call",
    Kind.MAIL: r"(?:받은\s?)?(?:이?메일|전자\s?우편)함?|편지함|받은\s?편지함|e-?mails?|mails?|mailbox|inbox|gmail",
    Kind.DOCUMENT: r"문서(?:함|들)?|서고|자료실|사내\s?문서|documents?|docs|archives?",
    Kind.MATERIAL: r"자료|파일|materials?|files?",
    Kind.SERVER: r"서버(?:들)?|장비|머신|servers?|machines?|hosts?|backends?|백엔드",
    Kind.SERVICE: r"서비스(?:들)?|services?",
    Kind.DISK: r"디스크|저장\s?공간|하드(?:\s?디스크)?|스토리지|disks?|storage|hard\s?drives?",
    Kind.SPACE: r"용량|공간|여유(?:\s?공간)?|사용량|사용률|남은|남았(?:어요?|니|나요?|지|는지)|얼마(?:나|야|예요|지)?|space|usage|free|left|full|capacity|"
    r"remaining|how\s+much",
    Kind.NETWORK: r"네트워크|network",
    Kind.MODEL: r"모델(?:들)?|models?",
    Kind.STATE: r"상태|현황|상황|부하|(?:status|state|load|health)",
    Kind.ALIVE: r"살아\s?있(?:어요?|나요?|니|냐|지|습니까|는지)|살았(?:니|어)|죽었(?:어요?|니|나요?|는지)|"
    r"(?:잘\s?)?돌아가(?:요|니|나요?|고\s?있(?:어요?|니|나요?|는지)|는지)?|"
    r"(?:정상\s?)?(?:작동|동작)\s?(?:해요?|하니|하나요?|하고\s?있(?:어요?|니|나요?)|하는지|중(?:이?야|인가요?|이에요|이니)?)|"
    r"정상(?:이?야|인가요?|이에요|인지|이니)|alive|running|up|down|online|healthy|working|ok|okay",
    Kind.SHOW: rf"(?:{_SHOWING}){_REQUEST}|알려|확인|조회|(?:뭐|무엇|뭔|머)(?:가|이)?\s?(?:{_EXIST}|{_COPULA})|뭔가요?|뭐|무엇|{_EXIST}|왔(?:어요?|니|나요?|는지|습니까)|"
    rf"어때요?|어떠(?:니|냐|한가요?)|어떤가요?|어떻게\s?(?:돼요?|되(?:나요?|니|어|는지|지요?))|어떤지|보고\s?싶어요?|궁금해요?|목록|리스트|"
    r"show|tell|list|check|display|view|see|get|give|what's|whats|what|how's|how|have|got|look\s+up",
    Kind.FIND: rf"(?:찾아|검색해|뒤져){_REQUEST}|찾아|검색|search(?:\s+for)?|find|look\s+for|look\s+up",
    Kind.SEND: rf"(?:(?:보내|전송해|발송해|회신해|답장해|전달해|부쳐){_REQUEST}|보낼\s?수\s?있(?:어요?|니|나요?|을까요?)|보내도\s?(?:돼요?|되나요?)|답장|회신|전송|발송|보내|send|reply|forward|compose)",
    Kind.CHANGE: rf"(?:{_CHANGING})(?-i:[가-힣])*|(?:cancel|delete|remove|erase|clear|empty|blank|move|taxi|cab|playlist|reschedule|change|postpone|remind|reminder|alarm|alert|notify|every|daily|weekly|"
    r"monthly|mark|flag|read|open|sort|block|folder|draft|subject|address|attachment|meeting\s+room|conference\s+room)(?:s|d|ed)?",
    Kind.EXPLAIN: rf"설명(?:해\s?{_REQUEST}|해|을|좀)?|해설|요약(?:해{_REQUEST})?|분석(?:해{_REQUEST})?|번역(?:해{_REQUEST})?|"
    r"explain|describe|summari[sz]e|translate|analy[sz]e|why|왜",
    Kind.WHICH: r"어떤|무슨|몇\s?(?:개|건|통|가지)|어느|which|any|many",
    Kind.RECENT: r"최근(?:에|의)?|최신|새로운?|새|(?:확인\s?)?(?:안|못)\s?(?:읽은|한|본)|읽지\s?(?:않은|못한)|받은|온|도착한|들어온|recent(?:ly)?|latest|newest|new|unread|received",
    Kind.ABOUT: r"관련(?:된|한)?|관한|대한|대해서?|about|regarding|concerning|from|by|related\s+to",
    Kind.SENT: r"보낸|쓴|작성한|보내\s?준|보내주신|보내온|sent",
    Kind.PERIOD: r"오전|오후|아침|점심|저녁|밤|새벽|morning|afternoon|evening|night",
    Kind.FILLER: r"에|에는|을|를|은|는|내|나의|내게|제게|나에게|나한테|저에게|제|나|저|저의|우리|좀|혹시|지금|현재|전체|전부|모든|모두|다|남은|잡힌|등록된|예정된|중|중에|안|하나|한번|한\s?번|쓸\s?수|사용\s?가능한|"
    r"제발|부탁해요?|부탁드려요|부탁합니다|거|것|please|pls|me|my|i|the|a|an|can|could|would|will|you|is|are|was|there|do|does|did|has|of|on|in|for|to|"
    r"at|with|all|it|its|our|we|s|right|now|currently|available|today's|and",
}
"""Regular expressions, one a kind. The longest reading of a whole word wins; of equally long ones the earlier."""

_CHUNK = lazy(r"[^\s?!.,~\"()\[\]:;…]+")
TIME_LIKE = lazy(
    r"월(?=(?-i:[\s가-힣])|$)|요일|시간|일간|주일|주간|다음|지난|다가오는|매[일주월달년]|한\s?달|[월화수목금토일]{2,}(?=\s|$)|"
    r"\b(?:january|february|march|april|june|july|august|september|october|november|december|next|last|past|ago|hours?|minutes?|days?|"
    r"weeks?|months?|morning|afternoon|evening|night|noon|[ap]\.?\s?m|\w+(?:day))\b",
    re.IGNORECASE,
)
"""Words of days and times that the grammar did not read. A rule that needs a day must not go on without them."""

_MAX_PARTS = 6
"""Of one written word: 오늘회의일정알려줘 has four. Bounds the search."""


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of the message. `text` is without particles, `written` as it stands; `name` is the configured host or service."""

    kind: Kind
    text: str
    written: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: Kind
    words: str
    closed: re.Pattern[str]
    """The word with its particles, to the end of what is written together."""
    open: re.Pattern[str]
    """The word, with a further Korean word written against it."""
    name: str | None = None

    @classmethod
    def of(cls, kind: Kind, words: str, name: str | None = None) -> "_Entry":
        closed = lazy(f"(?P<word>{words}){PARTICLE_TAIL}", re.IGNORECASE)
        return cls(kind, words, closed, lazy(f"(?P<word>{words})(?=(?-i:[가-힣]))", re.IGNORECASE), name)


_ENTRIES = tuple(_Entry.of(kind, words) for kind, words in WORDS.items())


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of this file and the operator's names."""

    entries: tuple[_Entry, ...] = _ENTRIES
    begins: re.Pattern[str] = field(init=False, compare=False, repr=False)
    """Any word of any entry: most words of most messages begin like none of them, and need not be tried on each."""

    def __post_init__(self) -> None:
        words = "|".join(f"(?:{entry.words})" for entry in self.entries)
        object.__setattr__(self, "begins", lazy(words, re.IGNORECASE))

    @classmethod
    def of(cls, hosts: Mapping[str, Iterable[str]], services: Mapping[str, Iterable[str]]) -> "Lexicon":
        """With hosts and services by name, each with other words for it (`{"macmini": ("맥미니",)}`)."""
        named = [
            _Entry.of(kind, term_pattern(word), name)
            for kind, names in ((Kind.HOST_NAME, hosts), (Kind.SERVICE_NAME, services))
            for name, others in names.items()
            for word in (name, *others)
        ]
        return cls((*named, *_ENTRIES))

    def read(self, text: str) -> tuple[Word, ...]:
        """The words of folded `text`, in its order. Total: what is in no list is UNKNOWN."""
        words: list[Word] = []
        at = 0
        while chunk := _CHUNK.search(text, at):
            known = self._known(text, chunk.start(), _MAX_PARTS)
            if known is None:
                words.append(Word(Kind.UNKNOWN, chunk[0], chunk[0]))
                at = chunk.end()
            else:
                read, at = known
                words.extend(read)
        return tuple(words)

    def _known(self, text: str, at: int, parts: int) -> tuple[list[Word], int] | None:
        """The words from `at` to the end of what is written together, and that end; None when one of them is unknown.

        The longest closed reading wins; without one, the longest first part whose remainder can be read.
        """
        if not self.begins.match(text, at):
            return None
        closed = [
            (match.end("word"), match.end(), entry) for entry in self.entries if (match := entry.closed.match(text, at))
        ]
        if closed:
            word_end, end, entry = max(closed, key=lambda reading: reading[:2])
            return [Word(entry.kind, text[at:word_end], text[at:end], entry.name)], end
        if parts == 1:
            return None
        open_ = [(match.end(), entry) for entry in self.entries if (match := entry.open.match(text, at))]
        for end, entry in sorted(open_, key=lambda reading: -reading[0]):
            if rest := self._known(text, end, parts - 1):
                return [Word(entry.kind, text[at:end], text[at:end], entry.name), *rest[0]], rest[1]
        return None
