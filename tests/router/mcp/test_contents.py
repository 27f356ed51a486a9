"""Answers of others as results."""

import orjson

from router.mcp.contents import MAX_STRUCTURED_BYTES, MAX_TEXT_CHARACTERS, result_of, why_failed
from router.mcp.remote import Answer, Block
from router.tools.spec import ToolResult


def result(answer: Answer, language: str = "en") -> ToolResult:
    return result_of(answer, "s", "op", "Server", language)


def test_a_text_stands_under_the_name_of_its_server() -> None:
    found = result(Answer([Block("one"), Block("two\x07")]))
    assert found.text == "The server Server answers:\none\ntwo"
    assert found.data == {"server": "s", "operation": "op", "outside": True, "text": "one\ntwo"}
    assert result(Answer([]), "ko").text == "Server 서버의 답이에요:\n(빈 답)"


def test_where_there_is_no_text_the_structured_content_is_one() -> None:
    found = result(Answer([], structured={"n": 1}))
    assert found.text.endswith('{\n  "n": 1\n}')
    assert found.data["structured"] == {"n": 1}


def test_text_and_structure_are_bounded() -> None:
    found = result(Answer([Block("x" * 50_000), Block("y" * 50_000)], structured="z" * MAX_STRUCTURED_BYTES))
    assert len(found.data["text"]) <= MAX_TEXT_CHARACTERS + 2
    assert "structured" not in found.data
    assert result(Answer([], structured=["z" * MAX_STRUCTURED_BYTES])).text.endswith("(nothing)")
    orjson.dumps(found.data)


def test_what_is_no_json_is_left_out() -> None:
    assert "structured" not in result(Answer([Block("x")], structured={"n": {1, 2}})).data


def test_what_is_named_is_in_brackets_on_one_line() -> None:
    assert result(Answer([Block("image\n/png " + "x" * 500, named=True)])).text.count("\n") == 1


def test_why_it_failed_is_one_line() -> None:
    assert why_failed(Answer([Block("no\nway")], failed=True)) == "no way"
    assert why_failed(Answer([], failed=True)) == "?"
