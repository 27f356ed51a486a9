"""Results → the tables that people read. Pure.

Rules of this file
- Rows are kinds of situations, over all machines and seeds. Where Maek is worst is said by name.
"""

from collections.abc import Mapping, Sequence
from statistics import median

from bench.balance.table import aligned
from bench.levels.judges import JUDGES, MAEK
from bench.levels.oracle import Truth
from bench.levels.runs import Result
from bench.levels.scores import Tally, false_busy, macro_f1, missed_busy, sum_of
from bench.levels.situations import KINDS
from sidecar.levels import Level

MOST_MISSED, MOST_FALSE, LEAST_F1 = 0.10, 0.05, 0.6
LATEST_SECONDS = {"stall": 2.0, "slow": 10.0}
"""By when what begins has to be noticed."""
_WORST = 8
"""Cells named where Maek is worst."""


def report(results: Sequence[Result]) -> str:
    """Everything, in the order in which one asks."""
    parts = [_legend(), _scores(results), _noticed(results), _confusion(results), _truths(results), _worst(results)]
    return "\n\n".join((*parts, _targets(results)))


def _legend() -> str:
    lines = ["F1: mean over the levels. missed: of the times that it was busy or worse, those called free or normal."]
    lines += [
        "false: of the times that it was free or normal, those called busy or worse. Truth: slowdown of a typical"
    ]
    lines += ["request, sent then, while the company stays; free under 1.25, normal under 2, busy under 4."]
    makers = {name: make().about for name, make in JUDGES.items()}
    lines += [f"{name}: {about}" for name, about in makers.items()]
    lines += [f"{name}: {kind.about}" for name, kind in KINDS.items()]
    return "\n".join(lines)


def _scores(results: Sequence[Result]) -> str:
    header = ["", "looks", "free", "normal", "busy", "very", "gone"]
    for judge in JUDGES:
        header += [f"{judge}: F1", "missed", "false"]
    rows = [header]
    for name in (*dict.fromkeys(one.task.situation.name for one in results), "all"):
        chosen = [one for one in results if name in (one.task.situation.name, "all")]
        truth = sum_of(one.tallies[MAEK] for one in chosen)
        looks = sum(truth.counts.values())
        row = [name, str(looks), *(_percent(truth.of(level) / looks) for level in Level)]
        for judge in JUDGES:
            row += _cells(sum_of(one.tallies[judge] for one in chosen))
        rows.append(row)
    return aligned(rows)


def _cells(tally: Tally) -> list[str]:
    return [f"{macro_f1(tally):.2f}", _ratio(missed_busy(tally)), _ratio(false_busy(tally))]


def _noticed(results: Sequence[Result]) -> str:
    rows = [["seconds until noticed", *JUDGES]]
    for name in LATEST_SECONDS:
        row = [f"{name}: median, worst, missed"]
        for judge in JUDGES:
            found = [one for result in results if result.task.situation.name == name for one in result.noticed[judge]]
            known = [seconds for seconds in found if seconds is not None]
            row.append(f"{median(known):.1f}, {max(known):.1f}, {len(found) - len(known)}" if known else "-")
        rows.append(row)
    return aligned(rows)


def _confusion(results: Sequence[Result]) -> str:
    tally = sum_of(one.tallies[MAEK] for one in results)
    rows = [[f"truth, {MAEK} said", *(level.label for level in Level)]]
    rows += [[truth.label, *(str(tally.counts[truth, said]) for said in Level)] for truth in Level]
    return aligned(rows)


def _truths(results: Sequence[Result]) -> str:
    rows = [[f"{MAEK} against", "F1", "missed", "false"]]
    rows.append([Truth.STAYS, *_cells(sum_of(one.tallies[MAEK] for one in results))])
    others = (Truth.COMES, Truth.NOBODY)
    rows += [[truth, *_cells(sum_of(one.others[truth] for one in results))] for truth in others]
    return aligned(rows)


def _worst(results: Sequence[Result]) -> str:
    cells: dict[str, list[Tally]] = {}
    for one in results:
        cells.setdefault(f"{one.task.situation.name} {one.task.situation.host.name}", []).append(one.tallies[MAEK])
    total = {name: sum_of(tallies) for name, tallies in cells.items()}
    lines = [f"Where {MAEK} is worst:"]
    for what, score, limit in (("missed", missed_busy, MOST_MISSED), ("false", false_busy, MOST_FALSE)):
        ranked = sorted(((score(tally) or 0.0, name) for name, tally in total.items()), reverse=True)
        found = [f"{name} {value:.2f}" for value, name in ranked[:_WORST] if value > limit]
        lines.append(f"  {what} busy: {', '.join(found) or 'nowhere above the target'}")
    lowest = sorted((macro_f1(tally), name) for name, tally in total.items())[:_WORST]
    lines.append(f"  F1: {', '.join(f'{name} {value:.2f}' for value, name in lowest)}")
    return "\n".join(lines)


def targets(results: Sequence[Result]) -> Mapping[str, bool]:
    """What was aimed at, in words → whether it was met."""
    total = sum_of(one.tallies[MAEK] for one in results)
    missed, wrong = missed_busy(total) or 0.0, false_busy(total) or 0.0
    found = {
        f"macro-F1 {macro_f1(total):.2f}, at least {LEAST_F1:.2f}": macro_f1(total) >= LEAST_F1,
        f"missed busy {missed:.3f}, at most {MOST_MISSED:.2f}": missed <= MOST_MISSED,
        f"false busy {wrong:.3f}, at most {MOST_FALSE:.2f}": wrong <= MOST_FALSE,
    }
    for name, latest in LATEST_SECONDS.items():
        seconds = [one for result in results if result.task.situation.name == name for one in result.noticed[MAEK]]
        late = sum(one is None or one > latest for one in seconds)
        found[f"{name}: noticed within {latest:.0f} s in {len(seconds) - late} of {len(seconds)}"] = not late
    return found


def _targets(results: Sequence[Result]) -> str:
    lines = [f"  {'met   ' if met else 'MISSED'} {what}" for what, met in targets(results).items()]
    return "\n".join(["Targets:", *lines])


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _percent(ratio: float) -> str:
    return f"{ratio:.0%}" if ratio else ""
