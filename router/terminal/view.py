"""How somebody looks at the fleet: what is selected, in which order, and what a key changes about it.

Rules of this file
- Pure: a view and a key in, the next view out. What is selected is a backend and not a line, so that it stays so when
  the order changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from router.language import Language
from router.terminal.fleet import Fleet, Row

T = TypeVar("T", bound=StrEnum)
LEVEL_ORDER = ("very_busy", "busy", "normal", "free")


class Key(StrEnum):
    """What the keyboard may say."""

    QUIT = "quit"
    UP = "up"
    DOWN = "down"
    PAGE_UP = "page_up"
    PAGE_DOWN = "page_down"
    FIRST = "first"
    LAST = "last"
    SORT = "sort"
    PAUSE = "pause"
    HISTORY = "history"
    LANGUAGE = "language"


class Sort(StrEnum):
    """Orders of the backends."""

    NAME = "name"
    """As they are configured."""
    LEVEL = "level"
    """Whoever is not well first, then the busiest."""
    BUSY = "busy"
    TTFT = "ttft"
    TOKENS = "tokens"


class History(StrEnum):
    """What the sparklines are of."""

    BUSY = "busy"
    TTFT = "ttft"


@dataclass(frozen=True, slots=True)
class View:
    """How it is looked at."""

    language: Language
    sort: Sort = Sort.NAME
    history: History = History.BUSY
    paused: bool = False
    selected: str | None = None
    """A backend; None: the first."""
    offset: int = 0
    """Backends above the first that is shown."""


STEPS = {Key.UP: -1, Key.DOWN: 1}


def pressed(view: View, key: Key, fleet: Fleet, room: int) -> View:
    """The view after a key, where `room` backends can be seen at once."""
    match key:
        case Key.SORT:
            return shown(replace(view, sort=_next(Sort, view.sort)), fleet, room)
        case Key.PAUSE:
            return replace(view, paused=not view.paused)
        case Key.HISTORY:
            return replace(view, history=_next(History, view.history))
        case Key.LANGUAGE:
            return replace(view, language=_next(Language, view.language))
        case Key.QUIT:
            return view
        case _:
            return _moved(view, key, fleet, room)


def shown(view: View, fleet: Fleet, room: int) -> View:
    """The view with what is selected in sight, and no room wasted below the last backend."""
    rows = ordered(fleet.rows, view.sort)
    place = place_of(rows, view.selected)
    offset = min(max(view.offset, place - room + 1), place, max(0, len(rows) - room))
    return replace(view, offset=offset)


def ordered(rows: Sequence[Row], sort: Sort) -> list[Row]:
    """The backends in an order; equal ones stay as they are configured."""
    match sort:
        case Sort.NAME:
            return list(rows)
        case Sort.LEVEL:
            return sorted(rows, key=_severity)
        case Sort.BUSY:
            return sorted(rows, key=lambda row: -(row.busy or 0) - row.others)
        case Sort.TTFT:
            return sorted(rows, key=lambda row: -(row.first_token_ms or 0))
        case Sort.TOKENS:
            return sorted(rows, key=lambda row: -(row.tokens_per_second or 0))


def place_of(rows: Sequence[Row], name: str | None) -> int:
    """Where a backend stands; the first place where it is gone or none was selected."""
    return next((place for place, row in enumerate(rows) if row.name == name), 0)


def _severity(row: Row) -> int:
    if row.state != "up":
        return -1
    return LEVEL_ORDER.index(row.level) if row.level in LEVEL_ORDER else len(LEVEL_ORDER)


def _moved(view: View, key: Key, fleet: Fleet, room: int) -> View:
    rows = ordered(fleet.rows, view.sort)
    if not rows:
        return view
    place = place_of(rows, view.selected)
    match key:
        case Key.FIRST:
            place = 0
        case Key.LAST:
            place = len(rows) - 1
        case Key.PAGE_UP | Key.PAGE_DOWN:
            place += max(1, room - 1) * (-1 if key is Key.PAGE_UP else 1)
        case _:
            place += STEPS.get(key, 0)
    place = min(max(place, 0), len(rows) - 1)
    return shown(replace(view, selected=rows[place].name), fleet, room)


def _next(choices: type[T], now: T) -> T:
    members = list(choices)
    return members[(members.index(now) + 1) % len(members)]
