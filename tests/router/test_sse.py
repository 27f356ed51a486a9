"""Events, whatever the cuts."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import sse
from router.sse import Decoder, Event, Overlong, encode
from tests.fakes.upstreams import cut

lines = st.one_of(
    st.sampled_from(
        ["", "data", "data:", "data: ", "data:x", "data: x", ": note", ":", "event: token", "id: 7", "retry: 3", "x: y"]
    ),
    st.text(max_size=12).map(lambda text: "data: " + text.replace("\r", "").replace("\n", "")),
)
streams = st.lists(st.tuples(lines, st.sampled_from(["\n", "\r\n", "\r"])), max_size=20).map(
    lambda parts: "".join(line + end for line, end in parts).encode()
)
cuts = st.lists(st.integers(min_value=0, max_value=400), max_size=12)


def decoded(*chunks: bytes) -> list[Event]:
    decoder = Decoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


@given(streams, cuts)
def test_cuts_change_nothing(stream: bytes, at: list[int]) -> None:
    assert decoded(*cut(stream, at)) == decoded(stream)


@given(streams)
def test_one_byte_at_a_time_changes_nothing(stream: bytes) -> None:
    assert decoded(*(stream[i : i + 1] for i in range(len(stream)))) == decoded(stream)


@given(st.text(max_size=40) | st.dictionaries(st.text(max_size=5), st.integers(0, 9), max_size=3))
def test_what_is_encoded_is_decoded(value: object) -> None:
    (event,) = decoded(encode(value, name="token", event_id="4"))
    assert (event.name, event.id, orjson.loads(event.data)) == ("token", "4", value)


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\n", [Event("a")]),
        (b"data:a\r\n\r\n", [Event("a")]),
        (b"data: a\r\r", [Event("a")]),
        (b"data: a\ndata: b\n\n", [Event("a\nb")]),
        (b"data:  a\n\n", [Event(" a")]),
        (b"data\n\n", [Event("")]),
        (b"event: x\nid: 1\ndata: a\n\ndata: b\n\n", [Event("a", "x", "1"), Event("b", "message", "1")]),
        (b": keepalive 3/9\n\ndata: a\n\n", [Event("a")]),
        (b"event: x\n\ndata: a\n\n", [Event("a")]),
        (b"data: half", []),
        (b"data: whole line, but no event\n", []),
        (b"\n\n\n", []),
        (b"", []),
        ("data: 안녕\n\n".encode(), [Event("안녕")]),
        (b"data: \xff\n\n", [Event("\ufffd")]),
    ],
)
def test_lines_make_events_as_the_standard_says(stream: bytes, events: list[Event]) -> None:
    assert decoded(stream) == events


def test_an_event_that_ends_with_cr_is_told_at_once_and_the_lf_that_follows_is_no_line() -> None:
    decoder = Decoder()
    assert decoder.feed(b"data: a\r\n\r") == [Event("a")]
    assert decoder.feed(b"\ndata: b\r\n\r\n") == [Event("b")]


@pytest.mark.parametrize(
    "piece",
    [b"x" * 1000, b"data: " + b"x" * 1000 + b"\n", b": " + b"x" * 1000 + b"\n"],
    ids=["line", "data", "comment"],
)
def test_an_event_without_end_is_refused_however_it_is_cut(piece: bytes) -> None:
    endless = piece * (sse.MOST_EVENT_BYTES // (len(piece) - piece.count(b"\n")) + 2)
    with pytest.raises(Overlong, match="an event of more than 8388608 bytes"):
        decoded(endless)
    with pytest.raises(Overlong):
        decoded(*(endless[i : i + 65_536] for i in range(0, len(endless), 65_536)))


def test_the_size_of_one_event_says_nothing_about_the_next() -> None:
    event = b"data: " + b"x" * (sse.MOST_EVENT_BYTES // 2) + b"\n\n"
    assert len(decoded(event, event, event)) == 3
