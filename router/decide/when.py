"""When: the days and times of a message put together.

Rules of this file
- Pure. `now` carries the zone and is an argument; nothing here knows what the time is for.
- What does not exist (2월 30일, 25시) is told in `impossible`; what cannot be one answer (three days in one message) is
  told in `several`. Neither is guessed away.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from router.decide.clock import Lasting, Said, find_durations, find_times
from router.decide.dates import FoundDays, find_days
from router.decide.patterns import lazy

_JOINTS = lazy(r"\s*(?:~|-|to|until|till|through|and|부터|에서)?\s*", re.IGNORECASE)
WEEK = timedelta(days=7)
_BEGINNINGS = ("부터", "에서")
_LATER = lazy(r"(?<!(?-i:[0-9A-Za-z가-힣]))(?P<count>\d{1,3})\s?(?P<unit>시간|분)\s?(?:후|뒤|있다가)에?", re.IGNORECASE)
_IN = lazy(r"\bin\s+(?P<count>\d{1,3})\s+(?P<unit>hour|minute)s?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class When:
    """Days and times of one message, in the zone of `now`.

    `last_day` is the same as `day` for a single one; both None where no day is named. `ends` only where an end was said
    or follows from a duration, and always later than `begins`. `rest` is the folded text without the words read.
    """

    day: date | None = None
    last_day: date | None = None
    begins: time | None = None
    ends: time | None = None
    rest: str = ""
    impossible: tuple[str, ...] = ()
    several: bool = False


def read_when(text: str, now: datetime) -> When:
    """The days and times in folded `text`, seen from `now`. Total: any text has an answer."""
    later = _LATER.search(text) or _IN.search(text)
    if later:
        return _from_now(text, later, now)
    lasting = find_durations(text)
    left = _without(text, [(found.start, found.end) for found in lasting])
    days = find_days(left, now.date())
    left = _without(left, [(found.start, found.end) for found in days])
    times = find_times(left)
    rest = _without(left, [(found.start, found.end) for found in times])
    rest = _without_joints(rest, text, days) if len(days) > 1 else rest
    rest = _without_joints(rest, text, times) if len(times) > 1 else rest
    when = _with_times(_with_days(When(rest=" ".join(rest.split())), text, days), text, times)
    return _with_duration(when, lasting)


def _from_now(text: str, found: re.Match[str], now: datetime) -> When:
    unit = "hours" if found["unit"].lower() in {"시간", "hour"} else "minutes"
    at = now + timedelta(**{unit: int(found["count"])})
    rest = " ".join(_without(text, [found.span()]).split())
    return When(at.date(), at.date(), at.time().replace(second=0, microsecond=0, tzinfo=None), None, rest)


def _with_days(when: When, text: str, days: Sequence[FoundDays]) -> When:
    impossible = tuple(text[found.start : found.end].strip() for found in days if found.span is None)
    spans = [found.span for found in days if found.span is not None]
    if impossible or not spans:
        return replace(when, impossible=impossible)
    first, last = spans[0], spans[-1]
    if len(spans) == 1:
        return replace(when, day=first[0], last_day=first[1])
    if len(spans) == 2 and _joined(text, days[0], days[1]):
        # "월요일부터 금요일까지" said on a Wednesday: the Friday after that Monday.
        end = last[1] + WEEK if first[0] - WEEK < last[1] < first[0] else last[1]
        if first[0] <= end:
            return replace(when, day=first[0], last_day=end)
    return replace(when, day=first[0], last_day=first[1], several=True)


def _with_times(when: When, text: str, times: Sequence[Said]) -> When:
    if not times:
        return when
    first = times[0]
    second = times[1] if len(times) == 2 and _joined(text, first, times[1]) else None
    when = replace(when, several=when.several or (len(times) > 1 and second is None))
    try:
        start, days_later = _start(first, second)
        end = _end(second, start) if second else None
    except ValueError:
        return replace(when, impossible=(*when.impossible, text[first.start : (second or first).end].strip()))
    when = replace(when, begins=start, ends=end)
    return _moved(when, days_later)


def _start(first: Said, second: Said | None) -> tuple[time, int]:
    """The beginning: under its own period, else under the end's if that comes before the end, else as a bare hour."""
    if first.period is None and second is not None and second.period is not None:
        end, _ = second.at(second.period)
        borrowed, days_later = first.at(second.period)
        if borrowed < end:
            return borrowed, days_later
        start, days_later = first.at("am")
        if start < end:
            return start, days_later
    return first.at(first.period)


def _end(said: Said, start: time) -> time | None:
    """The first such hour after `start`; None when the range would cross midnight."""
    periods = (said.period,) if said.period is not None else ("am", "pm")
    ends = sorted(end for end, days_later in map(said.at, periods) if end > start and not days_later)
    return ends[0] if ends else None


def _moved(when: When, days_later: int) -> When:
    if not days_later or when.day is None or when.last_day is None:
        return when
    shift = timedelta(days=days_later)
    return replace(when, day=when.day + shift, last_day=when.last_day + shift)


def _with_duration(when: When, lasting: Sequence[Lasting]) -> When:
    if when.begins is None or when.ends is not None or len(lasting) != 1:
        return when
    begin = datetime.combine(date.min, when.begins)
    end = begin + lasting[0].duration
    return replace(when, ends=end.time()) if end.date() == begin.date() and end > begin else when


def _joined(text: str, first: FoundDays | Said, second: FoundDays | Said) -> bool:
    between = text[first.end : second.start]
    return _JOINTS.fullmatch(between) is not None and (bool(between.strip()) or first.tail.endswith(_BEGINNINGS))


def _without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """`text` with those places blank, of the same length, so that places found later still fit."""
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def _without_joints(rest: str, text: str, found: Sequence[FoundDays | Said]) -> str:
    gaps = [(a.end, b.start) for a, b in pairwise(found) if _joined(text, a, b)]
    return _without(rest, gaps)
