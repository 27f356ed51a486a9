"""What bytes say without being parsed: a first token, an error, a good end."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.signs import EndMarker, Sign, Usage, first_sign, is_error_body, told_refusal, usage_of
from tests.fakes.upstreams import DONE, ROLE, STOP, cut, token

USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'
ERROR = b'data: {"error":{"message":"engine died","code":500}}\n\n'
LAST_OF_TRANSFORMERS = b'data: {"choices":[{"delta":{"content":"."},"finish_reason":"stop"}],"usage":{"a":1}}\n\n'
cuts = st.lists(st.integers(min_value=0, max_value=6000), max_size=12)
events = st.sampled_from([ROLE, token("안녕"), STOP, DONE, USAGE, ERROR, b": note\n\n", token("x" * 5000)])


def marked(*chunks: bytes) -> EndMarker:
    marker = EndMarker()
    for chunk in chunks:
        marker.feed(chunk)
    return marker


def said(marker: EndMarker) -> tuple[bool, ...]:
    return marker.seen, marker.done, marker.told_error, marker.at_event_boundary


@given(st.lists(events, max_size=12).map(b"".join), st.integers(0, 5), cuts)
def test_cuts_change_nothing(stream: bytes, missing: int, at: list[int]) -> None:
    stream = stream[: len(stream) - missing]
    assert said(marked(*cut(stream, at))) == said(marked(stream))


@given(st.text(), st.sampled_from([b"", b"data: [DO", b'data: {"choices":[{"finish_reason":"st']))
def test_nothing_that_a_model_says_looks_like_an_end_or_an_error(text: str, half: bytes) -> None:
    marker = marked(ROLE, token(text), token('"finish_reason":"stop"}'), token("data: [DONE]\n\n"), half)
    assert (marker.seen, marker.told_error) == (False, False)


@pytest.mark.parametrize(
    ("stream", "good"),
    [
        (b"", False),
        (ROLE + token("a"), False),
        (ROLE + token("a") + STOP + DONE, True),
        (ROLE + token("a") + DONE, True),
        (token("a") + b"data:[DONE]\r\n\r\n", True),
        (token("a") + b"data: [DONE]", True),
        (token("a") + STOP, True),
        (token("a") + LAST_OF_TRANSFORMERS, True),
        (token("a") + STOP + USAGE, True),
        (token("a") + STOP + USAGE + DONE, True),
        (token("a") + b'data: {"choices": [{"finish_reason": "stop", "delta": {}}]}\n\n', True),
        (token("a") + STOP[:-3], False),
        (token("a") + STOP + USAGE[:-9], False),
        (token("a") + STOP + token("another choice goes on"), False),
        (token("a") + ERROR, False),
        (token("a") + ERROR + DONE, False),
        (token("a") + STOP + b'data: {"error": null, "usage": {}}\n\n' + DONE, True),
        (token("a") + DONE + token("more"), False),
    ],
)
def test_good_ends_and_others(stream: bytes, good: bool) -> None:
    assert marked(stream).seen is good


def test_an_end_in_an_event_larger_than_what_is_remembered_counts() -> None:
    tool_call = b'data: {"choices":[{"finish_reason":"tool_calls","delta":{"arguments":"' + b"x" * 20_000 + b'"}}]}\n\n'
    assert marked(ROLE, *cut(tool_call, range(0, 30_000, 1000))).seen
    assert marked(ERROR, *[token("x" * 1000)] * 20, DONE).told_error


def test_what_is_remembered_is_bounded() -> None:
    marker = EndMarker()
    for _ in range(1000):
        marker.feed(token("x" * 500))
    assert len(marker._tail) < 20_000


@pytest.mark.parametrize(
    ("stream", "boundary"),
    [
        (b"", True),
        (ROLE, True),
        (ROLE[:-1], False),
        (ROLE + b"data: {", False),
        (b"data: x\r\n\r\n", True),
        (b"data: x\r\n", False),
        (b"data: x\r\r", True),
    ],
)
def test_a_comment_may_stand_only_between_events(stream: bytes, boundary: bool) -> None:
    assert marked(stream).at_event_boundary is boundary


@pytest.mark.parametrize(
    ("stream", "sign"),
    [
        (b"", None),
        (ROLE, None),
        (b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n', None),
        (token("안"), Sign.TOKEN),
        (token('"'), Sign.TOKEN),
        (b'data: {"choices": [{"text": "a"}]}\n\n', Sign.TOKEN),
        (b'data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}\n\n', Sign.TOKEN),
        (b'data: {"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}\n\n', Sign.TOKEN),
        (b'data: {"choices":[{"delta":{"tool_calls":[]}}]}\n\n', None),
        (DONE, Sign.TOKEN),
        (ERROR, Sign.ERROR),
        (b'data: {"error": "no"}\n\n', Sign.ERROR),
        (b'data: {"error": null}\n\n', None),
        (token('"error":"no"'), Sign.TOKEN),
        (ROLE + token("a") + ERROR, Sign.TOKEN),
    ],
)
def test_the_first_sign_of_a_stream(stream: bytes, sign: Sign | None) -> None:
    assert first_sign(stream) is sign


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"error": {"code": 400}}, 400),
        ({"error": {"code": 499}}, 499),
        ({"error": {"code": 399}}, None),
        ({"error": {"code": 500}}, 500),
        ({"error": {"code": 599}}, 599),
        ({"error": {"code": 600}}, None),
        ({"error": {"code": "400"}}, None),
        ({"error": "too long"}, None),
        ([], None),
    ],
)
def test_an_error_event_may_have_the_status_that_its_head_has_not(error: object, status: int | None) -> None:
    data = orjson.dumps(error)
    told = told_refusal(b": note\n\ndata: " + data + b"\n\n")
    assert told == (None if status is None else (status, data))


def test_an_error_that_is_no_json_has_no_status() -> None:
    assert told_refusal(b'data: {"error": oh\n\n') is None


@pytest.mark.parametrize(
    ("answer", "read", "written"),
    [
        (b"", None, None),
        (b'{"choices":[{"message":{"content":"hi"}}]}', None, None),
        (b'{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":12,"total_tokens":19}}', 7, 12),
        (b'{"data":[],"usage":{"prompt_tokens":7,"total_tokens":7}}', 7, None),
        (b'{"usage" : { "completion_tokens" :\n 12}}', None, 12),
        (b'{"usage":{"completion_tokens":0}}', None, None),
        (b'{"usage":{"completion_tokens":null}}', None, None),
        (b'{"usage":{"completion_tokens_details":{"reasoning_tokens":5}}}', None, None),
        (b'{"usage":{"prompt_tokens_details":{"cached_tokens":5}}}', None, None),
        (b'{"usage":{"completion_tokens":1234567890123}}', None, None),
        (b'data: {"usage":{"completion_tokens":1}}\n\ndata: {"usage":{"completion_tokens":2}}\n\n', None, 2),
        (b'{"usage":{"completion_tokens":12}}' + b" " * 5000, None, None),
    ],
)
def test_the_backends_own_count_of_tokens(answer: bytes, read: int | None, written: int | None) -> None:
    assert usage_of(answer) == Usage(read, written)


@given(cuts)
def test_a_count_of_tokens_is_found_at_the_end_of_a_long_stream_however_it_is_cut(at: list[int]) -> None:
    stream = ROLE + token("x" * 900) * 6 + STOP + USAGE + DONE
    assert marked(*cut(stream, at)).usage.output_tokens == 2


@given(st.text())
def test_nothing_that_a_model_says_is_a_count_of_tokens(text: str) -> None:
    assert marked(token(text + '"completion_tokens":5,"prompt_tokens":5')).usage == Usage(None, None)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"error":{"message":"x"}}', True),
        (b' { "error" : "x" }', True),
        (b'{"error":null,"choices":[]}', False),
        (b'{"choices":[],"error":"x"}', False),
        (b"[]", False),
    ],
)
def test_a_body_that_is_an_error_is_told_from_an_answer(body: bytes, error: bool) -> None:
    assert is_error_body(body) is error
