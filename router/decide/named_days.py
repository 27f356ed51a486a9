"""Days that have names: 설날, 한글날, Christmas, Thanksgiving, and when they are in a year.

Rules of this file
- Pure. A rule a day; substitute holidays are not days of their own.
- A holiday of several days (설 연휴) is a span around its middle one.
"""

from collections.abc import Callable
from datetime import date, timedelta

from router.decide.lunar import solar

Span = tuple[date, date]
Rule = Callable[[int], Span]
"""Year → first and last day. ValueError: not in that year."""

_MONDAY, _THURSDAY, _SUNDAY = 0, 3, 6


def _fixed(month: int, day: int) -> Rule:
    return lambda year: (date(year, month, day),) * 2


def _lunar(month: int, day: int, *, around: int = 0) -> Rule:
    def span(year: int) -> Span:
        middle = solar(year, month, day)
        return middle - timedelta(days=around), middle + timedelta(days=around)

    return span


def _nth(month: int, nth: int, weekday: int, *, plus: int = 0) -> Rule:
    """The nth such weekday of a month, the last for -1, and so many days later."""
    return lambda year: (nth_weekday(year, month, nth, weekday) + timedelta(days=plus),) * 2


def nth_weekday(year: int, month: int, nth: int, weekday: int) -> date:
    """The nth such weekday of a month; nth -1 is the last one. ValueError: the month has fewer."""
    if nth == -1:
        following = date(year + month // 12, month % 12 + 1, 1)
        return following - timedelta(days=(following.weekday() - weekday - 1) % 7 + 1)
    first = date(year, month, 1)
    day = first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))
    if day.month != month:
        raise ValueError(f"month {month} of {year} has fewer than {nth} of weekday {weekday}")
    return day


def _easter(plus: int = 0) -> Rule:
    """The first Sunday after the first full moon of spring, by the anonymous Gregorian computation (Meeus 1991)."""

    def span(year: int) -> Span:
        a, (b, c) = year % 19, divmod(year, 100)
        h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
        i = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
        month, day = divmod(h + i - 7 * ((a + 11 * h + 22 * i) // 451) + 114, 31)
        return (date(year, month, day + 1) + timedelta(days=plus),) * 2

    return span


_RULES: tuple[tuple[str, Rule], ...] = (
    ("신정|새해 첫날|새해첫날|new years day|new year's day|new year day", _fixed(1, 1)),
    ("설날|구정|음력설|lunar new year|korean new year|seollal", _lunar(1, 1)),
    ("설 연휴|설연휴|설날 연휴|설날연휴|구정 연휴", _lunar(1, 1, around=1)),
    ("정월 대보름|정월대보름", _lunar(1, 15)),
    ("삼일절", _fixed(3, 1)),
    ("식목일", _fixed(4, 5)),
    (
        "석가탄신일|부처님오신날|부처님 오신 날|부처님 오신날|초파일|사월초파일|buddha's birthday|buddhas birthday",
        _lunar(4, 8),
    ),
    ("근로자의 날|근로자의날|노동절|labour day", _fixed(5, 1)),
    ("어린이날|어린이 날|children's day|childrens day", _fixed(5, 5)),
    ("어버이날|어버이 날", _fixed(5, 8)),
    ("스승의 날|스승의날", _fixed(5, 15)),
    ("단오|단옷날", _lunar(5, 5)),
    ("현충일", _fixed(6, 6)),
    ("제헌절", _fixed(7, 17)),
    ("광복절|liberation day", _fixed(8, 15)),
    ("칠월 칠석|칠월칠석", _lunar(7, 7)),
    ("추석|한가위|chuseok", _lunar(8, 15)),
    ("추석 연휴|추석연휴", _lunar(8, 15, around=1)),
    ("개천절|national foundation day", _fixed(10, 3)),
    ("한글날|한글 날|hangul day|hangeul day", _fixed(10, 9)),
    ("크리스마스 이브|크리스마스이브|성탄절 이브|christmas eve|xmas eve", _fixed(12, 24)),
    ("크리스마스|성탄절|기독탄신일|christmas day|christmas|xmas", _fixed(12, 25)),
    ("섣달 그믐날|섣달그믐날", _lunar(12, -1)),
    ("new year's eve|new years eve", _fixed(12, 31)),
    ("발렌타인데이|밸런타인데이|valentine's day|valentines day|valentine day", _fixed(2, 14)),
    ("화이트데이", _fixed(3, 14)),
    ("saint patrick's day|st patrick's day|st. patrick's day|st patricks day", _fixed(3, 17)),
    ("성금요일|성 금요일|good friday", _easter(-2)),
    ("부활절|easter sunday|easter", _easter()),
    ("easter monday", _easter(1)),
    ("mother's day|mothers day", _nth(5, 2, _SUNDAY)),
    ("memorial day", _nth(5, -1, _MONDAY)),
    ("father's day|fathers day", _nth(6, 3, _SUNDAY)),
    ("juneteenth", _fixed(6, 19)),
    ("independence day|fourth of july|4th of july", _fixed(7, 4)),
    ("labor day", _nth(9, 1, _MONDAY)),
    ("columbus day", _nth(10, 2, _MONDAY)),
    ("할로윈데이|할로윈|핼러윈|halloween", _fixed(10, 31)),
    ("veterans day|veteran's day", _fixed(11, 11)),
    ("추수감사절|thanksgiving day|thanksgiving", _nth(11, 4, _THURSDAY)),
    ("black friday", _nth(11, 4, _THURSDAY, plus=1)),
    ("martin luther king day|mlk day", _nth(1, 3, _MONDAY)),
    ("presidents day|president's day|presidents' day", _nth(2, 3, _MONDAY)),
)

RULES: tuple[Rule, ...] = tuple(rule for _, rule in _RULES)
NAMED_DAYS: dict[str, int] = {name: at for at, (names, _) in enumerate(_RULES) for name in names.split("|")}
"""Name → place of its rule in `RULES`."""


def named_day(place: int, today: date, year: int | None = None, *, past: bool = False) -> Span:
    """That holiday: of a year, else the coming one (today included), or for `past` the one before today."""
    rule = RULES[place]
    if year is not None:
        return rule(year)
    years = (today.year, today.year - 1) if past else (today.year - 1, today.year, today.year + 1)
    spans = [rule(each) for each in years]
    if past:
        return next(span for span in spans if span[1] < today)
    # The year before too: the last days of a lunar year lie in the next of ours.
    return next(span for span in spans if span[1] >= today)
