"""The columns of `maek top`: what each shows of a backend, and which of them fit.

Rules of this file
- Pure. A column that does not fit is left out whole; the most telling ones stay longest.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum

from router.language import pick
from router.terminal.cells import Span, Style, cells, clean, left, right, sparkline
from router.terminal.fleet import FRESH_SECONDS, HISTORY_SECONDS, Fleet, Row, bars
from router.terminal.view import History, View
from router.terminal.words import LEVELS, OUTCOMES, PROBES, SIGNALS, STATES, say

GAP = " "
MARK_CELLS = 2
LEAST_NAME_CELLS = 8
USUAL_NAME_CELLS = 12
MOST_NAME_CELLS = 28
LEAST_BARS = 8
MOST_BARS = 60
RECENT_FAILURE_SECONDS = 60.0
SMALL_TOP = 4.0
"""Requests: fewer are drawn low, so that one request does not look like a storm."""
LARGEST_TOP = 16.0
"""Slots up to here are the top of the drawing; a machine with hundreds is drawn by its own peak."""
SMALL_TOP_MS = 500.0

LEVEL_STYLES = {
    "free": Style.GOOD,
    "normal": Style.NOTE,
    "busy": Style.WARN,
    "very_busy": Style.WORST,
}
STATE_STYLES = {"down": Style.WORST, "open": Style.BAD, "unknown": Style.DIM, "sleeping": Style.DIM}


class Column(Enum):
    """What may be shown of a backend, in the order of the columns."""

    NAME = "name"
    STATE = "state"
    BUSY = "busy"
    WAITING = "waiting"
    TTFT = "ttft"
    PREDICTED = "predicted"
    TOKENS = "tokens"
    BARS = "bars"
    FAILURE = "failure"


WIDTHS = {
    Column.STATE: 16,
    Column.BUSY: 9,
    Column.WAITING: 4,
    Column.TTFT: 6,
    Column.PREDICTED: 6,
    Column.TOKENS: 7,
    Column.BARS: LEAST_BARS,
    Column.FAILURE: 20,
}
BY_IMPORTANCE = (
    Column.STATE,
    Column.BUSY,
    Column.TTFT,
    Column.BARS,
    Column.PREDICTED,
    Column.TOKENS,
    Column.WAITING,
    Column.FAILURE,
)
NARROW_CELLS = 60
NARROW_STATE_CELLS = 12


Layout = Mapping[Column, int]
"""Columns with their widths, in order."""


def layout(width: int, names: Sequence[str]) -> Layout:
    """The columns that fit into `width` cells."""
    narrow = width < NARROW_CELLS
    wanted = min(MOST_NAME_CELLS, max([LEAST_NAME_CELLS, *map(cells, names)]))
    chosen = {Column.NAME: LEAST_NAME_CELLS if narrow else min(wanted, USUAL_NAME_CELLS)}
    room = width - MARK_CELLS - chosen[Column.NAME]
    for column in BY_IMPORTANCE:
        own = NARROW_STATE_CELLS if narrow and column is Column.STATE else WIDTHS[column]
        if own + len(GAP) > room:
            break
        chosen[column] = own
        room -= own + len(GAP)
    more = min(room, max(0, wanted - chosen[Column.NAME]))
    chosen[Column.NAME] += more
    if Column.BARS in chosen:
        chosen[Column.BARS] = min(MOST_BARS, chosen[Column.BARS] + room - more)
    return {column: chosen[column] for column in Column if column in chosen}


def titles(shape: Layout, fleet: Fleet, view: View) -> list[Span]:
    """What stands above the columns."""
    minutes = f"{HISTORY_SECONDS / 60:.0f}"
    of_bars = {
        History.BUSY: pick(view.language, ko=f"최근 {minutes}분", en=f"last {minutes}m"),
        History.TTFT: pick(view.language, ko="첫토큰", en=f"ttft {minutes}m"),
    }[view.history]
    busy = (
        pick(view.language, ko="처리 중", en="in flight")
        if fleet.is_router
        else pick(view.language, ko="작업", en="jobs")
    )
    texts = {
        Column.NAME: pick(view.language, ko="백엔드", en="backend"),
        Column.STATE: pick(view.language, ko="상태", en="state"),
        Column.BUSY: busy,
        Column.WAITING: pick(view.language, ko="대기", en="wait"),
        Column.TTFT: pick(view.language, ko="첫토큰", en="ttft"),
        Column.PREDICTED: pick(view.language, ko="예상", en="pred."),
        Column.TOKENS: pick(view.language, ko="토큰/초", en="tok/s"),
        Column.BARS: of_bars,
        Column.FAILURE: pick(view.language, ko="마지막 실패", en="last failure"),
    }
    spans = [Span(" " * MARK_CELLS)]
    for column, width in shape.items():
        align = right if column in RIGHT else left
        spans += [Span(align(texts[column], width), Style.DIM), Span(GAP)]
    return spans[:-1]


def cells_of(row: Row, shape: Layout, now: float, view: View) -> list[Span]:
    """A backend's line, without the mark before it."""
    spans: list[Span] = []
    for column, width in shape.items():
        text, style = SHOWN[column](row, view, now, width)
        align = right if column in RIGHT else left
        spans += [Span(align(text, width), style), Span(GAP)]
    return spans[:-1]


def failed_lately(row: Row) -> bool:
    """Whether a request failed there within the last minute."""
    return row.failure is not None and row.failure[1] <= RECENT_FAILURE_SECONDS


def short_ms(milliseconds: float | None) -> str:
    """`412ms`, `1.2s`, `38s`; a dash where it is unknown."""
    if milliseconds is None:
        return "-"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f}ms"
    seconds = milliseconds / 1000
    return f"{seconds:.1f}s" if seconds < 9.95 else f"{seconds:.0f}s"


def short_age(seconds: float, language: str) -> str:
    """`just now`, `12s ago`, `5min ago`, `3h ago`."""
    if seconds < 1:
        return pick(language, ko="방금", en="just now")
    if seconds < 90:
        return pick(language, ko=f"{seconds:.0f}초 전", en=f"{seconds:.0f}s ago")
    if seconds < 5400:
        return pick(language, ko=f"{seconds / 60:.0f}분 전", en=f"{seconds / 60:.0f}min ago")
    return pick(language, ko=f"{seconds / 3600:.0f}시간 전", en=f"{seconds / 3600:.0f}h ago")


def state_text(row: Row, language: str) -> str:
    """How it is, and what makes it so."""
    if row.state == "up":
        if row.level is None:
            return say(STATES, "up", language)
        level = say(LEVELS, row.level, language)
        return level if row.set_by is None else f"{level} {say(SIGNALS, row.set_by, language)}"
    state = say(STATES, row.state, language)
    if row.state == "down":
        outcome = str(row.told.get("probe_outcome") or "")
        return f"{state} {say(PROBES, outcome, language)}" if outcome in PROBES else state
    if row.state == "resting":
        return f"{state} {row.told.get('resting_seconds') or 0:.0f}s"
    return state


def _name(row: Row, _view: View, _now: float, _width: int) -> tuple[str, Style]:
    return clean(row.name), Style.PLAIN


def _state(row: Row, view: View, _now: float, _width: int) -> tuple[str, Style]:
    if row.state == "up":
        return state_text(row, view.language), LEVEL_STYLES.get(row.level or "", Style.PLAIN)
    return state_text(row, view.language), STATE_STYLES.get(row.state, Style.WARN)


def _busy(row: Row, _view: View, _now: float, _width: int) -> tuple[str, Style]:
    if row.busy is None:
        return "-", Style.DIM
    ours = f"{row.busy}+{row.others}" if row.others else f"{row.busy}"
    text = ours if row.slots is None else f"{ours}/{row.slots}"
    return text, Style.PLAIN if row.busy or row.others else Style.DIM


def _waiting(row: Row, _view: View, _now: float, _width: int) -> tuple[str, Style]:
    return "-" if row.waiting is None else str(row.waiting), Style.WARN if row.waiting else Style.DIM


def _first_token(row: Row, _view: View, _now: float, _width: int) -> tuple[str, Style]:
    return short_ms(row.first_token_ms), _fresh(row)


def _predicted(row: Row, _view: View, _now: float, _width: int) -> tuple[str, Style]:
    return short_ms(row.predicted_ms), _fresh(row)


def _fresh(row: Row) -> Style:
    age = row.first_token_seconds_ago
    return Style.PLAIN if age is not None and age <= FRESH_SECONDS else Style.DIM


def _tokens(row: Row, _view: View, _now: float, _width: int) -> tuple[str, Style]:
    rate = row.tokens_per_second
    if rate is None:
        return "-", Style.DIM
    return f"{rate:,.0f}" if rate < 100_000 else f"{rate / 1000:,.0f}k", Style.PLAIN if rate else Style.DIM


def _bars(row: Row, view: View, now: float, width: int) -> tuple[str, Style]:
    if view.history is History.BUSY:
        values = bars(((one.at, one.busy) for one in row.samples), now, width)
        slots = row.slots if row.slots is not None and row.slots <= LARGEST_TOP else SMALL_TOP
        top = max(slots, *(value or 0.0 for value in values))
    else:
        values = bars(((one.at, one.first_token_ms) for one in row.samples), now, width)
        top = max(SMALL_TOP_MS, *(value or 0.0 for value in values))
    return sparkline(values, top), Style.NOTE


def _failure(row: Row, view: View, _now: float, _width: int) -> tuple[str, Style]:
    if row.failure is None:
        return "", Style.DIM
    outcome, seconds_ago = row.failure
    style = Style.BAD if failed_lately(row) else Style.DIM
    return f"{say(OUTCOMES, outcome, view.language)} {short_age(seconds_ago, view.language)}", style


SHOWN: dict[Column, Callable[[Row, View, float, int], tuple[str, Style]]] = {
    Column.NAME: _name,
    Column.STATE: _state,
    Column.BUSY: _busy,
    Column.WAITING: _waiting,
    Column.TTFT: _first_token,
    Column.PREDICTED: _predicted,
    Column.TOKENS: _tokens,
    Column.BARS: _bars,
    Column.FAILURE: _failure,
}
RIGHT = frozenset({Column.BUSY, Column.WAITING, Column.TTFT, Column.PREDICTED, Column.TOKENS})
