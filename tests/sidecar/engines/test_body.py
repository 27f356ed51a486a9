import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.engines.body import count, json_object, json_value, ratio, shown, whole
from sidecar.engines.engine import Answer, Unreadable


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(200, b""), "HTTP 200 with an empty body"),
        (Answer(200, b"<html>"), "no JSON: '<html>'"),
        (Answer(200, b"[1]"), "no JSON object: '[1]'"),
        (Answer(200, b"[" * 100_000), "no JSON: '" + "[" * 60 + "'"),
        (Answer(403, b"{}"), "HTTP 403: it wants a key; set api_key of this backend"),
        (Answer(502, b"<h1>Bad\n Gateway</h1>"), "HTTP 502: '<h1>Bad Gateway</h1>'"),
    ],
)
def test_what_is_no_json_object_says_what_it_is(answer: Answer, message: str) -> None:
    with pytest.raises(Unreadable) as caught:
        json_object(answer)
    assert str(caught.value) == message


def test_json_of_any_kind_is_a_value() -> None:
    assert json_value(Answer(200, b" [1, null] ")) == [1, None]


@pytest.mark.parametrize(
    ("value", "read"), [(0, 0), (7, 7), (-1, None), (True, None), (1.0, None), ("1", None), (None, None)]
)
def test_a_count_is_a_whole_number_from_nothing_up(value: object, read: int | None) -> None:
    assert count(value) == read


@given(st.none() | st.floats())
def test_a_float_is_a_count_or_refused(value: float | None) -> None:
    try:
        read = whole(value, "x")
    except Unreadable:
        assert value is not None
        assert not 0 <= value < float("inf")
    else:
        assert (read is None) == (value is None)
        assert read is None or read >= 0


@given(st.none() | st.floats())
def test_a_float_is_a_ratio_or_refused(value: float | None) -> None:
    try:
        read = ratio(value, "x")
    except Unreadable:
        assert value is not None
        assert not 0 <= value <= 1.01
    else:
        assert (read is None) == (value is None)
        assert read is None or 0 <= read <= 1


@given(st.binary())
def test_what_is_shown_of_a_body_is_one_short_line(body: bytes) -> None:
    line = shown(body)
    assert line.isprintable()
    assert len(line) <= 2 * 60 + 2
