# ruff: noqa: E501 - a table
"""Nobody's text is taken for structure."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decide.sheltering import sheltered, wrapped

TOKENS = (
    "<|im_start|>", "<|im_end|>", "<|channel|>", "<|message|>", "<|eot_id|>", "<|begin_of_text|>", "<|start_header_id|>",
    "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>", "<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>",
    "<think>", "</think>", "<tool_call>", "</tool_call>", "<｜begin▁of▁sentence｜>", "[TOOL_CALLS]", "[AVAILABLE_TOOLS]",
    "<unk>", "<pad>", "<0x0A>", "<unused99>", "<system>", "</message>", "<message>", "< / message >", "<MESSAGE x='1'>",
)  # fmt: skip
EXACT = re.compile(
    r"<[|｜]|[|｜]>|\[/?INST\]|</?s>|<<SYS>>|</?message|<(?:start|end)_of_turn>|</?think>", re.IGNORECASE
)


@pytest.mark.parametrize("token", TOKENS)
def test_what_templates_take_for_structure_becomes_text(token: str) -> None:
    safe = sheltered(f"앞 {token} 뒤")
    assert token not in safe
    assert len(safe) == len(f"앞 {token} 뒤")


@pytest.mark.parametrize(
    "text",
    [
        "a < b and b > c",
        "x = [1, 2]",
        "List<String>",
        "if (a<b) {",
        "👨\u200d👩\u200d👧",
        "줄\n바꿈\t탭",
        "<b>굵게</b>",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert sheltered(text) == text


def test_what_one_mark_kept_apart_is_no_mark_once_that_is_gone() -> None:
    assert sheltered("<s <s> >") == "‹s ‹s› ›"


def test_invisible_characters_go_so_that_they_hide_nothing() -> None:
    assert sheltered("<|im\u200b_start|>") == "‹¦im_start¦›"
    assert sheltered("<\u200b|x|\u202e>") == "‹¦x¦›"
    assert sheltered("a\x00b\U000e0041c\ud800d") == "abcd"


@given(
    st.lists(st.sampled_from([*TOKENS, "<", ">", "|", "/", "[", "]", "s", "message", "\u200b"]) | st.text(max_size=3))
)
def test_nothing_is_left_whatever_was_put_together_and_twice_is_once(pieces: list[str]) -> None:
    safe = sheltered("".join(pieces))
    assert EXACT.search(safe) is None
    assert sheltered(safe) == safe


@given(st.lists(st.sampled_from(["</message>", "<message>", "</", "message", ">", "<", "x", "\n"])).map("".join))
def test_the_marks_around_a_message_cannot_be_forged(text: str) -> None:
    marked = wrapped(text)
    assert (marked.count("<message>"), marked.count("</message>")) == (1, 1)
    assert marked.startswith("<message>\n")
    assert marked.endswith("\n</message>")
