"""Entries: days, overlaps, drafts as entries, and their names."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.tools.agenda.entries import (
    Entry,
    NoSuchMoment,
    by_day,
    conflicts,
    entry_json,
    entry_of,
    in_span,
    moment,
    uid_of,
    whole_days,
)
from tests.router.tools.calendars import NEW_YORK, SEOUL, at, entry

MEETING = {"title": "회의", "date": "2026-11-26", "time": "15:00"}


def all_day(first: str, last: str, title: str = "휴가", **more: Any) -> Entry:
    """An entry of whole days, both included."""
    span = whole_days(date.fromisoformat(first), date.fromisoformat(last), SEOUL)
    return Entry(title, title, *span, all_day=True, **more)


@pytest.mark.parametrize(
    ("more", "begins", "ends", "whole"),
    [
        ({}, "2026-11-26T15:00:00+09:00", "2026-11-26T16:00:00+09:00", False),
        ({"end_time": "17:30"}, "2026-11-26T15:00:00+09:00", "2026-11-26T17:30:00+09:00", False),
        ({"time": "23:30"}, "2026-11-26T23:30:00+09:00", "2026-11-27T00:30:00+09:00", False),
        ({"time": None}, "2026-11-26T00:00:00+09:00", "2026-11-27T00:00:00+09:00", True),
    ],
)
def test_a_draft_lasts_until_its_end_else_an_hour_and_without_a_time_all_day(
    more: dict[str, Any], begins: str, ends: str, whole: bool
) -> None:
    made = entry_of("u", {**MEETING, **more}, SEOUL)
    assert (made.begins.isoformat(), made.ends.isoformat(), made.all_day) == (begins, ends, whole)


def test_a_note_goes_into_the_entry() -> None:
    assert entry_of("u", {**MEETING, "description": "2층"}, SEOUL).description == "2층"


def test_an_hour_is_an_hour_in_the_night_when_the_clocks_go_back() -> None:
    made = entry_of("u", {"title": "x", "date": "2026-11-01", "time": "01:30"}, NEW_YORK)
    assert made.ends.astimezone(UTC) - made.begins.astimezone(UTC) == timedelta(hours=1)
    assert (made.begins.isoformat(), made.ends.isoformat()) == (
        "2026-11-01T01:30:00-04:00",
        "2026-11-01T01:30:00-05:00",
    )


def test_a_time_that_the_clocks_go_forward_over_is_refused() -> None:
    with pytest.raises(NoSuchMoment):
        moment(date(2026, 3, 8), time(2, 30), NEW_YORK)
    assert moment(date(2026, 3, 8), time(3), NEW_YORK).isoformat() == "2026-03-08T03:00:00-04:00"


def test_a_day_of_the_change_is_as_long_as_it_is() -> None:
    for day, hours in ((date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 7, 1), 24)):
        begins, ends = whole_days(day, day, NEW_YORK)
        assert ends.astimezone(UTC) - begins.astimezone(UTC) == timedelta(hours=hours)
        assert Entry("u", "x", begins, ends, all_day=True).last_day == day


def test_the_zone_of_the_machine_is_one_too() -> None:
    assert moment(date(2026, 7, 1), time(9), None).time() == time(9)


@given(st.dates(date(2000, 1, 1), date(2050, 1, 1)), st.sampled_from([SEOUL, NEW_YORK, ZoneInfo("Europe/Dublin")]))
def test_every_day_begins_where_the_one_before_it_ends(day: date, zone: tzinfo) -> None:
    assert whole_days(day, day, zone)[1] == whole_days(day + timedelta(days=1), day, zone)[0]


@pytest.mark.parametrize(
    ("other", "meets"),
    [
        (entry("2026-11-26 14:00", 1), False),
        (entry("2026-11-26 16:00", 1), False),
        (entry("2026-11-26 14:00", 1.1), True),
        (entry("2026-11-26 15:59", 1), True),
        (entry("2026-11-26 15:15", 0.25), True),
        (entry("2026-11-26 12:00", 9), True),
        (entry("2026-11-26 15:00", 0), True),
        (entry("2026-11-26 16:00", 0), False),
        (all_day("2026-11-26", "2026-11-26"), True),
        (all_day("2026-11-24", "2026-11-28"), True),
        (all_day("2026-11-25", "2026-11-25"), False),
        (all_day("2026-11-26", "2026-11-26", free=True), False),
    ],
)
def test_what_is_at_the_same_time_is_a_conflict_unless_one_is_free_for_others(other: Entry, meets: bool) -> None:
    draft = entry("2026-11-26 15:00", title="치과")
    assert conflicts(draft, [other]) == ((other,) if meets else ())


def test_a_draft_that_takes_no_time_meets_what_goes_on_then() -> None:
    going_on = entry("2026-11-26 15:00")
    assert conflicts(entry("2026-11-26 15:30", 0, "종"), [going_on]) == (going_on,)
    assert conflicts(entry("2026-11-26 16:00", 0, "종"), [going_on]) == ()


def test_the_two_hours_of_the_same_name_are_told_apart() -> None:
    first = Entry(
        "a", "a", datetime(2026, 11, 1, 5, 0, tzinfo=UTC).astimezone(NEW_YORK), at("2026-11-01 01:30", NEW_YORK)
    )
    again = datetime(2026, 11, 1, 6, 0, tzinfo=UTC).astimezone(NEW_YORK)
    second = Entry("b", "b", again, again + timedelta(minutes=30))
    assert (first.begins.hour, second.begins.hour) == (1, 1)
    assert conflicts(first, [second]) == ()


def test_a_draft_is_no_conflict_of_its_own() -> None:
    draft = entry("2026-11-26 15:00")
    assert conflicts(draft, [draft]) == ()


def test_entries_come_by_day_then_whole_days_then_by_time() -> None:
    late, early = entry("2026-11-26 15:00", title="b"), entry("2026-11-26 09:00", title="c")
    whole, before = all_day("2026-11-26", "2026-11-26", "d"), entry("2026-11-25 20:00", title="e")
    found = in_span([late, early, whole, before], at("2026-11-25 00:00"), at("2026-11-27 00:00"))
    assert [one.title for one in found] == ["e", "d", "c", "b"]


def test_what_lasts_for_days_is_on_each_of_them_and_on_none_outside_the_question() -> None:
    trip, night = all_day("2026-11-24", "2026-11-27", "출장"), entry("2026-11-25 22:00", 4, "야근")
    days = by_day([trip, night], date(2026, 11, 25), date(2026, 11, 26))
    assert {day.day: [one.title for one in found] for day, found in days.items()} == {
        25: ["출장", "야근"],
        26: ["출장", "야근"],
    }


def test_what_ends_at_midnight_is_not_on_the_next_day() -> None:
    assert entry("2026-11-25 22:00", 2).last_day == date(2026, 11, 25)


def test_a_draft_has_the_same_name_whenever_it_is_confirmed_and_no_other_has_it() -> None:
    name = uid_of("kim", "room", MEETING, 5.0)
    assert name == uid_of("kim", "room", dict(reversed(MEETING.items())), 5.0)
    others = {
        uid_of("lee", "room", MEETING, 5.0),
        uid_of("kim", "hall", MEETING, 5.0),
        uid_of("kim", "room", {**MEETING, "time": "16:00"}, 5.0),
        uid_of("kim", "room", MEETING, 6.0),
    }
    assert len(others | {name}) == 5
    assert name.endswith("@maek")


def test_programs_get_days_or_moments_with_their_offset() -> None:
    assert entry_json(all_day("2026-11-24", "2026-11-27"))["ends"] == "2026-11-27"
    assert entry_json(entry("2026-11-26 15:00"))["begins"] == "2026-11-26T15:00:00+09:00"
