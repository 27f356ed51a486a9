"""What `maek top` knows of a fleet: what was seen last, and from all that was seen before, rates and histories.

Rules of this file
- Pure: answers of `/backends` and `/status` with the moments they came in, rows out. Keys that are missing are unknown:
  the server may be of another version, or a `maek sidecar`, which has no requests of its own.
- Counters may begin anew when the server does; a rate is never negative.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, NamedTuple

from sidecar import FAILURES

HISTORY_SECONDS = 180.0
RATE_SECONDS = 5.0
"""Rates are over so long: long enough to be read, short enough to be now."""
FRESH_SECONDS = 15.0
"""A first token that is older says nothing of this moment."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One round of answers. `at` on a monotonic clock, in seconds."""

    at: float
    backends: Sequence[Mapping[str, Any]]
    is_router: bool
    active: int | None = None
    total: int | None = None
    queued: int | None = None
    errors: float | None = None
    """That callers ever got."""


class Sample(NamedTuple):
    """One moment of one backend."""

    at: float
    busy: float | None
    first_token_ms: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One backend."""

    name: str
    state: str
    """`down`, `draining` and so on; `up` where nothing but the level is to be told."""
    level: str | None
    set_by: str | None
    busy: int | None
    """Requests of ours; of all clients, where there is no router."""
    others: int
    """Requests of other clients, as far as the backend tells of them."""
    slots: int | None
    waiting: int | None
    first_token_ms: float | None
    predicted_ms: float | None
    first_token_seconds_ago: float | None
    tokens_per_second: float | None
    failure: tuple[str, float] | None
    """Outcome of the last request that failed, and how many seconds ago."""
    told: Mapping[str, Any]
    """Everything that the server says of it."""
    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everybody at one moment, in the order of the configuration."""

    at: float
    rows: Sequence[Row]
    is_router: bool
    active: int | None
    requests_per_second: float | None
    errors_per_second: float | None
    tokens_per_second: float | None
    queued: int | None

    @property
    def up(self) -> int:
        """How many take requests."""
        return sum(1 for row in self.rows if row.told.get("healthy"))


class Memory:
    """Remembers the last minutes."""

    def __init__(self) -> None:
        self._seen: deque[Sighting] = deque()
        self._samples: dict[str, deque[Sample]] = {}

    def see(self, sighting: Sighting) -> Fleet:
        """Take in one round of answers; everything that is known then."""
        self._seen.append(sighting)
        while len(self._seen) > 2 and self._seen[1].at <= sighting.at - RATE_SECONDS:
            self._seen.popleft()
        rows = [self._row(told, sighting) for told in sighting.backends]
        gone = self._samples.keys() - {row.name for row in rows}
        for name in gone:
            del self._samples[name]
        rates = [row.tokens_per_second for row in rows if row.tokens_per_second is not None]
        return Fleet(
            sighting.at,
            rows,
            sighting.is_router,
            sighting.active,
            self._rate(_requests),
            self._rate(_errors),
            sum(rates) if rates else None,
            sighting.queued,
        )

    def _row(self, told: Mapping[str, Any], sighting: Sighting) -> Row:
        name = str(told.get("name"))
        load: Mapping[str, Any] = told.get("load") or {}
        first: Mapping[str, Any] = told.get("first_token") or {}
        failure: Mapping[str, Any] | None = told.get("last_failure")
        ours = told.get("in_flight")
        jobs = load.get("active_jobs")
        busy = ours if sighting.is_router or jobs is None else jobs
        row = Row(
            name,
            _state(told),
            load.get("level"),
            load.get("set_by"),
            busy,
            _others(told) if sighting.is_router else 0,
            load.get("slots"),
            load.get("waiting"),
            first.get("measured_ms"),
            first.get("predicted_ms"),
            first.get("seconds_ago"),
            self._rate(lambda seen: _tokens(seen, name)),
            None if failure is None else (str(failure.get("outcome")), float(failure.get("seconds_ago") or 0)),
            told,
            self._samples.setdefault(name, deque()),
        )
        self._keep(row, sighting.at)
        return row

    def _keep(self, row: Row, at: float) -> None:
        fresh = row.first_token_seconds_ago is not None and row.first_token_seconds_ago <= FRESH_SECONDS
        samples = self._samples[row.name]
        # Of a backend that is down nobody knows what it works on; its own requests have ended.
        busy = None if row.busy is None or row.state == "down" else row.busy + row.others
        samples.append(Sample(at, busy, row.first_token_ms if fresh else None))
        while samples[0].at < at - HISTORY_SECONDS:
            samples.popleft()

    def _rate(self, counter: Callable[[Sighting], float | None]) -> float | None:
        """Per second, between the oldest and the newest sighting that are remembered."""
        old, new = self._seen[0], self._seen[-1]
        before, after = counter(old), counter(new)
        if before is None or after is None or new.at <= old.at or after < before:
            return None
        return (after - before) / (new.at - old.at)


def _requests(seen: Sighting) -> float | None:
    """Chats, or where there are none (beside one backend) what its server counts."""
    if seen.is_router:
        return seen.total
    told = [(one.get("load") or {}).get("total_requests") for one in seen.backends]
    known = [count for count in told if count is not None]
    return float(sum(known)) if known else None


def _errors(seen: Sighting) -> float | None:
    """What callers got; where that is not told, what went wrong on the way to backends."""
    if seen.errors is not None:
        return seen.errors
    return float(sum(failures(one) for one in seen.backends))


def _tokens(seen: Sighting, name: str) -> float | None:
    return next((one.get("tokens") for one in seen.backends if one.get("name") == name), None)


def _others(told: Mapping[str, Any]) -> int:
    outside: Mapping[str, int | None] = told.get("outside") or {}
    return (outside.get("running") or 0) + (outside.get("waiting") or 0)


def failures(told: Mapping[str, Any]) -> int:
    """Requests that failed through a backend's fault, since the server started."""
    finished: Mapping[str, int] = told.get("finished") or {}
    return sum(count for outcome, count in finished.items() if outcome in FAILURES)


def _state(told: Mapping[str, Any]) -> str:
    """The one thing that matters most of how a backend is."""
    for state, holds in (
        ("loading", told.get("loading")),
        ("suspended", told.get("suspended")),
        ("down", told.get("verdict") == "down"),
        ("unknown", told.get("verdict") == "unknown"),
        ("draining", told.get("draining")),
        ("open", told.get("circuit") == "open"),
        ("resting", told.get("resting_seconds") is not None),
        ("half_open", told.get("circuit") == "half_open"),
        ("sleeping", told.get("sleeping")),
        ("loading", any(one.get("loading_seconds") is not None for one in told.get("memory") or ())),
    ):
        if holds:
            return state
    return "up"


def bars(samples: Iterable[tuple[float, float | None]], now: float, many: int) -> list[float | None]:
    """The highest value in each of `many` equal parts of the last minutes, oldest first; None where there was none.

    The parts stand still on the clock, so that what was drawn moves on and does not change.
    """
    part_seconds = ceil(HISTORY_SECONDS / many)
    newest = int(now // part_seconds)
    found: list[float | None] = [None] * many
    for at, value in samples:
        place = many - 1 - (newest - int(at // part_seconds))
        if value is not None and 0 <= place < many:
            known = found[place]
            found[place] = value if known is None else max(known, value)
    return found
