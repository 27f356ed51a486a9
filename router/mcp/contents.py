"""What a tool of others answered, as the result of an operation.

Rules of this file
- Pure. The text is somebody else's: bounded, without what a terminal or a chat would obey, and under a line that says
  whose it is. Pictures, sounds, files and links are named and not passed on.
"""

from typing import Any

import orjson

from router.language import pick
from router.mcp.naming import on_one_line, printable
from router.mcp.remote import Answer
from router.tools.spec import ToolResult

MAX_TEXT_CHARACTERS = 16_000
"""Of an answer: ten printed pages."""
MAX_STRUCTURED_BYTES = 65_536
"""A larger value is left out; its text stays."""
MAX_NAMED_CHARACTERS = 200
MAX_WHY_CHARACTERS = 600


def result_of(answer: Answer, server: str, operation: str, title: str, language: str) -> ToolResult:
    """The answer for the user and for programs."""
    text = _text(answer)
    structured = _bounded(answer.structured)
    if not text and answer.structured is not None:
        text = orjson.dumps(structured, option=orjson.OPT_INDENT_2).decode() if structured is not None else ""
    head = pick(language, ko=f"{title} 서버의 답이에요:", en=f"The server {title} answers:")
    nothing = pick(language, ko="(빈 답)", en="(nothing)")
    data: dict[str, Any] = {"server": server, "operation": operation, "outside": True, "text": text}
    if structured is not None:
        data["structured"] = structured
    return ToolResult(f"{head}\n{text or nothing}", data)


def why_failed(answer: Answer) -> str:
    """What the server says went wrong, on one line."""
    return on_one_line(_text(answer), MAX_WHY_CHARACTERS) or "?"


def _text(answer: Answer) -> str:
    parts = [
        f"[{on_one_line(block.text, MAX_NAMED_CHARACTERS)}]"
        if block.named
        else printable(block.text[:MAX_TEXT_CHARACTERS])
        for block in answer.blocks
    ]
    text = "\n".join(parts).strip()
    return text if len(text) <= MAX_TEXT_CHARACTERS else f"{text[:MAX_TEXT_CHARACTERS]}\n…"


def _bounded(value: Any) -> Any:
    """The value as it is, or None where it is too large or no JSON."""
    try:
        return value if len(orjson.dumps(value)) <= MAX_STRUCTURED_BYTES else None
    except orjson.JSONEncodeError:
        return None
