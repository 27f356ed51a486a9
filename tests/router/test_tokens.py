import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.tokens import MESSAGE_OVERHEAD_TOKENS, estimate_message_tokens, estimate_tokens


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("abc", 1), ("abcd", 2), ("안녕", 2), ("漢字", 2), ("é", 2), ("😀😀", 3)]
)
def test_scripts_weigh_differently(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


@given(st.text(), st.text())
def test_more_text_is_never_fewer_tokens(text: str, more: str) -> None:
    assert estimate_tokens(text) <= estimate_tokens(text + more) <= estimate_tokens(text) + estimate_tokens(more)


@given(st.text())
def test_a_message_costs_its_frame_too(text: str) -> None:
    assert estimate_message_tokens(text) == MESSAGE_OVERHEAD_TOKENS + estimate_tokens(text)
