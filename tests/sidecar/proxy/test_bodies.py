"""Where a body ends does not depend on how its bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.proxy.bodies import MOST_LINE_BYTES, BadBody, Body, Chunked, Sized, UntilClose
from tests.fakes.upstreams import cut

PLACES = st.lists(st.integers(0, 300), max_size=12)
CHUNKS = st.lists(
    st.tuples(st.binary(min_size=1, max_size=40), st.sampled_from(["%x", "%X", "%08x", "%x;a=b", "%x \t;"]))
)


def taken(body: Body, pieces: list[bytes]) -> int:
    """How much belongs to the body, and nothing after its end."""
    total = 0
    for piece in pieces:
        mine = body.take(piece)
        total += mine
        assert mine == len(piece) or body.done
    return total


@given(chunks=CHUNKS, trailers=st.sampled_from([b"", b"a: b\r\n", b"a: b\r\nC:\r\n"]), after=st.binary(), places=PLACES)
def test_chunks_end_where_they_end(
    chunks: list[tuple[bytes, str]], trailers: bytes, after: bytes, places: list[int]
) -> None:
    sizes = [(layout % len(data)).encode() + b"\r\n" + data + b"\r\n" for data, layout in chunks]
    whole, body = b"".join(sizes) + b"0\r\n" + trailers + b"\r\n", Chunked()
    assert taken(body, cut(whole + after, places)) == len(whole)
    assert body.done


@given(chunks=CHUNKS, places=PLACES)
def test_chunks_do_not_end_before_their_end(chunks: list[tuple[bytes, str]], places: list[int]) -> None:
    whole = b"".join((layout % len(data)).encode() + b"\r\n" + data + b"\r\n" for data, layout in chunks) + b"0\r\n\r\n"
    body = Chunked()
    assert taken(body, cut(whole[:-1], places)) == len(whole) - 1
    assert not body.done


@pytest.mark.parametrize(
    "bad",
    [
        b"\r\n",
        b"x\r\n",
        b"-1\r\n",
        b"0x2\r\nab\r\n",
        b" 2\r\nab\r\n",
        b"2\nab\r\n",
        b"2\r\nabc\r\n",
        b"2\r\nab\n",
        b"2\r\nab3\r\n",
        b"2\rx\r\nab\r\n",
        b"1234567890123456\r\n",
        b"2;\x00\r\nab\r\n",
        b"0\r\nno colon\r\n\r\n",
        b"0\r\n folded: x\r\n\r\n",
        b"0\r\n" + b"a: b\r\n" * (MOST_LINE_BYTES // 6 + 1),
        b"2;" + b"x" * MOST_LINE_BYTES,
    ],
)
@pytest.mark.parametrize("piece_bytes", [1, 3, 1 << 20])
def test_chunks_that_are_none_are_refused_however_they_are_cut(bad: bytes, piece_bytes: int) -> None:
    body = Chunked()
    with pytest.raises(BadBody):
        taken(body, [bad[at : at + piece_bytes] for at in range(0, len(bad), piece_bytes)])


@given(length=st.integers(0, 300), data=st.binary(max_size=400), places=PLACES)
def test_a_sized_body_takes_its_size_and_no_more(length: int, data: bytes, places: list[int]) -> None:
    body = Sized(length)
    assert taken(body, cut(data, places)) == min(length, len(data))
    assert body.done is (len(data) >= length)
    assert not body.ends_with_connection


def test_a_body_without_an_end_takes_everything() -> None:
    body = UntilClose()
    assert taken(body, [b"a", b"", b"bc"]) == 3
    assert not body.done
    assert body.ends_with_connection
