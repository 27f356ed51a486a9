"""iCalendar files: what is read of them, what is written, and what is left alone."""

import os
import stat
import subprocess
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from router.tools.agenda.files import CalendarFiles, CalendarUnreachable, CalendarUnreadable
from tests.router.tools.calendars import NEW_YORK, SEOUL, at, entry, written
from tests.router.tools.given import NOW

OWNER = "anonymous"


def found(folder: Path, first: str, days: int = 1, zone: ZoneInfo = SEOUL, owner: str = OWNER) -> list[tuple[str, str]]:
    """Begin and title of the entries of those days."""
    begins = at(f"{first} 00:00", zone)
    entries = CalendarFiles(folder, zone).found(owner, begins, begins + timedelta(days=days)).entries
    return [(f"{one.begins:%d %H:%M}", one.title) for one in entries]


def test_a_calendar_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, "2026-11-26") == []
    assert list(tmp_path.iterdir()) == []


def test_what_repeats_is_expanded_with_what_was_moved_and_what_was_left_out(tmp_path: Path) -> None:
    written(
        tmp_path,
        """UID:weekly
DTSTART;TZID=Asia/Seoul:20261102T090000
DTEND;TZID=Asia/Seoul:20261102T100000
RRULE:FREQ=WEEKLY;COUNT=5
EXDATE;TZID=Asia/Seoul:20261116T090000
SUMMARY:주간 회의""",
        """UID:weekly
RECURRENCE-ID;TZID=Asia/Seoul:20261123T090000
DTSTART;TZID=Asia/Seoul:20261124T140000
DTEND;TZID=Asia/Seoul:20261124T150000
SUMMARY:주간 회의 (옮김)""",
    )
    assert found(tmp_path, "2026-11-01", 60) == [
        ("02 09:00", "주간 회의"),
        ("09 09:00", "주간 회의"),
        ("24 14:00", "주간 회의 (옮김)"),
        ("30 09:00", "주간 회의"),
    ]


def test_a_meeting_in_new_york_stays_at_nine_there_across_the_change_and_moves_in_seoul(tmp_path: Path) -> None:
    written(
        tmp_path,
        """DTSTART;TZID=America/New_York:20261030T090000
DTEND;TZID=America/New_York:20261030T100000
RRULE:FREQ=DAILY;COUNT=4
SUMMARY:standup""",
    )
    there = [when for when, _ in found(tmp_path, "2026-10-29", 10, NEW_YORK)]
    assert there == ["30 09:00", "31 09:00", "01 09:00", "02 09:00"]
    assert [when for when, _ in found(tmp_path, "2026-10-29", 10)] == ["30 22:00", "31 22:00", "01 23:00", "02 23:00"]


def test_a_day_of_the_change_has_all_that_is_on_it(tmp_path: Path) -> None:
    written(
        tmp_path,
        "DTSTART:20261101T050000Z\nDTEND:20261101T053000Z\nSUMMARY:first one o'clock",
        "DTSTART:20261101T060000Z\nDTEND:20261101T063000Z\nSUMMARY:second one o'clock",
        "DTSTART:20261102T043000Z\nDTEND:20261102T050000Z\nSUMMARY:half past eleven",
        "DTSTART:20261102T050000Z\nDTEND:20261102T060000Z\nSUMMARY:the next day",
    )
    assert [title for _, title in found(tmp_path, "2026-11-01", 1, NEW_YORK)] == [
        "first one o'clock",
        "second one o'clock",
        "half past eleven",
    ]


@pytest.mark.parametrize("zone", [SEOUL, NEW_YORK])
def test_whole_days_and_times_without_a_zone_are_those_of_whoever_looks(tmp_path: Path, zone: ZoneInfo) -> None:
    written(
        tmp_path,
        "DTSTART;VALUE=DATE:20261126\nDTEND;VALUE=DATE:20261127\nSUMMARY:추수감사절",
        "DTSTART;VALUE=DATE:20261126\nSUMMARY:하루",
        "DTSTART:20261126T030000\nDURATION:PT30M\nSUMMARY:어디서나 세 시",
    )
    assert found(tmp_path, "2026-11-26", 1, zone) == [
        ("26 00:00", "추수감사절"),
        ("26 00:00", "하루"),
        ("26 03:00", "어디서나 세 시"),
    ]
    assert found(tmp_path, "2026-11-25", 1, zone) == found(tmp_path, "2026-11-27", 1, zone) == []


def test_what_was_cancelled_is_not_on_and_what_leaves_one_free_is_told_so(tmp_path: Path) -> None:
    written(
        tmp_path,
        "DTSTART:20261126T000000Z\nSTATUS:CANCELLED\nSUMMARY:취소된 회의",
        "DTSTART;VALUE=DATE:20261126\nTRANSP:TRANSPARENT\nSUMMARY:생일",
    )
    begins = at("2026-11-26 00:00")
    (birthday,) = CalendarFiles(tmp_path, SEOUL).found(OWNER, begins, begins + timedelta(days=1)).entries
    assert (birthday.title, birthday.free) == ("생일", True)


def test_an_entry_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    files = CalendarFiles(tmp_path, SEOUL)
    made = entry("2026-11-26 15:00", title="김 부장님과 회의; 2층, 긴 제목 " * 5, description="첫 줄\n둘째 줄, 쉼표")
    assert files.add(OWNER, made, NOW)
    (read,) = files.found(OWNER, made.begins, made.ends).entries
    assert read == made


def test_an_entry_of_whole_days_is_read_back_in_a_zone_of_summer_time(tmp_path: Path) -> None:
    files = CalendarFiles(tmp_path, NEW_YORK)
    begins, ends = at("2026-11-01 00:00", NEW_YORK), at("2026-11-02 00:00", NEW_YORK)
    made = entry("2026-11-01 00:00", title="change", zone=NEW_YORK, all_day=True)
    made = type(made)(made.uid, made.title, begins, ends, all_day=True)
    files.add(OWNER, made, NOW)
    assert files.found(OWNER, begins, ends).entries == (made,)
    assert files.found(OWNER, ends, ends + timedelta(days=1)).entries == ()


def test_the_same_name_is_written_once(tmp_path: Path) -> None:
    files = CalendarFiles(tmp_path, SEOUL)
    made = entry("2026-11-26 15:00")
    assert [files.add(OWNER, made, NOW) for _ in range(3)] == [True, False, False]
    assert found(tmp_path, "2026-11-26") == [("26 15:00", "회의")]


def test_what_others_wrote_stays_in_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "DTSTART:20261126T000000Z\nSUMMARY:치과\nX-COLOUR:blue\nATTENDEE:mailto:kim@example.com")
    CalendarFiles(tmp_path, SEOUL).add(OWNER, entry("2026-11-26 15:00"), NOW)
    text = path.read_text("utf-8")
    assert "X-COLOUR:blue" in text
    assert "ATTENDEE:mailto:kim@example.com" in text
    assert "PRODID:-//somebody//else//EN" in text


def test_two_owners_have_two_calendars(tmp_path: Path) -> None:
    files = CalendarFiles(tmp_path, SEOUL)
    files.add("0123456789ab", entry("2026-11-26 15:00", title="김"), NOW)
    files.add("ba9876543210", entry("2026-11-26 15:00", title="이"), NOW)
    assert found(tmp_path, "2026-11-26", owner="0123456789ab") == [("26 15:00", "김")]
    assert found(tmp_path, "2026-11-26", owner="ba9876543210") == [("26 15:00", "이")]
    assert found(tmp_path, "2026-11-26") == []


@pytest.mark.parametrize("owner", ["", "../kim", "a/b", "kim\n", "김", "a" * 65])
def test_an_owner_that_is_no_name_of_a_file_becomes_no_path(tmp_path: Path, owner: str) -> None:
    with pytest.raises(ValueError, match="owner"):
        CalendarFiles(tmp_path, SEOUL).add(owner, entry("2026-11-26 15:00"), NOW)
    assert list(tmp_path.iterdir()) == []


def test_files_are_readable_by_their_owner_alone_and_nothing_unfinished_is_left(tmp_path: Path) -> None:
    CalendarFiles(tmp_path / "data", SEOUL).add(OWNER, entry("2026-11-26 15:00"), NOW)
    folder = tmp_path / "data" / "calendar"
    assert sorted(path.name for path in folder.iterdir()) == ["anonymous.ics", "anonymous.lock"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


BROKEN = {
    "no calendar": b"hello",
    "cut off": b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\n",
    "another component": b"BEGIN:VTODO\r\nEND:VTODO\r\n",
    "not UTF-8": "BEGIN:VCALENDAR\r\nX-A:회의\r\nEND:VCALENDAR\r\n".encode("euc-kr"),
    "two calendars": b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n" * 2,
    "no such day": b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20261340T000000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named_and_left_untouched(tmp_path: Path, name: str) -> None:
    path = written(tmp_path)
    path.write_bytes(BROKEN[name])
    before = path.stat()
    files = CalendarFiles(tmp_path, SEOUL)
    with pytest.raises(CalendarUnreadable) as read:
        files.found(OWNER, at("2026-11-01 00:00"), at("2026-12-01 00:00"))
    with pytest.raises(CalendarUnreadable):
        files.add(OWNER, entry("2026-11-26 15:00"), NOW)
    after = path.stat()
    assert read.value.file == "calendar/anonymous.ics"
    assert path.read_bytes() == BROKEN[name]
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


@pytest.mark.parametrize(
    "event",
    [
        "SUMMARY:never",
        "DTSTART:20261126T000000Z\nDTSTART:20261127T000000Z",
        "DTSTART:20261126T000000Z\nDTEND:PT1H",
        "DTSTART:20261126T000000Z\nRRULE:FREQ=NEVER",
    ],
)
def test_an_entry_that_makes_no_sense_is_told_of_too(tmp_path: Path, event: str) -> None:
    written(tmp_path, event)
    with pytest.raises(CalendarUnreadable):
        CalendarFiles(tmp_path, SEOUL).found(OWNER, at("2026-11-01 00:00"), at("2026-12-01 00:00"))


def test_a_disk_that_does_not_let_us_is_told_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "calendar").write_text("a file where the folder should be")
    with pytest.raises(CalendarUnreachable) as refused:
        CalendarFiles(tmp_path, SEOUL).add(OWNER, entry("2026-11-26 15:00"), NOW)
    assert refused.value.reason


def test_a_failure_in_the_middle_of_writing_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "DTSTART:20261126T000000Z\nSUMMARY:치과")
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CalendarUnreachable) as refused:
        CalendarFiles(tmp_path, SEOUL).add(OWNER, entry("2026-11-26 15:00"), NOW)
    assert refused.value.reason == "No space left on device"
    assert path.read_bytes() == before
    assert sorted(one.name for one in path.parent.iterdir()) == ["anonymous.ics", "anonymous.lock"]


def test_writers_at_the_same_time_lose_nothing_even_those_of_two_services(tmp_path: Path) -> None:
    def write(number: int) -> None:
        for round_number in range(5):
            made = entry("2026-11-26 15:00", title=f"{number}-{round_number}")
            CalendarFiles(tmp_path, SEOUL).add(OWNER, made, NOW)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found(tmp_path, "2026-11-26")) == 20


def test_the_zone_of_the_machine_serves_as_well(tmp_path: Path) -> None:
    files = CalendarFiles(tmp_path, None)
    begins = datetime(2026, 11, 26, 15).astimezone()
    files.add(OWNER, type(entry("2026-11-26 15:00"))("u", "회의", begins, begins + timedelta(hours=1)), NOW)
    (read,) = files.found(OWNER, begins, begins + timedelta(hours=1)).entries
    assert read.begins == begins


def test_the_libraries_are_not_loaded_before_a_calendar_is_read() -> None:
    told = "import sys, router.app; sys.exit('icalendar' in sys.modules or 'recurring_ical_events' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == 0
