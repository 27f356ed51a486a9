"""The tools as a model is offered them, and what it asked for as a tool is asked.

Rules of this file
- Pure, and made from the specifications alone: a model cannot be offered what the registry lacks.
- What changes something is not offered: it needs the user's own yes. A draft changes nothing.
- Once a model has read what others wrote, nothing is offered that could carry it to somebody else's server.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
from json_repair import repair_json
from pydantic import BaseModel

from router.decide.reading import MAX_REPAIRED_CHARACTERS
from router.language import pick
from router.tools.parameters import description, named_fields
from router.tools.spec import Operation, Tool

SEPARATOR = "__"
"""Between tool and operation: the names of functions have no dots."""
LONGEST_NAME = 64
"""Characters, as OpenAI and the servers that follow it take them."""
MOST_SCHEMAS = 1024
"""Kept: making one takes longer than all the rest of a request."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")


def offered(tools: Mapping[str, Tool], language: str, *, has_read: bool = False) -> tuple[dict[str, Any], ...]:
    """What a model may call, in the shape of OpenAI's `tools`. `has_read`: it knows what others wrote."""
    return tuple(
        _function(name, operation, language)
        for name, (_, operation) in names(tools).items()
        if not operation.writes and not (has_read and operation.reaches_out)
    )


def names(tools: Mapping[str, Tool]) -> dict[str, tuple[str, Operation]]:
    """Every function of the tools that are set up → its tool and operation. Of two with the same name, the first."""
    found: dict[str, tuple[str, Operation]] = {}
    for tool in tools.values():
        for operation in tool.operations.values() if tool.configured else ():
            found.setdefault(_name(tool.name, operation.name), (tool.name, operation))
    return found


def _name(tool: str, operation: str) -> str:
    return _NOT_IN_NAMES.sub("_", f"{tool}{SEPARATOR}{operation}")[:LONGEST_NAME]


def _function(name: str, operation: Operation, language: str) -> dict[str, Any]:
    title = pick(language, ko=operation.title_ko, en=operation.title_en)
    return {
        "type": "function",
        "function": {"name": name, "description": title, "parameters": _parameters(operation.params, language)},
    }


@lru_cache(maxsize=MOST_SCHEMAS)
def _parameters(params: type[BaseModel], language: str) -> Mapping[str, Any]:
    """The JSON Schema of the parameters, each with its description in one language, and no more than a model needs."""
    schema = params.model_json_schema()
    for name, field in named_fields(params).items():
        told = schema["properties"][name]
        told.pop("ko", None)
        told.pop("title", None)
        if said := description(field, language):
            told["description"] = said
    schema.setdefault("properties", {})
    return {key: value for key, value in schema.items() if key not in ("title", "description")}


def arguments(text: str) -> dict[str, Any] | None:
    """The parameters that a model wrote; None where they are no JSON object, and cannot be read as one."""
    if not text.strip():
        return {}
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = _repaired(text)
    return value if isinstance(value, dict) else None


def _repaired(text: str) -> Any:
    if len(text) > MAX_REPAIRED_CHARACTERS:
        return None
    try:
        return repair_json(text, return_objects=True)
    except (ValueError, RecursionError):  # too deep: the one or the other, by version
        return None
