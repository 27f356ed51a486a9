"""iCalendar (RFC 5545) ⇄ entries, by the libraries `icalendar` and `recurring-ical-events`.

Rules of this file
- What is not ours in a file stays in it: an entry is added to what was read, nothing is taken away.
- The libraries take 0.2 s of CPU to load; they are loaded when the first calendar is read, in the thread that reads it.
- Whatever makes no sense is a ValueError.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, tzinfo
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from router.tools.agenda.entries import ONE_DAY, Entry, in_span, midnight_or_later, whole_days

if TYPE_CHECKING:
    from icalendar import Calendar

_NONSENSE = (AttributeError, KeyError, OSError, OverflowError, TypeError)
"""What the libraries raise, besides ValueError, where a file makes no sense: properties that are missing, there twice
or of another kind, years beyond the calendar, zones that are a folder."""
MOST_TIMES_A_DAY = 48
"""Of what repeats on a server: every half hour."""
OLDEST_YEAR = 1900
"""Of what repeats on a server: a rule is walked over from its beginning."""
_SELDOM = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY")
_PADDING = 2 * ONE_DAY
"""Asked for on both sides: times without a zone and whole days are placed here, not by the library."""


def parsed(stored: bytes) -> "Calendar":
    """The calendar of a file; an empty one for no bytes at all. Raises ValueError."""
    from icalendar import Calendar  # noqa: PLC0415 - see the rules of this file

    if not stored:
        calendar = Calendar()
        calendar.add("prodid", f"-//maek//maek {version('maek')}//EN")
        calendar.add("version", "2.0")
        return calendar
    with _sense():
        calendar = Calendar.from_ical(stored.decode("utf-8"))
    if not isinstance(calendar, Calendar):
        raise ValueError("not a VCALENDAR")
    if any(component.errors for component in calendar.walk()):
        # The library would go on without what it does not understand; we would write the rest back.
        raise ValueError("a property that makes no sense")
    return calendar


def entries_between(calendar: "Calendar", begins: datetime, ends: datetime, zone: tzinfo | None) -> tuple[Entry, ...]:
    """All with something of them in `[begins, ends)`, what repeats told apart. Raises ValueError."""
    from recurring_ical_events import of  # noqa: PLC0415

    utc_begins, utc_ends = begins.astimezone(UTC), ends.astimezone(UTC)
    with _sense():
        events = of(calendar).between(utc_begins - _PADDING, utc_ends + _PADDING)
        kept = (event for event in events if str(event.get("STATUS", "")).upper() != "CANCELLED")
        return in_span((_entry(event, zone) for event in kept), begins, ends)


def entries_of_object(content: str, begins: datetime, ends: datetime, zone: tzinfo | None) -> tuple[Entry, ...]:
    """The same of one object of a server, which is only read: what is odd in it and is not asked for does no harm.

    Raises ValueError, also for one that repeats too often to be anybody's.
    """
    from icalendar import Calendar  # noqa: PLC0415

    with _sense():
        calendar = Calendar.from_ical(content)
        if not isinstance(calendar, Calendar):
            raise ValueError("not a VCALENDAR")
        if not all(_seldom(event) for event in calendar.walk("VEVENT")):
            raise ValueError("it repeats too often")
    return entries_between(calendar, begins, ends, zone)


def _seldom(event: Any) -> bool:
    """Whether walking over its occurrences ends soon: a rule of a few bytes may have a million of them in a year."""
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        frequency = "".join(rule.get("FREQ", ())).upper()
        hours, minutes, seconds = (max(1, len(rule.get(part, ()))) for part in ("BYHOUR", "BYMINUTE", "BYSECOND"))
        a_day = (24 if frequency == "HOURLY" else hours) * minutes * seconds
        if frequency not in _SELDOM or a_day > MOST_TIMES_A_DAY:
            return False
    return event["DTSTART"].dt.year >= OLDEST_YEAR if rules else True


def has(calendar: "Calendar", uid: str) -> bool:
    """Whether an entry of that name is in it."""
    return any(str(event.get("UID")) == uid for event in calendar.walk("VEVENT"))


def added(calendar: "Calendar", entry: Entry, made_at: datetime) -> bytes:
    """The file of the calendar with one more entry. Moments are written in UTC, which needs no table of zones."""
    from icalendar import Event  # noqa: PLC0415

    event = Event()
    event.add("uid", entry.uid)
    event.add("dtstamp", made_at.astimezone(UTC).replace(microsecond=0))
    event.add("summary", entry.title)
    if entry.all_day:
        event.add("dtstart", entry.first_day)
        event.add("dtend", entry.last_day + ONE_DAY)
    else:
        event.add("dtstart", entry.begins.astimezone(UTC))
        event.add("dtend", entry.ends.astimezone(UTC))
    if entry.description:
        event.add("description", entry.description)
    calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written


@contextmanager
def _sense() -> Iterator[None]:
    try:
        yield
    except _NONSENSE as error:
        raise ValueError("an entry that makes no sense") from error


def _entry(event: Any, zone: tzinfo | None) -> Entry:
    start = event["DTSTART"].dt
    end = event["DTEND"].dt if "DTEND" in event else None
    all_day = not isinstance(start, datetime)
    if all_day:
        begins, ends = whole_days(start, max(start, (end or start + ONE_DAY) - ONE_DAY), zone)
    else:
        begins = _placed(start, zone)
        ends = begins if end is None else max(begins, _placed(end, zone))
    return Entry(
        uid=str(event.get("UID", "")),
        title=str(event.get("SUMMARY", "")),
        begins=begins,
        ends=ends,
        all_day=all_day,
        description=str(event.get("DESCRIPTION", "")),
        free=str(event.get("TRANSP", "")).upper() == "TRANSPARENT",
    )


def _placed(at: date, zone: tzinfo | None) -> datetime:
    if not isinstance(at, datetime):
        return midnight_or_later(at, time(), zone)
    if at.tzinfo is None:
        return midnight_or_later(at.date(), at.time(), zone)
    return at.astimezone(UTC).astimezone(zone)
