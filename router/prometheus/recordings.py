"""Series that dashboards and alerts draw from: the load level, who serves, percentiles; ratios stand beside.

Rules of this file
- Pure: made from the catalogs and the enums whose values are labels, so that a new histogram is in.
- A name is what is left of the labels, the metric, and what was done with it over which time.
"""

from collections.abc import Iterator

from router import catalog
from router.prometheus.chosen import Chosen
from router.prometheus.ratios import HERE, WINDOW, any_of, ratios
from router.prometheus.rule import Recording, RuleFile
from sidecar import LEVEL_EXPRESSION, LEVEL_RECORD, METRICS, Metric, MetricType, Standing

PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
SERVING = (Standing.READY, Standing.SLEEPING)
"""A request that comes now is served; one who sleeps is woken by it."""
HISTOGRAMS = tuple(one for one in (*METRICS, *catalog.METRICS) if one.type is MetricType.HISTOGRAM)


LOAD = RuleFile(
    "load",
    "The load level of every backend, computed from what Maek exports: 0 free, 1 normal, 2 busy, 3 very busy,\n"
    "4 unavailable. The same number as maek_backend_load; the alert MaekLoadMismatch says so if it ever is not.",
    (Recording(LEVEL_RECORD, LEVEL_EXPRESSION),),
)


def _percentiles(chosen: Chosen, metric: Metric, labels: tuple[str, ...]) -> Iterator[Recording]:
    """Of one histogram, the rate of its buckets and what is read from it, for each value of these labels."""
    level = "_".join(("instance", *labels))
    buckets = f"{level}:{metric.name}_bucket:rate{WINDOW}"
    by = ", ".join((HERE, *labels, "le"))
    yield Recording(buckets, f"sum by ({by}) (rate({metric.name}_bucket[{chosen.time(WINDOW)}]))")
    for word, quantile in PERCENTILES.items():
        yield Recording(f"{level}:{metric.name}:{word}_{WINDOW}", f"histogram_quantile({quantile}, {buckets})")


def _of_every_histogram(chosen: Chosen) -> Iterator[Recording]:
    """Percentiles of the whole, for each label by itself, and for all of them together."""
    for metric in HISTOGRAMS:
        for labels in dict.fromkeys([(), *((label,) for label in metric.labels), metric.labels]):
            yield from _percentiles(chosen, metric, labels)


_READY_NOW = f'sum by (job, instance, backend) (maek_backend_state{{state=~"{any_of(SERVING)}"}})'
FLEET = Recording(
    "role:maek_backends_serving:sum",
    f"sum by (job, instance, role) (\n  maek_backend_info * on(job, instance, backend) group_left() {_READY_NOW})",
)
"""How many backends serve each role; it is empty for those that are open to every role that has none of its own."""
LEAST_LOADED = Recording(
    "role:maek_backend_load:min",
    "min by (job, instance, role) (\n  maek_backend_info * on(job, instance, backend) group_left() maek_backend_load)",
)
"""The level of the least loaded backend of each role: what its next request meets."""


def ratio_file(chosen: Chosen) -> RuleFile:
    """Everything that alerts draw from but the level."""
    return RuleFile(
        "ratios",
        "Who serves, and ratios with their numerators and denominators: what dashboards and alerts draw from.\n"
        "Of everything the last part of the name says over which time it was taken.",
        (FLEET, LEAST_LOADED, *ratios(chosen)),
    )


def percentile_file(chosen: Chosen) -> RuleFile:
    """What dashboards alone draw from."""
    return RuleFile(
        "percentiles",
        "Percentiles of every histogram, and the rates of its buckets that they are read from: what dashboards draw.\n"
        "The last part of the name says over which time they were taken. Without dashboards they may be left out.",
        tuple(_of_every_histogram(chosen)),
    )
