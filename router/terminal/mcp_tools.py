"""What `maek mcp` offers: each tool with what it asks a running Maek for.

Rules of this file
- Plain values: no SDK, no I/O. Tools of servers of others are not offered again: whoever wants them asks those
  servers, and a Maek that was its own client would ask itself for ever.
- What Maek writes, it writes by a draft: the tool that carries it out says of itself that it changes something, so
  that clients ask their user.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_SESSION = {"type": "string", "description": "the conversation to go on with; left out: this connection's own"}


@dataclass(frozen=True, slots=True)
class Offered:
    """One tool."""

    name: str
    description: str
    schema: Mapping[str, Any]
    method: str
    path: str
    in_params: bool = False
    """Whether arguments go into `params` of the body; else they are the body."""
    writes: bool = False
    keeps_session: bool = True


def _object(required: tuple[str, ...] = (), **properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_MESSAGE = {"type": "string", "minLength": 1, "description": "what the user says, in the user's words"}
OWN = (
    Offered(
        "chat",
        "Say something to Maek: it decides who answers (a tool, a small or a large model of the house) and answers.",
        _object(("message",), message=_MESSAGE, session=_SESSION),
        "POST",
        "/chat",
        writes=True,
    ),
    Offered(
        "decide",
        "What Maek would do with a message, and why; nothing is done.",
        _object(("message",), message=_MESSAGE),
        "POST",
        "/decide",
        keeps_session=False,
    ),
    Offered(
        "backends",
        "Every LLM server that Maek watches: its state, models, load and the signals behind it.",
        _object(),
        "GET",
        "/backends",
        keeps_session=False,
    ),
    Offered(
        "load",
        "How busy each LLM server is: free, normal, busy, very_busy or unavailable.",
        _object(),
        "GET",
        "/backends",
        keeps_session=False,
    ),
)


def offered(tools: Mapping[str, Any]) -> Iterator[Offered]:
    """All of them, out of what `GET /tools` answers."""
    yield from OWN
    for tool in tools.get("tools", ()):
        if tool.get("foreign") or not tool.get("configured"):
            continue
        for operation in tool["operations"]:
            yield _operation(tool["name"], operation)


def _operation(tool: str, operation: Mapping[str, Any]) -> Offered:
    schema = dict(operation["params"])
    schema["properties"] = {**schema.get("properties", {}), "session": _SESSION}
    description = f"{operation['title_en']} ({operation['title_ko']})"
    if operation["writes"]:
        description += ". Only after the user has seen what was prepared and has agreed to it"
    return Offered(
        f"{tool}_{operation['name']}",
        description,
        schema,
        "POST",
        f"/tools/{tool}/{operation['name']}",
        in_params=True,
        writes=bool(operation["writes"]),
    )


def body_of(one: Offered, arguments: Mapping[str, Any], session: str | None, language: str | None) -> dict[str, Any]:
    """What is sent to Maek."""
    rest = {name: value for name, value in arguments.items() if name != "session"}
    body: dict[str, Any] = {"params": rest} if one.in_params else rest
    known = arguments.get("session") or session
    if one.keeps_session and known is not None:
        body["session"] = known
    if language is not None:
        body["lang"] = language
    return body


def read_answer(one: Offered, answer: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any], bool]:
    """The text where Maek wrote one, what is for programs, and whether it failed."""
    if one.name == "load":
        levels = {row["name"]: (row.get("load") or {}).get("level") for row in answer.get("backends", ())}
        return None, {"load": levels}, False
    text = answer.get("text")
    return (text if isinstance(text, str) else None), answer, bool(answer.get("failed"))
