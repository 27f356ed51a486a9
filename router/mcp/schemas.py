"""JSON Schemas of servers of others: made small and harmless, and then parameters that are checked by them.

Rules of this file
- Pure. A schema is somebody else's text: it may be wrong, endless or a trap. References are written out within a
  budget, so that checking takes time with the schema's size; regular expressions are left to the server that wrote
  them, because matching one may take for ever.
- What cannot be used is refused with a reason for the log, and only that tool is left out.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from pydantic import AfterValidator, BaseModel, Field, create_model
from pydantic_core import PydanticCustomError

from router.mcp.naming import is_parameter_name, on_one_line, quoted
from router.tools.parameters import Params

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

MAX_NODES = 400
"""Of a schema with its references written out: published servers have tens."""
MAX_DEPTH = 12
MAX_SCHEMA_BYTES = 32_768
MAX_PARAMETERS = 32
MAX_DESCRIPTION_CHARACTERS = 120
"""Of a parameter: the classifier's prompt is small."""
MAX_WHY_CHARACTERS = 200
MAX_SHOWN_CHOICES = 24

_VALUES = (
    "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
    "minItems", "maxItems", "required", "description",
)  # fmt: skip
_LISTS = ("anyOf", "allOf", "oneOf", "prefixItems")
_SHOWN = ("type", "enum", "minimum", "maximum", "minLength", "anyOf")
"""What the grammar of the classifier's answer understands (`router.decide.schema`)."""


class SchemaRefused(Exception):
    """The schema cannot be used; the text says why, for the log."""


def plain_schema(schema: Any) -> dict[str, Any]:
    """The schema of an object without references and without what may take for ever. Raises SchemaRefused."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - comes with the extra, as servers of others do
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415

    plain = _Writing(schema).out(schema, 0)
    if plain.get("type", "object") != "object":
        raise SchemaRefused("its parameters are no object")
    properties = plain.get("properties", {})
    plain["properties"] = properties | {name: {} for name in _strings(plain.get("required")) if name not in properties}
    names = plain["properties"]
    if len(names) > MAX_PARAMETERS or not all(map(is_parameter_name, names)):
        raise SchemaRefused("it has too many parameters, or one with a strange name")
    try:
        if len(orjson.dumps(plain)) > MAX_SCHEMA_BYTES:
            raise SchemaRefused("its schema is too large")
        Draft202012Validator.check_schema(plain)
    except (TypeError, SchemaError) as error:
        raise SchemaRefused("its schema is not valid") from error
    return plain


def params_model(plain: Mapping[str, Any]) -> type[BaseModel]:
    """The parameters of one operation, out of what `plain_schema` made."""
    required = {*plain.get("required", ())}
    fields: dict[str, Any] = {}
    for number, (name, schema) in enumerate(plain["properties"].items()):
        said = quoted(str(schema.get("description", "")), MAX_DESCRIPTION_CHARACTERS) or _kind(schema)
        told: dict[str, Any] = {key: value for key, value in schema.items() if key in _SHOWN} | {"ko": said}
        # The name in Python is ours: one that the server chose could stand in the way of a method.
        fields[f"given_{number}"] = (
            Annotated[Any, AfterValidator(_checked_by(schema))],
            Field(... if name in required else None, alias=name, description=said, json_schema_extra=told),
        )
    model: type[BaseModel] = create_model("OutsideParams", __base__=Params, **fields)
    return model


def _checked_by(schema: Mapping[str, Any]) -> Callable[[Any], Any]:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - see above
    from jsonschema.exceptions import best_match  # noqa: PLC0415

    validator = Draft202012Validator(schema)

    def check(value: Any) -> Any:
        error = best_match(validator.iter_errors(value))
        if error is not None:
            raise PydanticCustomError("schema", "{why}", {"why": _why(error)})
        return value

    return check


def _why(error: "ValidationError") -> str:
    choices = error.schema.get("enum") if isinstance(error.schema, dict) else None
    if error.validator == "enum" and isinstance(choices, list):
        shown = ", ".join(str(choice) for choice in choices[:MAX_SHOWN_CHOICES])
        return on_one_line(f"wanted one of {shown}", MAX_WHY_CHARACTERS)
    return on_one_line(error.message, MAX_WHY_CHARACTERS)


def _kind(schema: Mapping[str, Any]) -> str:
    """What a parameter without a description is: its type."""
    kind = schema.get("type", "value")
    return quoted(kind if isinstance(kind, str) else "value", MAX_DESCRIPTION_CHARACTERS)


def _strings(value: Any) -> Iterator[str]:
    yield from (one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


class _Writing:
    """Writes one schema out."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._left = MAX_NODES

    def out(self, schema: Any, depth: int) -> dict[str, Any]:
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise SchemaRefused("its schema is too large, or refers to itself")
        if isinstance(schema, bool):
            return {}
        if not isinstance(schema, Mapping):
            raise SchemaRefused("its schema is not valid")
        found: dict[str, Any] = {}
        if "$ref" in schema:
            found = self.out(self._target(schema["$ref"]), depth + 1)
        found |= {key: schema[key] for key in _VALUES if key in schema}
        if isinstance(schema.get("properties"), Mapping):
            found["properties"] = {
                str(name): self.out(inner, depth + 1) for name, inner in schema["properties"].items()
            }
        for key in ("items", "additionalProperties"):
            if isinstance(schema.get(key), Mapping):
                found[key] = self.out(schema[key], depth + 1)
        if schema.get("additionalProperties") is False:
            found["additionalProperties"] = False
        for key in _LISTS:
            if isinstance(schema.get(key), list):
                # Whether exactly one fits is the server's to say.
                kept = "anyOf" if key == "oneOf" else key
                found[kept] = [self.out(inner, depth + 1) for inner in schema[key]]
        return found

    def _target(self, reference: Any) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise SchemaRefused("its schema refers to another document")
        target: Any = self._root
        for step in reference[2:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, Mapping) or name not in target:
                raise SchemaRefused("its schema refers to what is not there")
            target = target[name]
        return target
