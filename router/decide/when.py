"""When: the days and times of a message put together.

Rules of this file
- Pure. `now` carries the zone and is an argument; nothing here knows what the time is for.
- What does not exist (2월 30일, 25시) is told in `impossible`; what cannot be one answer (three days in one message) is
  told in `several`. Neither is guessed away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from router.decide.calendar_days import Span, of_near_month
from router.decide.clock import MORNING_BY_DEFAULT, AroundNow, DaysLasting, FromNow, Lasting, Part, Said
from router.decide.phrases import Days, Found, Phrase, find, joined, kinds_of, those
from router.decide.time_words import AM, KIND, PM

WEEK = timedelta(days=7)
_REPEAT, _FROM, _AFTER = KIND["repeat"], KIND["from"], KIND["later"]
_BEFORE = kinds_of("before ago by until")


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
    bare_hour: bool = False
    """Whether 오전 or 오후 of `begins` was left open, and `clock`'s rule decided: 1 to 6 is the afternoon, 7 to 11 the
    morning, or the evening where today is named and that morning hour has passed."""
    repeats: bool = False
    """Whether the message speaks of every week, of Mondays: `day` is the next of them."""
    before: time | None = None
    """The bound of "before three" and "3시까지", with no beginning said."""
    after: time | None = None
    """The bound of "after three" and "3시 이후"."""
    lasts: timedelta | None = None
    """The duration that was said."""
    coming: date | None = None
    """The next such day, where `day` has passed and no year was said: what somebody means who plans."""

    @property
    def is_bounded(self) -> bool:
        """Whether more is said than days and a beginning can hold: a bound, or that it repeats."""
        return self.before is not None or self.after is not None or self.repeats


class Reading(NamedTuple):
    """A `When` in the making: the same fields, because copies of a tuple cost a tenth."""

    day: date | None = None
    last_day: date | None = None
    begins: time | None = None
    ends: time | None = None
    rest: str = ""
    impossible: tuple[str, ...] = ()
    several: bool = False
    bare_hour: bool = False
    repeats: bool = False
    before: time | None = None
    after: time | None = None
    lasts: timedelta | None = None
    coming: date | None = None


def read_when(text: str, now: datetime) -> When:
    """The days and times in folded `text`, seen from `now`. Total: any text has an answer."""
    return When(*_read(text, now))


def _read(text: str, now: datetime) -> Reading:
    kinds, found = find(text, now.date())
    when = Reading(repeats=_REPEAT in kinds)
    if not found:
        return when._replace(rest=" ".join(text.split()))
    days, times = those(found, Days), _times(kinds, found)
    moments: list[FromNow | AroundNow] = [each.meaning for each in those(found, FromNow)]
    moments += [each.meaning for each in those(found, AroundNow)]
    if days or times:
        # "내일 3시 회의 30분 전에 알려줘": before that, and not before now.
        moments = [each for each in moments if isinstance(each, AroundNow) or each.later > timedelta()]
    if moments:
        when = _with_moment(when, moments[0], now)
        when = when._replace(several=bool(days or times) or len(moments) > 1)
    else:
        when = _with_days(when, text, kinds, days, now.date())
        when = _with_days_lasting(when, kinds, days, those(found, DaysLasting))
        when = _with_times(when, text, kinds, times, found)
        when = _with_duration(_later_today(when, times, now), those(found, Lasting))
    return when._replace(rest=_rest(text, kinds, found, when))


def _times(kinds: str, found: Sequence[Phrase]) -> list[Found[Said]]:
    """The times of day, without bare numbers that are none."""
    times: list[Found[Said]] = []
    for each in those(found, Said):
        if not each.meaning.weak or (times and joined(kinds, times[-1], each)):
            times.append(each)
    return [each for each in times if not each.meaning.lone] or times[:1]


def _with_moment(when: Reading, meaning: FromNow | AroundNow, now: datetime) -> Reading:
    try:
        # Through UTC: in two hours is two hours later, also in the night when the clock is put forward.
        at = (now.astimezone(UTC) + meaning.later).astimezone(now.tzinfo)
    except OverflowError:
        return when
    if isinstance(meaning, FromNow):
        return when._replace(day=at.date(), last_day=at.date(), begins=_minute(at))
    first, last = (at, now) if meaning.later < timedelta() else (now, at)
    ends = _minute(last) if first.date() == last.date() and _minute(first) < _minute(last) else None
    return when._replace(day=first.date(), last_day=last.date(), begins=_minute(first), ends=ends)


def _minute(at: datetime) -> time:
    return time(at.hour, at.minute)


def _with_days(when: Reading, text: str, kinds: str, days: Sequence[Found[Days]], today: date) -> Reading:
    spans = [each.meaning.span for each in days if each.meaning.span is not None]
    impossible = tuple(text[each.start : each.end].strip() for each in days if each.meaning.span is None)
    if impossible or not spans:
        return when._replace(impossible=impossible)
    (first_day, last_day), (_, end) = spans[0], spans[-1]
    when = when._replace(day=first_day, last_day=last_day)
    if len(spans) == 1:
        return when._replace(coming=_coming(days[0].meaning, first_day, last_day, today))
    if len(spans) == 2 and joined(kinds, days[0], days[1]):
        end = _end_of_days(first_day, end, days[1].meaning)
        if first_day <= end:
            return when._replace(last_day=end)
    if len(spans) == 2 and _is_part_of(days, *spans):
        # "this week on friday": the second says which of the first.
        return when._replace(day=spans[1][0], last_day=end)
    return when._replace(several=True)


def _end_of_days(first: date, last: date, said: Days) -> date:
    if said.any_month:
        # "april 1st to the 5th": of that month.
        return of_near_month(first, last.day)
    # "월요일부터 금요일까지" said on a Wednesday: the Friday after that Monday.
    return last + WEEK if first - WEEK < last < first else last


def _is_part_of(days: Sequence[Found[Days]], whole: Span, part: Span) -> bool:
    """Whether the second days are among the first, said in one go; or are the same once more."""
    return whole == part or (days[0].after == days[1].first and whole[0] <= part[0] and part[1] <= whole[1])


def _coming(said: Days, first: date, last: date, today: date) -> date | None:
    # 29 February has no fellow in the next year.
    if not said.any_year or last >= today or (first.month, first.day) == (2, 29):
        return None
    return first.replace(year=first.year + 1)


def _with_days_lasting(
    when: Reading, kinds: str, days: Sequence[Found[Days]], lasting: Sequence[Found[DaysLasting]]
) -> Reading:
    """ "내일부터 3일간", "from monday for three days"."""
    if len(days) != 1 or len(lasting) != 1 or when.day is None or when.day != when.last_day:
        return when
    if _FROM not in kinds[days[0].first : lasting[0].after]:
        return when
    return when._replace(last_day=when.day + timedelta(days=max(lasting[0].meaning.days, 1) - 1))


def _with_times(when: Reading, text: str, kinds: str, times: Sequence[Found[Said]], found: Sequence[Phrase]) -> Reading:
    if not times:
        return when
    is_range = len(times) == 2 and joined(kinds, times[0], times[1])
    first = _in_its_part(times[0].meaning, found) if len(times) == 1 or is_range else times[0].meaning
    second = times[1].meaning if is_range else None
    when = when._replace(several=when.several or (len(times) > 1 and not is_range))
    try:
        start, days_later = _start(first, second)
        end = _end(second, start) if second else None
    except ValueError:
        last = times[1] if is_range else times[0]
        return when._replace(impossible=(*when.impossible, text[times[0].start : last.end].strip()))
    if second is None and (bounded := _with_bound(when, kinds, times[0], start)):
        return bounded
    bare = first.bare and (second is None or second.part is None)
    return _moved(when._replace(begins=start, ends=end, bare_hour=bare), days_later)


def _in_its_part(said: Said, found: Sequence[Phrase]) -> Said:
    """A bare hour in the part of the day that is said elsewhere: "내일 저녁에 약속 7시", "tomorrow evening at 7"."""
    parts = {each.meaning.part for each in those(found, Part)}
    return said._replace(part=parts.pop()) if said.bare and len(parts) == 1 else said


def _with_bound(when: Reading, kinds: str, said: Found[Said], at: time) -> Reading | None:
    """With the bound, where the time is only said to be before or after; else None."""
    around = {*kinds[said.first : said.after + 1]}
    if said.meaning.minutes_early:
        return None
    if around & _BEFORE:
        return when._replace(before=at)
    return when._replace(after=at) if _AFTER in around else None


def _later_today(when: Reading, times: Sequence[Found[Said]], now: datetime) -> Reading:
    """A bare morning hour of today that has passed, and whose evening is still ahead, is the evening's."""
    begins = when.begins
    if begins is None or not when.bare_hour or when.ends is not None or times[0].meaning.hour not in MORNING_BY_DEFAULT:
        return when
    evening = time((begins.hour + 12) % 24, begins.minute)
    is_ahead = when.day == when.last_day == now.date() and begins < _minute(now) < evening
    return when._replace(begins=evening) if is_ahead else when


def _start(first: Said, second: Said | None) -> tuple[time, int]:
    """The beginning: under its own part, else under the end's if that comes before the end, else as a bare hour."""
    if first.part is None and second is not None and second.part is not None:
        end, _ = second.at(second.part)
        borrowed, days_later = first.at(second.part)
        if borrowed < end:
            return borrowed, days_later
        start, days_later = first.at(AM)
        if start < end:
            return start, days_later
    return first.at(first.part)


def _end(said: Said, start: time) -> time | None:
    """The first such hour after `start`; None when the range would cross midnight."""
    parts = (said.part,) if said.part is not None else (AM, PM)
    ends = sorted(end for end, days_later in map(said.at, parts) if end > start and not days_later)
    return ends[0] if ends else None


def _moved(when: Reading, days_later: int) -> Reading:
    if not days_later or when.day is None or when.last_day is None:
        return when
    shift = timedelta(days=days_later)
    return when._replace(day=when.day + shift, last_day=when.last_day + shift)


def _with_duration(when: Reading, lasting: Sequence[Found[Lasting]]) -> Reading:
    if len(lasting) != 1:
        return when
    duration = lasting[0].meaning.duration
    when = when._replace(lasts=duration)
    if when.begins is None or when.ends is not None:
        return when
    begin = datetime.combine(date.min, when.begins)
    end = begin + duration
    return when._replace(ends=end.time()) if end.date() == begin.date() and end > begin else when


def _rest(text: str, kinds: str, found: Sequence[Phrase], when: Reading) -> str:
    """The text without the phrases read, and without what joins two of a kind."""
    kept: list[str] = []
    at = 0
    previous: Phrase | None = None
    for each in found:
        if not each.is_read or _is_left(each, when, found):
            continue
        is_joined = previous and type(previous.meaning) is type(each.meaning) and joined(kinds, previous, each)
        if not is_joined:
            kept.append(text[at : each.start])
        at, previous = each.end, each
    return " ".join(" ".join([*kept, text[at:]]).split())


def _is_left(each: Phrase, when: Reading, found: Sequence[Phrase]) -> bool:
    """Whether words are left in the text, because nothing came of them."""
    match each.meaning:
        case Lasting(weak=True):
            return when.begins is None
        case DaysLasting():
            return when.day == when.last_day
        case FromNow(later=later):
            return later < timedelta() and len(found) > 1
        case Said(weak=True):
            return when.ends is None
        case Said(lone=True):
            return len(those(found, Said)) > 1
        case _:
            return False
