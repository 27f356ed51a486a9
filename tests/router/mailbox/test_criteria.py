"""What is asked of a server."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.mailbox.criteria import anywhere, arrived_since, charset_of, ranges, windows, words_of


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", ()),
        ("김부장님", ("김부장",)),
        ("님", ("님",)),
        ("손님", ("손님",)),
        ("  quarterly   report ", ("quarterly", "report")),
        ('x) ( " DELETED', ("x", "DELETED")),
        ("a\r\nA2 EXPUNGE", ("a", "A2", "EXPUNGE")),
        ("[공지] 100%", ("[공지]", "100")),
        ("\u1112\u1161\u11ab", ("한",)),
        ("1 2 3 4 5 6 7 8 9", ("1", "2", "3", "4", "5", "6", "7", "8")),
        ("x" * 200, ("x" * 100,)),
    ],
)
def test_words_are_text_and_nothing_of_the_protocol(query: str, words: tuple[str, ...]) -> None:
    assert words_of(query) == words


@given(st.text())
def test_no_query_holds_a_sign_with_a_meaning(query: str) -> None:
    assert not any(sign in word for word in words_of(query) for sign in '(){}%*"\\\r\n\0 ')


def test_only_what_is_not_ascii_needs_a_charset() -> None:
    assert charset_of(("a", "b")) is None
    assert charset_of(("a", "한")) == "UTF-8"


def test_every_word_must_be_in_one_of_the_fields() -> None:
    assert anywhere(("a", "b"), ("FROM", "SUBJECT")) == [
        "OR",
        "FROM",
        "a",
        "SUBJECT",
        "a",
        "OR",
        "FROM",
        "b",
        "SUBJECT",
        "b",
    ]
    assert anywhere((), ("FROM",)) == []


def test_a_day_more_is_asked_for() -> None:
    assert arrived_since(date(2026, 11, 1)) == ["SINCE", date(2026, 10, 31)]


@given(st.integers(0, 500), st.integers(1, 100))
def test_windows_cover_a_folder_once_from_its_end(messages: int, size: int) -> None:
    bounds = [tuple(map(int, window.split(":"))) for window in windows(messages, size)]
    assert [number for low, high in bounds for number in range(high, low - 1, -1)] == list(range(messages, 0, -1))


@given(st.sets(st.integers(1, 300)))
def test_ranges_hold_exactly_the_numbers(numbers: set[int]) -> None:
    told = ranges(sorted(numbers, reverse=True))
    read = [tuple(map(int, part.split(":"))) for part in told.split(",")] if told else []
    assert [n for part in read for n in range(part[-1], part[0] - 1, -1)] == sorted(numbers, reverse=True)
