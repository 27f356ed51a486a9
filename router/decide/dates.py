# ruff: noqa: E501 - a table: a line is a row
"""Days in Korean and English text, relative to a given day.

Rules of this file
- Pure. A table of (pattern, reader), the more specific first: what a row has taken, later rows do not see.
- A reader returns the first and the last day that it means. It may raise ValueError or OverflowError: then the
  words name a day that does not exist (2월 30일), which is told, never bent into another day.

What is meant where the words leave it open
- A week runs from Monday to Sunday; "this", "next" and "last" count whole weeks. "다음 주 금요일" and "next Friday" are the
  Friday of next week; a bare weekday is the next one, today included; "지난 금요일" is the one before today.
- A month and day without a year are of this year, or of the next when more than half a year has passed since.
- A bare day of the month is of this month, or of the next when it has passed.
- "최근 7일" are seven days with today the last, "앞으로 7일" seven with today the first; a month counts 30 days there.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from router.decide.numerals import DAY_COUNTS, ENGLISH, MONTHS, NATIVE, SINO_WORD, number, one_of
from router.decide.patterns import lazy

Span = tuple[date, date]
Reader = Callable[[re.Match[str], date], Span]

HALF_A_YEAR = timedelta(days=183)
"""Further back than this, a date without a year is taken to be the coming one."""

YEARS = range(1900, 2200)
"""Years that people make appointments and look for mail in; others are slips of the pen."""

_WEEKDAYS_KO = "월화수목금토일"
_WEEKDAYS_EN = (
    "mon(?:day)?",
    "tue(?:s(?:day)?)?",
    "wed(?:nesday)?",
    "thu(?:r(?:s(?:day)?)?)?",
    "fri(?:day)?",
    "saturday",
    "sunday",
)
_MONTHS_EN = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_EN = "(?P<month>" + "|".join(f"{month}[a-z]*" for month in _MONTHS_EN) + r")\.?"

# How many weeks, months or years away the word before 주, 달, week, month or year lies.
_AWAY = {
    **dict.fromkeys(("이번", "금", "this"), 0),
    **dict.fromkeys(("다음", "담", "오는", "next"), 1),
    "다다음": 2,
    **dict.fromkeys(("지난", "저번", "last"), -1),
    "지지난": -2,
}
_WORDS_KO = {
    "그저께": -2,
    "그제": -2,
    "어제": -1,
    "오늘": 0,
    "금일": 0,
    "내일": 1,
    "명일": 1,
    "모레": 2,
    "내일모레": 2,
    "글피": 3,
}
_WORDS_EN = {
    "day before yesterday": -2,
    "yesterday": -1,
    "today": 0,
    "tonight": 0,
    "tomorrow": 1,
    "day after tomorrow": 2,
}
_YEARS_KO = {"재작년": -2, "작년": -1, "올해": 0, "금년": 0, "내년": 1, "후년": 2}

_AWAY_KO = "(?P<away>" + "|".join(sorted((word for word in _AWAY if word >= "가"), key=len, reverse=True)) + ")"
_AWAY_EN = "(?P<away>this|next|last)"
_WEEKDAY_KO = f"(?P<weekday>[{_WEEKDAYS_KO}])(?:요일|욜)"
_WEEKDAY_EN = "(?P<weekday>" + "|".join(_WEEKDAYS_EN) + ")"
_COUNT_KO = rf"(?:(?P<count>\d{{1,4}}|{one_of(NATIVE)}|{SINO_WORD})\s?(?P<unit>일|주일?|개월|달|년)|(?P<days>{one_of(DAY_COUNTS)}))"
_COUNT_EN = rf"(?:(?P<count>\d{{1,4}}|{one_of(ENGLISH)})\s+)?(?P<unit>day|week|month|year)s?"
_MONTH_KO = rf"(?P<month>\d{{1,2}}|{one_of(MONTHS)})\s?월"
_DAY_KO = rf"(?P<day>\d{{1,2}}|{SINO_WORD})\s?일"
_UNIT_DAYS = {
    "일": 1,
    "주": 7,
    "주일": 7,
    "개월": 30,
    "달": 30,
    "년": 365,
    "day": 1,
    "week": 7,
    "month": 30,
    "year": 365,
}
_WEEKDAY_SUFFIX = rf"(?:\s?\(?[{_WEEKDAYS_KO}](?:요일|욜)\)?|\s?\([{_WEEKDAYS_KO}]\))?"


def _one(day: date) -> Span:
    return day, day


def _counted_days(found: re.Match[str]) -> int:
    fields = found.groupdict()
    if fields.get("days"):
        return number(fields["days"])
    return number(fields["count"] or "1") * _UNIT_DAYS[fields["unit"].lower()]


def _month_span(today: date, months_away: int) -> Span:
    first = _shifted_month(today, months_away)
    return first, _shifted_month(first, 1) - timedelta(days=1)


def _shifted_month(today: date, months_away: int) -> date:
    years, month = divmod(today.month - 1 + months_away, 12)
    return date(today.year + years, month + 1, 1)


def _of_year(today: date, month: int, day: int) -> date:
    try:
        this_year = today.replace(month=month, day=day)
    except ValueError:
        # 29 February: of the next year when that has one.
        return date(today.year + 1, month, day)
    return this_year if today - this_year <= HALF_A_YEAR else date(today.year + 1, month, day)


def _full(found: re.Match[str], _today: date) -> Span:
    return _one(date(int(found["year"]), number(found["month"]), number(found["day"])))


def _year_word_and_day(found: re.Match[str], today: date) -> Span:
    return _one(date(today.year + _YEARS_KO[found["year"]], number(found["month"]), number(found["day"])))


def _month_and_day(found: re.Match[str], today: date) -> Span:
    return _one(_of_year(today, number(found["month"]), number(found["day"])))


def _english_month_and_day(found: re.Match[str], today: date) -> Span:
    month = _MONTHS_EN.index(found["month"][:3].lower()) + 1
    if found["year"]:
        return _one(date(int(found["year"]), month, number(found["day"])))
    return _one(_of_year(today, month, number(found["day"])))


def _days_of_month(found: re.Match[str], today: date) -> Span:
    first = _of_year(today, number(found["month"]), number(found["day"]))
    return first, first.replace(day=number(found["day_to"]))


def _month(found: re.Match[str], today: date) -> Span:
    return _month_span(_of_year(today, number(found["month"]), 1), 0)


def _day_of_month(found: re.Match[str], today: date) -> Span:
    day = number(found["day"])
    first = _shifted_month(today, 0 if day >= today.day else 1)
    return _one(first.replace(day=day))


def _day_of_month_away(found: re.Match[str], today: date) -> Span:
    return _one(_shifted_month(today, _AWAY[found["away"]]).replace(day=number(found["day"])))


def _month_away(found: re.Match[str], today: date) -> Span:
    return _month_span(today, _AWAY[found["away"].lower()])


def _week_away(found: re.Match[str], today: date) -> Span:
    monday = _monday(today, _AWAY[found["away"].lower()])
    return monday, monday + timedelta(days=6)


def _weekend_away(found: re.Match[str], today: date) -> Span:
    monday = _monday(today, _AWAY[(found["away"] or "this").lower()])
    return monday + timedelta(days=5), monday + timedelta(days=6)


def _weekday_of_week(found: re.Match[str], today: date) -> Span:
    return _one(_monday(today, _AWAY[found["away"].lower()]) + timedelta(days=_weekday(found)))


def _weekday_before(found: re.Match[str], today: date) -> Span:
    return _one(today - timedelta(days=(today.weekday() - _weekday(found) - 1) % 7 + 1))


def _weekday_ahead(found: re.Match[str], today: date) -> Span:
    return _one(today + timedelta(days=(_weekday(found) - today.weekday()) % 7))


def _monday(today: date, weeks_away: int) -> date:
    return today + timedelta(days=7 * weeks_away - today.weekday())


def _weekday(found: re.Match[str]) -> int:
    name = found["weekday"].lower()
    if name in _WEEKDAYS_KO:
        return _WEEKDAYS_KO.index(name)
    return next(index for index, full in enumerate(_WEEKDAYS_EN) if full.startswith(name[:3]))


def _past_days(found: re.Match[str], today: date) -> Span:
    return today - timedelta(days=_counted_days(found) - 1), today


def _coming_days(found: re.Match[str], today: date) -> Span:
    return today, today + timedelta(days=_counted_days(found) - 1)


def _days_ago(found: re.Match[str], today: date) -> Span:
    return _one(today - timedelta(days=_counted_days(found)))


def _days_later(found: re.Match[str], today: date) -> Span:
    return _one(today + timedelta(days=_counted_days(found)))


def _named_day(found: re.Match[str], today: date) -> Span:
    name = re.sub(r"\s+", " ", found["name"].lower())
    return _one(today + timedelta(days=(_WORDS_KO | _WORDS_EN)[name]))


_TAIL_KO = "(?P<tail>부터|까지|에서|에는|엔|에|은|는|의|날|으로|로)?"
_HEAD_EN = r"(?:(?:on|from|between|by|for|in|of|until|the)\s+){0,2}"

_KOREAN: tuple[tuple[str, Reader], ...] = (
    (rf"(?P<year>\d{{4}})\s?년\s?{_MONTH_KO}\s?{_DAY_KO}{_WEEKDAY_SUFFIX}", _full),
    (rf"(?P<year>\d{{4}})([-./])\s?(?P<month>\d{{1,2}})\2\s?(?P<day>\d{{1,2}})(?!\d)\.?{_WEEKDAY_SUFFIX}", _full),
    (rf"(?P<year>{'|'.join(_YEARS_KO)})\s?{_MONTH_KO}\s?{_DAY_KO}{_WEEKDAY_SUFFIX}", _year_word_and_day),
    (
        r"(?P<month>\d{1,2})\s?월\s?(?P<day>\d{1,2})\s?일?\s?(?:부터|에서|~|-)\s?(?P<day_to>\d{1,2})\s?일",
        _days_of_month,
    ),
    (rf"{_MONTH_KO}\s?{_DAY_KO}{_WEEKDAY_SUFFIX}", _month_and_day),
    (rf"(?P<month>\d{{1,2}})/(?P<day>\d{{1,2}})(?![\d/]){_WEEKDAY_SUFFIX}", _month_and_day),
    (rf"(?:최근|지난|요)\s?{_COUNT_KO}(?:간|\s?동안|\s?사이)?", _past_days),
    (rf"(?:앞으로|향후)\s?{_COUNT_KO}(?:간|\s?동안)?", _coming_days),
    (rf"{_COUNT_KO}\s?(?:후|뒤|이후)", _days_later),
    (rf"{_COUNT_KO}\s?(?:이?전)", _days_ago),
    (rf"{_AWAY_KO}\s?달\s?(?P<day>\d{{1,2}})\s?일{_WEEKDAY_SUFFIX}", _day_of_month_away),
    (rf"{_AWAY_KO}\s?달", _month_away),
    (rf"{_AWAY_KO}\s?주\s?{_WEEKDAY_KO}", _weekday_of_week),
    (rf"(?:{_AWAY_KO}\s?)?주말", _weekend_away),
    (rf"{_AWAY_KO}\s?주(?!\s?(?:년|식|소|문|제|기))(?:\s?중에?)?", _week_away),
    (rf"(?:지난|저번)\s?{_WEEKDAY_KO}", _weekday_before),
    (rf"(?:이번\s?|오는\s?|다가오는\s?)?{_WEEKDAY_KO}", _weekday_ahead),
    (rf"(?P<name>{'|'.join(sorted(_WORDS_KO, key=len, reverse=True))})", _named_day),
    (rf"{_MONTH_KO}(?!\s?\d)(?=(?-i:[^가-힣])|$|부터|까지|에|의|은|는|중|일정)(?:\s?중에?)?", _month),
    (r"(?P<day>\d{1,2})일(?!\s?(?:간|동안|치|차|째|이내|내|안))", _day_of_month),
)
_ENGLISH: tuple[tuple[str, Reader], ...] = (
    (rf"{_MONTH_EN}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<year>\d{{4}}))?", _english_month_and_day),
    (rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH_EN}(?:,?\s+(?P<year>\d{{4}}))?", _english_month_and_day),
    (r"(?P<name>day\s+after\s+tomorrow|day\s+before\s+yesterday)", _named_day),
    (rf"(?:last|past|recent)\s+(?=\S+\s+\w+s\b|\d){_COUNT_EN}", _past_days),
    (rf"(?:past)\s+{_COUNT_EN}", _past_days),
    (rf"next\s+(?=\S+\s+\w+s\b|\d){_COUNT_EN}", _coming_days),
    (rf"{_COUNT_EN}\s+ago", _days_ago),
    (rf"in\s+(?=\S+\s){_COUNT_EN}", _days_later),
    (rf"{_COUNT_EN}\s+(?:from\s+now|later)", _days_later),
    (rf"{_AWAY_EN}\s+month(?:'s)?", _month_away),
    (rf"(?:{_AWAY_EN}\s+)?weekend(?:'s)?", _weekend_away),
    (rf"{_AWAY_EN}\s+week(?:'s)?", _week_away),
    (rf"last\s+{_WEEKDAY_EN}", _weekday_before),
    (rf"(?P<away>next)\s+{_WEEKDAY_EN}", _weekday_of_week),
    (rf"(?:this\s+|coming\s+)?{_WEEKDAY_EN}(?:'s)?", _weekday_ahead),
    (r"(?P<name>yesterday|today|tonight|tomorrow)(?:'s)?", _named_day),
)
_TABLE = (
    *((lazy(rf"(?<!(?-i:[0-9A-Za-z가-힣/.-])){row}{_TAIL_KO}", re.IGNORECASE), reader) for row, reader in _KOREAN),
    *(
        (lazy(rf"(?<!(?-i:[0-9A-Za-z가-힣/.-])){_HEAD_EN}{row}(?P<tail>)(?![0-9A-Za-z])", re.IGNORECASE), reader)
        for row, reader in _ENGLISH
    ),
)


@dataclass(frozen=True, slots=True)
class FoundDays:
    """Words that name days: where they stand, what they mean (None: no such day), and the particle after them."""

    start: int
    end: int
    span: Span | None
    tail: str


def find_days(text: str, today: date) -> tuple[FoundDays, ...]:
    """Every expression for days in folded `text`, in its order; they do not overlap."""
    found: list[FoundDays] = []
    left = text
    for pattern, reader in _TABLE:
        found.extend(
            FoundDays(match.start(), match.end(), _span(reader, match, today), match["tail"] or "")
            for match in pattern.finditer(left)
        )
        left = pattern.sub(lambda match: "\0" * len(match[0]), left)
    return tuple(sorted(found, key=lambda days: days.start))


def _span(reader: Reader, match: re.Match[str], today: date) -> Span | None:
    try:
        span = reader(match, today)
    except (ValueError, OverflowError):
        return None
    return span if all(day.year in YEARS for day in span) else None
