"""Metric families of Maek's own, as rows of label values and numbers.

Rules of this file
- Values only: nobody changes a family once it is made, so it may be written out later and bit by bit.
- To prometheus_client they are families like any other: whoever asks for `samples` gets them, and what
  `sidecar.writing` makes of the rows is what its encoders make of the samples.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Exemplar, Sample
from prometheus_client.utils import floatToGoString

from sidecar.catalog import Metric, Type

Labels = tuple[str, ...]
"""Values, in the order of the metric's labels."""


def as_go(number: float) -> str:
    """A number, as Go writes it, and with it Prometheus."""
    return str(floatToGoString(number))  # type: ignore[no-untyped-call]


def ends_of(bounds: Sequence[float]) -> list[str]:
    """The values of the label `le`."""
    return [*map(as_go, bounds), "+Inf"]


Row = tuple[Labels, float]
"""One series of a gauge or a counter. Plain tuples of what holds nothing else cost the garbage collector nothing."""


class Spread(NamedTuple):
    """One histogram."""

    labels: Labels
    counts: Sequence[int]
    """For each bound how many were at most that and more than the one before; then how many were above all."""
    sum: float
    exemplars: Mapping[int, Exemplar]
    """The latest one of a bucket, by its place in `counts`."""


class Own(Family):
    """A family of the catalog. `samples` are made when somebody asks for them."""

    def __init__(self, metric: Metric) -> None:
        super().__init__(metric.name.removesuffix("_total"), metric.help, metric.type.value)
        del self.samples  # prometheus_client's list, which would stand before the property
        self.metric = metric

    @cached_property
    def samples(self) -> list[Sample]:  # type: ignore[override]  # there an attribute
        """As prometheus_client has them."""
        return list(self._samples())

    @abstractmethod
    def _samples(self) -> Iterator[Sample]: ...


class Plain(Own):
    """Gauges or counters. Rows may be made as they are read, which happens once."""

    def __init__(self, metric: Metric, rows: Iterable[Row]) -> None:
        super().__init__(metric)
        self.rows = rows

    def _samples(self) -> Iterator[Sample]:
        for labels, value in self.rows:
            yield Sample(self.metric.name, dict(zip(self.metric.labels, labels, strict=True)), value)


class Spreads(Own):
    """Histograms. `bounds` are the upper ends of the buckets, without the last one, which has none."""

    def __init__(self, metric: Metric, bounds: Sequence[float], rows: Sequence[Spread]) -> None:
        super().__init__(metric)
        assert metric.type is Type.HISTOGRAM
        self.bounds = bounds
        self.rows = rows

    def _samples(self) -> Iterator[Sample]:
        name, ends = self.metric.name, ends_of(self.bounds)
        for row in self.rows:
            labels = dict(zip(self.metric.labels, row.labels, strict=True))
            for place, (end, count) in enumerate(zip(ends, accumulate(row.counts), strict=True)):
                yield Sample(f"{name}_bucket", labels | {"le": end}, float(count), exemplar=row.exemplars.get(place))
            yield Sample(f"{name}_count", labels, float(sum(row.counts)))
            yield Sample(f"{name}_sum", labels, row.sum)
