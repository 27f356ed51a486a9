"""Panels about how long something takes: its heatmap, and its percentiles beside it.

Rules of this file
- Percentiles are recorded series, never computed here. A heatmap asks for buckets as they are, for only then Grafana
  gets their exemplars.
"""

from grafana_foundation_sdk.models import units

from dashboards.names import highest, rate, series
from dashboards.panel import Look, Panel, Query

PERCENTILES = ("p50", "p95", "p99")


def percentiles(record: str, *by: str) -> tuple[Query, ...]:
    """The median, and what one of twenty and one of a hundred still waits longer than."""
    legend = " ".join(f"{{{{{label}}}}}" for label in by)
    return tuple(Query(highest(series(f"{record}:{word}_5m"), *by), f"{word} {legend}".strip()) for word in PERCENTILES)


def heat(title: str, metric: str, tells: str) -> Panel:
    """How many took how long, over time. A point is one request, with the id of its trace."""
    return Panel(
        title=title,
        tells=f"{tells} The brighter, the more. A point is one of them; with traces switched on it leads to its trace.",
        look=Look.HEAT, unit=units.Seconds,
        queries=(Query(rate(f"{metric}_bucket", "le"), "{{le}}"),),
    )  # fmt: skip


def beside(title: str, record: str, tells: str, alerts: tuple[str, ...] = ()) -> Panel:
    """The percentiles of the same."""
    return Panel(title=title, tells=tells, unit=units.Seconds, queries=percentiles(record), alerts=alerts)


def high(title: str, record: str, tells: str, *by: str) -> Panel:
    """The 95th percentile alone, where there are many series."""
    legend = " ".join(f"{{{{{label}}}}}" for label in by)
    return Panel(
        title=title, tells=tells, unit=units.Seconds, queries=(Query(highest(series(f"{record}:p95_5m"), *by), legend),)
    )
