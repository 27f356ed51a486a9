"""What a tool answers that is known but was not set up.

Rules of this file
- A plain sentence: the user learns that nothing was done, and which option sets the tool up. Nobody is sent to settings
  that are not there.
"""

from typing import Any

from router.errors import ToolFailed
from router.language import pick
from router.tools.spec import Run, ToolCall, ToolResult

TITLES_KO = {"calendar": "캘린더", "email": "메일", "document": "문서"}
OPTIONS = {"document": "router.tools.document.folder", "email": "router.tools.email.accounts"}
"""The option that sets the tool up, where there is one."""


def not_configured(tool: str, language: str) -> ToolFailed:
    """The failure to raise for a tool of that name."""
    said = pick(
        language,
        ko=f"{TITLES_KO.get(tool, tool)} 기능이 아직 설정되어 있지 않아서 도와드릴 수 없어요.",
        en=f"The {tool} tool is not configured yet, so nothing was done.",
    )
    if option := OPTIONS.get(tool):
        said += pick(
            language, ko=f" 설정 파일의 {option}에서 설정할 수 있어요.", en=f" The option {option} sets it up."
        )
    return ToolFailed(said)


def refusing(tool: str) -> Run:
    """The coroutine of every operation of an unconfigured tool: it raises `not_configured`."""

    async def refuse(call: ToolCall, _params: Any) -> ToolResult:
        raise not_configured(tool, call.language)

    return refuse
