"""Entries of a calendar: their days, what is at the same time, and the name that one gets when it is made.

Rules of this file
- Pure. A zone is passed in; None is the zone of this machine, which knows its own summer time.
- Moments carry a zone. An entry of whole days lasts from the midnight that begins the first to the one that ends the
  last, so that overlaps are counted in one way.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from hashlib import sha256
from typing import Any

import orjson

USUAL_LENGTH = timedelta(hours=1)
"""Of an entry whose end nobody told."""
ONE_DAY = timedelta(days=1)
_UID_DIGITS = 32
"""128 bits: two drafts never meet."""


class NoSuchMoment(ValueError):
    """The clocks go forward over it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in a calendar, or one occurrence of what repeats."""

    uid: str
    title: str
    begins: datetime
    ends: datetime
    """Not included. The same as `begins` where it takes no time."""
    all_day: bool = False
    description: str = ""
    free: bool = False
    """Whoever has it is free for others all the same (a birthday)."""

    @property
    def first_day(self) -> date:
        """The day that it begins on."""
        return self.begins.date()

    @property
    def last_day(self) -> date:
        """The last day with something of it."""
        return max(self.begins, self.ends - timedelta.resolution).date()


def moment(day: date, at: time, zone: tzinfo | None) -> datetime:
    """That time of that day; of two such times, when the clocks go back, the first. Raises NoSuchMoment."""
    there = midnight_or_later(day, at, zone)
    if there.time() != at:
        raise NoSuchMoment
    return there


def midnight_or_later(day: date, at: time, zone: tzinfo | None) -> datetime:
    """The same; a time that the clocks go forward over is the one that they then show."""
    plain = datetime.combine(day, at)
    placed = plain.astimezone() if zone is None else plain.replace(tzinfo=zone)
    return placed.astimezone(UTC).astimezone(zone)


def whole_days(first: date, last: date, zone: tzinfo | None) -> tuple[datetime, datetime]:
    """From the midnight that begins `first` to the one that ends `last`."""
    return midnight_or_later(first, time(), zone), midnight_or_later(last + ONE_DAY, time(), zone)


def in_span(entries: Iterable[Entry], begins: datetime, ends: datetime) -> tuple[Entry, ...]:
    """Those with something of them in `[begins, ends)`: by day, whole days first, then by time."""
    found = [entry for entry in entries if _meet(entry.begins, entry.ends, begins, ends)]
    return tuple(sorted(found, key=lambda one: (one.first_day, not one.all_day, one.begins, one.title)))


def by_day(entries: Iterable[Entry], first: date, last: date) -> Mapping[date, tuple[Entry, ...]]:
    """The days from `first` to `last` that have something, each with all that it has."""
    days: dict[date, list[Entry]] = {}
    for entry in entries:
        day = max(first, entry.first_day)
        while day <= min(last, entry.last_day):
            days.setdefault(day, []).append(entry)
            day += ONE_DAY
    return {
        day: tuple(sorted(days[day], key=lambda one: (not one.all_day, one.begins, one.title))) for day in sorted(days)
    }


def conflicts(draft: Entry, entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Those at the same time as the draft that somebody cannot be free for; never the draft itself."""
    others = (entry for entry in entries if not entry.free and entry.uid != draft.uid)
    return in_span(others, draft.begins, draft.ends)


def entry_of(uid: str, params: Mapping[str, Any], zone: tzinfo | None) -> Entry:
    """The entry that the parameters of `create_draft` describe. Raises NoSuchMoment."""
    day = date.fromisoformat(params["date"])
    title, description = params["title"], params.get("description") or ""
    if params.get("time") is None:
        return Entry(uid, title, *whole_days(day, day, zone), all_day=True, description=description)
    begins = moment(day, time.fromisoformat(params["time"]), zone)
    if params.get("end_time") is None:
        # By the clock that goes on, so that an hour is an hour in the night of the change as well.
        ends = (begins.astimezone(UTC) + USUAL_LENGTH).astimezone(zone)
    else:
        ends = moment(day, time.fromisoformat(params["end_time"]), zone)
    return Entry(uid, title, begins, ends, description=description)


def uid_of(owner: str, session: str, params: Mapping[str, Any], expires_at: float) -> str:
    """The name of the entry that a draft becomes: the same whenever, and however often, that draft is confirmed."""
    told = orjson.dumps([owner, session, dict(params), expires_at], option=orjson.OPT_SORT_KEYS)
    return f"{sha256(told).hexdigest()[:_UID_DIGITS]}@maek"


def entry_json(entry: Entry) -> dict[str, Any]:
    """For programs: days as YYYY-MM-DD (`ends` included), moments as ISO 8601 with their offset."""
    begins, ends = (entry.first_day, entry.last_day) if entry.all_day else (entry.begins, entry.ends)
    return {
        "uid": entry.uid,
        "title": entry.title,
        "begins": begins.isoformat(),
        "ends": ends.isoformat(),
        "all_day": entry.all_day,
        "description": entry.description,
    }


def _meet(begins: datetime, ends: datetime, other_begins: datetime, other_ends: datetime) -> bool:
    # What takes no time is there for the least time that there is. In UTC: Python compares the hands of two clocks of
    # the same zone, which tell the hour of the change twice.
    begins, ends, other_begins, other_ends = (one.astimezone(UTC) for one in (begins, ends, other_begins, other_ends))
    begun, other_begun = begins + timedelta.resolution, other_begins + timedelta.resolution
    return begins < max(other_ends, other_begun) and other_begins < max(ends, begun)
