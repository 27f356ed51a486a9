"""Schemas of others: made harmless, and still checking what can be checked."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from router.decide.schema import answer_schema
from router.mcp.schemas import MAX_NODES, SchemaRefused, params_model, plain_schema
from router.tools.parameters import canonical, explain_invalid, named_fields
from router.tools.spec import Operation, Tool

PUBLISHED = {
    "type": "object",
    "$defs": {"Place": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}},
    "properties": {
        "to": {"$ref": "#/$defs/Place", "description": "where to"},
        "when": {"anyOf": [{"type": "string", "format": "date", "pattern": "(a+)+$"}, {"type": "null"}]},
        "class": {"enum": ["first", "second"], "default": "second"},
        "seats": {"type": "array", "items": {"type": "integer", "minimum": 1}, "maxItems": 3},
        "pets": {"oneOf": [{"type": "boolean"}, {"type": "integer"}]},
        "anything": True,
        "extra": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["to", "model_dump"],
    "additionalProperties": False,
}


def said(raw: dict[str, Any]) -> str:
    """What is said of wrong parameters."""
    with pytest.raises(ValidationError) as refusal:
        canonical(params_model(plain_schema(PUBLISHED)), raw)
    return explain_invalid(refusal.value, "en")


def test_references_are_written_out_and_regular_expressions_left_out() -> None:
    plain = plain_schema(PUBLISHED)
    assert plain["properties"]["to"]["properties"] == {"city": {"type": "string"}}
    assert plain["properties"]["to"]["description"] == "where to"
    assert plain["properties"]["pets"] == {"anyOf": [{"type": "boolean"}, {"type": "integer"}]}
    assert plain["properties"]["model_dump"] == {}
    assert plain["additionalProperties"] is False
    assert "pattern" not in json.dumps(plain)


def test_what_is_given_is_passed_on_by_its_own_name_and_nothing_is_made_up() -> None:
    raw = {"to": {"city": "Seoul"}, "model_dump": 1, "when": None, "class": "", "seats": [1, 2]}
    model = params_model(plain_schema(PUBLISHED))
    assert canonical(model, raw) == {"to": {"city": "Seoul"}, "model_dump": 1, "seats": [1, 2]}
    assert [*named_fields(model)] == ["to", "when", "class", "seats", "pets", "anything", "extra", "model_dump"]


def test_what_is_wrong_is_named_with_the_parameter_and_what_was_wanted() -> None:
    right = {"to": {"city": "Seoul"}, "model_dump": 1}
    assert said({**right, "class": "third"}) == "'class' does not fit (wanted one of first, second)."
    assert said({**right, "seats": [0]}) == "'seats' does not fit (0 is less than the minimum of 1)."
    assert said({**right, "extra": {"a": 1}}) == "'extra' does not fit (1 is not of type 'string')."
    assert said({"model_dump": 1}) == "'to' is missing. Please give it."
    assert said({**right, "to": {}}) == "'to' does not fit ('city' is a required property)."
    assert len(said({**right, "class": "x" * 10_000})) < 300


def test_the_grammar_of_the_classifier_has_them() -> None:
    async def run(*_: object) -> Any:
        raise AssertionError

    tool = Tool("t", "t", "t", {"go": Operation("go", "g", "g", params_model(plain_schema(PUBLISHED)), run)})
    schema = json.loads(json.dumps(answer_schema({"t": tool}, may_confirm=False)))
    params = schema["anyOf"][-1]["properties"]["params"]
    assert params["required"] == ["to", "model_dump"]
    assert params["properties"]["class"] == {"enum": ["first", "second"]}


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "array"}, "no object"),
        ([], "not valid"),
        ({"properties": {"a": []}}, "not valid"),
        ({"properties": {"a": {"type": "text"}}}, "not valid"),
        ({"properties": {"a": {"minimum": "x"}}}, "not valid"),
        ({"properties": {"a": {"enum": ["\ud800"]}}}, "not valid"),
        ({"properties": {"a": {"$ref": "#/properties/a"}}}, "too large, or refers to itself"),
        ({"properties": {"a": {"$ref": "other.json#/a"}}}, "another document"),
        ({"properties": {"a": {"$ref": 5}}}, "another document"),
        ({"properties": {"a": {"$ref": "#/$defs/none"}}}, "what is not there"),
        ({"properties": {"a": {"$ref": "#/properties/a/type/x"}, "b": {}}}, "what is not there"),
        ({"properties": {str(n): {} for n in range(33)}}, "too many parameters"),
        ({"properties": {"a b": {}}}, "strange name"),
        ({"required": ["a\n"]}, "strange name"),
        ({"properties": {"a": {"enum": ["x" * 40_000]}}}, "too large"),
        ({"properties": {"a": {"anyOf": [{} for _ in range(MAX_NODES)]}}}, "too large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_used_is_refused_with_a_reason(schema: Any, why: str) -> None:
    with pytest.raises(SchemaRefused, match=why):
        plain_schema(schema)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
keywords = st.sampled_from(
    ["type", "properties", "items", "anyOf", "oneOf", "enum", "$ref", "required", "minimum", "description"]
)
schemas = st.recursive(
    json_values,
    lambda inner: st.dictionaries(keywords, inner | st.dictionaries(st.text(max_size=3), inner)),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(keywords, schemas, max_size=4), st.dictionaries(st.text(max_size=3), json_values, max_size=3))
def test_whatever_is_written_it_is_refused_or_checks_parameters(schema: Any, raw: dict[str, Any]) -> None:
    try:
        model = params_model(plain_schema(schema))
    except SchemaRefused:
        return
    with suppress(ValidationError):
        canonical(model, raw)
