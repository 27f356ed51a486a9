from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.balance.demand import Demand, Priority
from router.demands import BYTES_PER_TOKEN, TOKENS_PER_MESSAGE, TOKENS_PER_PART, demand_of, fingerprint


def prompt(**body: Any) -> int:
    return demand_of(body, "reasoner").prompt_tokens


def said(content: Any, **more: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content, **more}]


def test_a_demand_says_for_whom_and_how_urgent() -> None:
    demand = demand_of({}, "reasoner", session="s1", priority=Priority.BATCH)
    assert demand == Demand("reasoner", session=fingerprint("s1"), priority=Priority.BATCH)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("abc", 1),
        ("abcd", 2),
        ("안", 1),
        ("안녕하세요", 5),
        ("x" * 3000, 1000),
    ],
)
def test_three_bytes_are_a_token(text: str, tokens: int) -> None:
    assert prompt(prompt=text) == prompt(input=text) == tokens
    assert prompt(messages=said(text)) == tokens + TOKENS_PER_MESSAGE


def test_every_message_costs_a_little_besides_what_it_says() -> None:
    messages = [{"role": "system", "content": "abc"}, *said("abc"), {"role": "assistant", "content": None}]
    assert prompt(messages=messages) == 2 + 3 * TOKENS_PER_MESSAGE


def test_an_image_counts_as_much_however_large_it_is() -> None:
    def image(url: str) -> dict[str, Any]:
        return {"type": "image_url", "image_url": {"url": url}}

    text = {"type": "text", "text": "abc"}
    small, large = (prompt(messages=said([text, image(url)])) for url in ("data:1", "data:" + "9" * 10**6))
    assert small == large == 1 + TOKENS_PER_PART + TOKENS_PER_MESSAGE


@pytest.mark.parametrize(
    ("given_as", "tokens"),
    [
        ([1, 2, 3], 3),
        ([[1, 2], [3]], 3),
        (["abc", "abcd"], 3),
        ([], 0),
        (None, 0),
        (1.5, 0),
    ],
)
def test_prompts_and_inputs_may_be_several_and_given_as_tokens(given_as: Any, tokens: int) -> None:
    assert prompt(prompt=given_as) == prompt(input=given_as) == tokens


def test_tools_are_written_into_the_prompt() -> None:
    tools = [{"type": "function", "function": {"name": "today", "description": "d" * 600}}]
    plain = prompt(messages=said("abc"))
    assert prompt(messages=said("abc"), tools=tools) - plain > 600 // BYTES_PER_TOKEN
    assert prompt(messages=said("abc"), functions=tools) == prompt(messages=said("abc"), tools=tools)
    assert prompt(messages=said("abc"), tools=[]) == plain


def test_calls_of_tools_in_the_history_are_written_there_too() -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "today", "arguments": "x" * 300}}]
    called = {"role": "assistant", "content": None, "tool_calls": calls}
    assert prompt(messages=[called]) > TOKENS_PER_MESSAGE + 300 // BYTES_PER_TOKEN


@pytest.mark.parametrize("messages", ["hello", {"role": "user"}, 7, None])
def test_messages_that_are_none_cost_nothing(messages: Any) -> None:
    assert prompt(messages=messages) == 0


def test_what_stands_in_place_of_a_message_costs_as_little_as_an_empty_one() -> None:
    assert prompt(messages=["hello", None, 7]) == 3 * TOKENS_PER_MESSAGE


def test_brackets_within_brackets_are_not_followed() -> None:
    deep: Any = "abc"
    for _ in range(5000):
        deep = [deep]
    assert prompt(prompt=deep) == prompt(input=deep) == 0
    assert prompt(messages=said(deep), tools=deep) == TOKENS_PER_MESSAGE


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({}, None),
        ({"max_tokens": 100}, 100),
        ({"max_completion_tokens": 50}, 50),
        ({"max_tokens": 100, "max_completion_tokens": 50}, 50),
        ({"max_tokens": 50, "max_completion_tokens": 100}, 50),
        ({"max_tokens": 0}, None),
        ({"max_tokens": -1}, None),
        ({"max_tokens": None}, None),
        ({"max_tokens": "100"}, None),
        ({"max_tokens": True}, None),
        ({"max_tokens": 1.5, "max_completion_tokens": 7}, 7),
    ],
)
def test_the_smallest_limit_that_is_one_counts(limits: dict[str, Any], most: int | None) -> None:
    assert demand_of(limits, "reasoner").max_tokens == most


KEYS = st.sampled_from(["messages", "prompt", "input", "tools", "max_tokens", "max_completion_tokens"])
WORDS = st.none() | st.booleans() | st.integers(-9, 10**6) | st.text(max_size=9) | st.just("\ud800")
VALUES = st.recursive(WORDS, lambda inner: st.lists(inner, max_size=3), max_leaves=6)
MESSAGES = st.lists(st.dictionaries(st.sampled_from(["content", "role", "tool_calls"]), VALUES), max_size=3)


@given(st.dictionaries(KEYS, VALUES | MESSAGES, max_size=4))
def test_whatever_stands_there_has_a_demand(body: dict[str, Any]) -> None:
    demand = demand_of(body, "reasoner")
    assert demand.prompt_tokens >= 0
    assert demand.max_tokens is None or demand.max_tokens > 0


@given(st.text(max_size=60), st.text(max_size=60))
def test_more_text_never_costs_less(text: str, more: str) -> None:
    assert prompt(messages=said(text)) <= prompt(messages=said(text + more))
    assert prompt(messages=said([{"type": "text", "text": text}])) == prompt(messages=said(text))
