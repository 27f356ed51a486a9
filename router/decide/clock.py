"""Times of day, durations and moments from now: how words of time are put together to name some.

Rules of this file
- Pure. A table of (sentence of kinds, reader), as in `dates`.
- A time is kept as it was said until the whole expression is known, because "오후 3시부터 5시" gives its 오후 to both.

What is meant where the words leave it open
- A bare hour from 1 to 6 is in the afternoon (people meet at three in the afternoon), 7 to 11 in the morning, 12 noon;
  a leading zero (03:30), 0 and 13 to 24 are the 24-hour clock. `When.bare_hour` tells that this rule was needed.
- 밤 12시, 자정 and midnight are the end of the day that is named, so the first minute of the next; 밤 1시 to 4시 too.
- The end of a range that has no 오전 or 오후 is the first such hour after its beginning.
- "5시 10분 전" is ten to five; with half an hour and more it is "before".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from typing import NamedTuple

from router.decide.time_words import AM, DAY, HOUR, KIND, NIGHT, NOON, PM, WEEK, Token

AFTERNOON_BY_DEFAULT = range(1, 7)
"""Bare hours that mean the afternoon."""
MORNING_BY_DEFAULT = range(7, 12)
"""Bare hours that mean the morning."""
LAST_HOUR_OF_NIGHT = 4
"""밤 1시 to 밤 4시 belong to the night that began on the day before."""
MOST_MINUTES_TO = 29
"""Of "N시 M분 전"."""

_HOUR, _MINUTES, _HALF = KIND["hour"], KIND["minutes"], KIND["half"]
_PAST = frozenset((KIND["recent"], KIND["past"]))


class Said(NamedTuple):
    """A time of day as it was said. `part` is the part of the day that goes with it."""

    hour: int
    minute: int = 0
    part: int | None = None
    zero: bool = False
    """Written with a leading zero: the 24-hour clock."""
    weak: bool = False
    """A bare number, a time only as the end of a range."""
    lone: bool = False
    """A bare number after "for", a time only where no other is said: else it counts people."""
    minutes_early: int = 0
    """Of "N시 M분 전"."""

    @property
    def bare(self) -> bool:
        """Whether its half of the day was left open."""
        return self.part is None and not self.zero and 1 <= self.hour < 12

    def at(self, part: int | None) -> tuple[time, int]:
        """The time in that part of the day, and how many days later than the named one. ValueError: no such time."""
        hour, days_later = _hour_of_day(self.hour, part, self.zero)
        if hour == 24:
            hour, days_later = 0, days_later + 1
        said = time(hour, self.minute)
        minutes = said.hour * 60 + said.minute - self.minutes_early
        days, minutes = divmod(minutes, 24 * 60)
        return time(*divmod(minutes, 60)), days_later + days


@dataclass(frozen=True, slots=True)
class Lasting:
    """A duration. Weak: without a word like 동안 or "for" it may be about something else."""

    duration: timedelta
    weak: bool = False


@dataclass(frozen=True, slots=True)
class DaysLasting:
    """A duration of days."""

    days: int


@dataclass(frozen=True, slots=True)
class FromNow:
    """A moment so much later than now; negative: earlier."""

    later: timedelta


@dataclass(frozen=True, slots=True)
class AroundNow:
    """The time from then to now (negative), or from now to then."""

    later: timedelta


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the day without an hour."""

    part: int


Timely = Said | Lasting | DaysLasting | FromNow | AroundNow | Part
Reader = Callable[[Sequence[Token]], Timely | None]


def _values(tokens: Sequence[Token], *kinds: str) -> list[int]:
    wanted = [KIND[kind] for kind in kinds]
    return [token.values[0] for token in tokens if token.kind in wanted]


def _part(tokens: Sequence[Token]) -> int | None:
    parts = _values(tokens, "meridiem", "part")
    return parts[0] if parts else None


def _hour(tokens: Sequence[Token]) -> Said:
    hour, minute, zero, early = 0, 0, 0, False
    for token in tokens:
        if token.kind == _HOUR:
            hour, zero = token.values
        elif token.kind == _MINUTES:
            minute = token.values[0]
        elif token.kind == _HALF:
            minute = 30
        elif token.kind == KIND["ago"]:
            early = True
    if early and 0 < minute <= MOST_MINUTES_TO:
        return Said(hour, 0, _part(tokens), bool(zero), minutes_early=minute)
    return Said(hour, minute, _part(tokens), bool(zero))


def _clock(tokens: Sequence[Token]) -> Said:
    hour, minute, zero = next(token.values for token in tokens if token.kind == KIND["clock"])
    return Said(hour, minute, _part(tokens), bool(zero))


def _numbers(tokens: Sequence[Token]) -> Said | None:
    """None for "two four p. m.": nobody says minutes so, and it may be two times."""
    numbers = _values(tokens, "number")
    if len(numbers) > 1 and numbers[1] < 10:
        return None
    first = next(token for token in tokens if token.kind == KIND["number"])
    zero = first.values[1] == 1
    return Said(numbers[0], numbers[1] if len(numbers) > 1 else 0, _part(tokens), zero)


def _bare_numbers(tokens: Sequence[Token]) -> Said | None:
    """None for "at seventy": that is no hour, and none that does not exist."""
    said = _numbers(tokens)
    return said if said is not None and said.hour <= 24 and said.minute < 60 else None


def _free_number(tokens: Sequence[Token]) -> Said | None:
    """ "set an alarm for six"; None for "a table for six people"."""
    number = next(token for token in tokens if token.kind == KIND["number"])
    said = _bare_numbers(tokens) if number.values[2] and number.values[0] <= 12 else None
    return said and said._replace(lone=True)


def _weak_numbers(tokens: Sequence[Token]) -> Said | None:
    said = _bare_numbers(tokens)
    return said and said._replace(weak=True)


def _hundred(tokens: Sequence[Token]) -> Said | None:
    """ "five hundred and thirty am", "one thousand two hundred p. m.": how some write what they heard."""
    numbers = _values(tokens, "number")
    return Said(numbers[0], numbers[1] if len(numbers) > 1 else 0, _part(tokens))


def _past(tokens: Sequence[Token]) -> Said:
    """ "half past nine", "ten past seven", "quarter to six"."""
    numbers = _values(tokens, "number")
    if KIND["half"] in {token.kind for token in tokens}:
        minutes = 30
    elif KIND["quarter"] in {token.kind for token in tokens}:
        minutes = 15
    else:
        minutes = (_values(tokens, "minutes") or numbers)[0]
    early = KIND["range"] in {token.kind for token in tokens}
    hour = numbers[-1]
    if early:
        return Said(hour, 0, _part(tokens), minutes_early=minutes)
    return Said(hour, minutes, _part(tokens))


def _named(tokens: Sequence[Token]) -> Said:
    return Said(12, 0, _values(tokens, "named")[0])


def _duration(tokens: Sequence[Token]) -> timedelta:
    hours, minutes, seconds = (sum(_values(tokens, kind)) for kind in ("hours", "minutes", "seconds"))
    half = 30 if any(token.kind == _HALF for token in tokens) else 0
    return timedelta(hours=hours, minutes=minutes + half, seconds=seconds)


def _lasting(tokens: Sequence[Token]) -> Lasting:
    return Lasting(_duration(tokens))


def _weakly_lasting(tokens: Sequence[Token]) -> Lasting:
    return Lasting(_duration(tokens), weak=True)


def _days_lasting(tokens: Sequence[Token]) -> DaysLasting | None:
    days = _values(tokens, "day", "weak_day")
    if days:
        return DaysLasting(days[0])
    number, unit = next(token.values for token in tokens if token.kind == KIND["count"])
    return DaysLasting(number * {DAY: 1, WEEK: 7}[unit]) if unit in {DAY, WEEK} else None


def _from_now(tokens: Sequence[Token]) -> FromNow:
    return FromNow(_duration(tokens))


def _before_now(tokens: Sequence[Token]) -> FromNow:
    return FromNow(-_duration(tokens))


def _around_now(tokens: Sequence[Token]) -> AroundNow | None:
    units = _values(tokens, "unit")
    length = _duration(tokens)
    if units:
        length = timedelta(hours=1 if units[0] == HOUR else 0)
    away = _values(tokens, "away")
    if not length or away == [0]:
        return None
    is_past = away == [-1] or any(token.kind in _PAST for token in tokens)
    return AroundNow(-length if is_past else length)


def _part_alone(tokens: Sequence[Token]) -> Part:
    return Part(_values(tokens, "part")[0])


def _hour_of_day(hour: int, part: int | None, zero: bool) -> tuple[int, int]:
    """The hour of a 24-hour day (24: its end), and the days to add."""
    if hour > 12 or zero:
        return hour, 0
    if part == AM:
        return hour % 12, 0
    if part == PM:
        return hour % 12 + 12, 0
    if part == NOON:
        return (hour + 12 if hour <= LAST_HOUR_OF_NIGHT else hour), 0
    if part == NIGHT:
        return (hour % 12, 1) if hour == 12 or hour <= LAST_HOUR_OF_NIGHT else (hour + 12, 0)
    return (hour + 12 if hour in AFTERNOON_BY_DEFAULT else hour), 0


_AT = "(?:at|until|before|later)"
_TO = "(?: range | and | until )"
_IN_PART = "(?: (?:in|at|on)? the? part )"
_NUMBER = "number number?+"
_LENGTH = "(?: hours (?: and? the? half | and? minutes )? | minutes | seconds )"

TIMES: tuple[tuple[str, Reader], ...] = (
    ("(?:at|from)? part? of? hour (?:half|minutes(?!lasting)|sharp)? (?:ago|later)?", _hour),
    ("part? (?:at|from)? plain? hour (?:half|minutes(?!lasting)|sharp)? (?:ago|later)?", _hour),
    # The first half of "3~5시" and "3-5pm", "from 3 to 5".
    ("part? number (?= (?:range|from|and) hour )", _numbers),
    (f"(?:at|from)? {_NUMBER} (?= {_TO} {_NUMBER} (?: meridiem | oclock | (?:in|at) the? part ) )", _numbers),
    (f"from {_NUMBER} (?= {_TO} number )", _numbers),
    (f"{_AT}? part? clock (?:meridiem|later|ago)? {_IN_PART}?", _clock),
    (f"(?:{_AT}|for)? {_NUMBER} meridiem", _numbers),
    (f"(?:{_AT}|for|from)? number oclock (?: meridiem | {_IN_PART} )?", _numbers),
    (f"(?:{_AT}|for|from)? number hundred (?: and? number )? meridiem", _hundred),
    (f"{_AT} number hundred (?: and? number )?", _hundred),
    (f"{_AT}? half past number meridiem? {_IN_PART}?", _past),
    (f"{_AT}? (?:number|minutes|quarter|the? quarter) past number meridiem? {_IN_PART}?", _past),
    (f"{_AT}? (?:minutes|quarter|the? quarter) range number meridiem? {_IN_PART}?", _past),
    (f"(?:{_AT}|for)? {_NUMBER} (?:in|at) the? part", _numbers),
    (f"{_AT} {_NUMBER} part", _numbers),
    (f"part {_AT} {_NUMBER} (?! unit | hundred | meridiem | oclock | {_TO} number )", _bare_numbers),
    (f"{_AT} {_NUMBER} (?! unit | hundred | month | maybe_month | and half )", _bare_numbers),
    ("for number number", _bare_numbers),
    ("for number (?! unit | hundred | month | maybe_month | and half | ordinal | at )", _free_number),
    (f"(?<= [{''.join(KIND[kind] for kind in ('range', 'and', 'until'))}] ) {_NUMBER}", _weak_numbers),
    (f"{_AT}? number? named hour? (?:ago|later)?", _named),
    (f"(?:recent|past|ahead|away) {_LENGTH} (?:lasting|within|between)?", _around_now),
    ("(?:recent|past|away) unit", _around_now),
    (f"(?:for|in)? (?: now from? )? {_LENGTH} (?:later|from near)", _from_now),
    (f"(?:in|later) {_LENGTH} (?!ago|later|range)", _from_now),
    (f"{_LENGTH} ago", _before_now),
    (f"{_LENGTH} lasting", _lasting),
    (f"for {_LENGTH}", _lasting),
    ("for half the hours", _lasting),
    (f"{_LENGTH}", _weakly_lasting),
    ("(?:count|day|weak_day) lasting", _days_lasting),
    ("for count", _days_lasting),
    ("(?<= [" + KIND["from"] + "] ) count", _days_lasting),
    ("(?: in the )? part", _part_alone),
)
"""Sentence of kinds → its reader."""
