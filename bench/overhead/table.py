"""Samples → the table that people read. Pure.

Rules of this file
- A number is the median over the rounds. Ratios are of medians.
- Where Maek is behind is said in words, first, and not only where it is ahead.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median

from bench.overhead.cells import CELLS
from bench.overhead.measure import Sample
from bench.overhead.peers import DIRECT, MAEK, PEERS, SIDECAR

Results = Mapping[tuple[str, str], Sequence[Sample]]
"""(cell, peer) → its sample in each round."""

_OTHERS = ("nginx", "aiohttp")
_RATIOS = (*_OTHERS, MAEK)
# Whose CPU time is compared with whose, in words: Maek with what it could have been, its sidecar with Maek as well.
_COMPARED: Mapping[str, Sequence[str]] = {MAEK: _OTHERS, SIDECAR: (*_OTHERS, MAEK)}
_MIB = 1024 * 1024
# Two medians of a shared machine that differ by less than this do not differ.
_TIE_RATIO = 1.05
_NOISY_RATIO = 0.10


def middle(samples: Iterable[Sample], of: Callable[[Sample], float | None]) -> float | None:
    """The median of one field over the rounds that have it."""
    values = [value for value in map(of, samples) if value is not None]
    return median(values) if values else None


def table(results: Results, idle_bytes: Mapping[str, int]) -> str:
    """Everything that was measured, cell by cell, and what it comes to."""
    cells = [cell for cell in CELLS if any(name == cell for name, _ in results)]
    parts = [_cell_table(cell, _peers_of(results, cell), results) for cell in cells]
    parts.append(_memory_table(results, idle_bytes))
    parts.append(_verdict(cells, results))
    return "\n\n".join(part for part in parts if part)


def _peers_of(results: Results, cell: str) -> list[str]:
    return [peer for peer in PEERS if (cell, peer) in results]


def _cell_table(cell: str, peers: Sequence[str], results: Results) -> str:
    spec = CELLS[cell]
    delay = spec.delay.removesuffix("_us").replace("_", " ")
    heading = ["", f"CPU us/{spec.unit}", *(f"x {other}" for other in _RATIOS), f"{spec.unit}s/s"]
    heading += [f"{delay} p50 us", "added", "p99 us", "added", "failed", "noise"]
    rows = [heading]
    for peer in peers:
        samples, direct = results[cell, peer], results.get((cell, DIRECT), ())
        cpu = middle(samples, lambda sample: sample.cpu_us)
        row = [peer, _number(cpu)]
        row += [_ratio(cpu, middle(results.get((cell, other), ()), _cpu_us)) for other in _RATIOS]
        row.append(_number(middle(samples, lambda sample: sample.per_second)))
        for quantile in (_p50_us, _p99_us):
            here, floor = middle(samples, quantile), middle(direct, quantile)
            added = None if here is None or floor is None or peer == DIRECT else here - floor
            row += [_number(here), _number(added)]
        row.append(str(sum(sample.failures for sample in samples)))
        row.append(_percent(middle(samples, lambda sample: sample.foreign_ratio)))
        rows.append(row)
    return f"{cell}: {spec.about}\n{_aligned(rows)}"


def _memory_table(results: Results, idle_bytes: Mapping[str, int]) -> str:
    rows = [["memory", "idle MiB", "most MiB with 1000 streams", "KiB per stream"]]
    for peer, idle in idle_bytes.items():
        most = middle(results.get(("slow", peer), ()), lambda sample: sample.resident_peak_bytes)
        each = None if most is None else (most - idle) / CELLS["slow"].concurrency / 1024
        rows.append([peer, _number(idle / _MIB), _number(None if most is None else most / _MIB), _number(each)])
    return _aligned(rows) if len(rows) > 1 else ""


def _verdict(cells: Sequence[str], results: Results) -> str:
    """One sentence for each comparison of CPU time, losses first."""
    behind, ahead = [], []
    pairs = [(cell, ours, peer) for cell in cells for ours, peers in _COMPARED.items() for peer in peers]
    for cell, name, peer in pairs:
        ours = middle(results.get((cell, name), ()), _cpu_us)
        theirs = middle(results.get((cell, peer), ()), _cpu_us)
        if not ours or not theirs:
            continue
        what = f"{cell}: {name} {ours:.1f} us of CPU a {CELLS[cell].unit}, {peer} {theirs:.1f}"
        if ours > theirs * _TIE_RATIO:
            behind.append(f"  - {what}: {ours / theirs:.2f} times as much")
        elif theirs > ours * _TIE_RATIO:
            ahead.append(f"  + {what}: {ours / theirs:.2f} times as much")
        else:
            ahead.append(f"  = {what}: no difference")
    lines = ["Where Maek costs more:", *(behind or ["  nowhere"]), "Where it does not:", *(ahead or ["  nowhere"])]
    return "\n".join(lines) if behind or ahead else ""


def notes(results: Results) -> list[str]:
    """What a reader must know before believing the table."""
    found = []
    failed = [
        f"{peer} in {cell} ({sample.why})"
        for (cell, peer), samples in results.items()
        for sample in samples
        if sample.failures
    ]
    if failed:
        found.append(f"Rows with failures do not compare: {', '.join(dict.fromkeys(failed))}.")
    noisy = sorted({cell for (cell, _), samples in results.items() if (_noise(samples) or 0) > _NOISY_RATIO})
    if noisy:
        found.append(
            f"Others used more than {_NOISY_RATIO:.0%} of the proxy's core in {', '.join(noisy)}: trust the CPU "
            "figures there, not the delays and rates."
        )
    return found


def _noise(samples: Iterable[Sample]) -> float | None:
    return middle(samples, lambda sample: sample.foreign_ratio)


def _cpu_us(sample: Sample) -> float | None:
    return sample.cpu_us


def _p50_us(sample: Sample) -> float | None:
    return sample.p50_us


def _p99_us(sample: Sample) -> float | None:
    return sample.p99_us


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


def _ratio(value: float | None, other: float | None) -> str:
    return "-" if not value or not other else f"{value / other:.2f}"


def _percent(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.0%}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
