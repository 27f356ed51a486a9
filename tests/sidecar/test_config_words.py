"""A JSON Schema in words."""

import math

import pytest

from sidecar.config_words import at, keys, kind, paths, shown, wanted

ROOT = {
    "$defs": {
        "Inner": {"type": "object", "properties": {"n": {"type": "integer"}}},
        "Rules": {"type": "string", "enum": ["default", "seed"]},
    },
    "type": "object",
    "properties": {
        "one": {"$ref": "#/$defs/Inner"},
        "maybe": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/Inner"}]},
        "many": {"type": "array", "items": {"$ref": "#/$defs/Inner"}},
        "named": {"type": "object", "patternProperties": {"^a": {"$ref": "#/$defs/Inner"}}},
        "rules": {"$ref": "#/$defs/Rules"},
    },
}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "boolean"}, "true or false"),
        ({"type": "integer"}, "a whole number"),
        ({"type": "integer", "minimum": 1}, "a whole number ≥ 1"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 86400.0}, "a number > 0 and ≤ 86400"),
        ({"type": "number", "minimum": 0.5, "exclusiveMaximum": 2}, "a number ≥ 0.5 and < 2"),
        ({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}, "a whole number ≥ 1 or null"),
        ({"type": "string"}, "text"),
        ({"type": "string", "maxLength": 5}, "text of 0 to 5 characters"),
        ({"type": "string", "minLength": 1, "maxLength": 5}, "text of 1 to 5 characters"),
        ({"type": "array", "minItems": 1}, "a list of at least 1 entries"),
        ({"type": "array"}, "a list"),
        ({"type": "object"}, "a mapping (key: value)"),
        ({"const": "document"}, "document"),
        ({"$ref": "#/$defs/Rules"}, "one of default, seed"),
        ({"type": "string", "$comment": "a colour"}, "a colour"),
        ({}, "another value"),
    ],
)
def test_a_schema_is_said_in_words(schema: dict[str, object], words: str) -> None:
    assert wanted(schema, ROOT) == words


@pytest.mark.parametrize("loc", [("one", "n"), ("maybe", "n"), ("many", 3, "n"), ("named", "abc", "n")])
def test_the_schema_of_a_value_is_found_on_every_way(loc: tuple[str | int, ...]) -> None:
    assert at(ROOT, loc) == {"type": "integer"}


@pytest.mark.parametrize("loc", [("nothing",), ("one", 0), ("nothing", "n", 3)])
def test_what_is_not_known_has_an_empty_schema(loc: tuple[str | int, ...]) -> None:
    assert at(ROOT, loc) == {}


def test_the_keys_of_a_mapping_are_told_unless_they_are_free() -> None:
    assert keys(at(ROOT, ("maybe",)), ROOT) == ("n",)
    assert keys(at(ROOT, ("named",)), ROOT) == ()


def test_every_key_is_on_the_list_of_paths() -> None:
    assert [loc for loc, _ in paths(ROOT)] == [
        ("one",), ("one", "n"), ("maybe",), ("maybe", "n"), ("many",), ("many", 0, "n"),
        ("named",), ("named", "NAME", "n"), ("rules",),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"), (True, "true"), (3, "3"), (0.5, "0.5"), (math.inf, ".inf"), (-math.inf, "-.inf"),
        (math.nan, ".nan"), ("four", '"four"'), ('a"b\n', '"a\\"b\\n"'), ("이드", '"이드"'), ({}, "a mapping"),
        ((1, 2), "a list of 2"), ("x" * 40, '"' + "x" * 40 + '"'), ("x" * 41, '"' + "x" * 40 + '"… (41 characters)'),
    ],
)  # fmt: skip
def test_a_wrong_value_is_shown_short_and_on_one_line(value: object, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("open-sesame", "text (not shown)"),
        (12345678, "a single value (not shown)"),
        (None, "null"),
        (("open-sesame",), "a list of 1"),
        ({"open": "sesame"}, "a mapping"),
    ],
)
def test_what_may_be_a_secret_is_only_named(value: object, text: str) -> None:
    assert kind(value) == text
