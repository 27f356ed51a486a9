"""The JSON schema of the classifier's answer, made from the registry.

Rules of this file
- Pure. One branch an answer, `action` first, names as literals: an engine that follows the schema cannot name a tool
  that does not exist, nor mix one tool's operation with another's parameters.
- Only what grammars of all engines understand: enum, type, pattern, required, anyOf. Titles, defaults and descriptions
  stay out; they make the grammar larger and not better.
"""

from collections.abc import Mapping
from typing import Any

from router.decide.decision import Action
from router.tools.spec import Operation, Tool

_KEPT = ("type", "enum", "pattern", "minimum", "maximum", "minLength", "anyOf")
_CONFIRMED = "create_confirmed"


def answer_schema(tools: Mapping[str, Tool], *, may_confirm: bool) -> dict[str, Any]:
    """The schema. `create_confirmed` is in it only where the user has said yes to a pending draft."""
    spoken = [
        _object(action=_literal(Action.DIRECT), response=_text()),
        _object(action=_literal(Action.ROUTE), prompt={"anyOf": [_text(), {"type": "null"}]}),
        _object(action=_literal(Action.CLARIFY), response=_text()),
    ]
    called = [
        _object(
            action=_literal(Action.TOOLS),
            tool=_literal(tool.name),
            operation=_literal(operation.name),
            params=_params(operation),
        )
        for tool in tools.values()
        for operation in tool.operations.values()
        if may_confirm or operation.name != _CONFIRMED
    ]
    return {"anyOf": [*spoken, *called]}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _literal(value: str) -> dict[str, Any]:
    return {"type": "string", "enum": [str(value)]}


def _text() -> dict[str, Any]:
    return {"type": "string", "minLength": 1}


def _params(operation: Operation) -> dict[str, Any]:
    schema = operation.params.model_json_schema()
    return {
        "type": "object",
        "properties": {name: _plain(field) for name, field in schema["properties"].items()},
        "required": schema.get("required", []),
        "additionalProperties": False,
    }


def _plain(field: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: field[key] for key in _KEPT if key in field}
    if "anyOf" in kept:
        kept["anyOf"] = [_plain(branch) for branch in kept["anyOf"]]
    return kept
