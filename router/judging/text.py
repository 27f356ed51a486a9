"""A report for a terminal, and the same for programs.

Rules of this file
- Pure. Written for somebody who has never judged a classifier: every number has its words beside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from router.judging.report import Judged, Report, Score
from router.terminal.cells import cells, clean, clipped, left, right

SHOWN_MISTAKES = 20
SHOWN_POINTS = 8
_TEXT_WIDTH = 70


def report_text(report: Report, rows_per_second: float | None = None) -> str:
    """The whole report, a block a question."""
    speed = "" if rows_per_second is None else f", {rows_per_second:,.0f} rows a second"
    blocks = [
        [f"{report.total.rows:,} rows judged{speed}.", *_sentences(report.total)],
        _scores("By language", report.by_language),
        _scores("By who decided", report.by_source),
        _scores("By what was expected", report.by_expected),
        ["Expected (rows) against decided (columns)", *_confusion(report)],
        ["If less sure decisions were left to others", *_curve(report)],
        ["Worst mistakes, the surest first", *_examples(report.mistakes[:SHOWN_MISTAKES])],
        ["Not decided, though in scope (the first of them)", *_examples(report.missed[:SHOWN_MISTAKES])],
    ]
    return "\n\n".join("\n".join(block) for block in blocks)


def report_json(report: Report) -> dict[str, Any]:
    """The report for programs. Ratios are 0..1, null where there is nothing to divide by."""
    return {
        "total": _score_json(report.total),
        "by_language": {name: _score_json(score) for name, score in report.by_language.items()},
        "by_source": {name: _score_json(score) for name, score in report.by_source.items()},
        "by_expected": {name: _score_json(score) for name, score in report.by_expected.items()},
        "confusion": [
            {"expected": expected, "outcome": outcome, "rows": rows}
            for (expected, outcome), rows in sorted(report.confusion.items())
        ],
        "curve": [
            {"confidence": point.confidence, "coverage": point.coverage, "precision": point.precision}
            for point in report.curve
        ],
        "mistakes": [_judged_json(row) for row in report.mistakes],
        "missed": [_judged_json(row) for row in report.missed],
    }


def percent(ratio: float | None) -> str:
    """A ratio with one decimal; a dash where there is none."""
    return "–" if ratio is None else f"{ratio:.1%}"


def _sentences(total: Score) -> Iterator[str]:
    yield (
        f"Accepted: {total.accepted:,}. Right of these: {percent(total.precision)} "
        f"(at least {percent(total.precision_at_least)}, with 95 % confidence)."
    )
    yield f"In scope: {total.in_scope:,}. Accepted of these: {percent(total.coverage)}."
    outside = total.rows - total.in_scope
    rate = percent(total.false_accepts / outside) if outside else "–"
    yield f"Out of scope: {outside:,}. Accepted of these, which is wrong: {total.false_accepts:,} ({rate})."


def _scores(title: str, scores: Mapping[str, Score]) -> list[str]:
    head = ("", "rows", "in scope", "accepted", "right", "at least", "coverage")
    rows = [
        (
            name,
            f"{score.rows:,}",
            f"{score.in_scope:,}",
            f"{score.accepted:,}",
            percent(score.precision),
            percent(score.precision_at_least),
            percent(score.coverage),
        )
        for name, score in scores.items()
    ]
    return [title, *_table([head, *rows])]


def _confusion(report: Report) -> Iterator[str]:
    expected = sorted({row for row, _ in report.confusion})
    outcomes = sorted({column for _, column in report.confusion})
    head = ("", *outcomes)
    rows = [(name, *(_count(report.confusion.get((name, outcome), 0)) for outcome in outcomes)) for name in expected]
    yield from _table([head, *rows])


def _count(rows: int) -> str:
    return f"{rows:,}" if rows else "·"


def _curve(report: Report) -> Iterator[str]:
    step = max(1, len(report.curve) // SHOWN_POINTS)
    chosen = [*report.curve[:-1:step], *report.curve[-1:]]
    rows = [(f"{point.confidence:.3f}", percent(point.precision), percent(point.coverage)) for point in chosen]
    yield from _table([("surer than", "right", "coverage"), *rows])


def _examples(rows: Sequence[Judged]) -> Iterator[str]:
    for row in rows:
        yield f"  {row.row_id}: {clipped(clean(row.text), _TEXT_WIDTH)}"
        yield f"      wanted {row.expected.name}; {row.outcome} {row.confidence:.3f} {row.reason}".rstrip()
    if not rows:
        yield "  none"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(cells(row[column]) for row in rows) for column in range(len(rows[0]))]
    for name, *figures in rows:
        told = [
            left(name, widths[0]),
            *(right(figure, width) for figure, width in zip(figures, widths[1:], strict=True)),
        ]
        yield ("  " + "  ".join(told)).rstrip()


def _score_json(score: Score) -> dict[str, Any]:
    return {
        "rows": score.rows,
        "in_scope": score.in_scope,
        "accepted": score.accepted,
        "right": score.right,
        "precision": score.precision,
        "precision_at_least": score.precision_at_least,
        "coverage": score.coverage,
        "false_accepts": score.false_accepts,
    }


def _judged_json(row: Judged) -> dict[str, Any]:
    return {
        "id": row.row_id,
        "text": row.text,
        "language": row.language,
        "expected": sorted(row.expected.outcomes),
        "outcome": row.outcome,
        "source": row.source,
        "confidence": row.confidence,
        "reason": row.reason,
    }
