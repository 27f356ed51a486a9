"""What a tool answers that is known but was not set up.

Rules of this file
- The sentence says what to do; the operator may be the user.
"""

from typing import Any

from router.errors import ToolFailed
from router.language import pick
from router.tools.spec import Run, ToolCall, ToolResult


def not_configured(tool: str, language: str) -> ToolFailed:
    """The failure to raise for a tool of that name."""
    return ToolFailed(
        pick(
            language,
            ko=f"{tool} 도구가 아직 설정되어 있지 않아요. config.yaml의 tools에서 {tool}을(를) 설정하면 쓸 수 있어요.",
            en=f"The {tool} tool is not configured yet. Set {tool} up under tools in config.yaml to use it.",
        )
    )


def refusing(tool: str) -> Run:
    """The coroutine of every operation of an unconfigured tool: it raises `not_configured`."""

    async def refuse(call: ToolCall, _params: Any) -> ToolResult:
        raise not_configured(tool, call.language)

    return refuse
