# ruff: noqa: E501 - word lists: a line is a family of words
"""What a message must be, besides likely, before the intent model may decide it.

Rules of this file
- Pure. A gate only ever refuses; what it lets through still needs its label's probability.
- A gate says why it refused, in a word for logs and tests.
"""

import re

from router.decide.intent.labels import Label
from router.decide.lexicon import TIME_LIKE, Kind
from router.decide.patterns import lazy
from router.decide.request import Request

MAX_CHARACTERS = 70
"""A longer message has more in it than one intent."""
MAX_DIRECT_CHARACTERS = 60
MAX_CLAUSES = 2

_MARKS = lazy(r"[\"“”`{}<>\[\]\\|=#*_]|(?<!\d):|:(?!\d)|->|[→⇒•①②③④⑤]|https?|www\.|(?:^|\s)'(?=\S)")
"""Of quotations, code and lists."""
_SPOKEN_OF = lazy(r"\s(?:이?라는|이?라고|이?라며|이걸|이 말)(?:\s|$)")
"""Behind words that are spoken of. Where they are meant, this hangs on its word."""
_LOOSE_PARTICLE = lazy(r"(?<=[다요어아네까지해음])[.!?]?\s(?:와|과|에서|의|로|으로|가|는|은)\s|\s[를을]\s")
"""Behind a whole sentence: it is spoken of, too. Dictated requests have loose particles, but behind nouns."""
_TEXT_WORK = lazy(
    r"번역|옮겨|영어로|한국어로|일본어로|중국어로|영작|통역|요약|작성|초안|문구|코드|파이썬|자바|쿼리|스크립트|프로그램(?:을|\s)?\s?(?:짜|만들)|함수|작문|문법|문장|예문|문단|단어|명사|형용사|존댓말|반말|높임|말투|역할|인 척|상황극|연기해|이제부터|지금부터|무조건|지시|규칙|프롬프트|"
    r"시스템|발화|의도|분류|라벨|api\b|json|\bsql\b|알고리즘|에세이|소설|대본|이야기를? (?:써|지어)|이라는 말|라는 말|라고 말|라고\s?만|라는\s?(?:글|문장|표현|요청|의견|질문|주제|대사|대화)|라고\s?(?:생각|되어|적힌|쓴|쓰|하면)|제목은|주제는|표현|광고|카피|댓글|이모지|해시태그|가사|삼행시|시를|시로|시\s?한\s?편|한 말이|[세네섯곱덟홉열]\s?(?:개|가지|줄|문단)(?:\s|$|씩|로)|무슨 뜻|어색하|자연스럽|답해|대답해|응답해|표로|보고서|"
    r"\b(?:translat\w*|summar\w*|draft\w*|essay|poem|novel|story|stories|haiku|quote|table|headline|synonyms?|antonyms?|pros|cons|debug|native speaker|who (?:said|wrote)|contract|act as|turn (?:this|it) into|code|python|script|query|function|grammar|sentence|paragraph|words?|tone|polite\w*|formal\w*|pretend|role ?play|from now on|you are now|ignore|instruction\w*|"
    r"rules?|prompt|system|classify|sentiment|analy\w*|compare|rewrite|rephrase|report|as an? \w+|in (?:french|spanish|korean|english|german|japanese|chinese))\b"
    r"|반대말|비슷한\s?말|하고\s?(?:말하|묻|물)|^(?:say|sing|spell|count)\b|\b(?:grammatical\w*|backwards|limerick|\w+ tense|imply|implies|variations?|what language)\b",
    re.IGNORECASE,
)
"""Words of work on a text, or of a part to play: a request inside it is not the user's own."""
_ADVICE = lazy(
    r"설명|분석|비교|맞춤법|고쳐|무시하|조언|추천|계획 (?:짜|세워)|일정 (?:관리|짜)|방법|하는 법|쓰는 법|\b(?:explain|advice|recommend\w*|tips?)\b",
    re.IGNORECASE,
)
"""Words of how something is done. In matters of the heart they are only sighed."""
_TWO_REQUESTS = lazy(
    r"(?:줘|주세요|주고|하고|[해고]서?)\s+(?:그리고|그다음|그런 ?다음|나서)|그리고(?=\s)|그런 ?다음|\band (?:then|also|send|email|add|schedule|tell|text|call|remind|check|find|show|delete|play|turn)\b|\bthen\b",
    re.IGNORECASE,
)
_SENTENCES = lazy(r"(?<=[.!?])\s+")
_DIGIT = lazy(r"\d")
_REQUEST_END = lazy(
    r"(?:줘|주라|주세요|주십시오|줄래|줄래요|주렴|주겠[니어]|줄\s?수\s?있\S*|달라|다오|부탁\S*|바랍니다|해라|하세요|하십시오|십시오|세요|시오|라고|렴|려무나|지\s?마|마세요|말아|[하가보먹오]자|둬|놔)(?:요|라)?$"
)
_QUESTION_END = lazy(
    r"(?:(?<![라다])니|냐|까|까요|나요|가요|은가|인가|는가|던가|죠|(?<!야)지|지요|래|래요|을지|는지|은지|은|는|이유|데요|다며|다면서|구요|(?<!\s)나|[하해봐겨려워와가아어여]라|라구|라며|[가해어아]봐|[가해어아]봐요)$"
)
_ASKED_WITH = lazy(
    r"뭐|뭘|무엇|무슨|어디|언제|누구|누가|누굴|(?<![가-힣])왜(?![가-힣])|어떻게|어떡|어떤|어때|몇|얼마|어느|추천|알려|방법|가능(?:해|한|하)|돼$|되나|해야\s?(?:돼|해|하)|(?<![가-힣])(?:검색|신청|예약|확인|챙겨|연습|전화|조심|준비|주문)해$|입어$|다녀$|"
    r"필수|금지|필요합니다"
)
_HEART = lazy(
    r"썸|짝사랑|짝남|짝녀|이별|헤어[지졌진질짐]|연애|고백|남친|여친|남자\s?친구|여자\s?친구|전남친|전여친|첫사랑|사귀|사겼|재회|사랑|소개팅|환승|미련|외로|우울|슬[퍼프픈]|그립|보고\s?싶|속상|서운|마음|좋아하는|좋아했|결혼|그녀|데이트|프로포즈|질투|후회|바람[펴피]|동거|권태기|"
    r"남자|여자|연락|관계|자존감|운명|인연|매력|설레|어색|눈치|용기|진심|거절|상처|배신|집착|차였|차인|호감|힘들|눈물|지치|지친|걱정|스트레스|짜증"
)
"""Matters of the heart: a question about them wants a listener."""
_ASSISTANT = lazy(
    r"^(?:안녕|고마|감사|반가|하이|헬로|굿)|잘\s?자|(?:농담|웃긴|재[미밌]\S*\s?(?:이야기|얘기)|유머|개그|웃겨|조크)|(?:너|넌|네|니|당신)(?:는|은|의|가|도)?\s?(?:이름|누구|몇\s?살|나이|사람이|로봇|정체|뭐\s?하|뭘\s?할|할\s?수|어디서\s?왔|취미|기분|생일|만든)|"
    r"(?:기분|컨디션)\s?(?:어때|어떠|괜찮)|뭐\s?하(?:니|고|냐|는)|뭐해|잘\s?지[냈내]|어떻게\s?지[내냈]|심심|놀아|위로해|응원해|칭찬해|축하해"
)
_OTHER_PEOPLE = lazy(r"(?:^|\s)(?:너네|너희|니네|여러분|선배|언니|오빠|누나|아저씨|제수씨|사원|모조리|전원)")
"""Whoever is spoken to is no assistant."""
_POINTING = lazy(
    r"(?:^|\s)(?:그거|이거|저거|그걸|이걸|저걸|그것|이것|위에|아까|방금)(?:\s|$)|^(?:다시|계속|더)(?:\s|$)|\b(?:that one|again|continue|the above|more)\b",
    re.IGNORECASE,
)
"""At what was said before, which only whoever reads the conversation knows."""
_UNREAD_TIME_BUT = lazy(
    r"\b(?:birthday|holiday|morning|afternoon|evening|night|valentine'?s day|am i|i am)\b|아침|오전|오후|저녁|밤|새벽|(?<![\d한두세네섯곱덟홉열])\s시간(?:이|은|을)?(?=\s|$)",
    re.IGNORECASE,
)
"""Words that sound like a time and are a subject, or that a search by days may leave out."""
HOURS = lazy(
    r"(?:(?:지난|최근|last|past)\s?(?:\S+\s)?|(?:\d+|한|두|세|네|다섯|여섯|열|열두|몇|an?|one|two|three|five|ten|twelve|few)\s?)(?:시간|분|hours?|minutes?)(?![가-힣a-z])\s?(?:동안|이?내에?|사이에?|전부터)?",
    re.IGNORECASE,
)
"""The last hours or minutes: days of mail hold them."""
_LAST = lazy(r"지난(?=\s)|\b(?:in the )?(?:last|past)\b", re.IGNORECASE)
_TOOL_WORDS = frozenset(
    (Kind.MAIL, Kind.CALENDAR, Kind.SERVER, Kind.SERVICE, Kind.DISK, Kind.DOCUMENT, Kind.HOST_NAME, Kind.SERVICE_NAME)
)
_DONE_ELSEWHERE = lazy(
    r"볼륨|음악|가수|힙합|재즈|발라드|칼로리|기념일|재생|틀어|(?<!시)켜|꺼\s?줘|추가|생성해|알아\s?둬|기차|택시|트윗|페이스북|유튜브|\b(?:post|tweet|tumblr|facebook|twitter|like to call you|now call you|call me|name (?:to|is|as)|make your name|my name|who i am|did you just|you just|(?:good|bad) for you|"
    r"healthy|reply|[ap]\. ?m|play|set|turn|weather|song|music)\b",
    re.IGNORECASE,
)
"""Of devices, networks and settings, however friendly it is said."""
_ADDS = lazy(
    r"추가|등록|넣|잡아|잡자|입력|기록|적어|저장|만들|생성|올려|세팅|설정|예약|표시|\b(?:add|put|schedule|create|set|book|make|enter|save|arrange|plan|insert|new|pencil)\b",
    re.IGNORECASE,
)
_REPEATS = lazy(
    r"매[일주월달년]|마다|반복|\b(?:every|daily|weekly|monthly|yearly|annual\w*|each|repeat\w*|recurring)\b",
    re.IGNORECASE,
)
_NO_ENTRY = lazy(
    r"전날|이튿날|다음\s?날|알람|알림|리마인|깨워|까먹|잊지|잊어|타이머|회의실|미팅룸|예매|식당|맛집|장소|시간은|제목은|참석자|초대|공유|취소|삭제|변경|메모|목록|리스트|연락처|주소록|했니|했어|했지|했나|추가됐|되었|됐|"
    r"\b(?:remind\w*|alarm|alert|notif\w*|timer|wake|room|restaurant|table|flight|ticket|hotel|list|contact\w*|invite\w*|share|cancel\w*|delete|remove|move|change|reschedul\w*|how|did|did i|is there|are there)\b",
    re.IGNORECASE,
)
_SUBJECTS = lazy(r"\b(?:birthday|holiday|valentine'?s day)\b", re.IGNORECASE)
_AHEAD = lazy(
    r"다음(?!\s?(?:주|달|해|날|번))|다가오는|앞으로|남은|예정된|곧|\b(?:next(?! (?:week|month|year|day|mon|tue|wed|thu|fri|sat|sun))|upcoming|coming up|ahead|remaining|left)\b",
    re.IGNORECASE,
)
_BEHIND = lazy(
    r"최근|지난|어제|예전|했[니었던]|였|\b(?:latest|last|past|recent\w*|did|was|were|had|ago)\b", re.IGNORECASE
)
_CALENDAR_NOUN = lazy(
    r"일정|스케[줄쥴]|캘린더|달력|(?:내|나의?|제)\s(?:약속|회의|미팅|예약|이벤트)|(?:약속|회의|미팅|모임|파티|결혼식|면접|세미나)들?\s?(?:은|는|이|가)?\s?언제|\b(?:calendar|agenda)\b|\bwhen (?:is|are) (?:the|my) (?:\w+ )?(?:events?|meetings?|party|wedding|appointments?|interview)\b|\bmy (?:\w+ )?(?:schedule|events?|meetings?|appointments?|plans)\b",
    re.IGNORECASE,
)
_NO_LOOKING = lazy(
    r"알람|알림|리마인|깨워|취소|삭제|지워|옮겨|변경|바꿔|바꾸|미뤄|미루|연기|당겨|수정|빼줘|비워|초기화|공유|전달|보내|추가|등록|넣어|입력|설정|예매|날씨|비가|기온|경기|축제|공연|방송|개봉|상영|공휴일|연휴|무슨\s?요일|요일인|요일이야|요일이지|요일이니|며칠|생일|기념일|장소|어디|누가|누구|참석|참가|온도|회의록|회의실|"
    r"버스|기차|비행기|열차|방학|개강|출근|등록금|\b(?:remind\w*|alarm|cancel\w*|delete|remove|move|change|reschedul\w*|add|send|share|weather|game|concert|festival|movie|show time|holiday|birthday|anniversary|where|who|room|train|bus|flight|deadline)\b",
    re.IGNORECASE,
)
_CALENDAR_LIKE = lazy(
    r"일정|스케[줄쥴]|캘린더|달력|약속|회의|미팅|모임|면담|면접|세미나|결혼식|예약|수업|과외|계획|할\s?일|이벤트|파티|뭔가\s?있|뭐\s?있|무슨\s?일\s?있|뭐\s?해야|데이트|여행|출장|바[빠쁘]|비어|시간\s?있|한가|\b(?:calendar|schedule\w*|agenda|meeting\w*|wedding|interview|appointment\w*|event\w*|busy|free|plans?|planned|"
    r"booked|going on|happening|party|date|have|do i|am i|lunch|dinner|call)\b",
    re.IGNORECASE,
)
_MAIL_LIKE = lazy(
    r"메일|편지|전자\s?우편|받은\s?편지|인박스|\b(?:e-?mails?|mails?|mailbox|inbox|gmail)\b", re.IGNORECASE
)
_NO_LOOKING_IN_MAIL = lazy(
    r"삭제|지[워우운]|차단|복구|복원|옮[겨기]|이동|읽음|읽은\s?것으로|읽었|스팸|휴지통|임시|보관|별표|분류|폴더|라벨|전달|백업|인쇄|프린트|번역|요약|답장해|답장\s?보|답변|저장|중요|첨부|다운|주소|비밀번호|용량|알림|알람|설정|로그|계정|서명|수신\s?확인|수신거부|발송|발신|예약|"
    r"보낸\s?(?:메일|편지|이메일)함|(?:내가|제가|나한테서|내게)\s?(?:\S+\s)?(?:보낸|보냈|쓴|쓰)|보냈[니어나지는던]|한테\s보낸|에게\s보낸|로\s보낸|께\s보낸|에\s보낸|보내|써|정렬|글씨|자동|영구|첨삭|답을|열어|들어가\s?[줘주]|구독|"
    r"\b(?:delete|remove|archive|spam|junk|trash|folder|label|mark (?:it|as|all|the|my|this|that|e-?mails?)|forward|reply|replied|send(?! me)|sent to|sent folder|draft|attachment\w*|address\w*|password|setting\w*|notif\w*|remind\w*|alert|contact\w*|unsubscribe|block|move|refresh|sync|read it|open|compose|write|"
    r"respond\w*|account\w*|turn)\b",
    re.IGNORECASE,
)
_SENDS = lazy(
    r"(?:보내|전송|발송|부쳐|답장\s?해|회신\s?해|답변\s?해|답장\s?하|이메일\s?해|메일\s?해)(?!\s?준|온|신|주신|는|면)(?!졌)|\b(?:send|e-?mail|reply|respond|forward|shoot|mail)\b",
    re.IGNORECASE,
)
_REPLIES = lazy(r"답장|회신|\breply\b", re.IGNORECASE)
_NO_SENDING = lazy(
    r"문자|카톡|전화|꽃|보낸|보냈|왔|온\s|찾아|검색|확인해|알려줘$|취소|예약|삭제|방법|어떻게|초안|문구|작성|휴지통|보관|스팸|"
    r"\b(?:did|do i|does|has|have|any|received?|got|from|check|find|search|show|list|read|delete|text|call|how|draft|write|compose|when|unread|new|open|address|contact\w*)\b",
    re.IGNORECASE,
)


LACKING = frozenset(("no_calendar", "no_adding", "no_mail"))
"""Refusals for want of a known word, after everything else was found well."""


def refusal(request: Request, label: Label) -> str | None:
    """Why the model may not decide this message as `label`; None where it may."""
    text = request.text
    if len(text) > MAX_CHARACTERS:
        return "long"
    if "\n" in request.message.strip() or _MARKS.search(text) or _SPOKEN_OF.search(text):
        return "marks"
    if works_on_a_text(text):
        return "work_on_a_text"
    if not (label is Label.DIRECT and _HEART.search(text)):
        if _ADVICE.search(text) or Kind.EXPLAIN in request.kinds:
            return "work_on_a_text"
        if _TWO_REQUESTS.search(text):
            return "more_than_one_thing"
    return _GATES[label](request) if label in _GATES else "never_decides"


def names_time(request: Request) -> bool:
    """Whether the message names a time of day, be it only a bound."""
    when = request.when
    return not when.begins is when.before is when.after is None


def works_on_a_text(text: str) -> bool:
    """Whether folded `text` asks for work on a text or for a part to play, so that a request in it is not the user's."""
    return _TEXT_WORK.search(text) is not None


def wants_answer(text: str) -> bool:
    """Whether Korean talk asks or orders: a question, a request, something to know. Love's questions are talk."""
    said = text.rstrip(" .!~?\"'ㅋㅎㅠㅜ^")
    if _ASSISTANT.search(said):
        return False
    asked = "?" in text or bool(_QUESTION_END.search(said) or _ASKED_WITH.search(said))
    return bool(_REQUEST_END.search(said)) or (asked and not _HEART.search(said))


def speaks_to_assistant(text: str) -> bool:
    """Whether Korean talk greets, thanks or asks the assistant itself."""
    return _ASSISTANT.search(text) is not None


def _direct(request: Request) -> str | None:
    text = request.text
    if request.facts.draft is not None:
        # "좋은데 4시로" is about the draft, whatever it sounds like.
        return "draft_pending"
    if request.facts.in_conversation:
        # "너무 길어" may be small talk, or about the last answer; only whoever reads the conversation knows.
        return "in_conversation"
    if len(text) > MAX_DIRECT_CHARACTERS:
        return "long"
    if _LOOSE_PARTICLE.search(text):
        return "spoken_of"
    if _DIGIT.search(text) and not _HEART.search(text):
        return "digits"
    if not _HEART.search(text) and (names_time(request) or _OTHER_PEOPLE.search(text)):
        return "arrangement"
    if request.kinds & _TOOL_WORDS or _DONE_ELSEWHERE.search(text):
        return "tool_words"
    if _POINTING.search(text):
        return "pointing"
    if any("가" <= character <= "힣" for character in text) and any(map(wants_answer, _SENTENCES.split(text))):
        return "asks"
    return None


def _unread_days(request: Request) -> bool:
    when = request.when
    return (
        when.several
        or when.repeats
        or bool(when.impossible)
        or bool(TIME_LIKE.search(_UNREAD_TIME_BUT.sub(" ", when.rest)))
    )


def _calendar_query(request: Request) -> str | None:
    if _unread_days(request) and not is_ahead(request):
        return "unread_days"
    if request.when.day is None and not is_ahead(request):
        return "no_day"
    if _NO_LOOKING.search(request.text) or request.kinds & {Kind.MAIL, Kind.ADD, Kind.SEND, Kind.CHANGE}:
        return "other_words"
    return None if _CALENDAR_LIKE.search(request.text) else "no_calendar"


def is_ahead(request: Request) -> bool:
    """Whether the message, naming no day and no time, plainly asks for what is ahead in the calendar."""
    when, text = request.when, request.text
    if when.day is not None or names_time(request) or when.impossible or _BEHIND.search(text):
        return False
    if TIME_LIKE.search(_AHEAD.sub(" ", _UNREAD_TIME_BUT.sub(" ", when.rest))):
        return False
    return bool(_AHEAD.search(text) or _CALENDAR_NOUN.search(text))


def _calendar_create(request: Request) -> str | None:
    text, when = request.text, request.when
    if when.repeats or _REPEATS.search(text):
        return "repeats"
    if when.several or TIME_LIKE.search(_SUBJECTS.sub(" ", when.rest)) or when.day != when.last_day:
        return "unread_days"
    if _NO_ENTRY.search(text) or request.kinds & {Kind.MAIL, Kind.SEND, Kind.FIND, Kind.WHICH}:
        return "other_words"
    return None if _ADDS.search(text) else "no_adding"


def _mail_query(request: Request) -> str | None:
    when = request.when
    if not _MAIL_LIKE.search(request.text):
        return "no_mail"
    # The grammar of days keeps how long something lasts for itself, and leaves the word before it.
    rest = _LAST.sub(" ", HOURS.sub(" ", when.rest)) if HOURS.search(request.text) else when.rest
    if when.several or when.impossible or TIME_LIKE.search(rest):
        return "unread_days"
    if _NO_LOOKING_IN_MAIL.search(request.text) or Kind.ADD in request.kinds:
        return "other_words"
    return None


def _mail_send(request: Request) -> str | None:
    if not (_MAIL_LIKE.search(request.text) or _REPLIES.search(request.text)):
        return "no_mail"
    return "other_words" if _NO_SENDING.search(request.text) or not _SENDS.search(request.text) else None


_GATES = {
    Label.DIRECT: _direct,
    Label.CALENDAR_QUERY: _calendar_query,
    Label.CALENDAR_CREATE: _calendar_create,
    Label.MAIL_QUERY: _mail_query,
    Label.MAIL_SEND: _mail_send,
}
