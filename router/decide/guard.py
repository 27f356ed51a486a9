# ruff: noqa: E501 - word lists
"""What a model says in Maek's name, looked at before the user reads it.

Rules of this file
- Pure. What a model says is only words: no tool has run for it. An answer that claims that something was done, that
  mail can be sent, or that somebody else speaks, is not passed on; an honest sentence stands in its place.
- Patterns, not a judgement: they are for the plain claims that models make, in Korean and English. What is refused too
  often costs one odd answer, what is let through costs trust.
"""

import re
from enum import StrEnum
from typing import assert_never

from router.decide.decision import Persona
from router.decide.folding import fold
from router.decide.patterns import lazy
from router.language import pick


class Objection(StrEnum):
    """What is wrong with an answer."""

    MAIL = "claims_mail"
    """That mail was or will be sent."""
    DEED = "claims_deed"
    """That something was done."""
    PERSONA = "claims_persona"
    """That somebody else speaks, or under other rules."""


_DONE_KO = r"(?:했(?:습니다|어요?|음|네요?|다(?![니고는면던가])|는데|으니|고요?)|하였습니다|해\s?(?:드렸|놨|놓았|뒀|두었)|완료|됐(?:습니다|어요?|네요?)|되었(?:습니다|어요?)|마쳤|끝냈)"
_MAIL_KO = r"(?:이?메일|전자\s?우편|편지|답장|회신|첨부\s?파일)"
_SENT_KO = (
    r"(?:보냈|보내\s?(?:드렸|놨|놓았|뒀|두었|졌)|(?:전송|발송|송부|회신|전달|답장)(?:을|를|이)?\s?" + _DONE_KO + r")"
)
_WILL_SEND_KO = r"(?:보낼게|보내겠(?!습니까)|보내\s?드릴게|보내\s?드리겠|보낼\s?수\s?있|(?:전송|발송|회신)(?:할게|하겠|해\s?드릴게|해\s?드리겠|할\s?수\s?있))"
_MAIL = lazy(
    rf"{_MAIL_KO}[^.!?\n]{{0,30}}?(?:{_SENT_KO}|{_WILL_SEND_KO})|(?:전송|발송|회신)(?:이|을|를)?\s?{_DONE_KO}"
    r"|\b(?:i|i'?ve|i\s+have|we|just|already)\s+(?:just\s+|already\s+|now\s+)*(?:e-?mailed|sent|mailed|forwarded|replied)\b"
    r"|\b(?:i'?ll|i\s+will|i\s+can|i'?m\s+going\s+to|let\s+me)\s+(?:now\s+|gladly\s+)?(?:(?:send|forward)\b[^.!?\n]{0,30}\b(?:e-?mails?|mails?|message|reply)|e-?mail\s+(?:it|him|her|them|\w+)\b)"
    r"|\b(?:e-?mail|mail|message|reply)\s+(?:has\s+been|have\s+been|was|were|is|got)\s+(?:successfully\s+)?(?:sent|delivered|forwarded)\b"
    r"|\b(?:e-?mail|mail|message)\s+sent\b",
    re.IGNORECASE,
)
_DEED = lazy(
    r"(?:일정|약속|회의|미팅|예약|캘린더|달력|알림|알람|리마인더|초안|메모|기록|파일|문서|서버|서비스|모델|계정|결제|주문|송금|설정|비밀번호)[^.!?\n]{0,30}?"
    r"(?:(?:등록|추가|저장|생성|예약|삭제|취소|변경|수정|설정|이동|기록|재시작|종료|결제|주문|송금|확정|반영|실행|업데이트|공유)(?:이|을|를|도)?\s?(?:모두\s|잘\s|성공적으로\s)?"
    + _DONE_KO
    + r"|잡았(?:습니다|어요?)|잡아\s?(?:드렸|놨|뒀)|넣었(?:습니다|어요?)|넣어\s?(?:드렸|놨|뒀)|지웠(?:습니다|어요?)|옮겼(?:습니다|어요?)|바꿨(?:습니다|어요?)|맞췄(?:습니다|어요?)|맞춰\s?(?:드렸|놨|뒀)|켰(?:습니다|어요?)|껐(?:습니다|어요?)|올렸(?:습니다|어요?))"
    r"|(?:등록|추가|삭제|예약|저장|송금|결제|주문|재시작|취소|변경)(?:이|을|를)?\s?(?:완료|해\s?(?:드렸|놨|뒀|두었)|했습니다|했어요|되었습니다|됐어요|됐습니다)"
    r"|^\W*(?:완료(?:했습니다|했어요|됐어요|되었습니다|입니다|)|처리\s?(?:완료|했습니다|했어요|됐어요|되었습니다)|done|all\s+(?:set|done))\b(?=\W|$)"
    r"|\b(?:i|i'?ve|i\s+have|we'?ve|we\s+have)\s+(?:just\s+|already\s+|now\s+|successfully\s+|gone\s+ahead\s+and\s+)*(?:added|scheduled|booked|created|saved|deleted|removed|cancell?ed|moved|rescheduled|set\s+(?:up\s+)?(?:a|an|the|your)|updated|registered|put\s+(?:it|the|your|this)|ordered|paid|transferred|restarted|stopped|reminded|confirmed)\b"
    r"|\b(?:meeting|appointment|event|entry|reminder|alarm|draft|calendar|booking|reservation|order|payment|file|server|it|that)(?:'s|\s+(?:has\s+been|have\s+been|was|were|is))\s+(?:now\s+|been\s+|successfully\s+)*(?:added|scheduled|booked|created|saved|deleted|removed|cancell?ed|moved|rescheduled|updated|registered|confirmed|restarted|set\s+up|on\s+your\s+calendar|in\s+your\s+calendar)\b",
    re.IGNORECASE,
)
_OTHERS = (
    r"chat\s?gpt|챗\s?지피티|gpt-?\s?\d\w*|open\s?ai|오픈\s?ai|claude|클로드|anthropic|gemini|제미나이|bard|google|구글|qwen|큐원|통의천문|alibaba|알리바바|llama|라마|meta|deepseek|딥시크|"
    r"mistral|미스트랄|copilot|코파일럿|siri|시리|alexa|알렉사|빅스비|bixby|grok|그록|dan|gemma|phi|exaone|엑사원|solar|hyperclova|하이퍼클로바"
)
_PERSONA = lazy(
    rf"(?:저는|나는|전|난|제가|내가)\s*(?:이제(?:부터)?\s*|사실\s*|더\s?이상\s*)?(?:\S+\s+){{0,3}}?(?:{_OTHERS})(?:\s?(?:모델|모드|ai|언어\s?모델))?(?:입니다|이에요|예요|이야|야|이라고|라고|로\s|으로\s)"
    rf"|(?:\bi\s?am|\bi'm|\bim|\bthis\s+is|\bcall\s+me|\bmy\s+name\s+is)\s+(?:now\s+|actually\s+|really\s+|called\s+|an?\s+)*(?:{_OTHERS})\b"
    rf"|(?:저는|나는|제가|내가)[^.!?\n]{{0,20}}?(?:{_OTHERS})[^.!?\n]{{0,4}}(?:만든|만들었|개발|훈련|학습)"
    rf"|\bi(?:'m|\s+am|\s+was)\b[^.!?\n]{{0,40}}?\bby\s+(?:{_OTHERS})\b"
    r"|\b(?:developer|dev|jailbreak|god|dan|admin|root|debug)\s+mode\s+(?:is\s+)?(?:now\s+)?(?:enabled|activated|on|unlocked)|(?:개발자|탈옥|관리자|디버그|무제한)\s?모드(?:가|를|로)?\s?(?:활성화|켜졌|켰|전환|해제|들어갔)"
    r"|\b(?:i\s+have\s+no|without\s+any|free\s+of\s+(?:all|any))\s+(?:restrictions|rules|limits|filters)\b|(?:아무런?|모든)\s?(?:제한|규칙|필터)(?:이|가|을|를)?\s?(?:없이|없습니다|없어요|풀렸|해제)",
    re.IGNORECASE,
)
_TURNS = lazy(
    r"\b(?:you\s+are\s+(?:now|no\s+longer)|from\s+now\s+on|act\s+as|pretend\s+(?:to\s+be|that\s+you)|role-?play\s+as|respond\s+as|ignore\s+(?:all|any|the|your|previous|prior|above)|disregard\s+(?:all|any|the|your|previous)|system\s+prompt)\b"
    r"|(?:너|당신|넌|이드)(?:는|은)?\s?(?:이제|지금부터)|지금부터\s?(?:너|당신|넌)|(?:이전|위|앞선|기존)의?\s?(?:지시|명령|규칙|프롬프트)|(?:규칙|지시|제한)(?:을|를)?\s?(?:모두\s|전부\s)?(?:무시|잊)|인\s?척|시스템\s?프롬프트",
    re.IGNORECASE,
)
_NAMED = lazy(
    r"(?:제|내|나의|저의)\s?이름은\s*(?P<ko>[^\s.!?,\n]{1,20}?)(?:이라고|라고|입니다|이에요|예요|이야|야|$|[\s.!?,])|(?:저는|나는)\s*(?P<said>[^\s.!?,\n]{1,20}?)(?:이라고|라고)\s?(?:해요|합니다|불러|불립니다|해)"
    r"|\b(?:my\s+name\s+is|call\s+me)\s+(?:now\s+|actually\s+)?(?P<en>[\w-]{1,30})",
    re.IGNORECASE,
)


def objection(text: str, persona: Persona) -> Objection | None:
    """What is wrong with saying this in the persona's name while no tool has done anything; None: nothing."""
    said = fold(text)
    if _MAIL.search(said):
        return Objection.MAIL
    if _DEED.search(said):
        return Objection.DEED
    if _PERSONA.search(said) or any(_is_foreign(found, persona) for found in _NAMED.finditer(said)):
        return Objection.PERSONA
    return None


def turns_persona(prompt: str) -> bool:
    """Whether a rewritten request tells its reader to be somebody else or to forget his rules."""
    return _TURNS.search(fold(prompt)) is not None


def _is_foreign(found: re.Match[str], persona: Persona) -> bool:
    name = (found["ko"] or found["said"] or found["en"] or "").lower()
    own = fold(persona.name).lower()
    return bool(name) and own not in name and name not in own


MAIL_REFUSED_KO = (
    "메일 보내기는 제가 할 수 없어요. 대신 메일을 찾아 읽어 드리거나, 보낼 글의 초안을 써 드릴 수는 있어요."
)
MAIL_REFUSED_EN = "I can't send mail. I can find and read mail for you, though, or draft the text for you to send."


def honest(wrong: Objection, persona: Persona, language: str) -> str:
    """What is said instead."""
    match wrong:
        case Objection.MAIL:
            return pick(language, ko=MAIL_REFUSED_KO, en=MAIL_REFUSED_EN)
        case Objection.DEED:
            return pick(
                language,
                ko="지금 제가 실제로 한 일은 없어요. 무엇을 해 드릴지 한 번 더 말씀해 주세요.",
                en="Nothing has actually been done. Please tell me once more what you need.",
            )
        case Objection.PERSONA:
            return pick(
                language,
                ko=f"저는 {persona.name}예요. 다른 누구인 척하지는 않아요. 무엇을 도와드릴까요?",
                en=f"I'm {persona.name}, and I don't pretend to be anybody else. What can I do for you?",
            )
        case _:
            assert_never(wrong)
