"""When: the days and times of a message put together.

Rules of this file
- Pure. `now` carries the zone and is an argument; nothing here knows what the time is for.
- What does not exist (2월 30일, 25시) is told in `impossible`; what cannot be one answer (three days in one message) is
  told in `several`. Neither is guessed away.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from router.decide.calendar_days import Span, of_near_month
from router.decide.clock import MORNING_BY_DEFAULT, TIMES, AroundNow, DaysLasting, FromNow, Lasting, Part, Said, Timely
from router.decide.dates import DAYS
from router.decide.patterns import lazy
from router.decide.time_scan import scan
from router.decide.time_words import AM, KIND, PM, YEARS, Token

WEEK = timedelta(days=7)


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


@dataclass(frozen=True, slots=True)
class Days:
    """Words that name days. `span` None: there are none such."""

    span: Span | None
    any_year: bool = False
    """A month or a day of one, of whichever year."""
    any_month: bool = False
    """A day of whichever month."""


@dataclass(frozen=True, slots=True)
class Found:
    """Words of time that belong together: where they stand, and what they mean."""

    start: int
    end: int
    meaning: Days | Timely
    first: int
    """Of its tokens, and the one after the last."""
    after: int
    is_read: bool = True
    """Whether the words are taken out of the text; a part of the day alone may be a part of a title."""


def _sentence(row: str) -> str:
    return re.sub(r"[a-z_]+", lambda found: KIND[found[0]], row).replace(" ", "")


_ROWS = (*DAYS, *TIMES)
_GRAMMAR = lazy("|".join(f"({_sentence(row)})" for row, _ in _ROWS))
_FIRST_TIME = len(DAYS)
_HEADS = frozenset(KIND[kind] for kind in ("on", "from", "until", "for", "in", "of", "the", "at", "before", "by"))
_TAILS = frozenset(KIND[kind] for kind in ("from", "until", "of", "plain", "between"))
_MONTHS = frozenset(KIND[kind] for kind in ("month", "maybe_month", "slash"))
_YEAR_SAID = frozenset(
    KIND[kind] for kind in ("year", "bare_year", "year_or_count", "away_year", "away", "lunar", "moon_day")
)
_BARE_DAY = frozenset(KIND[kind] for kind in ("day", "weak_day", "ordinal", "range", "on", "the", "until", "from"))
_RANGES = frozenset(KIND[kind] for kind in ("range", "from", "until"))
_BETWEEN = KIND["between"]
_JOINTS = _RANGES | _TAILS | _HEADS | {KIND["and"]}
_REPEAT, _AND, _FROM, _UNTIL = KIND["repeat"], KIND["and"], KIND["from"], KIND["until"]
_BEFORE = frozenset((KIND["before"], KIND["ago"], KIND["by"]))
_AFTER = KIND["later"]


def find(text: str, now: datetime) -> tuple[str, list[Token], list[Found]]:
    """The words of time in folded `text` as a sentence, as tokens, and what they mean, in their order."""
    kinds, tokens = scan(text)
    found: list[Found] = []
    today = now.date()
    for match in _GRAMMAR.finditer(kinds):
        row = (match.lastindex or 0) - 1
        first, after = match.span()
        meaning = _read(row, tokens[first:after], today)
        if meaning is not None:
            found.append(_placed(text, kinds, tokens, meaning, first, after))
    return kinds, tokens, found


def _read(row: int, tokens: Sequence[Token], today: date) -> Days | Timely | None:
    if row >= _FIRST_TIME:
        return TIMES[row - _FIRST_TIME][1](tokens)
    try:
        span = DAYS[row][1](tokens, today)
    except (ValueError, OverflowError):
        return Days(None)
    if span is None:
        return None
    kinds = {token.kind for token in tokens}
    any_year = bool(kinds & _MONTHS) and not kinds & _YEAR_SAID
    any_month = kinds <= _BARE_DAY
    return Days(span if span[0].year in YEARS and span[1].year in YEARS else None, any_year, any_month)


def _placed(text: str, kinds: str, tokens: list[Token], meaning: Days | Timely, first: int, after: int) -> Found:
    """With the prepositions before and the particles after it."""
    start, end = tokens[first].start, tokens[after - 1].end
    while first > 0 and kinds[first - 1] in _HEADS and text[tokens[first - 1].start].isascii():
        first -= 1
        start = tokens[first].start
    while after < len(kinds) and kinds[after] in _TAILS and not text[tokens[after].start].isascii():
        end = tokens[after].end
        after += 1
    is_read = not (isinstance(meaning, Part) and not text[tokens[after - 1].start].isascii())
    return Found(start, end, meaning, first, after, is_read)


def read_when(text: str, now: datetime) -> When:
    """The days and times in folded `text`, seen from `now`. Total: any text has an answer."""
    kinds, _, found = find(text, now)
    if not found:
        return When(rest=text if text.strip() == text else " ".join(text.split()), repeats=_REPEAT in kinds)
    days = [each for each in found if isinstance(each.meaning, Days)]
    times = _times(kinds, found)
    moments = [each for each in found if isinstance(each.meaning, FromNow | AroundNow)]
    if days or times:
        # "내일 3시 회의 30분 전에 알려줘": before that, and not before now.
        moments = [each for each in moments if not _is_before(each)]
    when = When(repeats=_REPEAT in kinds)
    if moments:
        when = _with_moment(when, moments, days, times, now)
    else:
        when = _with_days(when, text, kinds, days, found, now)
        when = _with_times(when, text, kinds, times, found, now)
        when = _with_duration(when, found)
    return replace(when, rest=_rest(text, kinds, found, when))


def _times(kinds: str, found: Sequence[Found]) -> list[Found]:
    """The times of day, without bare numbers that are none."""
    times: list[Found] = []
    for each in found:
        if not isinstance(each.meaning, Said):
            continue
        if not each.meaning.weak or (times and _joined(kinds, times[-1], each)):
            times.append(each)
    firm = [each for each in times if isinstance(each.meaning, Said) and not each.meaning.lone]
    return firm or times[:1]


def _with_moment(when: When, moments: list[Found], days: list[Found], times: list[Found], now: datetime) -> When:
    meaning = moments[0].meaning
    if not isinstance(meaning, FromNow | AroundNow):
        return when
    try:
        # Through UTC: in two hours is two hours later, also in the night when the clock is put forward.
        at = (now.astimezone(UTC) + meaning.later).astimezone(now.tzinfo)
    except OverflowError:
        return when
    several = bool(days or times) or len(moments) > 1
    if isinstance(meaning, AroundNow):
        first, last = (at, now) if meaning.later < timedelta() else (now, at)
        ends = _minute(last) if first.date() == last.date() and _minute(first) < _minute(last) else None
        return replace(when, day=first.date(), last_day=last.date(), begins=_minute(first), ends=ends, several=several)
    return replace(when, day=at.date(), last_day=at.date(), begins=_minute(at), several=several)


def _is_before(found: Found) -> bool:
    return isinstance(found.meaning, FromNow) and found.meaning.later < timedelta()


def _minute(at: datetime) -> time:
    return time(at.hour, at.minute)


def _with_days(when: When, text: str, kinds: str, days: Sequence[Found], found: Sequence[Found], now: datetime) -> When:
    spans = [each.meaning.span for each in days if isinstance(each.meaning, Days) and each.meaning.span is not None]
    impossible = tuple(
        text[each.start : each.end].strip()
        for each in days
        if isinstance(each.meaning, Days) and each.meaning.span is None
    )
    if impossible or not spans:
        return replace(when, impossible=impossible)
    first, last = spans[0], spans[-1]
    if len(spans) == 1:
        when = replace(when, day=first[0], last_day=first[1], coming=_coming(days[0], now.date()))
        return _lasting_days(when, kinds, days[0], found)
    if len(spans) == 2 and _joined(kinds, days[0], days[1]):
        end = _end_of_days(first[0], last[1], days[1])
        if first[0] <= end:
            return replace(when, day=first[0], last_day=end)
    if len(spans) == 2 and first == last:
        return replace(when, day=first[0], last_day=first[1])
    if len(spans) == 2 and days[0].after == days[1].first and first[0] <= last[0] and last[1] <= first[1]:
        # "이번 달 25일", "this week on friday": the second says which of the first.
        return replace(when, day=last[0], last_day=last[1])
    return replace(when, day=first[0], last_day=first[1], several=True)


def _end_of_days(first: date, last: date, said: Found) -> date:
    if isinstance(said.meaning, Days) and said.meaning.any_month:
        # "april 1st to the 5th": of that month.
        return of_near_month(first, last.day)
    # "월요일부터 금요일까지" said on a Wednesday: the Friday after that Monday.
    return last + WEEK if first - WEEK < last < first else last


def _coming(found: Found, today: date) -> date | None:
    meaning = found.meaning
    if not isinstance(meaning, Days) or meaning.span is None or not meaning.any_year or meaning.span[1] >= today:
        return None
    first = meaning.span[0]
    # 29 February has no fellow in the next year.
    return None if (first.month, first.day) == (2, 29) else first.replace(year=first.year + 1)


def _lasting_days(when: When, kinds: str, days: Found, found: Sequence[Found]) -> When:
    """ "내일부터 3일간", "from monday for three days"."""
    lasting = [each for each in found if isinstance(each.meaning, DaysLasting)]
    if len(lasting) != 1 or when.day is None or when.day != when.last_day:
        return when
    meaning = lasting[0].meaning
    if not isinstance(meaning, DaysLasting) or _FROM not in kinds[days.first : lasting[0].after]:
        return when
    try:
        return replace(when, last_day=when.day + timedelta(days=max(meaning.days, 1) - 1))
    except OverflowError:
        return when


def _with_times(
    when: When, text: str, kinds: str, times: Sequence[Found], found: Sequence[Found], now: datetime
) -> When:
    if not times:
        return when
    said = [each.meaning for each in times if isinstance(each.meaning, Said)]
    first = _in_its_part(said[0], found) if len(said) == 1 or _joined(kinds, times[0], times[1]) else said[0]
    second = said[1] if len(said) == 2 and _joined(kinds, times[0], times[1]) else None
    when = replace(when, several=when.several or (len(times) > 1 and second is None))
    try:
        start, days_later = _start(first, second)
        end = _end(second, start) if second else None
    except ValueError:
        last = times[1] if second else times[0]
        return replace(when, impossible=(*when.impossible, text[times[0].start : last.end].strip()))
    bound = _bound(kinds, times[0]) if second is None else None
    if bound is not None:
        return replace(when, before=start) if bound == "before" else replace(when, after=start)
    bare = first.bare and (second is None or second.part is None)
    if bare and second is None and _has_passed(when, start, first, now):
        start = time(start.hour + 12, start.minute)
    return _moved(replace(when, begins=start, ends=end, bare_hour=bare), days_later)


def _has_passed(when: When, start: time, first: Said, now: datetime) -> bool:
    """Whether a morning hour of today has passed whose evening is still ahead."""
    if when.day != now.date() or when.last_day != when.day or first.hour not in MORNING_BY_DEFAULT:
        return False
    passed = now.time().replace(tzinfo=None)
    return start < passed < time(start.hour + 12, start.minute)


def _in_its_part(said: Said, found: Sequence[Found]) -> Said:
    """A bare hour in the part of the day that is said elsewhere: "내일 저녁에 약속 7시", "tomorrow evening at 7"."""
    parts = {each.meaning.part for each in found if isinstance(each.meaning, Part)}
    return replace(said, part=parts.pop()) if said.bare and len(parts) == 1 else said


def _bound(kinds: str, said: Found) -> str | None:
    """Whether the time is only said to be before or after."""
    if isinstance(said.meaning, Said) and said.meaning.minutes_early:
        return None
    around = {*kinds[said.first : said.after + 1]}
    if around & _BEFORE or _UNTIL in around:
        return "before"
    return "after" if _AFTER in around else None


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


def _moved(when: When, days_later: int) -> When:
    if not days_later or when.day is None or when.last_day is None:
        return when
    shift = timedelta(days=days_later)
    return replace(when, day=when.day + shift, last_day=when.last_day + shift)


def _with_duration(when: When, found: Sequence[Found]) -> When:
    lasting = [each.meaning for each in found if isinstance(each.meaning, Lasting)]
    if len(lasting) != 1:
        return when
    when = replace(when, lasts=lasting[0].duration)
    if when.begins is None or when.ends is not None:
        return when
    begin = datetime.combine(date.min, when.begins)
    end = begin + lasting[0].duration
    return replace(when, ends=end.time()) if end.date() == begin.date() and end > begin else when


def _joined(kinds: str, first: Found, second: Found) -> bool:
    """Whether the two are the ends of one range."""
    between = kinds[first.after : second.first]
    whole = kinds[first.first : second.after + 1]
    if not set(between) <= _JOINTS:
        return False
    if _AND in between:
        return _BETWEEN in whole or _FROM in kinds[first.first : first.after]
    return bool(set(kinds[first.after - 1 : second.first + 1]) & _RANGES)


def _rest(text: str, kinds: str, found: Sequence[Found], when: When) -> str:
    """The text without the words read."""
    kept, at = [], 0
    previous: Found | None = None
    for each in found:
        if not each.is_read or _is_left(each, when, found):
            continue
        start = each.start
        if previous is None or not _joins(kinds, previous, each):
            kept.append(text[at:start])
        at = each.end
        previous = each
    kept.append(text[at:])
    return " ".join(" ".join(kept).split())


def _joins(kinds: str, first: Found, second: Found) -> bool:
    return type(first.meaning) is type(second.meaning) and _joined(kinds, first, second)


def _is_left(each: Found, when: When, found: Sequence[Found]) -> bool:
    """Whether words are left in the text, because nothing came of them."""
    meaning = each.meaning
    if isinstance(meaning, FromNow):
        return meaning.later < timedelta() and len(found) > 1
    if isinstance(meaning, Lasting):
        return meaning.weak and when.begins is None
    if isinstance(meaning, DaysLasting):
        return when.day == when.last_day
    return isinstance(meaning, Said) and (
        (meaning.weak and when.ends is None) or (meaning.lone and _others(found, each))
    )


def _others(found: Sequence[Found], each: Found) -> bool:
    return any(isinstance(other.meaning, Said) and other is not each for other in found)
