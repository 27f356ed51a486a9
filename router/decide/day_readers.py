"""What words of time that stand together name: the readers of the table in `dates`.

Rules of this file
- Pure. A reader is given the tokens of its row and today, and returns the first and the last day, or None where they
  mean no day after all. ValueError or OverflowError: there is no such day.
- What is meant where the words leave it open is told in `dates`.
"""

from collections.abc import Sequence
from datetime import date

from router.decide.calendar_days import (
    Span,
    edge_of,
    first_of_month,
    monday,
    month_of,
    months_later,
    of_near_month,
    of_near_year,
    one,
    plus,
    weekday_ahead,
    weekday_before,
    year_of,
)
from router.decide.lunar import solar
from router.decide.named_days import named_day, nth_weekday
from router.decide.time_words import DAY, KIND, MONTH, WEEK, YEAR, Token

_MAY = 5
_MONTHS_FOR_A_WEEKDAY = 3
"""How far "friday the thirteenth" is looked for."""
_UNIT_DAYS = {DAY: 1, WEEK: 7, MONTH: 30, YEAR: 365}
_AWAY_UNITS = (("away_week", WEEK), ("away_month", MONTH), ("away_year", YEAR))
_DAY_NAMES = ("day", "weak_day", "ordinal", "number")
_MONTH_NAMES = ("month", "maybe_month")
_YEAR_NAMES = ("year", "bare_year", "year_or_count")
_NAMES = {character: name for name, character in KIND.items()}


def value(tokens: Sequence[Token], *kinds: str) -> int | None:
    """The first number of the first token of one of these kinds."""
    for token in tokens:
        if _NAMES[token.kind] in kinds:
            return token.values[0]
    return None


def _has(tokens: Sequence[Token], kind: str) -> bool:
    return any(token.kind == KIND[kind] for token in tokens)


def _needed(tokens: Sequence[Token], *kinds: str) -> int:
    """As `value`, where the row has one."""
    return next(token.values[0] for token in tokens if _NAMES[token.kind] in kinds)


def _year(tokens: Sequence[Token], today: date) -> int | None:
    written = value(tokens, *_YEAR_NAMES)
    if written is not None:
        return written + 2000 if written < 100 else written
    away = value(tokens, "away_year")
    return None if away is None else today.year + away


def full_date(tokens: Sequence[Token], _today: date) -> Span:
    (year, month, day) = tokens[0].values
    return one(date(year, month, day))


def slash(tokens: Sequence[Token], today: date) -> Span:
    return one(of_near_year(today, *tokens[0].values))


def month_and_day(tokens: Sequence[Token], today: date) -> Span | None:
    month, day = _needed(tokens, *_MONTH_NAMES), _needed(tokens, *_DAY_NAMES)
    year = _year(tokens, today)
    if year is not None:
        return one(_on_weekday(tokens, [date(year, month, day)]))
    near = of_near_year(today, month, day)
    # Whoever says the weekday as well may mean another year than the nearest.
    years = (near.year, near.year + 1, near.year - 1) if _has(tokens, "weekday") else (near.year,)
    return one(_on_weekday(tokens, [near.replace(year=each) for each in years]))


def _on_weekday(tokens: Sequence[Token], candidates: Sequence[date]) -> date:
    """The first candidate that is on the weekday said, or simply the first. ValueError: none is."""
    weekday = value(tokens, "weekday")
    found = next((each for each in candidates if weekday in {None, each.weekday()}), None)
    if found is None:
        raise ValueError("that day is no such weekday")
    return found


def number_and_month(tokens: Sequence[Token], today: date) -> Span | None:
    # "one may think" is no date.
    said = {_NAMES[token.kind] for token in tokens}
    unsure = _needed(tokens, *_MONTH_NAMES) == _MAY and not said & {"of", *_YEAR_NAMES}
    unsure = unsure and _needed(tokens, "number") == 1
    return None if unsure else month_and_day(tokens, today)


def days_of_month(tokens: Sequence[Token], today: date) -> Span:
    day, day_to = [token.values[0] for token in tokens if _NAMES[token.kind] in _DAY_NAMES]
    month = value(tokens, *_MONTH_NAMES)
    first = of_near_month(today, day) if month is None else of_near_year(today, month, day)
    if day_to < day and month is None:
        return first, first_of_month(first, 1).replace(day=day_to)
    return first, first.replace(day=day_to)


def month(tokens: Sequence[Token], today: date) -> Span:
    month, year, away = _needed(tokens, *_MONTH_NAMES), _year(tokens, today), value(tokens, "away")
    if year is not None:
        return month_of(date(year, month, 1))
    if away is not None and away < 0:
        return month_of(date(today.year - (month >= today.month), month, 1))
    if away is not None and away > 0:
        return month_of(date(today.year + (month <= today.month), month, 1))
    return month_of(of_near_year(today, month, 1))


def year_alone(tokens: Sequence[Token], today: date) -> Span | None:
    year = _year(tokens, today)
    return None if year is None else year_of(year)


def day_of_month(tokens: Sequence[Token], today: date) -> Span | None:
    day = _needed(tokens, *_DAY_NAMES)
    if day > 31:
        return None
    near = of_near_month(today, day)
    if not _has(tokens, "weekday"):
        return one(near)
    months = (month_of(first_of_month(near, later)) for later in range(_MONTHS_FOR_A_WEEKDAY))
    return one(_on_weekday(tokens, [first.replace(day=day) for first, last in months if day <= last.day]))


def free_ordinal(tokens: Sequence[Token], today: date) -> Span | None:
    ordinal = next(token for token in tokens if token.kind == KIND["ordinal"])
    return day_of_month(tokens, today) if ordinal.values[1] else None


def this_unit(tokens: Sequence[Token], today: date) -> Span | None:
    """ "for the week"."""
    first = monday(today, 0)
    whole = {WEEK: (first, plus(first, 6)), MONTH: month_of(today), YEAR: year_of(today.year)}
    return whole.get(_needed(tokens, "unit"))


def day_of_month_away(tokens: Sequence[Token], today: date) -> Span:
    return one(first_of_month(today, _needed(tokens, "away_month")).replace(day=_needed(tokens, *_DAY_NAMES)))


def month_away(tokens: Sequence[Token], today: date) -> Span:
    return month_of(first_of_month(today, _needed(tokens, "away_month")))


def week_away(tokens: Sequence[Token], today: date) -> Span:
    first = monday(today, _needed(tokens, "away_week"))
    return first, plus(first, 6)


def weekend(tokens: Sequence[Token], today: date) -> Span:
    first = monday(today, value(tokens, "away_week", "weekend") or 0)
    return plus(first, 5), plus(first, 6)


def weekday_of_week(tokens: Sequence[Token], today: date) -> Span:
    return one(plus(monday(today, _needed(tokens, "away_week")), _needed(tokens, "weekday")))


def weekday(tokens: Sequence[Token], today: date) -> Span:
    away, weekday = value(tokens, "away"), _needed(tokens, "weekday")
    if away is not None and away < 0:
        return one(weekday_before(today, weekday))
    if away is not None and away > 0:
        return one(plus(monday(today, away), weekday))
    return one(weekday_ahead(today, weekday))


def weekday_of_month(tokens: Sequence[Token], today: date) -> Span | None:
    nth, weekday = value(tokens, "nth", "ordinal"), _needed(tokens, "weekday")
    if nth is None:
        if _needed(tokens, "away") >= 0:
            return None
        nth = -1
    month = value(tokens, *_MONTH_NAMES)
    if month is None:
        first = first_of_month(today, value(tokens, "away_month") or 0)
        return one(nth_weekday(first.year, first.month, nth, weekday))
    year = _year(tokens, today) or of_near_year(today, month, 1).year
    return one(nth_weekday(year, month, nth, weekday))


def nth_week(tokens: Sequence[Token], today: date) -> Span:
    """The nth week with a Monday in the month; the last for -1."""
    month, nth = value(tokens, *_MONTH_NAMES), _needed(tokens, "nth", "ordinal")
    first = first_of_month(today, value(tokens, "away_month") or 0) if month is None else of_near_year(today, month, 1)
    start = nth_weekday(first.year, first.month, nth, 0)
    return start, plus(start, 6)


def _counted(tokens: Sequence[Token]) -> int:
    days = value(tokens, "day", "weak_day")
    if days is not None:
        return days
    years = value(tokens, "year_or_count")
    if years is not None:
        return years * _UNIT_DAYS[YEAR]
    if not _has(tokens, "count"):
        return _UNIT_DAYS.get(_needed(tokens, "unit"), 1)
    number, unit = next(token.values for token in tokens if token.kind == KIND["count"])
    return number * _UNIT_DAYS[unit]


def recent(tokens: Sequence[Token], today: date) -> Span:
    return plus(today, 1 - _counted(tokens)), today


def ahead(tokens: Sequence[Token], today: date) -> Span:
    return today, plus(today, _counted(tokens) - 1)


def recent_or_ahead(tokens: Sequence[Token], today: date) -> Span | None:
    away = _needed(tokens, "away")
    if away < 0:
        return recent(tokens, today)
    # "다음 3일" may be the third of next month.
    unsure = away == 0 or (_has(tokens, "day") and not _has(tokens, "lasting"))
    return None if unsure else ahead(tokens, today)


def _moved(tokens: Sequence[Token], today: date, sign: int) -> Span:
    """So many months and days away: 한 달 이틀 뒤 is two."""
    months = 12 * (value(tokens, "year_or_count") or 0)
    days = value(tokens, "day", "weak_day") or 0
    for token in tokens:
        if token.kind == KIND["near"]:
            days += sign * token.values[0]
        elif token.kind == KIND["count"]:
            number, unit = token.values
            months += number * {MONTH: 1, YEAR: 12}.get(unit, 0)
            days += number * {DAY: 1, WEEK: 7}.get(unit, 0)
    return one(plus(months_later(today, sign * months), sign * days))


def later(tokens: Sequence[Token], today: date) -> Span:
    return _moved(tokens, today, 1)


def ago(tokens: Sequence[Token], today: date) -> Span:
    return _moved(tokens, today, -1)


def near(tokens: Sequence[Token], today: date) -> Span:
    return one(plus(today, value(tokens, "near") or 0))


def near_for(tokens: Sequence[Token], today: date) -> Span:
    first = plus(today, value(tokens, "near") or 0)
    return first, plus(first, _counted(tokens) - 1)


def in_the_last(tokens: Sequence[Token], today: date) -> Span | None:
    """ "in the last week": the seven days up to now."""
    unit, away = next((unit, value(tokens, kind)) for kind, unit in _AWAY_UNITS if _has(tokens, kind))
    if away == 0:
        return None
    days = _UNIT_DAYS[unit] - 1
    return (plus(today, -days), today) if away == -1 else (today, plus(today, days))


def day_of_part(tokens: Sequence[Token], today: date) -> Span:
    """Of "this morning"."""
    return one(plus(today, _needed(tokens, "away")))


def edge(tokens: Sequence[Token], today: date) -> Span | None:
    edge = _needed(tokens, "edge")
    if value(tokens, *_MONTH_NAMES) is not None:
        return edge_of(month(tokens, today), edge)
    if value(tokens, "away_year") is not None or value(tokens, "unit") == YEAR:
        return edge_of(year_of(_year(tokens, today) or today.year), edge)
    if value(tokens, "away_month") is not None or value(tokens, "unit") == MONTH:
        return edge_of(month_of(first_of_month(today, value(tokens, "away_month") or 0)), edge)
    if value(tokens, "away_week") is not None or value(tokens, "unit") == WEEK:
        first = monday(today, value(tokens, "away_week") or 0)
        return edge_of((first, plus(first, 6)), edge)
    return None


def edge_word(tokens: Sequence[Token], today: date) -> Span:
    edge = _needed(tokens, "edge_word")
    if edge <= 3:
        return edge_of(month_of(today), edge)
    first = monday(today, 0)
    return edge_of(year_of(today.year), edge - 3) if edge <= 6 else edge_of((first, plus(first, 6)), 1)


def rest(tokens: Sequence[Token], today: date) -> Span | None:
    unit = value(tokens, "unit")
    if unit == WEEK or _has(tokens, "away_week"):
        return today, plus(monday(today, 0), 6)
    if unit == MONTH or _has(tokens, "away_month"):
        return today, month_of(today)[1]
    if unit == YEAR or _has(tokens, "away_year"):
        return today, year_of(today.year)[1]
    return one(today) if unit == DAY else None


def holiday(tokens: Sequence[Token], today: date) -> Span:
    past = (value(tokens, "away") or 0) < 0
    return named_day(_needed(tokens, "holiday"), today, _year(tokens, today), past=past)


def lunar(tokens: Sequence[Token], today: date) -> Span:
    month = _needed(tokens, "month", "moon_month")
    day = _needed(tokens, "moon_day", "count", "day", "weak_day")
    leap, year = _has(tokens, "leap"), _year(tokens, today)
    if year is not None:
        return one(solar(year, month, day, leap=leap))
    for each in range(today.year - 1, today.year + 4):
        try:
            there = solar(each, month, day, leap=leap)
        except ValueError:
            continue
        if there >= today:
            return one(there)
    raise ValueError("no such lunar date in the coming years")
