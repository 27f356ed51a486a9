"""A report as one HTML page with plots, to be opened from the disk.

Rules of this file
- Pure. The page needs nothing else: no script, no font, no picture from anywhere.
- What users wrote is escaped wherever it stands.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from router.judging.report import CurvePoint, Judged, Report, Score
from router.judging.text import percent

_WIDTH, _HEIGHT = 640, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 48, 16, 40
_LOWEST_PRECISION = 0.5
"""Where the plot's axis begins at the highest: a curve between 0.95 and 1 would be a line at the top."""

_CURVE_NOTE = (
    "Each point: what would happen if less sure decisions were left to others. Up is more often right, to the right is "
    "more decided."
)
_STYLE = """
:root { color-scheme: light dark; --ink: #1d1d1f; --soft: #6e6e73; --line: #d2d2d7; --paper: #fff; --mark: #0a66c2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #f5f5f7; --soft: #a1a1a6; --line: #424245; --paper: #1d1d1f; --mark: #62a8ff; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; } .figures b { display: block; font-size: 1.9rem; }
.figures span, caption, .note { color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } td, th { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right; }
td:first-child, th:first-child, td.text, th.text { text-align: left; } th { font-weight: 600; }
svg { width: 100%; height: auto; max-width: 44rem; } svg text { fill: var(--soft); font-size: 12px; }
"""  # noqa: E501 - CSS


def report_page(report: Report, name: str) -> str:
    """The page on the file of that name."""
    title = f"Decisions on {escape(name)}"
    body = "\n".join(
        (
            f"<h1>{title}</h1>",
            _figures(report.total),
            "<h2>Precision and coverage</h2>",
            f'<p class="note">{_CURVE_NOTE}</p>',
            _curve(report.curve),
            "<h2>Expected and decided</h2>",
            _confusion(report.confusion),
            "<h2>By language</h2>",
            _scores(report.by_language),
            "<h2>By who decided</h2>",
            _scores(report.by_source),
            "<h2>By what was expected</h2>",
            _scores(report.by_expected),
            "<h2>Worst mistakes, the surest first</h2>",
            _examples(report.mistakes),
            "<h2>Not decided, though in scope</h2>",
            _examples(report.missed),
        )
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _figures(total: Score) -> str:
    outside = total.rows - total.in_scope
    figures = (
        (f"{total.rows:,}", "messages"),
        (
            percent(total.precision),
            f"right of {total.accepted:,} accepted, at least {percent(total.precision_at_least)}",
        ),
        (percent(total.coverage), f"accepted of {total.in_scope:,} in scope"),
        (f"{total.false_accepts:,}", f"accepted of {outside:,} out of scope"),
    )
    return (
        '<div class="figures">' + "".join(f"<p><b>{n}</b><span>{words}</span></p>" for n, words in figures) + "</div>"
    )


def _curve(points: Sequence[CurvePoint]) -> str:
    if not points:
        return "<p>Nothing was accepted.</p>"
    lowest = min(0.95, *(point.precision for point in points))
    bottom = max(0.0, min(_LOWEST_PRECISION, lowest) if lowest < _LOWEST_PRECISION else lowest - 0.02)

    def at(point: CurvePoint) -> tuple[float, float]:
        across, down = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        return _LEFT + across * point.coverage, _TOP + down * (1 - (point.precision - bottom) / (1 - bottom))

    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(at, points))
    x, y = at(points[-1])
    ticks = "".join(_tick_across(step / 4) for step in range(5)) + "".join(
        _tick_up(bottom + (1 - bottom) * step / 4, step / 4) for step in range(5)
    )
    now = f"now: {percent(points[-1].precision)} right at {percent(points[-1].coverage)}"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Precision over coverage; {now}">{ticks}'
        f'<polyline points="{line}" fill="none" stroke="var(--mark)" stroke-width="2"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="var(--mark)"/>'
        f'<text x="{min(x, _WIDTH - 200):.1f}" y="{min(y + 20, _HEIGHT - _BOTTOM - 6):.1f}">{now}</text></svg>'
    )


def _tick_across(ratio: float) -> str:
    x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * ratio
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" stroke="var(--line)"/>'
        f'<text x="{x:.1f}" y="{_HEIGHT - 16}" text-anchor="middle">{ratio:.0%} decided</text>'
    )


def _tick_up(precision: float, height: float) -> str:
    y = _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * height
    return (
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="var(--line)"/>'
        f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{precision:.1%}</text>'
    )


def _confusion(counts: Mapping[tuple[str, str], int]) -> str:
    expected = sorted({row for row, _ in counts})
    outcomes = sorted({column for _, column in counts})
    head = "".join(f"<th>{escape(outcome)}</th>" for outcome in ("", *outcomes))
    rows = "".join(
        f"<tr><th>{escape(name)}</th>{''.join(_cell(counts, name, outcome, outcomes) for outcome in outcomes)}</tr>"
        for name in expected
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>'


def _cell(counts: Mapping[tuple[str, str], int], name: str, outcome: str, outcomes: Sequence[str]) -> str:
    count = counts.get((name, outcome), 0)
    part = count / sum(counts.get((name, one), 0) for one in outcomes)
    return f'<td style="background: rgba(10, 102, 194, {0.5 * part:.2f})">{count or "·"}</td>'


def _scores(scores: Mapping[str, Score]) -> str:
    head = "".join(
        f"<th>{title}</th>" for title in ("", "rows", "in scope", "accepted", "right", "at least", "coverage")
    )
    rows = "".join(
        f"<tr><th>{escape(name)}</th>"
        + "".join(
            f"<td>{figure}</td>"
            for figure in (
                f"{score.rows:,}",
                f"{score.in_scope:,}",
                f"{score.accepted:,}",
                percent(score.precision),
                percent(score.precision_at_least),
                percent(score.coverage),
            )
        )
        + "</tr>"
        for name, score in scores.items()
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>'


def _examples(rows: Iterable[Judged]) -> str:
    told = "".join(
        f'<tr><td>{escape(row.row_id)}</td><td class="text">{escape(row.text)}</td><td class="text">'
        f'{escape(row.expected.name)}</td><td class="text">{escape(row.outcome)}</td><td>{row.confidence:.3f}</td>'
        f'<td class="text">{escape(row.reason)}</td></tr>'
        for row in rows
    )
    if not told:
        return "<p>None.</p>"
    head = '<tr><th>row</th><th class="text">message</th><th class="text">wanted</th><th class="text">decided</th><th>sure</th><th class="text">why</th></tr>'  # noqa: E501 - one row
    return f'<div class="scroll"><table>{head}{told}</table></div>'
