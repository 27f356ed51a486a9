"""What a tool answers that is known but was not set up.

Rules of this file
- A plain sentence: the user learns that nothing was done, and is not sent to settings that are not there.
"""

from typing import Any

from router.errors import ToolFailed
from router.language import pick
from router.tools.spec import Run, ToolCall, ToolResult

TITLES_KO = {"calendar": "캘린더", "email": "메일", "document": "문서"}


def not_configured(tool: str, language: str) -> ToolFailed:
    """The failure to raise for a tool of that name."""
    return ToolFailed(
        pick(
            language,
            ko=f"{TITLES_KO.get(tool, tool)} 기능이 아직 설정되어 있지 않아서 도와드릴 수 없어요.",
            en=f"The {tool} tool is not configured yet, so nothing was done.",
        )
    )


def refusing(tool: str) -> Run:
    """The coroutine of every operation of an unconfigured tool: it raises `not_configured`."""

    async def refuse(call: ToolCall, _params: Any) -> ToolResult:
        raise not_configured(tool, call.language)

    return refuse
