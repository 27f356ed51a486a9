"""The W3C's headers, read and written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.tracing_context import TraceContext, context_of, keeps

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"
HEX = st.integers(1, 2**64 - 1)


def test_a_place_is_read_and_written_back_as_it_was() -> None:
    place = context_of([GOOD], ["a=b, c=d"])
    assert place == TraceContext(TRACE, SPAN, sampled=True, state="a=b,c=d")
    assert place.headers == {"traceparent": GOOD, "tracestate": "a=b,c=d"}


@given(trace=st.integers(1, 2**128 - 1), span=HEX, flags=st.integers(0, 255))
def test_every_place_is_read_with_its_flag_and_other_flags_are_not_passed_on(trace: int, span: int, flags: int) -> None:
    place = context_of([f"00-{trace:032x}-{span:016x}-{flags:02x}"])
    assert place == TraceContext(f"{trace:032x}", f"{span:016x}", sampled=bool(flags & 1))
    assert place.parent == f"00-{trace:032x}-{span:016x}-0{flags & 1}"


@pytest.mark.parametrize(
    "given",
    [
        "",
        "garbage",
        GOOD[:-1],
        GOOD + "0",
        GOOD.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{GOOD}-more",
        f"00_{TRACE}_{SPAN}_01",
        f"0g-{TRACE}-{SPAN}-01",
        f"{GOOD}\n",
        f"01-{TRACE}-{SPAN}-01-\n",
        "０" + GOOD[1:],
    ],
)
def test_what_is_no_place_is_none(given: str) -> None:
    assert context_of([given]) is None


@given(st.text(max_size=80))
def test_no_text_breaks_it(text: str) -> None:
    place = context_of([text], [text])
    assert place is None or context_of([place.parent]) is not None


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert context_of([f"cc-{TRACE}-{SPAN}-01-what-comes-then"]) == TraceContext(TRACE, SPAN, sampled=True)
    assert context_of([f" {GOOD}\t"]) == TraceContext(TRACE, SPAN, sampled=True)


def test_two_places_are_none_and_so_is_nothing() -> None:
    assert context_of([GOOD, GOOD]) is None
    assert context_of([]) is None


@pytest.mark.parametrize(
    ("states", "kept"),
    [
        ([], ""),
        (["a=b", "c=d"], "a=b,c=d"),
        (["a=b,,\t c=d ,"], "a=b,c=d"),
        (["1t@v=x"], "1t@v=x"),
        (["a=b c"], "a=b c"),
        (["a=b", "a=c"], ""),
        (["A=b"], ""),
        (["a"], ""),
        (["a="], ""),
        (["a=b=c"], ""),
        (["a=b\r\nx: y"], ""),
        (["a=한"], ""),
        ([",".join(f"k{number}=v" for number in range(32))], ",".join(f"k{number}=v" for number in range(32))),
        ([",".join(f"k{number}=v" for number in range(33))], ""),
        (["a=" + "b" * 255, "c=" + "d" * 252], "a=" + "b" * 255 + ",c=" + "d" * 252),
        (["a=" + "b" * 255, "c=" + "d" * 253], ""),
    ],
)
def test_what_others_want_passed_on_is_kept_whole_or_not_at_all(states: list[str], kept: str) -> None:
    place = context_of([GOOD], states)
    assert place is not None
    assert place.state == kept


@pytest.mark.parametrize("ratio", [0.0, 0.25, 1.0])
def test_so_many_traces_are_kept_as_the_ratio_says(ratio: float) -> None:
    ids = [f"{number << 48:032x}" for number in range(0, 2**16, 16)]  # spread evenly over the half that decides
    assert sum(keeps(one, ratio) for one in ids) == ratio * len(ids)


@given(HEX)
def test_all_are_kept_with_one_and_none_with_zero(low: int) -> None:
    assert keeps(f"{low:032x}", 1.0)
    assert not keeps(f"{low:032x}", 0.0)
