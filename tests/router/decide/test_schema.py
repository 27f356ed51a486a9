import json
from typing import Any

import jsonschema
import pytest

from router.decide.reading import read_answer
from router.decide.schema import answer_schema
from tests.router.decide.given import TOOLS

SCHEMA = answer_schema(TOOLS, may_confirm=False)


def valid(answer: dict[str, Any], schema: dict[str, Any] = SCHEMA) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(answer))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "answer",
    [
        {"action": "direct", "response": "안녕하세요"},
        {"action": "route", "prompt": None},
        {"action": "clarify", "response": "언제요?"},
        {"action": "tools", "tool": "calendar", "operation": "today", "params": {}},
        {
            "action": "tools",
            "tool": "calendar",
            "operation": "create_draft",
            "params": {"title": "회의", "date": "2026-11-26", "time": "15:00"},
        },
        {"action": "tools", "tool": "email", "operation": "search", "params": {"query": "", "days": 7}},
        {"action": "tools", "tool": "infra", "operation": "health", "params": {"service": None}},
    ],
)
def test_what_the_schema_lets_through_can_be_read(answer: dict[str, Any]) -> None:
    assert valid(answer)
    assert read_answer(json.dumps(answer), TOOLS).action == answer["action"]


@pytest.mark.parametrize(
    "answer",
    [
        {"action": "direct"},
        {"action": "dance", "response": "x"},
        {"action": "tools", "tool": "weather", "operation": "today", "params": {}},
        {"action": "tools", "tool": "email", "operation": "today", "params": {}},
        {"action": "tools", "tool": "email", "operation": "send", "params": {}},
        {"action": "tools", "tool": "email", "operation": "search", "params": {"folder": "x"}},
        {
            "action": "tools",
            "tool": "calendar",
            "operation": "search",
            "params": {"date_from": "내일", "date_to": "모레"},
        },
        {"action": "tools", "tool": "calendar", "operation": "create_confirmed", "params": {}},
    ],
)
def test_what_no_tool_can_do_is_not_in_the_schema(answer: dict[str, Any]) -> None:
    assert not valid(answer)


def test_confirming_is_in_the_schema_where_it_may_be_done() -> None:
    answer = {"action": "tools", "tool": "calendar", "operation": "create_confirmed", "params": {}}
    assert valid(answer, answer_schema(TOOLS, may_confirm=True))
    assert read_answer(json.dumps(answer), TOOLS, may_confirm=True).operation == "create_confirmed"


def test_the_schema_is_made_of_what_every_grammar_understands() -> None:
    known = {
        "type",
        "enum",
        "pattern",
        "minimum",
        "maximum",
        "minLength",
        "anyOf",
        "properties",
        "required",
        "additionalProperties",
    }

    def keywords(schema: Any) -> set[str]:
        if isinstance(schema, list):
            return set().union(*map(keywords, schema))
        if not isinstance(schema, dict):
            return set()
        inner = {key: value for key, value in schema.items() if key != "properties"}
        nested = [keywords(value) for value in (*inner.values(), *schema.get("properties", {}).values())]
        return set(schema) | set().union(*nested)

    assert keywords(SCHEMA) <= known
