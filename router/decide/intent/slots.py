"""What an entry is about, and what to look for in the mail: the words left when those of the request are gone.

Rules of this file
- Pure. Where a word is left that sounds like a sentence instead of a thing, there is no answer: a wrong title is worse
  than a question by somebody who understands more.
"""

from collections.abc import Sequence

from router.decide.intent.gates import HOURS
from router.decide.lexicon import Kind, Word
from router.decide.patterns import lazy
from router.decide.request import Request
from router.decide.topic import topic_of

MAX_TITLE_WORDS = 6
MAX_QUERY_WORDS = 4

_CLAUSE = lazy(
    r"(?<=.)(?:니까|는데|은데|인데|지만|면서|다고|라고|자고|냐고|[되가오]고|[아어해]서|[으]?려고|[으]면|기로|도록|있[어다음]|이야|거야|해야|[했았었]\S|겠\S|습니다|합니다|한다|된다|까먹\S*|잊\S*)$"
)
_ENTRY_REQUEST = lazy(
    r"(?:예약(?:하|해|할|부탁)\S*|(?:추가|등록|입력|기록|저장|생성|설정|세팅|셋팅|메모|표시)(?:[을를]|좀)?(?:하\S*|해\S*|할\S*|부탁\S*|시켜\S*)?|(?:잡아|넣어|만들어|적어|올려|넣자|잡자|잡을|넣을|적자|만들자|만들|잡|넣|두|놓)\S*|(?:줘|줄래|줄|주세요|주라|주렴|주십시오|주실|주겠|주시겠|달라|봐|놔|놓아|둬|수|해|하자|할래|할게|하고|싶어|싶다)\S*|"
    r"좀|새로운?|새|하나|부탁\S*|제발|있다고|있으니까?|있어서?|있음|한다고|라는|라고|이벤트(?:[를을로])?|일정(?:[을를에으로]\S*)?|일정표에|스케[줄쥴](?:[을를에으로]\S*)?|캘린더(?:에|에다|로)?|달력(?:에|에다|으로)?)"
)
# fmt: off
_ENTRY_REQUEST_EN = frozenset((
    "add", "put", "schedule", "create", "set", "up", "book", "make", "enter", "save", "arrange", "plan", "insert",
    "pencil", "in", "please", "can", "could", "would", "you", "i", "need", "want", "to", "like", "me", "my", "the",
    "a", "an", "on", "into", "calendar", "schedule", "agenda", "event", "entry", "new", "for", "at", "with", "of",
    "and", "that", "it", "is", "have", "got", "called", "titled", "named", "down", "appointment's", "hey", "olly",
    "alexa", "google", "siri", "there", "an", "let's", "let", "us", "get", "mark",
))
# fmt: on
_PARTICLE = lazy(r"(?<=..)(?:을|를|에|으로|로)$")

_MAIL_REQUEST = lazy(
    r"(?:이?메일|편지|전자\s?우편|우편|받은\s?편지|인박스)(?:함|들)?\S*|온|오는|왔던|왔\S*|오지|온게|온거|온건|온것\S*|들어온|들어왔\S*|도착\S*|받은|받았\S*|받은게|받은거|보낸|보내온|보내준|보내신|보냈\S*|보낸거|수신(?:된|한|함)?|"
    r"님(?:이|께서|한테서?|에게서?)?|이후\S*|이전\S*|동안|사이에?|지난|부터|까지|중|중에|중에서|중의|것|것들|것만|거|게|건|걸|적|만|전부|전체|모두|모든|다|좀|혹시|내|나의|나|나한테|나에게|내게|저에게|우리|제|내가|제가|새|새로|새로운|안|읽은|읽지|않은|최근|최근에|최신|마지막|제일|가장|먼저|지금|현재|방금|"
    r"관련|관련된|관련한|관련해서|관한|관해|관하여|대한|대해|대해서|들어간|들어가는|포함된|포함|있는|제목에|제목이|제목|내용|내용의|"
    r"(?:찾|검색|확인|체크|조회|추려|골라|모아|나열|열거|정리|보여|알려|말해|가르쳐|리스트|목록|점검|살펴|뒤져|파악)\S*|(?:줘|주세요|줄래|줄|주라|주렴|주겠|주시겠|주실|달라|봐|보자|볼래|보고|싶어|수|있\S*|없\S*|해|해줘|할|하니|하나|부탁\S*|제발)\S*|"
    r"몇|몇개\S*|몇통\S*|개|개나|개야|개니|통|통의|통이나|통이|건이나|얼마나|많은|많이|어떤|무슨|뭐|뭐가|뭐야|뭐니|뭐지|뭔지|뭔가|무엇\S*|누가|누구\S*|언제|되니|되나|되지|되는지|돼|인지|이니|이야|이지|어떻게|나와|와"
)
# fmt: off
_MAIL_REQUEST_EN = frozenset((
    "do", "does", "did", "have", "has", "had", "i", "i've", "ive", "my", "me", "mine", "any", "some", "all", "the",
    "a", "an", "is", "are", "was", "were", "there", "got", "get", "gotten", "getting", "received", "receive",
    "recieved", "new", "newest", "latest", "recent", "recently", "last", "unread", "any", "email", "emails",
    "e-mail", "e-mails", "mail", "mails", "inbox", "mailbox", "gmail", "message", "messages", "from", "by", "about",
    "regarding", "concerning", "with", "of", "in", "on", "to", "for", "please", "can", "could", "would", "will",
    "you", "show", "find", "search", "check", "list", "tell", "display", "see", "look", "up", "give", "let", "know",
    "what", "what's", "whats", "who", "whose", "which", "how", "many", "much", "if", "that", "this", "they", "it",
    "his", "her", "sent", "send", "me", "come", "came", "arrived", "today's", "hey", "olly", "alexa", "google",
    "siri", "pull", "bring", "up", "ones", "one", "yet", "today", "and", "at", "so", "far", "we", "us", "our",
    "been", "want", "need", "like", "am",
))
# fmt: on


_BOOKING = "예약"
"""Alone it is what the entry is about: 치과 예약."""


def entry_title(request: Request) -> str | None:
    """The title, empty where none is said; None where the words left are no title."""
    words = [word for word in request.words if word.kind is not Kind.CALENDAR]
    kept = _trimmed([word.written for word in words if not _asks_for_entry(word)])
    if len(kept) > MAX_TITLE_WORDS or any(_CLAUSE.search(written) for written in kept):
        return None
    return " ".join([*kept[:-1], _PARTICLE.sub("", kept[-1])]) if kept else ""


def mail_words(request: Request) -> str | None:
    """The words to look for, empty for any mail; None where the words left are no query."""
    text = HOURS.sub(" ", request.when.rest)
    words = request.rules.lexicon.read(text)
    kept = _before_mail(words)
    if len(kept) > MAX_QUERY_WORDS or any(_CLAUSE.search(written) for written in kept):
        return None
    sent = any(word.kind is Kind.SENT or word.text in _CAME for word in words)
    return topic_of([_SENDER.sub("", written) for written in kept], sent=sent) if kept else ""


def _before_mail(words: Sequence[Word]) -> list[str]:
    """The words left of the request. A Korean topic stands before its mail: what comes after is the request's verb,
    unless nothing stands before (메일로 진단서가 왔니)."""
    last = max(
        (at for at, word in enumerate(words) if word.kind is Kind.MAIL and not word.text.isascii()), default=None
    )
    kept = [(at, word.written) for at, word in enumerate(words) if not _asks_for_mail(word)]
    if last is None:
        return [written for _, written in kept]
    before = [written for at, written in kept if at < last]
    return before or [written for _, written in kept if not _VERB_END.search(written)]


_VERB_END = lazy(r"(?:[줘니냐까죠다라야]|나요|어요|아요|[였었았했]\S|는지|인지|군지|[세실]요|개수\S*|여부\S*)$")
"""Of what is asked about mail, and no topic."""
_CAME = frozenset(("온", "왔던", "도착한", "들어온"))
_SENDER = lazy(
    r"(?<=..)(?:님이|님께서|님께|님한테서?|님에게서?|이|가|에게서?|한테서?|으로부터|로부터|에서|께서|께|의|을|를|에|와|과)$"
)


def _asks_for_entry(word: Word) -> bool:
    if word.text.isascii():
        return False
    return (word.kind is Kind.ADD and word.text != _BOOKING) or _ENTRY_REQUEST.fullmatch(word.written) is not None


def _trimmed(words: list[str]) -> list[str]:
    """English: without the request at the beginning and what hangs at the end."""
    firm = [at for at, word in enumerate(words) if word.lower() not in _ENTRY_REQUEST_EN]
    return words[firm[0] : firm[-1] + 1] if firm else []


def _asks_for_mail(word: Word) -> bool:
    if word.text.isascii():
        return word.text.lower() in _MAIL_REQUEST_EN
    return word.kind in _MAIL_KINDS or _MAIL_REQUEST.fullmatch(word.written) is not None


_MAIL_KINDS = frozenset((Kind.MAIL, Kind.SHOW, Kind.FIND, Kind.RECENT, Kind.ABOUT, Kind.SENT, Kind.WHICH, Kind.FILLER))
