"""Everybody who was considered for a request, as a table, and what made the winner win.

Rules of this file
- Pure: one choice as `/decisions/{id}` tells it in, lines out.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from router.language import pick
from router.terminal.cells import Line, Span, Style, cells, clean, fitted, left, right, wrapped
from router.terminal.words import COUNTED, EXCLUSIONS, POLICIES, WON_BY, say

MOST_NAME_CELLS = 24
COLUMN_CELLS = (10, 13, 10, 9)
GUESS = "*"
Row = Mapping[str, Any]


def duration(milliseconds: float) -> str:
    """`412 ms`, `1.2 s`, `38 s`, `3 min`."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"


def how_it_won(choice: Mapping[str, Any], language: str) -> str:
    """Why the first row of `considered` was chosen, in half a sentence."""
    rows = [row for row in _rows(choice) if row.get("excluded") is None]
    others = len(rows) - 1 + int((choice.get("not_shown") or {}).get("able", 0))
    if others <= 0:
        return pick(language, ko="맡을 수 있는 백엔드가 이것뿐입니다", en="it was the only one that could serve")
    costs = [row.get("cost") for row in rows]
    by = say(WON_BY, str(choice.get("policy")), language)
    if costs[0] is None:
        return by
    tied = sum(1 for cost in costs if cost is not None and cost <= costs[0])
    if tied > 1:
        return pick(
            language,
            ko=f"{by} ({_cost(costs[0])}). 같은 비용이 {tied}개라 추첨으로 정했습니다",
            en=f"{by} ({_cost(costs[0])}), the same as that of {tied - 1} more; chance decided",
        )
    second = next((row for row in rows[1:] if row.get("cost") is not None), None)
    if second is None:
        return by
    name, cost = clean(str(second.get("backend"))), _cost(second.get("cost"))
    return pick(
        language,
        ko=f"{by}: {_cost(costs[0])}, 다음은 {name} {cost}",
        en=f"{by}: {_cost(costs[0])}; next would have been {name} with {cost}",
    )


def candidate_lines(choice: Mapping[str, Any], language: str, width: int, *, explained: bool = False) -> list[Line]:
    """The table: who won, the others by cost, then the excluded; and what costs mean, unless that was `explained`."""
    rows = _rows(choice)
    name_cells = min(MOST_NAME_CELLS, max((cells(_name(row)) for row in rows), default=0))
    able = [row for row in rows if row.get("excluded") is None]
    won = bool(able) and "backend" in choice
    lines: list[Line] = []
    if able:
        titles = pick(language, ko="처리 중|첫 토큰 |전체 |비용", en="in flight|first token |whole |cost").split("|")
        lines.append((Span(" " * (name_cells + 2) + _columns(titles), Style.DIM),))
    lines += [_able(row, name_cells, language, won=won and row is able[0]) for row in able]
    lines += [_excluded(row, name_cells, language) for row in rows if row.get("excluded") is not None]
    for note in _notes(choice, able, language, explained=explained):
        lines += [(Span("  "), Span(line, Style.DIM)) for line in wrapped(note, width - 2)]
    return [fitted(line, width) for line in lines]


def _able(row: Row, name_cells: int, language: str, *, won: bool) -> Line:
    guess = " " if row.get("measured") else GUESS
    numbers = (
        _in_flight(row),
        _duration(row.get("predicted_ttft_ms"), guess),
        _duration(row.get("predicted_e2e_ms"), guess),
        _cost(row.get("cost")),
    )
    style = Style.GOOD if won else Style.PLAIN
    text = ("> " if won else "  ") + left(_name(row), name_cells) + _columns(numbers)
    return (Span(text, style), Span("  " + _beside(row, language), Style.WARN))


def _excluded(row: Row, name_cells: int, language: str) -> Line:
    why = say(EXCLUSIONS, str(row.get("excluded")), language)
    beside = pick(language, ko=f"  제외: {why}", en=f"  left out: {why}")
    return (Span("  " + left(_name(row), name_cells), Style.DIM), Span(beside, Style.WARN))


def _beside(row: Row, language: str) -> str:
    """What makes a prediction as long as it is."""
    told: list[str] = []
    if row.get("cold_ms"):
        told.append(pick(language, ko="모델부터 올려야 함", en="loads its model first"))
    if row.get("silent_ms"):
        told.append(pick(language, ko="토큰이 끊긴 지 오래됨", en="silent for too long"))
    return ", ".join(told)


def _notes(choice: Mapping[str, Any], able: Sequence[Row], language: str, *, explained: bool) -> Iterator[str]:
    not_shown: Mapping[str, int] = choice.get("not_shown") or {}
    if not_shown:
        counted = sorted(not_shown.items(), key=lambda kind: kind[0] != "able")
        told = ", ".join(f"{number} {say(COUNTED, kind, language)}" for kind, number in counted)
        yield pick(language, ko=f"그 밖에: {told}.", en=f"Not shown: {told}.")
    if not explained and len(able) > 1 and str(choice.get("policy")) in POLICIES:
        yield say(POLICIES, str(choice.get("policy")), language)
    if any(row.get("measured") is False for row in able):
        yield pick(
            language,
            ko=f"{GUESS} 아직 거기서 잰 적이 거의 없어 어림한 값입니다.",
            en=f"{GUESS} A guess: hardly anything has been measured there yet.",
        )


def _rows(choice: Mapping[str, Any]) -> Sequence[Row]:
    return choice.get("considered") or ()


def _name(row: Row) -> str:
    return clean(str(row.get("backend")))


def _columns(texts: Sequence[str]) -> str:
    return "".join(right(text, width) for text, width in zip(texts, COLUMN_CELLS, strict=True))


def _in_flight(row: Row) -> str:
    in_flight, slots = row.get("in_flight"), row.get("slots")
    return "-" if in_flight is None else f"{in_flight:.0f}" + ("" if slots is None else f"/{slots:.0f}")


def _duration(milliseconds: float | None, guess: str) -> str:
    return "-" if milliseconds is None else duration(milliseconds) + guess


def _cost(cost: float | None) -> str:
    return "-" if cost is None else f"{cost:.2f}"
