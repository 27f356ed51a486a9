"""Rules for what Maek knows of itself without asking anybody.

Rules of this file
- Pure. A phrase counts only when it is the whole message.
"""

from router.decide.abilities import who
from router.decide.decision import Decision
from router.decide.patterns import lazy
from router.decide.request import Request
from router.decide.talk_rules import bare

_YOU = r"(?:너는?|넌|니가|네가|당신은?)?"
_IS = r"(?:이?야|이?에요|예요|이?지요?|이?죠|이?니|이?냐|인가요?|입니까|인지알려줘요?|인지알려주세요)?"
_SAY = r"(?:좀)?(?:알려줘요?|알려주세요|말해줘요?)?"
_HELP = lazy(
    rf"{_YOU}(?:뭐|뭘|무엇을|무엇|무슨일을?|어떤일을?|어떤걸|어떤것을?)(?:를)?(?:할수있|해줄수있|도와줄수있)(?:어요?|니|나요?|냐|습니까|지요?|죠)|{_YOU}할수있는(?:게|거|건|것|일|일이|것이)(?:뭐|무엇|뭔)(?:가요?|가있어요?|가있니|{_IS})"
    rf"|도움말|사용법{_SAY}|사용방법{_SAY}|명령어{_SAY}|기능{_SAY}|(?:무슨|어떤)기능이?있(?:어요?|니|나요?)"
    r"|help|whatcanyoudo(?:forme)?|whatdoyoudo|howcanyouhelp(?:me)?|whatcanyouhelp(?:me)?with|whatareyour(?:capabilities|features|functions|skills)|whatcani(?:askyou|askyouto|say)|whatareyou(?:capableof|ableto(?:do)?)|whatthingscanyoudo"
)


def abilities_told(request: Request) -> Decision | None:
    """What Maek can do, for a message that asks nothing else."""
    if not _HELP.fullmatch(bare(request.text, request.rules.persona.name)):
        return None
    return request.answer("abilities", who(request.rules.persona, request.rules.tools, request.facts.language))
