from dataclasses import fields, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.decide.folding import fold
from router.decide.phrases import find
from router.decide.time_words import YEARS
from router.decide.when import Reading, When, read_when
from tests.router.decide.given import NOW


def days(text: str) -> tuple[str, str]:
    when = read_when(fold(text), NOW)
    return str(when.day), str(when.last_day)


def times(text: str) -> tuple[str, str]:
    when = read_when(fold(text), NOW)
    return str(when.begins)[:5], str(when.ends)[:5]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("오늘", "2026-11-25"),
        ("오늘일정", "2026-11-25"),
        ("내일은", "2026-11-26"),
        ("모레", "2026-11-27"),
        ("내일모레", "2026-11-27"),
        ("글피", "2026-11-28"),
        ("어제", "2026-11-24"),
        ("그저께", "2026-11-23"),
        ("금요일", "2026-11-27"),
        ("수요일", "2026-11-25"),
        ("화욜", "2026-12-01"),
        ("지난 수요일", "2026-11-18"),
        ("이번 주 월요일", "2026-11-23"),
        ("다음주 화요일", "2026-12-01"),
        ("다다음 주 월요일", "2026-12-07"),
        ("12월 3일", "2026-12-03"),
        ("12월 3일(목)", "2026-12-03"),
        ("시월 삼일", "2026-10-03"),
        ("유월 이십일일", "2026-06-21"),
        ("3월 2일", "2027-03-02"),
        ("11월 24일", "2026-11-24"),
        ("2026년 12월 1일", "2026-12-01"),
        ("내년 3월 2일", "2027-03-02"),
        ("2026-12-01", "2026-12-01"),
        ("2026.12.01", "2026-12-01"),
        ("12/1", "2026-12-01"),
        ("15일", "2026-12-15"),
        ("25일", "2026-11-25"),
        ("다음 달 5일", "2026-12-05"),
        ("3일 뒤", "2026-11-28"),
        ("사흘 후", "2026-11-28"),
        ("일주일 전", "2026-11-18"),
        ("2주 후", "2026-12-09"),
        ("2028년 2월 29일", "2028-02-29"),
        ("today", "2026-11-25"),
        ("tomorrow's", "2026-11-26"),
        ("the day after tomorrow", "2026-11-27"),
        ("Monday", "2026-11-30"),
        ("next Friday", "2026-12-04"),
        ("last wednesday", "2026-11-18"),
        ("on December 3rd", "2026-12-03"),
        ("3 March 2027", "2027-03-03"),
        ("the 5th of march", "2027-03-05"),
        ("in 3 days", "2026-11-28"),
        ("two weeks ago", "2026-11-11"),
        ("a week from now", "2026-12-02"),
    ],
)
def test_a_day_is_read(text: str, day: str) -> None:
    assert days(text) == (day, day)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("이번주", "2026-11-23", "2026-11-29"),
        ("다음 주에", "2026-11-30", "2026-12-06"),
        ("지난주", "2026-11-16", "2026-11-22"),
        ("주말", "2026-11-28", "2026-11-29"),
        ("다음주말", "2026-12-05", "2026-12-06"),
        ("이번 달", "2026-11-01", "2026-11-30"),
        ("다음달", "2026-12-01", "2026-12-31"),
        ("12월 일정", "2026-12-01", "2026-12-31"),
        ("최근 3일", "2026-11-23", "2026-11-25"),
        ("최근 일주일", "2026-11-19", "2026-11-25"),
        ("지난 7일간", "2026-11-19", "2026-11-25"),
        ("최근 한 달", "2026-10-27", "2026-11-25"),
        ("앞으로 3일", "2026-11-25", "2026-11-27"),
        ("12월 1일부터 12월 3일까지", "2026-12-01", "2026-12-03"),
        ("12월 25일부터 28일까지", "2026-12-25", "2026-12-28"),
        ("12/25~12/28", "2026-12-25", "2026-12-28"),
        ("3월부터 5월까지", "2027-03-01", "2027-05-31"),
        ("월요일부터 금요일까지", "2026-11-30", "2026-12-04"),
        ("this week", "2026-11-23", "2026-11-29"),
        ("next month", "2026-12-01", "2026-12-31"),
        ("this weekend", "2026-11-28", "2026-11-29"),
        ("last 7 days", "2026-11-19", "2026-11-25"),
        ("past week", "2026-11-19", "2026-11-25"),
        ("next 3 days", "2026-11-25", "2026-11-27"),
        ("from monday to friday", "2026-11-30", "2026-12-04"),
    ],
)
def test_a_span_of_days_is_read(text: str, first: str, last: str) -> None:
    assert days(text) == (first, last)


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        ("3시", "15:00", "None"),
        ("1시", "13:00", "None"),
        ("6시", "18:00", "None"),
        ("7시", "07:00", "None"),
        ("11시", "11:00", "None"),
        ("12시", "12:00", "None"),
        ("0시", "00:00", "None"),
        ("15시", "15:00", "None"),
        ("03:30", "03:30", "None"),
        ("3:30", "15:30", "None"),
        ("14:00", "14:00", "None"),
        ("오전 3시", "03:00", "None"),
        ("오후 3시 반", "15:30", "None"),
        ("3시 반에", "15:30", "None"),
        ("두 시 반부터 네 시 반까지", "14:30", "16:30"),
        ("10시30분", "10:30", "None"),
        ("열한 시 이십분에", "11:20", "None"),
        ("세시에", "15:00", "None"),
        ("아침 7시", "07:00", "None"),
        ("저녁 7시 반", "19:30", "None"),
        ("새벽 2시", "02:00", "None"),
        ("낮 12시", "12:00", "None"),
        ("점심 1시", "13:00", "None"),
        ("낮 11시", "11:00", "None"),
        ("밤 9시", "21:00", "None"),
        ("밤 12시", "00:00", "None"),
        ("정오", "12:00", "None"),
        ("자정", "00:00", "None"),
        ("2시부터 4시까지", "14:00", "16:00"),
        ("오후 3시부터 5시", "15:00", "17:00"),
        ("3~5시", "15:00", "17:00"),
        ("10시부터 1시까지", "10:00", "13:00"),
        ("오전 10시-오후 2시", "10:00", "14:00"),
        ("밤 10시부터 밤 12시까지", "22:00", "None"),
        ("3시 두 시간 동안", "15:00", "17:00"),
        ("3시 1시간 30분", "15:00", "16:30"),
        ("3시 50분간", "15:00", "15:50"),
        ("23시 2시간 동안", "23:00", "None"),
        ("3pm", "15:00", "None"),
        ("10:30am", "10:30", "None"),
        ("nine p. m.", "21:00", "None"),
        ("at 3", "15:00", "None"),
        ("at nine", "09:00", "None"),
        ("noon", "12:00", "None"),
        ("midnight", "00:00", "None"),
        ("12am", "00:00", "None"),
        ("from 3 to 5pm", "15:00", "17:00"),
        ("9-11pm", "21:00", "23:00"),
        ("10 to 1pm", "10:00", "13:00"),
        ("from 4 to 2pm", "04:00", "14:00"),
        ("5시부터 오전 3시까지", "17:00", "None"),
        ("at 2 pm for 30 minutes", "14:00", "14:30"),
        ("at 2 pm for half an hour", "14:00", "14:30"),
        ("at 2 pm for two hours", "14:00", "16:00"),
        ("3시간 회의", "None", "None"),
    ],
)
def test_times_are_read(text: str, begins: str, ends: str) -> None:
    assert times(text) == (begins, ends)


@pytest.mark.parametrize("text", ["오늘 밤 12시", "오늘 자정", "오늘 밤 1시", "tonight at midnight", "오늘 24시"])
def test_midnight_and_after_belong_to_the_next_day(text: str) -> None:
    assert days(text) == ("2026-11-26", "2026-11-26")


@pytest.mark.parametrize(
    ("text", "day", "begins"),
    [
        ("2시간 뒤 회의", "2026-11-25", "12:00"),
        ("30분 후", "2026-11-25", "10:30"),
        ("in 15 hours", "2026-11-26", "01:00"),
        ("in 20 minutes", "2026-11-25", "10:20"),
    ],
)
def test_a_time_from_now_has_its_day(text: str, day: str, begins: str) -> None:
    assert (days(text)[0], times(text)[0]) == (day, begins)


@pytest.mark.parametrize(
    "text", ["2월 30일", "2026년 13월 1일", "2026-02-29", "내일 25시", "3시 75분", "31월", "9999-01-01", "40~41일"]
)
def test_what_does_not_exist_is_told_and_not_bent(text: str) -> None:
    when = read_when(text, NOW)
    assert when.impossible
    assert "25시" in text or "75분" in text or when.day is None


@pytest.mark.parametrize(
    "text", ["내일 모레 글피", "내일 회의 금요일 회식", "3시 회의 5시 회식", "12월 28일부터 12월 3일까지"]
)
def test_more_than_one_answer_is_told(text: str) -> None:
    assert read_when(text, NOW).several


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("내일 3시에 팀 회의", "팀 회의"),
        ("다음 주 화요일 2시부터 4시까지 회의", "회의"),
        ("오후 3시 - 5시 회의", "회의"),
        ("meeting with Bob tomorrow from 3 to 5pm", "meeting with Bob"),
        ("이번주 금요일로 피크닉", "피크닉"),
        ("저녁 약속", "저녁 약속"),
        ("이번 주식 시장", "이번 주식 시장"),
        ("3일간 출장", "3일간 출장"),
    ],
)
def test_what_is_not_read_stays(text: str, rest: str) -> None:
    assert read_when(fold(text), NOW).rest == rest


def test_a_leap_day_without_a_year_is_of_the_next_year_that_may_have_it() -> None:
    then = datetime(2027, 6, 1, tzinfo=ZoneInfo("UTC"))
    assert read_when("2월 29일", then).day == date(2028, 2, 29)


_PIECES_OF_TIME = """
오늘 내일 모레 이번 다음 지난 주 주말 달 월 화요일 금요일 2월 30일 31일 3 12 25 99 시 분 반 시간 동안 부터 까지 에서
사이 말 초
~ - / : 오전 오후 밤 12시 자정 최근 앞으로 일 전 후 년 2026 0000 1900 2199 시월 삼 이십 음력 그믐 추석 올해 매주
첫째 마지막
next last monday may 31 to at pm am for hours ago in days noon 윤 회의 the fifth of march half past two end between and
from two thousand christmas every tonight morning hundred o'clock quarter week minutes later
"""
_PIECES = st.sampled_from(_PIECES_OF_TIME.split())
_NOWS = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis puts the zone on
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(ZoneInfo("Asia/Seoul")),
)


@settings(deadline=None)
@given(st.lists(_PIECES, max_size=9).map("".join) | st.lists(_PIECES, max_size=9).map(" ".join) | st.text(), _NOWS)
@example("2199-12-31 밤 12시", NOW)
@example("최근 9999년", NOW)
def test_any_text_gives_days_and_times_that_exist_and_follow_each_other(text: str, now: datetime) -> None:
    when = read_when(fold(text), now)
    if when.day is not None:
        assert when.last_day is not None
        assert when.day <= when.last_day
        assert when.day.year in YEARS or when.day == date(2200, 1, 1)
    if when.ends is not None:
        assert isinstance(when.begins, time)
        assert when.begins < when.ends


_UNHURRIED = settings(deadline=None)
"""The first message compiles the grammar, and the first holiday loads the table of moons."""
_TEXTS = st.lists(_PIECES, max_size=9).map(" ".join) | st.lists(_PIECES, max_size=9).map("".join)


@_UNHURRIED
@given(_TEXTS, _NOWS)
@example("회의 from monday until the 5th", NOW)
@example("for tonight 오늘오후세시까지", NOW)
def test_what_is_found_stands_where_it_says_and_nowhere_twice(text: str, now: datetime) -> None:
    folded = fold(text)
    _, found = find(folded, now.date())
    end = 0
    for phrase in found:
        assert 0 <= phrase.start < phrase.end <= len(folded)
        # "tonight" is a day and a part of it.
        assert phrase.start >= end or phrase.end == end
        assert folded[phrase.start : phrase.end].strip() == folded[phrase.start : phrase.end]
        end = phrase.end


@_UNHURRIED
@given(_TEXTS, _NOWS)
def test_what_is_read_does_not_depend_on_how_it_is_written(text: str, now: datetime) -> None:
    folded = fold(text)
    assert read_when(folded, now) == read_when(fold(folded), now)
    shouted, said = (replace(read_when(each, now), rest="", impossible=()) for each in (folded.upper(), folded))
    assert shouted == said


_WEEKDAYS = st.sampled_from(
    ["금요일", "이번 주 화요일", "다음 주 월요일", "지난 일요일", "next friday", "last monday", "tuesday"]
)


@_UNHURRIED
@given(_WEEKDAYS, _NOWS, st.integers(-100, 100))
def test_weeks_later_the_same_weekday_is_weeks_later(text: str, now: datetime, weeks: int) -> None:
    day, later = read_when(text, now).day, read_when(text, now + timedelta(weeks=weeks)).day
    assert day is not None
    assert later == day + timedelta(weeks=weeks)


@_UNHURRIED
@given(_NOWS)
def test_a_week_is_seven_days_from_monday_and_holds_today(now: datetime) -> None:
    when = read_when("이번 주", now)
    assert when.day is not None
    assert when.last_day is not None
    assert (when.day.weekday(), (when.last_day - when.day).days) == (0, 6)
    assert when.day <= now.date() <= when.last_day


def test_a_reading_has_the_fields_of_what_it_becomes() -> None:
    assert Reading._fields == tuple(field.name for field in fields(When))
    assert Reading()._asdict() == {field.name: getattr(When(), field.name) for field in fields(When)}


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("오늘 날씨 어때", "날씨 어때"),
        ("내일 이메일", "이메일"),
        ("이번 주말에 이벤트", "이벤트"),
        ("목요일 한시 은미 점심", "은미 점심"),
        ("다섯 시 도서관", "도서관"),
        ("내일 반장 선거", "반장 선거"),
        ("내일 3시 반에 치과", "치과"),
    ],
)
def test_a_word_that_begins_like_a_particle_stays_whole(text: str, rest: str) -> None:
    assert read_when(fold(text), NOW).rest == rest
