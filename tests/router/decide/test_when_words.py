from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from router.decide.folding import fold
from router.decide.when import When, read_when
from tests.router.decide.given import NOW

SEOUL = ZoneInfo("Asia/Seoul")
NEW_YORK = ZoneInfo("America/New_York")


def read(text: str, now: datetime = NOW) -> When:
    return read_when(fold(text), now)


def days(text: str, now: datetime = NOW) -> str:
    when = read(text, now)
    assert not when.several
    assert not when.impossible
    return str(when.day) if when.day == when.last_day else f"{when.day}..{when.last_day}"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("그끄저께", "2026-11-22"),
        ("엊그제", "2026-11-23"),
        ("그글피", "2026-11-29"),
        ("어젯밤", "2026-11-24"),
        ("last night", "2026-11-24"),
        ("this morning", "2026-11-25"),
        ("tomorrow morning", "2026-11-26"),
        ("tonight", "2026-11-25"),
        ("다음 금요일", "2026-12-04"),
        ("돌아오는 금요일", "2026-11-27"),
        ("이번 주 토요일", "2026-11-28"),
        ("wednesday of next week", "2026-12-02"),
        ("next week on thursday", "2026-12-03"),
        ("this week on friday", "2026-11-27"),
        ("tomorrow thursday", "2026-11-26"),
        ("다음 주 주말", "2026-12-05..2026-12-06"),
        ("the weekend after next", "2026-12-12..2026-12-13"),
        ("for the week", "2026-11-23..2026-11-29"),
        ("for the month", "2026-11-01..2026-11-30"),
        ("for the year", "2026-01-01..2026-12-31"),
        ("21일 월요일", "2026-12-21"),
        ("thursday the 14th", "2027-01-14"),
        ("12월 3일 금요일", "2027-12-03"),
        ("march 1st 2027 monday", "2027-03-01"),
        ("saturday the fifth", "2026-12-05"),
        ("march three", "2027-03-03"),
        ("twenty one january", "2027-01-21"),
        ("third of april twenty twenty eight", "2028-04-03"),
        ("march fifth two thousand and seventeen", "2017-03-05"),
        ("october first nineteen ninety", "1990-10-01"),
        ("in two thousand and seventeen", "2017-01-01..2017-12-31"),
        ("in march", "2027-03-01..2027-03-31"),
        ("the month of january", "2027-01-01..2027-01-31"),
        ("next march", "2027-03-01..2027-03-31"),
        ("last march", "2026-03-01..2026-03-31"),
        ("this december", "2026-12-01..2026-12-31"),
        ("2027년 3월", "2027-03-01..2027-03-31"),
        ("내년 3월", "2027-03-01..2027-03-31"),
        ("이천이십오년", "2025-01-01..2025-12-31"),
        ("이천이십오년도", "2025-01-01..2025-12-31"),
        ("십월 일일", "2026-10-01"),
        ("작년", "2025-01-01..2025-12-31"),
        ("this year", "2026-01-01..2026-12-31"),
        ("march 3rd to 5th", "2027-03-03..2027-03-05"),
        ("28일부터 3일", "2026-11-28..2026-12-03"),
        ("the fifth of next month", "2026-12-05"),
        ("on the fifth", "2026-12-05"),
        ("이번 달 마지막 금요일", "2026-11-27"),
        ("last friday of the month", "2026-11-27"),
        ("the second monday of march 2027", "2027-03-08"),
        ("삼월 첫째 주", "2027-03-01..2027-03-07"),
        ("first week of march", "2027-03-01..2027-03-07"),
        ("다음 달 둘째 주", "2026-12-14..2026-12-20"),
        ("세 번째 금요일", "2026-11-20"),
        ("past week", "2026-11-19..2026-11-25"),
        ("지난 삼일", "2026-11-23..2026-11-25"),
        ("최근 1년", "2025-11-26..2026-11-25"),
        ("다음 이틀", "2026-11-25..2026-11-26"),
        ("다음 십사일간", "2026-11-25..2026-12-08"),
        ("in the last month", "2026-10-27..2026-11-25"),
        ("in the next week", "2026-11-25..2026-12-01"),
        ("지금부터 일주일", "2026-11-25..2026-12-01"),
        ("이틀 이내", "2026-11-25..2026-11-26"),
        ("from monday for three days", "2026-11-30..2026-12-02"),
        ("한 달 전", "2026-10-25"),
        ("2년 뒤", "2028-11-25"),
        ("삼일 뒤", "2026-11-28"),
        ("after two weeks", "2026-12-09"),
        ("a week from today", "2026-12-02"),
        ("월초", "2026-11-01..2026-11-10"),
        ("다음 달 중순", "2026-12-11..2026-12-20"),
        ("이번 달 말일", "2026-11-30"),
        ("3월 말", "2027-03-21..2027-03-31"),
        ("연말", "2026-12-01..2026-12-31"),
        ("연초", "2026-01-01..2026-01-31"),
        ("올해 중순", "2026-06-01..2026-07-31"),
        ("end of the year", "2026-12-01..2026-12-31"),
        ("end of the month", "2026-11-21..2026-11-30"),
        ("beginning of next month", "2026-12-01..2026-12-10"),
        ("end of the week", "2026-11-26..2026-11-27"),
        ("middle of next week", "2026-12-02..2026-12-03"),
        ("다음 주 초", "2026-11-30..2026-12-01"),
        ("주초", "2026-11-23..2026-11-24"),
        ("rest of the week", "2026-11-25..2026-11-29"),
        ("rest of this month", "2026-11-25..2026-11-30"),
        ("rest of the year", "2026-11-25..2026-12-31"),
        ("rest of the day", "2026-11-25"),
        ("작년 추석", "2025-10-06"),
        ("last christmas", "2025-12-25"),
        ("음력 2028년 1월 1일", "2028-01-27"),
        ("섣달 그믐", "2027-02-06"),
        ("음력 윤 6월 1일", "None"),
        ("the day after tomorrow", "2026-11-27"),
        ("금요일 금요일", "2026-11-27"),
    ],
)
def test_words_of_days_mean(text: str, meant: str) -> None:
    if meant == "None":
        # The coming years have no second sixth moon.
        assert read(text).impossible
    else:
        assert days(text) == meant


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        ("five hundred and thirty am", "05:30", None),
        ("at eight hundred", "08:00", None),
        ("ten past seven", "07:10", None),
        ("ten minutes to eight pm", "19:50", None),
        ("quarter past two", "14:15", None),
        ("twelve noon", "12:00", None),
        ("seven in the evening", "19:00", None),
        ("tonight at nine", "21:00", None),
        ("alarm for six", "18:00", None),
        ("alarm for six thirty", "18:30", None),
        ("저녁 약속 7시", "19:00", None),
        ("저녁에 약속 내일 7시", "19:00", None),
        ("정각 세 시", "15:00", None),
        ("세 시 정각", "15:00", None),
        ("열 두시", "12:00", None),
        ("자정 10분 전", "00:00", None),
        ("from three to five", "15:00", "17:00"),
        ("at 2pm for an hour and a half", "14:00", "15:30"),
        ("2시 30분 회의 40분", "14:30", "15:10"),
        ("영화 2시 두 시간", "14:00", "16:00"),
        ("next two hours", "10:00", "12:00"),
        ("최근 20분", "09:40", "10:00"),
        ("지난 15시간", "19:00", None),
        ("last hour", "09:00", "10:00"),
        ("50초 후", "10:00", None),
        ("thirty seconds from now", "10:00", None),
        ("한 시간 전", "09:00", None),
    ],
)
def test_words_of_times_mean(text: str, begins: str, ends: str | None) -> None:
    when = read(text)
    assert (when.begins, when.ends) == (time.fromisoformat(begins), time.fromisoformat(ends) if ends else None)


@pytest.mark.parametrize(
    "text",
    [
        "엔진 오일 교체",
        "이 일 처리해줘",
        "오늘날의 문제",
        "이 달력에서",
        "한시적 조치",
        "두시럭",
        "이번 주식",
        "the first meeting",
        "a table for six people",
        "increase the volume by ten",
        "set it to the first place",
        "at seventy percent",
        "one may think so",
        "between two four p. m.",
        "03/04/2027",
        "in the noon sun of mar",
        "email jan about it",
        "이번 다섯 시간짜리",
        "말이 이삼일 걸린다",
        "구십일 나누기 구",
        "rest of the hour",
        "for the hour",
        "next friday of the month",
        "in the this week",
        "end of the hour",
        "이번 사흘",
        "this hour",
        "last minute",
    ],
)
def test_what_only_looks_like_a_day_is_none(text: str) -> None:
    when = read(text)
    assert when.day is None
    assert not when.impossible


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("by five pm", "17:00", None),
        ("before noon", "12:00", None),
        ("until nine in the evening", "21:00", None),
        ("오전 7시 전", "07:00", None),
        ("자정 전에", "00:00", None),
        ("after six", None, "18:00"),
        ("14:30 이후", None, "14:30"),
    ],
)
def test_a_bound_is_no_beginning(text: str, before: str | None, after: str | None) -> None:
    when = read(text)
    assert when.begins is None
    assert when.before == (before and time.fromisoformat(before))
    assert when.after == (after and time.fromisoformat(after))


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("내일 3시 회의 30분 전에 알려줘", "회의 30분 전에 알려줘"),
        ("book a table for 2 at 7pm", "book a table for 2"),
        ("2 hour meeting", "2 hour meeting"),
        ("내일부터 3일간 출장", "출장"),
        ("매주 월요일 회의", "매주 회의"),
        ("회의 금요일마다", "회의 마다"),
        ("tomorrow's lunch", "lunch"),
        ("오늘오후세시회의", "회의"),
        ("30일 치과", "치과"),
        ("30일치 식단", "30일치 식단"),
        ("내일 3일간 출장", "3일간 출장"),
        ("add 7 and 8", "add 7 and 8"),
    ],
)
def test_words_that_mean_no_time_stay_in_the_text(text: str, rest: str) -> None:
    assert read(text).rest == rest


def test_a_day_that_has_passed_has_a_coming_one_where_no_year_was_said() -> None:
    assert read("7월 12일").coming == date(2027, 7, 12)
    assert read("12월 12일").coming is None
    assert read("2026년 7월 12일").coming is None
    assert read("2월 29일", datetime(2028, 3, 1, tzinfo=SEOUL)).coming is None


@pytest.mark.parametrize("text", ["12월 3일 월요일", "2027년 3월 1일 화요일", "friday the fourteenth", "28일 화요일"])
def test_a_date_that_is_not_on_the_weekday_said_does_not_exist(text: str) -> None:
    assert read(text).impossible


def test_repetition_is_told() -> None:
    assert read("매일 아침 9시").repeats
    assert read("every monday").repeats
    assert not read("monday").repeats


def test_a_morning_hour_of_today_that_has_passed_is_the_evenings() -> None:
    assert read("오늘 9시 회의").begins == time(21)
    assert read("오늘 10시 회의").begins == time(10)
    assert read("오늘 11시 회의").begins == time(11)
    assert read("내일 9시 회의").begins == time(9)
    assert read("오늘 9시부터 11시까지").begins == time(9)
    assert read("오늘 9시", NOW.replace(hour=22)).begins == time(9)


@pytest.mark.parametrize(
    ("text", "now", "meant"),
    [
        ("내일", "2026-12-31", "2027-01-01"),
        ("어제", "2027-01-01", "2026-12-31"),
        ("이번 주", "2026-12-31", "2026-12-28..2027-01-03"),
        ("이번 주", "2026-11-29", "2026-11-23..2026-11-29"),
        ("이번 주", "2026-11-30", "2026-11-30..2026-12-06"),
        ("다음 주 월요일", "2026-11-29", "2026-11-30"),
        ("다음 주 월요일", "2026-11-30", "2026-12-07"),
        ("일요일", "2026-11-29", "2026-11-29"),
        ("지난 일요일", "2026-11-29", "2026-11-22"),
        ("다음 달", "2026-12-15", "2027-01-01..2027-01-31"),
        ("지난달", "2027-01-15", "2026-12-01..2026-12-31"),
        ("한 달 뒤", "2027-01-31", "2027-02-28"),
        ("한 달 뒤", "2028-01-31", "2028-02-29"),
        ("1년 전", "2028-02-29", "2027-02-28"),
        ("내일", "2028-02-28", "2028-02-29"),
        ("내일", "2027-02-28", "2027-03-01"),
        ("31일", "2026-11-25", "2026-12-31"),
        ("30일", "2027-01-31", "2027-03-30"),
        ("1일", "2026-12-31", "2027-01-01"),
        ("설날", "2026-12-31", "2027-02-07"),
        ("추석", "2026-09-25", "2026-09-25"),
        ("추석", "2026-09-26", "2027-09-15"),
    ],
)
def test_weeks_months_and_years_end_where_they_end(text: str, now: str, meant: str) -> None:
    assert days(text, datetime.fromisoformat(f"{now}T23:59").replace(tzinfo=SEOUL)) == meant


@pytest.mark.parametrize(
    ("now", "text", "day", "begins"),
    [
        # On 8 March 2026 New York puts two o'clock forward to three, on 1 November two o'clock back to one.
        (datetime(2026, 3, 8, 1, 30, tzinfo=NEW_YORK), "in 2 hours", date(2026, 3, 8), time(4, 30)),
        (datetime(2026, 11, 1, 0, 30, tzinfo=NEW_YORK), "in 2 hours", date(2026, 11, 1), time(1, 30)),
        (datetime(2026, 11, 1, 0, 30, tzinfo=NEW_YORK), "세 시간 뒤", date(2026, 11, 1), time(2, 30)),
        (datetime(2026, 11, 25, 23, 30, tzinfo=SEOUL), "한 시간 뒤", date(2026, 11, 26), time(0, 30)),
        (datetime(2026, 3, 8, 1, 30, tzinfo=NEW_YORK), "내일 3시", date(2026, 3, 9), time(15)),
    ],
)
def test_a_duration_from_now_is_as_long_as_it_says(now: datetime, text: str, day: date, begins: time) -> None:
    when = read(text, now)
    assert (when.day, when.begins) == (day, begins)


def test_a_moment_after_the_end_of_time_is_not_read() -> None:
    then = datetime(9999, 12, 31, 23, 30, tzinfo=ZoneInfo("UTC"))
    assert read("in 2 hours", then).day is None


@pytest.mark.parametrize("text", ["30분 뒤 10분 뒤", "내일 2시간 뒤"])
def test_two_moments_are_several(text: str) -> None:
    assert read(text).several


def test_a_letter_that_grows_when_made_small_moves_nothing() -> None:
    assert read("İ 내일 3시").rest == "İ"
    assert read("İ Tomorrow").day == NOW.date() + timedelta(days=1)
