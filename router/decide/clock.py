# ruff: noqa: E501 - a table: a line is a row
"""Times of day and durations in Korean and English text.

Rules of this file
- Pure. A table of patterns, the more specific first; what a row has taken, later rows do not see.
- A time is kept as it was said until the whole expression is known, because "오후 3시부터 5시" gives its 오후 to both.

What is meant where the words leave it open
- A bare hour from 1 to 6 is in the afternoon (people meet at three in the afternoon), 7 to 11 in the morning, 12 noon;
  a leading zero (03:30), 0 and 13 to 24 are the 24-hour clock.
- 밤 12시, 자정 and midnight are the end of the day that is named, so the first minute of the next; 밤 1시 to 4시 too.
- The end of a range that has no 오전 or 오후 is the first such hour after its beginning.
"""

import re
from dataclasses import dataclass
from datetime import time, timedelta

from router.decide.numerals import ENGLISH, NATIVE, SINO_WORD, number, one_of
from router.decide.patterns import lazy

AFTERNOON_BY_DEFAULT = range(1, 7)
"""Bare hours that mean the afternoon."""
LAST_HOUR_OF_NIGHT = 4
"""밤 1시 to 밤 4시 belong to the night that began on the day before."""

_MORNING = frozenset(("오전", "아침", "새벽", "am"))
_EVENING = frozenset(("오후", "저녁", "pm"))
_NOON = frozenset(("낮", "점심"))
_NIGHT = frozenset(("밤",))

_PERIOD = r"(?:(?P<period>오전|오후|아침|점심|낮|저녁|밤|새벽)\s?(?:에\s)?)"
_MERIDIEM = r"(?P<meridiem>[ap])\.?\s?m\b\.?"
_AFTER_HOUR = r"(?=(?-i:[^가-힣])|$|반|에|부터|까지|쯤|경|정각|로|으로)"
_HOUR_KO = rf"(?:(?P<hour>\d{{1,2}})\s?시(?!간)|(?P<spoken>{one_of(NATIVE)})\s?시{_AFTER_HOUR})"
_MINUTE_KO = rf"(?:\s?(?:(?P<half>반)(?!(?-i:[가-힣]))|(?P<half_tail>반)(?=에|부터|까지|쯤|경)|정각|(?P<minute>\d{{1,2}}|{SINO_WORD})\s?분))?"
_TAIL_KO = "(?P<tail>(?:쯤|경)?(?:부터|까지|에서|에는|에|의|으로|로)?)"
_HEAD_EN = r"(?:(?:at|from|between|by|until|around)\s+)?"
_EDGE = r"(?<!(?-i:[0-9A-Za-z가-힣:.]))"
_NO_MORE = r"(?![0-9A-Za-z:])"

_TIMES = tuple(
    lazy(pattern, re.IGNORECASE)
    for pattern in (
        # The first half of "3-5pm" and "3~5시".
        rf"{_EDGE}{_HEAD_EN}{_PERIOD}?(?P<hour>\d{{1,2}})(?=\s?(?:~|-|to|and)\s?\d{{1,2}}(?::\d{{2}})?\s?(?:시(?!간)|[ap]\.?m\b))",
        rf"{_EDGE}{_PERIOD}?{_HOUR_KO}{_MINUTE_KO}{_TAIL_KO}",
        rf"{_EDGE}{_HEAD_EN}{_PERIOD}?(?P<hour>\d{{1,2}}):(?P<minute>\d{{2}})(?!:?\d)(?:\s?{_MERIDIEM})?{_TAIL_KO}",
        rf"{_EDGE}{_HEAD_EN}(?:(?P<hour>\d{{1,2}})|(?P<spoken>{one_of(ENGLISH)}))\s?(?:{_MERIDIEM}|o'clock){_NO_MORE}",
        rf"{_EDGE}at\s+(?:(?P<hour>\d{{1,2}})|(?P<spoken>{one_of(ENGLISH)}))(?:\s+(?P<minute>\d{{2}}))?{_NO_MORE}",
        rf"{_EDGE}{_HEAD_EN}(?P<named>정오|자정|noon|midnight){_TAIL_KO}",
    )
)
_DURATIONS = tuple(
    lazy(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_EDGE}(?P<hours>\d{{1,2}}|{one_of(NATIVE)})\s?시간(?:\s?(?:(?P<half>반)|(?P<minutes>\d{{1,2}})\s?분))?(?:\s?동안|\s?간)?(?!\s?(?:전|후|뒤))",
        rf"{_EDGE}(?P<minutes>\d{{1,3}}|{SINO_WORD})\s?분\s?(?:동안|간)",
        rf"{_EDGE}for\s+(?P<hours>\d{{1,2}}|{one_of(ENGLISH)})\s+hours?\b",
        rf"{_EDGE}for\s+(?P<half>half)\s+an\s+hour\b",
        rf"{_EDGE}for\s+(?P<minutes>\d{{1,3}}|{one_of(ENGLISH)})\s+min(?:ute)?s?\b",
    )
)


@dataclass(frozen=True, slots=True)
class Said:
    """A time of day as it was said. `period` is the word that goes with it, in Korean or `am`, `pm`."""

    start: int
    end: int
    hour: int
    minute: int
    period: str | None
    tail: str
    zero: bool = False
    """Written with a leading zero: the 24-hour clock."""

    def at(self, period: str | None) -> tuple[time, int]:
        """The time under that period, and how many days later than the named one. ValueError: there is no such time."""
        hour, days_later = _hour_of_day(self.hour, period, self.zero)
        if hour == 24:
            hour, days_later = 0, 1
        return time(hour, self.minute), days_later


@dataclass(frozen=True, slots=True)
class Lasting:
    """A duration in the text."""

    start: int
    end: int
    duration: timedelta


def find_durations(text: str) -> tuple[Lasting, ...]:
    """Every duration in folded `text`, in the order of the table."""
    found: list[Lasting] = []
    for pattern in _DURATIONS:
        for match in pattern.finditer(text):
            fields = match.groupdict()
            minutes = number(fields.get("minutes") or "0") + (30 if fields.get("half") else 0)
            hours = number(fields.get("hours") or "0")
            found.append(Lasting(match.start(), match.end(), timedelta(hours=hours, minutes=minutes)))
        text = pattern.sub(lambda match: "\0" * len(match[0]), text)
    return tuple(found)


def find_times(text: str) -> tuple[Said, ...]:
    """Every time of day in folded `text`, in its order; they do not overlap."""
    found: list[Said] = []
    for pattern in _TIMES:
        found.extend(_said(match) for match in pattern.finditer(text))
        text = pattern.sub(lambda match: "\0" * len(match[0]), text)
    return tuple(sorted(found, key=lambda said: said.start))


def _said(match: re.Match[str]) -> Said:
    fields = match.groupdict()
    tail = fields.get("tail") or ""
    named = fields.get("named")
    if named:
        hour, period = (12, "낮") if named.lower() in {"정오", "noon"} else (12, "밤")
        return Said(match.start(), match.end(), hour, 0, period, tail)
    written = fields.get("hour") or fields["spoken"]
    half = fields.get("half") or fields.get("half_tail")
    meridiem = fields.get("meridiem")
    return Said(
        start=match.start(),
        end=match.end(),
        hour=number(written),
        minute=30 if half else number(fields.get("minute") or "0"),
        period=f"{meridiem.lower()}m" if meridiem else fields.get("period"),
        tail=tail,
        zero=written.startswith("0"),
    )


def _hour_of_day(hour: int, period: str | None, zero: bool) -> tuple[int, int]:
    """The hour of a 24-hour day (24: its end), and the days to add."""
    if hour > 12 or zero:
        return hour, 0
    if period in _MORNING:
        return hour % 12, 0
    if period in _EVENING:
        return hour % 12 + 12, 0
    if period in _NOON:
        return (hour + 12 if hour <= LAST_HOUR_OF_NIGHT else hour), 0
    if period in _NIGHT:
        return (hour % 12, 1) if hour == 12 or hour <= LAST_HOUR_OF_NIGHT else (hour + 12, 0)
    return (hour + 12 if hour in AFTERNOON_BY_DEFAULT else hour), 0
