"""What Maek can do, told from the registry.

Rules of this file
- Pure. Only tools that are set up are named: nobody is promised what would then be refused.
"""

from collections.abc import Mapping

from router.decide.decision import Persona
from router.language import is_ko, pick
from router.tools.spec import Tool


def abilities(tools: Mapping[str, Tool], language: str) -> str:
    """The tools that are set up, by their titles; the empty text where none is."""
    titles = (
        pick(language, ko=tool.title_ko, en=tool.title_en).partition(" (")[0]
        for tool in tools.values()
        if tool.configured and tool.operations
    )
    return ", ".join(titles)


def who(persona: Persona, tools: Mapping[str, Tool], language: str) -> str:
    """Who speaks, and what for."""
    able = abilities(tools, language)
    ko, en = (
        f"저는 {is_ko(persona.name)}. 이야기를 나누고 궁금한 것을 함께 찾아",
        f"I'm {persona.name}. I chat and answer questions",
    )
    if not able:
        return pick(language, ko=f"{ko}봐요.", en=f"{en}.")
    return pick(language, ko=f"{ko}보고, {able} 쪽 일을 봐 드려요.", en=f"{en}, and I look after {able}.")


def away(persona: Persona, tools: Mapping[str, Tool], language: str) -> str:
    """What is said where a model should chat and none is there."""
    able = abilities(tools, language)
    still_ko = f" {able} 쪽 일은 지금도 도와드릴 수 있어요." if able else ""
    still_en = f" I can still help with {able}." if able else ""
    return pick(
        language,
        ko=f"저는 {is_ko(persona.name)}. 지금은 이야기를 나눌 모델이 자리를 비워서 길게 대화하기는 어려워요.{still_ko}",
        en=f"I'm {persona.name}. The model that I chat with is away right now, so I can't talk for long.{still_en}",
    )
