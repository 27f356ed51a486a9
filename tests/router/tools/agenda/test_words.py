"""What the calendar says."""

from datetime import date

import pytest

from router.tools.agenda import words
from tests.router.tools.calendars import entry

TODAY = date(2026, 11, 25)
DAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("language", "text"),
    [("ko", "11월 26일 목요일\n- 15:00–16:00 회의"), ("en", "Thursday, 26 November\n- 15:00–16:00 회의")],
)
def test_a_day_is_told_with_its_entries(language: str, text: str) -> None:
    assert words.listing(language, [entry("2026-11-26 15:00")], DAY, DAY, TODAY) == text


def test_days_are_paragraphs_and_what_goes_on_has_dots_on_that_side() -> None:
    night = entry("2026-11-26 22:00", 50, "당직")
    told = words.listing("ko", [night], date(2026, 11, 26), date(2026, 11, 29), TODAY)
    assert told.split("\n\n") == [
        "11월 26일 목요일\n- 22:00–… 당직",
        "11월 27일 금요일\n- 종일 당직",
        "11월 28일 토요일\n- …–00:00 당직",
    ]


@pytest.mark.parametrize(
    ("language", "last", "text"),
    [
        ("ko", DAY, "11월 26일 목요일에는 일정이 없어요."),
        ("en", DAY, "There is nothing on Thursday, 26 November."),
        ("ko", date(2027, 1, 1), "11월 26일 목요일부터 2027년 1월 1일 금요일까지는 일정이 없어요."),
        ("en", date(2027, 1, 1), "There is nothing from Thursday, 26 November to Friday, 1 January 2027."),
    ],
)
def test_nothing_is_said_in_a_sentence(language: str, last: date, text: str) -> None:
    assert words.listing(language, [], DAY, last, TODAY) == text


def test_what_takes_no_time_has_one_time_and_what_has_no_title_is_told_so() -> None:
    bell = entry("2026-11-26 15:00", 0, "")
    assert words.listing("ko", [bell], DAY, DAY, TODAY).endswith("- 15:00 (제목 없음)")
    assert words.listing("en", [bell], DAY, DAY, TODAY).endswith("- 15:00 (no title)")


def test_a_title_stays_in_its_line_and_within_bounds() -> None:
    told = words.listing("en", [entry("2026-11-26 15:00", title="a\n- 16:00 b" + "c" * 300)], DAY, DAY, TODAY)
    assert told.count("\n") == 1
    assert "a - 16:00 b" in told
    assert len(told) < 260


@pytest.mark.parametrize(
    ("language", "kept", "asks"),
    [
        ("ko", True, "11월 26일 목요일 15:00–16:00 '회의' 일정을 등록할까요? '응'이라고 하시면 등록해요."),
        ("en", True, "'회의', Thursday, 26 November 15:00–16:00: shall I save it? Say yes and it is done."),
    ],
)
def test_a_draft_names_the_entry_and_asks(language: str, kept: bool, asks: str) -> None:
    assert words.drafted(language, entry("2026-11-26 15:00"), [], TODAY, kept=kept) == asks


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_draft_that_cannot_be_kept_says_how_it_could(language: str) -> None:
    told = words.drafted(language, entry("2026-11-26 15:00"), [], TODAY, kept=False)
    assert "x-maek-session" in told
    assert "/chat" in told
    assert "?" not in told


def test_conflicts_are_named_and_those_beyond_a_few_are_counted() -> None:
    others = [entry("2026-11-26 15:30", title=f"모임 {number}") for number in range(7)]
    told = words.drafted("ko", entry("2026-11-26 15:00"), others, TODAY, kept=True).splitlines()
    assert told[1] == "같은 시간에 다른 일정이 있어요:"
    assert told[2] == "- 11월 26일 목요일 15:30–16:30 '모임 0'"
    assert told[-1] == "- 그 밖에 2개"
    assert len(words.drafted("en", entry("2026-11-26 15:00"), others[:5], TODAY, kept=True).splitlines()) == 7


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_failure_is_a_sentence(language: str) -> None:
    said = [
        words.saved(language, entry("2026-11-26 15:00"), TODAY),
        words.expired(language),
        words.no_such_moment(language),
        words.too_long(language, 366),
        words.unreadable(language, "calendar/a.ics"),
        words.unreachable(language, "calendar/a.ics", "disk full"),
    ]
    assert all(sentence.endswith(".") for sentence in said)


def test_what_was_left_out_is_counted_and_nothing_is_said_where_nothing_was() -> None:
    assert words.left_out("ko", 0) == words.left_out("en", 0) == ""
    assert "2개" in words.left_out("ko", 2)
    assert words.left_out("en", 2).endswith(": 2.")
