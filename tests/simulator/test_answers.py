"""What the simulator says, and how long it speaks."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.answers import write_reply
from simulator.request import Ask, Message
from simulator.tokens import split_tokens

CLASSIFIER = Message("system", 'Answer JSON {"action": "direct|route|clarify|tools"}; e.g. {"action": "direct"}')


def ask(text, *before, **options):
    return Ask("m", (*before, Message("user", text)), **options)


@given(st.text())
def test_tokens_joined_are_the_text(text):
    assert "".join(split_tokens(text)) == text


def test_an_answer_says_that_it_is_simulated_and_quotes_the_question_in_its_language():
    korean, english = write_reply(ask("양자역학 설명해줘")).text, write_reply(ask("Explain tides")).text
    assert korean.startswith("(시뮬레이터)")
    assert "양자역학 설명해줘" in korean
    assert english.startswith("(simulator)")
    assert "Explain tides" in english


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_length_is_what_the_prompt_wants_and_the_limit_allows(wanted, limit):
    reply = write_reply(ask(f"이야기 해줘 [[tokens={wanted}]]", max_tokens=limit))
    assert len(reply.tokens) == min(wanted, limit)
    assert reply.cut_short is (wanted > limit)


def test_the_length_mark_itself_is_not_quoted():
    assert "[[" not in write_reply(ask("hi [[tokens=50]]")).text


def test_min_tokens_lengthens_and_never_shortens():
    natural = len(write_reply(ask("hi")).tokens)
    assert len(write_reply(ask("hi", min_tokens=natural + 10)).tokens) == natural + 10
    assert len(write_reply(ask("hi", min_tokens=1)).tokens) == natural


def test_a_stop_sequence_ends_the_answer_before_it():
    text = write_reply(ask("Explain tides", stop=("practice",))).text
    assert text.endswith("This is a ")


@pytest.mark.parametrize("request_", [ask("GPU 서버 상태", CLASSIFIER), ask("GPU 서버 상태", wants_json=True)])
def test_a_classifier_prompt_or_a_wish_for_json_gets_a_decision(request_):
    decision = orjson.loads(write_reply(request_).text)
    assert decision == {"action": "tools", "tool": "infra", "operation": "status", "params": {"host": "gpu"}}


def test_only_the_last_user_message_is_decided_on():
    history = (Message("user", "오늘 일정"), Message("assistant", "없어요"))
    assert orjson.loads(write_reply(ask("안녕", CLASSIFIER, *history)).text)["action"] == "direct"


def test_a_decision_obeys_the_schema_it_was_asked_for():
    schema = {
        "type": "object",
        "properties": {
            "action": {"type": "string"},
            "response": {"type": ["string", "null"]},
            "params": {"type": "object"},
        },
        "required": ["action", "response", "params"],
        "additionalProperties": False,
    }
    decision = orjson.loads(write_reply(ask("양자역학 설명해줘", wants_json=True, schema=schema)).text)
    assert decision == {"action": "route", "response": None, "params": {}}
