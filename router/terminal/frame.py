"""One frame of `maek top`: a fleet, a view and the size of the terminal in, lines out.

Rules of this file
- Pure. No line is wider than the terminal and there are no more lines than it has; what does not fit is left out in
  the order of its use: details first, then columns.
"""

from dataclasses import dataclass

from router.language import pick
from router.terminal.cells import Line, Span, Style, cells, clean, fitted
from router.terminal.columns import Layout, cells_of, failed_lately, layout, titles
from router.terminal.details import DETAIL_LINES, details
from router.terminal.fleet import Fleet, Row
from router.terminal.view import Sort, View, ordered, place_of
from router.terminal.words import Word, Words, say

HEAD_LINES = 4
LEAST_LINES_FOR_DETAILS = 16
FOOT_LINES = 2
LEAST_LINES_FOR_FOOT = 10
GAP = "  "

SORTS: Words = {
    Sort.NAME: Word("설정 순", "config"),
    Sort.LEVEL: Word("상태", "state"),
    Sort.BUSY: Word("처리 중", "in flight"),
    Sort.TTFT: Word("첫토큰", "ttft"),
    Sort.TOKENS: Word("토큰/초", "tok/s"),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """What stands around the table."""

    url: str
    clock: str
    """The time of day."""
    trouble: str | None = None
    """Why there is nothing new, if so."""


def room(lines: int) -> int:
    """How many backends can be seen at once on so many lines."""
    taken = HEAD_LINES
    if lines >= LEAST_LINES_FOR_FOOT:
        taken += FOOT_LINES
    if lines >= LEAST_LINES_FOR_DETAILS:
        taken += DETAIL_LINES
    return max(1, lines - taken)


def frame(fleet: Fleet | None, view: View, scene: Scene, width: int, lines: int | None) -> list[Line]:
    """The lines of a terminal of that size; with `lines` None, all backends and nothing for the keyboard."""
    head = [_title(fleet, view, scene, width), _summary(fleet, view, scene), ()]
    if fleet is None:
        return [fitted(line, width) for line in head[:lines]]
    rows = ordered(fleet.rows, view.sort)
    shape = layout(width, [row.name for row in rows])
    head.append(tuple(titles(shape, fleet, view)))
    many = len(rows) if lines is None else room(lines)
    first = 0 if lines is None else view.offset
    selected = place_of(rows, view.selected) if lines is not None else None
    seen = range(first, min(first + many, len(rows)))
    body = [_row(rows[place], shape, fleet.at, view, chosen=place == selected) for place in seen]
    if lines is None:
        return [fitted(line, width) for line in (*head, *body)]
    body += [()] * (many - len(body))
    if lines >= LEAST_LINES_FOR_DETAILS and selected is not None:
        body += details(rows[selected], view.language) if rows else [()] * DETAIL_LINES
    if lines >= LEAST_LINES_FOR_FOOT:
        body += [(), _help(view, seen, len(rows), width)]
    return [fitted(line, width) for line in (*head, *body)][:lines]


def _title(fleet: Fleet | None, view: View, scene: Scene, width: int) -> Line:
    name = "maek" if fleet is None or fleet.is_router else "maek sidecar"
    beside = f"  {clean(scene.url.partition('://')[2] or scene.url)}"
    if fleet is not None:
        beside += pick(
            view.language, ko=f"  {len(fleet.rows)}개 중 {fleet.up}개 정상", en=f"  {fleet.up} of {len(fleet.rows)} up"
        )
    paused = pick(view.language, ko=" 멈춤 ", en=" paused ") if view.paused else ""
    gap = width - sum(map(cells, (name, beside, paused, scene.clock)))
    if gap < 1:
        return (Span(name, Style.BOLD), Span(beside), Span(" "), Span(paused, Style.REVERSED))
    return (
        Span(name, Style.BOLD),
        Span(beside),
        Span(" " * gap),
        Span(paused, Style.REVERSED),
        Span(scene.clock, Style.DIM),
    )


def _summary(fleet: Fleet | None, view: View, scene: Scene) -> Line:
    if scene.trouble is not None:
        return (Span(clean(scene.trouble), Style.WORST),)
    if fleet is None:
        return (Span(pick(view.language, ko="첫 응답을 기다리는 중…", en="waiting for the first answer…"), Style.DIM),)
    ko = view.language == "ko"
    told = (
        (fleet.requests_per_second, "요청 {}/초" if ko else "{} requests/s", Style.PLAIN),
        (fleet.active, "진행 {}" if ko else "{} at work", Style.PLAIN),
        (fleet.queued, "대기열 {}" if ko else "{} queued", Style.WARN),
        (fleet.errors_per_second, "오류 {}/초" if ko else "{} errors/s", Style.BAD),
        (fleet.tokens_per_second, "토큰 {}/초" if ko else "{} tokens/s", Style.PLAIN),
    )
    spans: list[Span] = []
    for number, text, style in told:
        if number is not None:
            spans += [Span("   "), Span(text.format(_number(number)), style if number else Style.DIM)]
    return tuple(spans[1:])


def _number(number: float) -> str:
    if isinstance(number, int):
        return f"{number:,}"
    return f"{number:,.0f}" if number >= 99.5 or not number else f"{number:.1f}"


def _row(row: Row, shape: Layout, now: float, view: View, *, chosen: bool) -> Line:
    marks = (Span(">" if chosen else " ", Style.BOLD), Span("!" if failed_lately(row) else " ", Style.BAD))
    return (*marks, *cells_of(row, shape, now, view))


def _help(view: View, seen: range, many: int, width: int) -> Line:
    """Which part of the list is in sight, and what the keys do: as many of them as fit, each whole."""
    sort = say(SORTS, view.sort, view.language)
    keys = pick(
        view.language,
        ko=f"q 끝|↑↓ 고르기|s 정렬: {sort}|h 그래프|p 멈춤|l English",
        en=f"q quit|↑↓ select|s sort: {sort}|h history|p pause|l 한국어",
    )
    part = f"{seen.start + 1}-{seen.stop}/{many}" if len(seen) < many else ""
    told: list[str] = []
    for key in keys.split("|"):
        if cells(GAP.join((part, *told, key))) > width:
            break
        told.append(key)
    return (Span(part + GAP if part else "", Style.BOLD), Span(GAP.join(told), Style.DIM))
