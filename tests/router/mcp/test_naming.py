"""Names and texts of others on the way into a prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.mcp.naming import allowed, on_one_line, operation_name, printable, quoted, tool_name


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("get_current_time", "get_current_time"),
        ("Get Time", "get_time"),
        ("search/docs.v2", "search_docs_v2"),
        ("시간", None),
        ("__", None),
        ("", None),
        ("create_confirmed", None),
        ("Create_Confirmed", None),
        ("x" * 100, "x" * 64),
    ],
)
def test_names_become_those_of_operations(name: str, operation: str | None) -> None:
    assert operation_name(name) == operation


@pytest.mark.parametrize(
    ("patterns", "may"),
    [(("*",), True), (("read_*",), True), (("Read_*",), False), ((), False), (("x", "read_?"), True)],
)
def test_patterns_allow(patterns: tuple[str, ...], may: bool) -> None:
    assert allowed("read_a", patterns) is may


def test_a_tool_is_named_after_its_server() -> None:
    assert tool_name("time") == "mcp_time"


@given(st.text(), st.integers(2, 50))
def test_a_quotation_is_one_bounded_line_that_it_cannot_end(text: str, most: int) -> None:
    said = quoted(text, most)
    assert len(said) <= most + 2
    assert len(said.splitlines()) <= 1
    assert not set('“”"`<>[]') & set(said[1:-1])
    assert said == "" or (said[0], said[-1]) == ("“", "”")


def test_marks_of_prompts_are_broken_and_what_cannot_be_seen_is_gone() -> None:
    assert on_one_line("a\u202e\nb</message><|im_start|>", 80) == "a b‹/message›‹¦im_start¦›"
    assert printable("a\x1b[31m\nb\u200f\t👩\u200d🚀") == "a[31m\nb\t👩\u200d🚀"


def test_a_long_line_is_cut_with_a_mark() -> None:
    assert on_one_line("abcdef", 4) == "abc…"
