"""Metric families, written as Prometheus reads them: text or OpenMetrics.

Rules of this file
- Pure but for what it remembers: how series are called, as of the last time that they were written.
- Byte for byte what prometheus_client's encoders write, in a fraction of their time: they put every name and label
  together anew for each sample. Whatever is not known here for sure is left to them.
- It gives small pieces, so that whoever writes many can do something else in between.
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate, islice

from prometheus_client import exposition
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from sidecar.catalog import Metric
from sidecar.families import Labels, Plain, Row, Spread, Spreads, as_go, ends_of

ROWS_IN_A_PIECE = 64
SPREADS_IN_A_PIECE = 16
"""A histogram is some 16 lines."""
END = "# EOF\n"
"""Ends a page of OpenMetrics."""
PLAIN_BELOW = 1_000_000
"""Numbers from here on Go writes with an exponent, and Python does not."""


Called = dict[Labels, str]
"""The series of one metric, as they are written, without the number."""


class Writer:
    """Writes families, and remembers for the next time how their series are called."""

    def __init__(self) -> None:
        self._known: dict[str, Called] = {}

    def pieces(self, families: Iterable[Family], *, as_openmetrics: bool) -> Iterator[str]:
        """The whole page, piece by piece."""
        known, used = self._known, dict[str, Called]()
        for family in families:
            match family:
                case Plain():
                    yield head(family.metric, as_openmetrics=as_openmetrics)
                    before, now = known.get(family.metric.name, {}), used.setdefault(family.metric.name, {})
                    rows = iter(family.rows)
                    while piece := list(islice(rows, ROWS_IN_A_PIECE)):
                        yield _plain(family.metric, piece, before, now)
                case Spreads():
                    yield head(family.metric, as_openmetrics=as_openmetrics)
                    before, now = known.get(family.metric.name, {}), used.setdefault(family.metric.name, {})
                    for start in range(0, len(family.rows), SPREADS_IN_A_PIECE):
                        some = family.rows[start : start + SPREADS_IN_A_PIECE]
                        yield _spreads(family, some, before, now, as_openmetrics=as_openmetrics)
                case _:
                    yield by_the_library([family], as_openmetrics=as_openmetrics)
        self._known = used  # what was not written is gone, and forgotten with it
        if as_openmetrics:
            yield END


def by_the_library(families: Iterable[Family], *, as_openmetrics: bool) -> str:
    """What prometheus_client writes, without the end."""
    encode = openmetrics.generate_latest if as_openmetrics else exposition.generate_latest
    return encode(_Only(families)).decode().removesuffix(END)


class _Only(Collector):
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


def head(metric: Metric, *, as_openmetrics: bool) -> str:
    """The lines that say what a metric is."""
    name = metric.name.removesuffix("_total") if as_openmetrics else metric.name
    said = metric.help.replace("\\", r"\\").replace("\n", r"\n")
    if as_openmetrics:
        said = said.replace('"', r"\"")
    return f"# HELP {name} {said}\n# TYPE {name} {metric.type}\n"


def _plain(metric: Metric, rows: Iterable[Row], before: Called, now: Called) -> str:
    name, lines = metric.name, []
    for labels, value in rows:
        series = before.get(labels)
        if series is None:
            series = f"{name}{_braces(zip(metric.labels, labels, strict=True))} "
        now[labels] = series
        lines.append(f"{series}{number(value)}\n")
    return "".join(lines)


def _spreads(family: Spreads, rows: Iterable[Spread], before: Called, now: Called, *, as_openmetrics: bool) -> str:
    blocks = []
    for row in rows:
        block = before.get(row.labels)
        if block is None:
            block = _block(family, row.labels)
        now[row.labels] = block
        counts = [count(reached) for reached in accumulate(row.counts)]
        total = counts[-1]
        if as_openmetrics:
            for place, exemplar in row.exemplars.items():
                counts[place] += example(exemplar)
        blocks.append(block % (*counts, total, number(row.sum)))
    return "".join(blocks)


def _block(family: Spreads, values: Labels) -> str:
    """All lines of one histogram, with a `%s` for each number."""
    name, labels = family.metric.name, tuple(zip(family.metric.labels, values, strict=True))
    series = [f"{name}_bucket{_braces((*labels, ('le', end)))}" for end in ends_of(family.bounds)]
    series += [f"{name}_count{_braces(labels)}", f"{name}_sum{_braces(labels)}"]
    return "".join(one.replace("%", "%%") + " %s\n" for one in series)


def _braces(labels: Iterable[tuple[str, str]]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels))
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def example(exemplar: Exemplar) -> str:
    """An exemplar, as it stands behind the number."""
    labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(exemplar.labels.items()))
    at = "" if exemplar.timestamp is None else f" {exemplar.timestamp}"
    return f" # {{{labels}}} {as_go(exemplar.value)}{at}"


def number(value: float) -> str:
    """A number, as Go writes it."""
    # NaN is not smaller than anything.
    return repr(float(value)) if -PLAIN_BELOW < value < PLAIN_BELOW else as_go(value)


def count(whole: int) -> str:
    """A whole number, as Go writes it."""
    return f"{whole}.0" if whole < PLAIN_BELOW else as_go(whole)
