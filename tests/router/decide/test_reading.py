import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decide.decision import Action, Source
from router.decide.errors import Sending, Unusable
from router.decide.reading import LLM_CONFIDENCE, MAX_CHARACTERS, MAX_OBJECTS, read_answer
from tests.router.decide.given import TOOLS

TODAY = '{"action": "tools", "tool": "calendar", "operation": "today", "params": {}}'


def tools_answer(tool: str, operation: str, **params: Any) -> str:
    return json.dumps({"action": "tools", "tool": tool, "operation": operation, "params": params})


@pytest.mark.parametrize(
    "text",
    [
        TODAY,
        f"  {TODAY}  ",
        f"```json\n{TODAY}\n```",
        f"```\n{TODAY}",
        f"Here is the decision:\n{TODAY}\nI hope this helps.",
        f'Given {{"x": 1}} I answer {TODAY}',
        'Given {"x": 1} I answer {"action": "tools", "tool": "calendar", "operation": "today", "params": {},}',
        f"<think>the user {{wants}} today</think>{TODAY}",
        f"<thinking>hm</thinking>\n```json\n{TODAY}\n```",
        f"the template opened it</think>\n{TODAY}",
        f'hm, perhaps {{"action": "route"}}?</think>\n{TODAY}',
        f"[THINK]hm[/THINK]{TODAY}",
        f"<|channel|>analysis<|message|>hm {{}}<|end|><|start|>assistant<|channel|>final<|message|>{TODAY}<|return|>",
        f"<|channel|>analysis<|message|>hm<|end|><|channel|>final <|constrain|>json<|message|>{TODAY}",
        '{"action": "tools", "tool": "calendar", "operation": "today", "params": {},}',
        "{'action': 'tools', 'tool': 'calendar', 'operation': 'today'}",
        '{"action": "tools", "tool": "calendar", "operation": "today", "params": {',
        '{"action": " TOOLS ", "tool": "Calendar", "operation": "calendar.today", "params": null, "reason": "because"}',
    ],
)
def test_every_rung_of_the_ladder_reads_the_same_answer(text: str) -> None:
    decision = read_answer(text, TOOLS)
    assert (decision.action, decision.tool, decision.operation, dict(decision.params)) == (
        Action.TOOLS,
        "calendar",
        "today",
        {},
    )
    assert (decision.source, decision.confidence) == (Source.LLM, LLM_CONFIDENCE)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "only thinking, or nothing"),
        ("   \n", "only thinking, or nothing"),
        ("<think>still thinking " + TODAY, "only thinking"),
        ("<|channel|>analysis<|message|>hm " + TODAY, "only thinking"),
        ("I cannot help with that.", "no JSON object"),
        ("[1, 2]", "no JSON object"),
        ("{}", "'action' is missing"),
        ("{:::", "'action' is missing"),
        ('{"action": "dance"}', "'action' does not fit"),
        ('{"action": 5}', "'action' does not fit"),
        ('{"action": "direct"}', "direct needs a response"),
        ('{"action": "direct", "response": "  "}', "direct needs a response"),
        ('{"action": "clarify", "response": null}', "clarify needs a response"),
        ('{"action": "direct", "response": "\\ud800"}', "'response' does not fit"),
        ('{"action": "tools"}', "no such tool; the tools are calendar, email, document, infra"),
        (tools_answer("weather", "today"), "no such tool"),
        (tools_answer("calendar", "delete"), "calendar has no such operation"),
        (tools_answer("email", "send", to="bob"), "sending is impossible"),
        (tools_answer("email", "send_mail"), "sending is impossible"),
        (tools_answer("calendar", "create_confirmed"), "needs a pending draft and a message"),
        (tools_answer("calendar", "search", date_from="2026-11-23"), "calendar.search: 'date_to' is missing"),
        (tools_answer("calendar", "search", date_from="내일", date_to="2026-11-23"), "'date_from' does not fit"),
        (tools_answer("calendar", "search", date_from="2026-02-30", date_to="2026-03-01"), "no such day"),
        (
            tools_answer("calendar", "search", date_from="2026-03-02", date_to="2026-03-01"),
            "date_to is before date_from",
        ),
        (tools_answer("calendar", "create_draft", title="x", date="2026-03-01", time="3pm"), "'time' does not fit"),
        (tools_answer("calendar", "create_draft", title="x", date="2026-03-01", time="25:00"), "no such time"),
        (
            tools_answer("calendar", "create_draft", title="x", date="2026-03-01", time="12:00", end_time="11:00"),
            "not after",
        ),
        (
            tools_answer("calendar", "create_draft", title="x", date="2026-03-01", end_time="11:00"),
            "end_time needs time",
        ),
        (tools_answer("email", "search", query="x", days=0), "'days' does not fit"),
        (tools_answer("email", "search", query="x", folder="spam"), "'folder' is not known here"),
        ('{"action": "tools", "tool": "calendar", "operation": "today", "params": [1]}', "'params' does not fit"),
        ("{" * (MAX_CHARACTERS + 1), "too long"),
        ('{"a":' * 5000, "JSON cannot be read"),
        ('{"' * 10_000, "JSON cannot be read"),
        ("{" * 2000, "JSON cannot be read"),
        ('{"a": ' + "x" * 5000, "JSON cannot be read"),
    ],
)
def test_what_is_no_decision_is_unusable_and_says_why(text: str, reason: str) -> None:
    with pytest.raises(Unusable) as raised:
        read_answer(text, TOOLS)
    assert reason in raised.value.reason


@pytest.mark.parametrize(
    ("tool", "operation"),
    [
        ("email", "send"),
        ("email", "send_mail"),
        ("email", "reply"),
        ("gmail", "forward"),
        ("email.send", ""),
        ("smtp", "x"),
    ],
)
def test_whoever_wants_to_send_mail_is_told_that_nobody_can(tool: str, operation: str) -> None:
    with pytest.raises(Sending, match="sending is impossible"):
        read_answer(tools_answer(tool, operation), TOOLS)


def test_no_operation_of_the_registry_is_taken_for_sending() -> None:
    for tool in TOOLS.values():
        for operation in tool.operations.values():
            required = operation.params.model_json_schema().get("required", [])
            answer = tools_answer(tool.name, operation.name, **dict.fromkeys(required, "2026-11-26"))
            assert read_answer(answer, TOOLS, may_confirm=True).operation == operation.name


def test_a_pending_draft_can_be_confirmed() -> None:
    decision = read_answer(tools_answer("calendar", "create_confirmed"), TOOLS, may_confirm=True)
    assert decision.operation == "create_confirmed"


def test_params_come_out_in_canonical_form() -> None:
    text = tools_answer(
        "calendar", "create_draft", title=" 회의 ", date="2026-11-26", time="9:00", end_time="", description=None
    )
    assert dict(read_answer(text, TOOLS).params) == {"title": "회의", "date": "2026-11-26", "time": "09:00"}
    assert dict(read_answer(tools_answer("email", "search"), TOOLS).params) == {"query": "", "days": 7}
    assert dict(read_answer(tools_answer("infra", "status"), TOOLS).params) == {"host": "gpu"}


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ('{"action": "route"}', None),
        ('{"action": "route", "prompt": ""}', None),
        ('{"action": "route", "prompt": "explain"}', "explain"),
    ],
)
def test_a_route_may_carry_a_rewritten_prompt(text: str, prompt: str | None) -> None:
    assert read_answer(text, TOOLS).prompt == prompt


def test_a_direct_answer_may_speak_of_thinking_tags() -> None:
    assert (
        read_answer('{"action": "direct", "response": "<think>x</think> {y}"}', TOOLS).response
        == "<think>x</think> {y}"
    )


def test_the_object_with_an_action_wins_over_earlier_ones() -> None:
    assert read_answer(f'first {{"a": 1}} then {{"b": 2}} then {TODAY}', TOOLS).operation == "today"


def test_only_so_many_braces_are_tried() -> None:
    with pytest.raises(Unusable):
        read_answer("say: " + "{ " * (MAX_OBJECTS + 1), TOOLS)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_NAMES = st.sampled_from(
    ["calendar", "email", "infra", "today", "search", "create_draft", "send", "read", "status", ""]
) | st.text(max_size=5)
_ANSWERS = st.fixed_dictionaries(
    {"action": st.sampled_from(["direct", "route", "clarify", "tools", "x"]) | _JSON},
    optional={"response": _JSON, "prompt": _JSON, "tool": _NAMES, "operation": _NAMES, "params": _JSON},
).map(json.dumps)
_NOISE = st.sampled_from(
    [
        "{",
        "}",
        '"',
        "<think>",
        "</think>",
        "```",
        "```json",
        "<|channel|>final<|message|>",
        "action",
        ":",
        ",",
        "[",
        "]",
        "\\u",
        "null",
        "\n",
        "'",
        "-",
        "1e999",
        "//",
    ]
)


@given(st.text() | _ANSWERS | st.lists(_NOISE | _ANSWERS, max_size=10).map("".join))
def test_any_text_is_a_decision_or_unusable(text: str) -> None:
    try:
        decision = read_answer(text, TOOLS)
    except Unusable as unusable:
        unusable.reason.encode()
        return
    if decision.action is Action.TOOLS:
        assert decision.operation in TOOLS[decision.tool or ""].operations
    if decision.action in {Action.DIRECT, Action.CLARIFY}:
        assert decision.response
    for said in (decision.response, decision.prompt):
        (said or "").encode()


def test_a_tool_of_others_may_have_a_name_of_sending() -> None:
    network = replace(TOOLS["infra"].operations["network"], name="send_message")
    ours = replace(TOOLS["infra"], name="mcp_chat", operations={"send_message": network})
    answer = tools_answer("mcp_chat", "send_message")
    assert read_answer(answer, {**TOOLS, "mcp_chat": replace(ours, foreign=True)}).operation == "send_message"
    with pytest.raises(Sending):
        read_answer(answer, {**TOOLS, "mcp_chat": ours})
