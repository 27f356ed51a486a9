"""How a model is asked for the rest of an answer: by engine."""

from typing import Any

import pytest

from router.continuing import Delivered, continued
from sidecar import ENGINES

BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "tides?"}], "stream": True}
HALF = Delivered("The moon", tokens=2, please="Go on.")
SAID = {"role": "assistant", "content": "The moon"}


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_engines_that_can_be_told_are_told_that_the_last_message_is_not_finished(engine: str) -> None:
    assert continued(BODY, HALF, engine) == {
        "messages": [*BODY["messages"], SAID],
        "stream": True,
        "continue_final_message": True,
        "add_generation_prompt": False,
    }


def test_llamacpp_goes_on_with_a_last_message_of_the_assistant_by_itself() -> None:
    assert continued(BODY, HALF, "llamacpp") == {"messages": [*BODY["messages"], SAID], "stream": True}


@pytest.mark.parametrize("engine", [*sorted({*ENGINES, "never heard of"} - {"vllm", "sglang", "llamacpp"}), None])
def test_all_others_are_asked_in_words(engine: str | None) -> None:
    please = {"role": "user", "content": "Go on."}
    assert continued(BODY, HALF, engine) == {"messages": [*BODY["messages"], SAID, please], "stream": True}


def test_an_answer_of_which_nothing_was_delivered_is_asked_for_as_it_was() -> None:
    assert continued(BODY | {"max_tokens": 9}, Delivered("", 0, "Go on."), "vllm") == BODY | {"max_tokens": 9}


@pytest.mark.parametrize(("limit", "left"), [(9, 7), (3, 1), (2, 1), (1, 1)])
@pytest.mark.parametrize("key", ["max_tokens", "max_completion_tokens"])
def test_what_was_delivered_counts_towards_the_longest_answer(key: str, limit: int, left: int) -> None:
    assert continued(BODY | {key: limit}, HALF, "vllm")[key] == left


def test_the_body_that_was_asked_first_stays_as_it_was() -> None:
    before = {**BODY, "messages": [*BODY["messages"]]}
    continued(BODY, HALF, "vllm")
    assert before == BODY
