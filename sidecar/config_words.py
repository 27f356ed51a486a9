"""A JSON Schema said in words: what a key wants, for messages and documentation alike.

Rules of this file
- Pure. The schema is the only source, so that what is printed is what is checked.
- A `$comment` in a schema is the schema in words, and wins.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.config_file import Loc

Schema = Mapping[str, Any]

_SHOWN_CHARS = 40
"""Of a wrong value; enough to find it, too little to fill a terminal."""


def resolved(schema: Schema, root: Schema) -> Schema:
    """The schema behind a `$ref`, or the schema itself."""
    if reference := schema.get("$ref"):
        definition: Schema = root["$defs"][str(reference).rpartition("/")[2]]
        return definition
    return schema


def at(root: Schema, loc: Loc) -> Schema:
    """The schema of the value at `loc`; an empty one where none is known."""
    schema = root
    for part in loc:
        schema = _object_branch(resolved(schema, root), root)
        if isinstance(part, int):
            schema = schema.get("items", {})
        else:
            schema = schema.get("properties", {}).get(part) or _entry(schema) or {}
    return resolved(schema, root)


def keys(schema: Schema, root: Schema) -> tuple[str, ...]:
    """The keys that a mapping may have; none where they are free."""
    return tuple(_object_branch(resolved(schema, root), root).get("properties", {}))


def paths(root: Schema, schema: Schema | None = None, loc: Loc = ()) -> Iterator[tuple[Loc, Schema]]:
    """Every key of a schema with its own schema, in order; items of lists stand at 0, free keys at `NAME`."""
    here = _object_branch(resolved(root if schema is None else schema, root), root)
    for key, inner in here.get("properties", {}).items():
        yield (*loc, key), inner
        yield from paths(root, inner, (*loc, key))
    if (inner := _entry(here)) is not None:
        yield from paths(root, inner, (*loc, "NAME"))
    if (inner := here.get("items")) is not None:
        yield from paths(root, inner, (*loc, 0))


def wanted(schema: Schema, root: Schema) -> str:
    """`a whole number ≥ 1 or null`."""
    schema = resolved(schema, root)
    if "$comment" in schema:
        return str(schema["$comment"])
    if branches := schema.get("anyOf"):
        return " or ".join(wanted(branch, root) for branch in branches)
    if "const" in schema:
        return str(schema["const"])
    if names := schema.get("enum"):
        return "one of " + ", ".join(map(str, names))
    return _of_type(schema)


def shown(value: object) -> str:
    """A wrong value as a message shows it: short, on one line, as YAML would write it."""
    if isinstance(value, str):
        text = json.dumps(value[:_SHOWN_CHARS], ensure_ascii=False)
        return text if len(value) <= _SHOWN_CHARS else f"{text}… ({len(value)} characters)"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, tuple):
        return f"a list of {len(value)}"
    return json.dumps(value).replace("Infinity", ".inf").replace("NaN", ".nan")


def kind(value: object) -> str:
    """What a value is, and nothing of it: for keys whose values may be secrets."""
    if isinstance(value, str):
        return "text (not shown)"
    return shown(value) if value is None or isinstance(value, Mapping | tuple) else "a single value (not shown)"


def _object_branch(schema: Schema, root: Schema) -> Schema:
    """Of `X or null` the X: the branch that has keys or items."""
    for branch in schema.get("anyOf", ()):
        inner = resolved(branch, root)
        if inner.get("type") in ("object", "array"):
            return inner
    return schema


def _entry(schema: Schema) -> Schema | None:
    """What stands under the free keys of a mapping; None where keys are not free."""
    for inner in schema.get("patternProperties", {}).values():
        return inner  # type: ignore[no-any-return]  # all free keys hold the same
    return None


def _of_type(schema: Schema) -> str:
    match schema.get("type"):
        case "boolean":
            return "true or false"
        case "null":
            return "null"
        case "integer":
            return "a whole number" + _range(schema)
        case "number":
            return "a number" + _range(schema)
        case "string":
            return "text" + _size(schema, "minLength", "maxLength", "characters")
        case "array":
            return "a list" + _size(schema, "minItems", "maxItems", "entries")
        case "object":
            return "a mapping (key: value)"
        case _:
            return "another value"


def _range(schema: Schema) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[key]:.15g}" for key, sign in signs.items() if key in schema]
    return f" {' and '.join(bounds)}" if bounds else ""


def _size(schema: Schema, low_key: str, high_key: str, unit: str) -> str:
    low, high = schema.get(low_key), schema.get(high_key)
    if high is not None:
        return f" of {low or 0} to {high} {unit}"
    return f" of at least {low} {unit}" if low is not None else ""
