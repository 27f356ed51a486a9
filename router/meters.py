"""Counters and histograms, as prometheus_client's, but read in one go.

Rules of this file
- What is counted is there under its labels from the first time on, or from the beginning where its values are known
  before: `rate()` does not see the first event of a series that begins with it.
- Reading copies numbers and nothing else, so that a page of metrics is of one moment, however many series it has.
  prometheus_client makes an object of every sample, and a dictionary of its labels: a tenth of a second for a hundred
  backends.
- Counters may be told of something from any thread, histograms only from the event loop's.
"""

import threading
from abc import abstractmethod
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from sidecar import Labels, Metric, Own, Plain, Spread, Spreads

Child = TypeVar("Child")

LONGEST_EXEMPLAR = 128
"""Characters of all its names and values together, as OpenMetrics has it."""


class Meter(Collector, Generic[Child]):
    """A family. `begins`: the labels that are there before anything has happened; of a family whose first label is a
    backend, without that, and for each backend from when `begin` is told of it."""

    def __init__(self, metric: Metric, registry: CollectorRegistry, begins: Iterable[Labels] = ()) -> None:
        self.metric = metric
        self._begins = tuple(begins) if metric.labels else ((),)
        self._children: dict[Labels, Child] = {}
        if metric.labels[:1] != ("backend",):
            self.begin()
        registry.register(self)

    def labels(self, *values: str) -> Child:
        """What is counted under these labels."""
        child = self._children.get(values)
        if child is None:
            if len(values) != len(self.metric.labels):
                raise ValueError(f"{self.metric.name} has the labels {self.metric.labels}; got {values}")
            child = self._children.setdefault(tuple(map(str, values)), self._new())
        return child

    def begin(self, *first: str) -> None:
        """Have everything there that is to be there from the beginning, under labels that begin with these."""
        for rest in self._begins:
            self.labels(*first, *rest)

    def forget(self, *first: str) -> None:
        """Everything is gone whose labels begin with these."""
        for labels in [labels for labels in self._children if labels[: len(first)] == first]:
            del self._children[labels]

    def describe(self) -> Iterable[Own]:
        """The family without anything in it, so that a clash of names shows when it is registered."""
        return [self._family({})]

    def collect(self) -> Iterable[Own]:
        """Everything at this moment; what is counted later does not change it."""
        return [self._family(self._children)]

    @abstractmethod
    def _new(self) -> Child: ...

    @abstractmethod
    def _family(self, children: Mapping[Labels, Child]) -> Own: ...


class Count:
    """A number that grows."""

    __slots__ = ("_lock", "value")

    def __init__(self) -> None:
        self.value = 0.0
        self._lock = threading.Lock()

    def inc(self, by: float = 1) -> None:
        """So much more."""
        with self._lock:
            self.value += by


class Counter(Meter[Count]):
    """Counts by label."""

    def _new(self) -> Count:
        return Count()

    def _family(self, children: Mapping[Labels, Count]) -> Plain:
        return Plain(self.metric, [(labels, count.value) for labels, count in children.items()])


class Buckets:
    """One histogram: how many observations were at most so large."""

    __slots__ = ("_bounds", "counts", "exemplars", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0
        self.exemplars: Mapping[int, Exemplar] = {}

    def observe(self, value: float, exemplar: Mapping[str, str] | None = None) -> None:
        """One more. `exemplar`: labels that lead to where it came from; longer ones than anybody reads are left out."""
        place = bisect_left(self._bounds, value)
        self.counts[place] += 1
        self.sum += value
        if exemplar is not None and sum(len(name) + len(text) for name, text in exemplar.items()) <= LONGEST_EXEMPLAR:
            seen = Exemplar(dict(exemplar), value, datetime.now(tz=UTC).timestamp())
            self.exemplars = {**self.exemplars, place: seen}  # another one: pages that are being written keep theirs


class Histogram(Meter[Buckets]):
    """Histograms by label."""

    def __init__(
        self, metric: Metric, registry: CollectorRegistry, bounds: Sequence[float], begins: Iterable[Labels] = ()
    ) -> None:
        self._bounds = tuple(map(float, bounds))
        super().__init__(metric, registry, begins)

    def observe(self, value: float, exemplar: Mapping[str, str] | None = None) -> None:
        """One more, in a family without labels."""
        self.labels().observe(value, exemplar)

    def _new(self) -> Buckets:
        return Buckets(self._bounds)

    def _family(self, children: Mapping[Labels, Buckets]) -> Spreads:
        rows = [Spread(labels, tuple(one.counts), one.sum, one.exemplars) for labels, one in children.items()]
        return Spreads(self.metric, self._bounds, rows)
