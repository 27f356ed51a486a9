from datetime import date, timedelta

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decide.lunar import solar
from router.decide.named_days import NAMED_DAYS, RULES, named_day, nth_weekday

YEARS = range(2000, 2051)
"""The library that is compared with is exact for these, and the table of moons ends with them."""
KOREAN = {
    "신정": "신정연휴",
    "설날": "설날",
    "삼일절": "삼일절",
    "어린이날": "어린이날",
    "석가탄신일": "부처님오신날|석가탄신일",
    "현충일": "현충일",
    "광복절": "광복절",
    "개천절": "개천절",
    "추석": "추석",
    "크리스마스": "기독탄신일",
}
AMERICAN = {
    "memorial day": "Memorial Day",
    "independence day": "Independence Day",
    "labor day": "Labor Day",
    "columbus day": "Columbus Day",
    "veterans day": "Veterans Day",
    "thanksgiving": "Thanksgiving Day",
    "martin luther king day": "Martin Luther King Jr. Day",
    "presidents day": "Washington's Birthday",
    "christmas": "Christmas Day",
}


def of(name: str, year: int) -> date:
    """The first day of a holiday in a year."""
    return RULES[NAMED_DAYS[name]](year)[0]


@pytest.mark.parametrize(("ours", "theirs"), KOREAN.items())
def test_a_korean_holiday_is_when_the_almanac_says(ours: str, theirs: str) -> None:
    almanac = holidays.country_holidays("KR", years=YEARS, language="ko")
    for year in YEARS:
        assert any(name in almanac[of(ours, year)] for name in theirs.split("|"))


@pytest.mark.parametrize(("ours", "theirs"), AMERICAN.items())
def test_an_american_holiday_is_when_the_almanac_says(ours: str, theirs: str) -> None:
    almanac = holidays.country_holidays("US", years=YEARS)
    for year in YEARS:
        assert theirs in almanac[of(ours, year)]


def test_easter_is_when_the_almanac_says() -> None:
    almanac = holidays.country_holidays("DE", years=YEARS, language="en_US")
    for year in YEARS:
        assert "Good Friday" in almanac[of("good friday", year)]
        assert of("easter", year) == of("good friday", year) + timedelta(days=2)
        assert of("easter monday", year) == of("easter", year) + timedelta(days=1)


def test_a_holiday_of_several_days_is_around_its_middle_one() -> None:
    assert RULES[NAMED_DAYS["추석 연휴"]](2026) == (date(2026, 9, 24), date(2026, 9, 26))


@pytest.mark.parametrize("name", NAMED_DAYS)
def test_a_holiday_without_a_year_is_the_coming_one_and_with_past_the_one_before(name: str) -> None:
    today = date(2026, 11, 25)
    place = NAMED_DAYS[name]
    coming, past = named_day(place, today), named_day(place, today, past=True)
    assert past[1] < today <= coming[1]
    assert timedelta(days=350) < coming[0] - past[0] < timedelta(days=390)
    assert named_day(place, coming[1]) == coming
    assert named_day(place, today, 2028) == RULES[place](2028)


def test_the_last_day_of_a_lunar_year_lies_in_the_next_of_ours() -> None:
    assert solar(2025, 12, -1) == date(2026, 2, 16)
    assert named_day(NAMED_DAYS["섣달그믐날"], date(2026, 2, 1))[0] == date(2026, 2, 16)


@pytest.mark.parametrize(
    ("year", "month", "day", "leap", "there"),
    [
        (2026, 8, 15, False, date(2026, 9, 25)),
        (2025, 6, 1, True, date(2025, 7, 25)),
        (2026, 1, -1, False, date(2026, 3, 18)),
        (2026, 2, -1, False, date(2026, 4, 16)),
    ],
)
def test_a_lunar_date_has_its_day(year: int, month: int, day: int, leap: bool, there: date) -> None:
    assert solar(year, month, day, leap=leap) == there


@pytest.mark.parametrize(("year", "month", "day"), [(2026, 2, 31), (2051, 1, 1), (2026, 13, 1)])
def test_a_lunar_date_that_does_not_exist_has_none(year: int, month: int, day: int) -> None:
    with pytest.raises(ValueError, match="no such lunar date"):
        solar(year, month, day)


@given(st.integers(1900, 2199), st.integers(1, 12), st.integers(0, 6))
def test_the_last_weekday_of_a_month_is_its_fourth_or_fifth(year: int, month: int, weekday: int) -> None:
    last = nth_weekday(year, month, -1, weekday)
    assert (last.month, last.weekday()) == (month, weekday)
    assert last - nth_weekday(year, month, 4, weekday) in {timedelta(), timedelta(days=7)}


def test_a_fifth_friday_that_a_month_lacks_is_none() -> None:
    with pytest.raises(ValueError, match="fewer"):
        nth_weekday(2026, 11, 5, 4)
