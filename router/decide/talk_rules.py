# ruff: noqa: E501 - word lists: a line is a family of phrases
"""Rules for what is said for its own sake: greetings, thanks, farewells, and the answer to a draft.

Rules of this file
- Pure. A phrase counts only when it is the whole message, apart from the persona's name, laughter and punctuation.
- The answers stand here, so that they come without any LLM.
"""

import re

from router.decide.abilities import who
from router.decide.agreeing import agrees, refuses
from router.decide.decision import REFUSED_SENDING, Decision
from router.decide.guard import Objection, honest
from router.decide.lexicon import Kind
from router.decide.patterns import lazy
from router.decide.request import Request
from router.language import is_ko, pick
from router.tools.agenda.words import NOT_KEPT_EN, NOT_KEPT_KO

_NOISE = lazy(r"[\s!.,~?^:;'\"♡♥]+|[ㅋㅎㅠㅜ]{2,}|[\U0001F300-\U0001FAFF\u2600-\u27BF\ufe0f]+")

_GREETING = (
    r"안녕(?:하세요|하십니까|하신가요|하시죠)?|안뇽|하이루?|헬로우?|반가워요?|반갑습니다|처음뵙겠습니다|"
    r"(?:좋은|굿)(?:아침|오후|저녁|모닝)(?:이에요|입니다)?|잘지냈(?:어요?|니)|"
    r"hi|hello|hey|hithere|hellothere|heythere|good(?:morning|afternoon|evening)|nicetomeetyou|howareyou(?:today|doing)?"
)
_THANKS = (
    r"(?:정말|너무|진짜|매우)?(?:고마워요?|고맙습니다|고맙다|감사해요?|감사합니다|감사드려요|땡큐|ㄱㅅ)|수고했어요?|수고하셨습니다|"
    r"thanks?(?:you)?(?:somuch|verymuch|alot)?|thx|cheers"
)
_FAREWELL = (
    r"잘자요?|안녕히(?:주무세요|계세요|가세요)|굿나잇|굿나이트|바이(?:바이)?|빠이|또봐요?|또만나요?|내일봐요?|나중에봐요?|"
    r"bye(?:bye)?|goodbye|goodnight|seeyou(?:later|tomorrow|soon)?|takecare"
)
_WISH = (
    r"(?:오늘도|항상|늘|부디)?(?:안전운전|조심운전|운전조심|몸조심|조심)(?:히|해서)?(?:하세요|하십시오|해요?|가세요|들어가세요|가요)|수고하세요|"
    r"(?:좋은|즐거운|행복한|편안한)(?:하루|주말|저녁|밤|시간|연휴|명절|오후)(?:보내세요|되세요|보내요?|돼요?)|"
    r"(?:맛있게|많이)(?:드세요|먹어요?)|힘내(?:세요|요)?|파이팅|화이팅|새해복많이받으세요|"
    r"drivesafe(?:ly)?|have(?:anice|agood|agreat)(?:day|weekend|evening|night|one)|goodluck"
)
_WHO = r"(?:너는?|넌|당신은?)?(?:누구(?:야|니|세요|예요|신가요|십니까|냐)|이름이?(?:뭐야|뭐예요|뭐니|뭔가요))|자기소개(?:해줘|해주세요|좀해줘)?|whoareyou|what'?syourname|whatisyourname"

_KIND_WORDS = tuple(
    (reason, lazy(words))
    for reason, words in (
        ("greeting", _GREETING),
        ("thanks", _THANKS),
        ("farewell", _FAREWELL),
        ("wish", _WISH),
        ("who", _WHO),
    )
)
_MORE_THAN_SENDING = frozenset((Kind.EXPLAIN, Kind.ADD, Kind.FIND, Kind.CHANGE, Kind.CALENDAR))

_CAME_OR_TO_ME = lazy(r"왔|(?:함|폴더|박스)으로|(?:나|저)(?:한테|에게)|(?:내|제)게|\bto\s+me\b", re.IGNORECASE)

_NOT_KEPT_KO = f"등록하지 않았어요. {NOT_KEPT_KO}"
_NOT_KEPT_EN = f"Nothing was saved. {NOT_KEPT_EN}"
_ANSWERS_KO = {
    "greeting": "안녕하세요, {is_name}. 무엇을 도와드릴까요?",
    "thanks": "도움이 됐다니 기뻐요. 또 필요한 게 있으면 말씀해 주세요.",
    "farewell": "편히 쉬세요. 언제든 다시 불러 주세요.",
    "wish": "고마워요! 좋은 하루 보내세요.",
}
_ANSWERS_EN = {
    "greeting": "Hello, I'm {name}. What can I do for you?",
    "thanks": "Glad that helped. Just say so if you need anything else.",
    "farewell": "Take care. I'm here whenever you need me.",
    "wish": "Thank you. Have a good day, too.",
}


def small_talk(request: Request) -> Decision | None:
    """A plain answer to a message that is nothing but a greeting, thanks, a farewell, a wish or "who are you"."""
    said = bare(request.text, request.rules.persona.name)
    for reason, words in _KIND_WORDS:
        if words.fullmatch(said):
            return request.answer(reason, _answer(request, reason))
    return None


def _answer(request: Request, reason: str) -> str:
    persona, language = request.rules.persona, request.facts.language
    if reason == "who":
        return who(persona, request.rules.tools, language)
    answer = pick(language, ko=_ANSWERS_KO[reason], en=_ANSWERS_EN[reason])
    return answer.format(name=persona.name, is_name=is_ko(persona.name))


def draft_answer(request: Request) -> Decision | None:
    """A pending draft's yes or no. Without a draft, or with anything besides, not sure."""
    draft = request.facts.draft
    if draft is None:
        return _nothing_to_confirm(request)
    if agrees(request.message, request.rules.persona.name):
        return request.use("draft_confirmed", draft.tool, "create_confirmed", {})
    if not refuses(request.message, request.rules.persona.name):
        return None
    return request.answer(
        "draft_dropped",
        pick(request.facts.language, ko="알겠어요, 등록하지 않을게요.", en="All right, I won't save it."),
        drops_draft=True,
    )


def _nothing_to_confirm(request: Request) -> Decision | None:
    """A yes to a draft whose time is over, or that nobody kept."""
    facts = request.facts
    late = facts.pending_draft is not None
    if not (late or facts.unkept_draft) or not agrees(request.message, request.rules.persona.name):
        return None
    if not late:
        return request.answer("draft_not_kept", pick(facts.language, ko=_NOT_KEPT_KO, en=_NOT_KEPT_EN))
    return request.answer(
        "draft_expired",
        pick(
            facts.language,
            ko="그 초안은 시간이 지나서 등록하지 않았어요. 다시 말씀해 주시면 새로 준비할게요.",
            en="That draft has expired, so nothing was saved. Tell me again and I will prepare it anew.",
        ),
        drops_draft=True,
    )


def refused_sending(request: Request) -> Decision | None:
    """Sending mail is impossible: say so, kindly. Only for a request to send, not for talk about sending."""
    words = [word for word in request.words if word.kind not in {Kind.FILLER, Kind.SHOW}]
    if Kind.MAIL not in request.kinds or request.kinds & _MORE_THAN_SENDING:
        return None
    if _CAME_OR_TO_ME.search(request.text):
        # "답장 왔어?" and "이메일 나한테 보내" want mail shown, "메일함으로 보내" moved.
        return None
    if any(word.kind is Kind.UNKNOWN and word.text.endswith("고") for word in words):
        # "회의 잡고 메일 보내줘" asks for two things, and one of them is possible.
        return None
    begins_english = words[0].kind is Kind.SEND and words[0].text.isascii()
    # 보내는, 보내고: with an ending of its own it is no request.
    ends_korean = words[-1].kind is Kind.SEND and words[-1].written == words[-1].text and not words[-1].text.isascii()
    return sending_refusal(request) if begins_english or ends_korean else None


def sending_refusal(request: Request) -> Decision:
    """The words that say so."""
    return request.answer(
        REFUSED_SENDING,
        honest(Objection.MAIL, request.rules.persona, request.facts.language),
    )


def bare(text: str, persona: str) -> str:
    """The message without noise, spaces and the name it is addressed to."""
    said = _NOISE.sub("", text.lower())
    name = _NOISE.sub("", persona.lower())
    for vocative in (f"{name}님", f"{name}아", f"{name}야", name):
        if name and said != vocative:
            said = said.removeprefix(vocative).removesuffix(vocative)
    return said
