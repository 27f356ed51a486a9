"""Alerts about how requests end, against what users may expect, and about how Maek is set up.

Rules of this file
- The same as those of `router.prometheus.alerts`.
- A ratio speaks only where there was enough traffic: one failed request of two is no half of a budget.
"""

from router.prometheus.rule import Alert, Severity

OBJECTIVE_LOST_RATIO = 0.01
"""99 of 100 requests to backends end well. Local servers on single machines seldom do better than this for a month."""
FAST_BURN, SLOW_BURN = 14.4, 6
"""Times the objective: a month's budget loses 2 % in an hour, or 5 % in six (The Site Reliability Workbook, ch. 5)."""
LEAST_REQUESTS = 20
"""In the longer of both windows."""
LEAST_REJECTED = 5
MOST_UNDECIDED_RATIO = 0.25
LEAST_DECISIONS = 10


def _burns(short: str, long: str, times: float, long_seconds: int) -> str:
    """That more was lost than the budget bears, over a long time and still now."""
    name = "instance:maek_requests_failed"
    return (
        f"{name}:ratio_rate{short} > {times} * {OBJECTIVE_LOST_RATIO}\n"
        f"and on(job, instance) {name}:ratio_rate{long} > {times} * {OBJECTIVE_LOST_RATIO}\n"
        f"and on(job, instance) {name}_of:rate{long} * {long_seconds} >= {LEAST_REQUESTS}"
    )


BUDGETS = (
    Alert(
        "MaekErrorBudgetBurn",
        _burns("5m", "1h", FAST_BURN, 3600),
        "2m",
        Severity.CRITICAL,
        "{{ $value | humanizePercentage }} of the requests to backends fail ({{ $labels.instance }})",
        "At this rate the errors that a month allows are used up within two days.",
    ),
    Alert(
        "MaekErrorBudgetSlowBurn",
        _burns("30m", "6h", SLOW_BURN, 6 * 3600),
        "15m",
        Severity.WARNING,
        "{{ $value | humanizePercentage }} of the requests to backends have failed for hours ({{ $labels.instance }})",
        "At this rate the errors that a month allows are used up within five days.",
    ),
    Alert(
        "MaekRejecting",
        f"sum by (job, instance) (increase(maek_rejected_total[10m])) >= {LEAST_REJECTED}",
        "1m",
        Severity.WARNING,
        "Requests are turned away ({{ $labels.instance }})",
        "{{ $value | humanize }} requests of the last ten minutes were told to come back later: there was no room.",
    ),
    Alert(
        "MaekDecideFallback",
        f"instance:maek_decide_fallbacks:ratio_rate30m > {MOST_UNDECIDED_RATIO}\n"
        f"and on(job, instance) instance:maek_decide_fallbacks_of:rate30m * 1800 >= {LEAST_DECISIONS}",
        "10m",
        Severity.WARNING,
        "{{ $value | humanizePercentage }} of the messages were not decided by the classifier ({{ $labels.instance }})",
        "The reasoner answers them instead: small talk becomes slow, and tools are missed.",
    ),
    Alert(
        "MaekConfigReloadFailed",
        "maek_config_last_reload_success == 0",
        "1m",
        Severity.WARNING,
        "The configuration file is broken ({{ $labels.instance }})",
        "It was saved with a mistake. The configuration before it is in force, until Maek is started anew.",
    ),
)
