"""Rules for what Maek knows without asking anybody: what it can do, what time it is, what day it is.

Rules of this file
- Pure. A phrase counts only when it is the whole message. The clock is `facts.now`, in the operator's zone.
"""

from datetime import datetime

from router.decide.abilities import who
from router.decide.decision import Decision
from router.decide.entry import day_in_words
from router.decide.patterns import lazy
from router.decide.request import Request
from router.decide.talk_rules import bare
from router.language import is_ko, pick

_YOU = r"(?:너는?|넌|니가|네가|당신은?)?"
_IS = r"(?:이?야|이?에요|예요|이?지요?|이?죠|이?니|이?냐|인가요?|입니까|인지알려줘요?|인지알려주세요)?"
_SAY = r"(?:좀)?(?:알려줘요?|알려주세요|말해줘요?)?"
_HELP = lazy(
    rf"{_YOU}(?:뭐|뭘|무엇을|무엇|무슨일을?|어떤일을?|어떤걸|어떤것을?)(?:를)?(?:할수있|해줄수있|도와줄수있)(?:어요?|니|나요?|냐|습니까|지요?|죠)|{_YOU}할수있는(?:게|거|건|것|일|일이|것이)(?:뭐|무엇|뭔)(?:가요?|가있어요?|가있니|{_IS})"
    rf"|도움말|사용법{_SAY}|사용방법{_SAY}|명령어{_SAY}|기능{_SAY}|(?:무슨|어떤)기능이?있(?:어요?|니|나요?)"
    r"|help|whatcanyoudo(?:forme)?|whatdoyoudo|howcanyouhelp(?:me)?|whatcanyouhelp(?:me)?with|whatareyour(?:capabilities|features|functions|skills)|whatcani(?:askyou|askyouto|say)|whatareyou(?:capableof|ableto(?:do)?)|whatthingscanyoudo"
)
_TIME = lazy(
    rf"(?:지금|현재)?(?:시간이?|시각이?)?몇시{_IS}|(?:지금|현재)(?:시간|시각){_SAY}|(?:지금|현재)?(?:시간|시각)(?:좀)?(?:알려줘요?|알려주세요)|지금몇시(?:몇분)?{_IS}"
    r"|(?:hey)?whattimeisit(?:now|rightnow|currently)?|whatsthe(?:current)?time(?:now|rightnow)?|whatisthe(?:current)?time(?:now|rightnow)?|(?:current)?timeplease|currenttime|tellme(?:the|what)time(?:itis)?|doyouhavethetime"
)
_DATE = lazy(
    rf"오늘은?이?(?:날짜가?|며칠|몇일|몇월며칠|몇월몇일|무슨요일|무슨날짜)(?:좀)?(?:뭐|어떻게돼|어떻게되)?(?:알려줘요?|알려주세요|{_IS})|오늘요일{_SAY}|오늘날짜(?:와요일)?{_SAY}|지금며칠{_IS}"
    r"|what(?:day|date)isit(?:today)?|what(?:day|date)istoday|whats(?:the|todays)date(?:today)?|whatis(?:the|todays)date(?:today)?|todaysdate|tellme(?:the|todays)date|whatdayoftheweekisit(?:today)?"
)


def abilities_told(request: Request) -> Decision | None:
    """What Maek can do, for a message that asks nothing else."""
    if not _HELP.fullmatch(bare(request.text, request.rules.persona.name)):
        return None
    return request.answer("abilities", who(request.rules.persona, request.rules.tools, request.facts.language))


def clock_told(request: Request) -> Decision | None:
    """The time or the date, for a message that asks nothing else."""
    said, now, language = bare(request.text, request.rules.persona.name), request.facts.now, request.facts.language
    if _TIME.fullmatch(said):
        return request.answer("time", pick(language, ko=f"지금은 {is_ko(_time_ko(now))}.", en=f"It's {_time_en(now)}."))
    if _DATE.fullmatch(said):
        day = day_in_words(now.date(), language)
        return request.answer(
            "date", pick(language, ko=f"오늘은 {now.year}년 {day}이에요.", en=f"Today is {day} {now.year}.")
        )
    return None


def _time_ko(now: datetime) -> str:
    minutes = f" {now.minute}분" if now.minute else ""
    return f"{'오전' if now.hour < 12 else '오후'} {now.hour % 12 or 12}시{minutes}"


def _time_en(now: datetime) -> str:
    return f"{now.hour % 12 or 12}:{now.minute:02} {'am' if now.hour < 12 else 'pm'}"
