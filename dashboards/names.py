"""The names that queries may use, and how a query keeps to what is chosen at the top of a dashboard.

Rules of this file
- Every name is looked up: one that is in no catalog, in no rule file and not among those of others stops the generator,
  so that a metric that is renamed or taken away is noticed at once. So does a label that a metric has not.
- What is selected follows from the labels of a metric and is never written by hand.
"""

from collections.abc import Mapping

from router import catalog
from router.prometheus.files import files
from router.prometheus.rule import Alert, Recording
from sidecar import METRICS, MetricType

OWN = {metric.name: metric for metric in (*METRICS, *catalog.METRICS)}
RECORDED = {rule.record for file in files() for rule in file.rules if isinstance(rule, Recording)}
ALERTS = tuple(rule.name for file in files() for rule in file.rules if isinstance(rule, Alert))
OF_OTHERS: Mapping[str, tuple[str, ...]] = {
    # Prometheus itself, of every target and of every alert.
    "up": (),
    "scrape_duration_seconds": (),
    "scrape_samples_scraped": (),
    # The collector of processes that comes with prometheus-client.
    "process_cpu_seconds_total": (),
    "process_max_fds": (),
    "process_open_fds": (),
    "process_resident_memory_bytes": (),
    "process_start_time_seconds": (),
}
"""Metrics that Maek does not define and that are there all the same, with their labels beside job and instance."""
ALERTS_SERIES = "ALERTS"
"""What Prometheus keeps of alerts. It has the labels of each alert, so that nothing is selected."""

HERE = ("job", "instance")
CHOSEN = (*HERE, "backend", "model")
"""Labels that can be chosen at the top; the variables are called like them."""
PARTS = ("_bucket", "_count", "_sum")
"""Of a histogram."""

Value = str | tuple[str, ...]


def labels_of(name: str) -> tuple[str, ...]:
    """The labels of a metric, a part of a histogram or a recorded series."""
    if name in RECORDED:
        levels = name.partition(":")[0].split("_")
        return (*HERE, *(label for label in levels if label not in HERE))
    if name in OF_OTHERS:
        return (*HERE, *OF_OTHERS[name])
    whole = next((name.removesuffix(part) for part in PARTS if name.endswith(part)), name)
    metric = OWN[name] if name in OWN else OWN[whole]
    if (metric.type is MetricType.HISTOGRAM) is (name in OWN):
        raise KeyError(f"{name}: a histogram is asked for by its parts, and nothing else has any")
    return (*HERE, *metric.labels)


def series(name: str, **where: Value) -> str:
    """Select from one metric, or one recorded series, what is chosen at the top, and of that what `where` says."""
    labels = labels_of(name)
    if unknown := set(where) - set(labels):
        raise KeyError(f"{name} has no label {', '.join(sorted(unknown))}")
    matchers = [f'{label}=~"${label}"' for label in CHOSEN if label in labels and label not in where]
    matchers += [_matcher(label, value) for label, value in where.items()]
    return f"{name}{{{', '.join(matchers)}}}"


def rate(name: str, *by: str, **where: Value) -> str:
    """How often a second something happens, for each value of these labels."""
    return summed(f"rate({series(name, **where)}[$__rate_interval])", *by)


def summed(expr: str, *by: str) -> str:
    """The sum, for each value of these labels."""
    return f"sum by ({', '.join(by)}) ({expr})" if by else f"sum({expr})"


def highest(expr: str, *by: str) -> str:
    """The highest, for each value of these labels."""
    return f"max by ({', '.join(by)}) ({expr})" if by else f"max({expr})"


def or_zero(expr: str) -> str:
    """0 where there is none: for what is counted, of which none is 0."""
    return f"{expr} or vector(0)"


def rate_or_none(name: str, *by: str, **where: Value) -> str:
    """The same as `rate`; where nothing of it has happened yet a 0 that is called `none`."""
    return f'{rate(name, *by, **where)} or label_replace(vector(0), "{by[0]}", "none", "", "")'


def _matcher(label: str, value: Value) -> str:
    return f'{label}="{value}"' if isinstance(value, str) else f'{label}=~"{"|".join(value)}"'
