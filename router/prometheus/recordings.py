"""Series that dashboards and alerts draw from: the load level, ratios, percentiles.

Rules of this file
- Pure: made from the catalogs and the enums whose values are labels, so that a new histogram or a new outcome is in.
- Of a ratio the numerator and the denominator are recorded as well: ratios must not be added up, these may be.
- What says nothing about a backend (a client that left, a wrong request) is in neither of them.
"""

from collections.abc import Iterable, Iterator

from router import catalog
from router.decide.decision import Source
from router.decide.errors import UndecidedReason
from router.errors import ToolOutcome
from router.prometheus.rule import Recording, RuleFile
from sidecar import FAILURES, LEVEL_EXPRESSION, LEVEL_RECORD, METRICS, Metric, MetricType, Outcome, Standing

BUDGET_WINDOWS = ("5m", "30m", "1h", "6h")
"""Two pairs, one for a budget that burns fast and one for a slow fire (The Site Reliability Workbook, chapter 5)."""
WINDOW = "5m"
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
SERVING = (Standing.READY, Standing.SLEEPING)
"""A request that comes now is served; one who sleeps is woken by it."""
BROKEN_TOOL = tuple(outcome for outcome in ToolOutcome if outcome not in {ToolOutcome.OK, ToolOutcome.INVALID})


def any_of(values: Iterable[str]) -> str:
    """Values of a label, as a regular expression; they are names of our enums and need no escaping."""
    return "|".join(values)


LOAD = RuleFile(
    "load",
    "The load level of every backend, computed from what Maek exports: 0 free, 1 normal, 2 busy, 3 very busy,\n"
    "4 unavailable. The same number as maek_backend_load; the alert MaekLoadMismatch says so if it ever is not.",
    (Recording(LEVEL_RECORD, LEVEL_EXPRESSION),),
)


def _ratio(name: str, part: str, whole: str, window: str) -> Iterator[Recording]:
    """Three series: `name` with what counts, what it is a part of, and the ratio of the two."""
    parts, wholes = f"{name}:rate{window}", f"{name}_of:rate{window}"
    yield Recording(parts, part)
    yield Recording(wholes, whole)
    yield Recording(f"{name}:ratio_rate{window}", f"{parts} / ({wholes} > 0)")


def _failed(labels: str, prefix: str, window: str) -> Iterator[Recording]:
    """Requests to backends that failed, of those of which one can say so. A first failure starts a counter at 1: 0
    stands in where there was none yet."""
    failed = f'sum by ({labels}) (rate(maek_requests_total{{outcome=~"{any_of(FAILURES)}"}}[{window}]))'
    judged = f'sum by ({labels}) (rate(maek_requests_total{{outcome=~"{any_of((Outcome.OK, *FAILURES))}"}}[{window}]))'
    yield from _ratio(f"{prefix}:maek_requests_failed", f"{failed}\nor 0 * {judged}", judged, window)


def _ratios() -> Iterator[Recording]:
    here = "job, instance"
    for window in BUDGET_WINDOWS:
        yield from _failed(here, "instance", window)
    yield from _failed(f"{here}, backend", "backend", WINDOW)
    undecided = f'maek_decide_fallbacks_total{{stage="{Source.LLM}", reason=~"{any_of(UndecidedReason)}"}}'
    for window in (WINDOW, "30m"):
        decided = f"sum by ({here}) (rate(maek_decisions_total[{window}]))"
        lost = f"sum by ({here}) (rate({undecided}[{window}]))\nor 0 * {decided}"
        yield from _ratio("instance:maek_decide_fallbacks", lost, decided, window)
    called = f"sum by ({here}, tool) (rate(maek_tool_calls_total[{WINDOW}]))"
    broken = f'sum by ({here}, tool) (rate(maek_tool_calls_total{{outcome=~"{any_of(BROKEN_TOOL)}"}}[{WINDOW}]))'
    yield from _ratio("tool:maek_tool_calls_failed", f"{broken}\nor 0 * {called}", called, WINDOW)
    compared = f"sum by ({here}, source) (rate(maek_decide_agreement_total[{WINDOW}]))"
    agreed = f'sum by ({here}, source) (rate(maek_decide_agreement_total{{agrees="yes"}}[{WINDOW}]))'
    yield from _ratio("source:maek_decide_agreement", f"{agreed}\nor 0 * {compared}", compared, WINDOW)


def _percentiles(metric: Metric) -> Iterator[Recording]:
    """Of one histogram, the rate of its buckets and what is read from it."""
    level = "_".join(("instance", *metric.labels))
    buckets = f"{level}:{metric.name}_bucket:rate{WINDOW}"
    by = ", ".join(("job", "instance", *metric.labels, "le"))
    yield Recording(buckets, f"sum by ({by}) (rate({metric.name}_bucket[{WINDOW}]))")
    for word, quantile in PERCENTILES.items():
        yield Recording(f"{level}:{metric.name}:{word}_{WINDOW}", f"histogram_quantile({quantile}, {buckets})")


_READY_NOW = f'sum by (job, instance, backend) (maek_backend_state{{state=~"{any_of(SERVING)}"}})'
FLEET = Recording(
    "role:maek_backends_serving:sum",
    f"sum by (job, instance, role) (\n  maek_backend_info * on(job, instance, backend) group_left() {_READY_NOW})",
)
"""How many backends serve each role; it is empty for those that are open to every role that has none of its own."""

RATIOS = RuleFile(
    "ratios",
    "Ratios with their numerators and denominators, and percentiles: what dashboards and alerts draw from.\n"
    "Of everything the last part of the name says over which time it was taken.",
    (
        FLEET,
        *_ratios(),
        *(
            rule
            for metric in (*METRICS, *catalog.METRICS)
            if metric.type is MetricType.HISTOGRAM
            for rule in _percentiles(metric)
        ),
    ),
)
