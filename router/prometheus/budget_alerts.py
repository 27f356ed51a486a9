"""Alerts about how requests end, against what users may expect, and about how Maek is set up.

Rules of this file
- The same as those of `router.prometheus.alerts`.
- A ratio speaks only where there was enough traffic: one failed request of two is no half of a budget.
"""

from typing import NamedTuple

from router.prometheus.chosen import Chosen
from router.prometheus.rule import Alert, Severity

OBJECTIVE_LOST_RATIO = 0.01
"""99 of 100 requests to backends end well. Local servers on single machines seldom do better than this for a month."""
OBJECTIVE_LATE_RATIO = 0.05
"""95 of 100 first tokens come in time: models that are loaded first, and long prompts, are late and nobody's fault."""
LEAST_REQUESTS = 20
"""In the longer of both windows."""
LEAST_REJECTED = 5
MOST_UNDECIDED_RATIO = 0.25
LEAST_DECISIONS = 10
PART, AT = "{{ $value | humanizePercentage }}", "({{ $labels.instance }})"


class Burn(NamedTuple):
    """How fast a budget is used up."""

    short: str
    """The window that says whether it still is: the alert ends soon after the trouble."""
    long: str
    """The window that says whether it matters."""
    times: float


FAST, SLOW = Burn("5m", "1h", 14.4), Burn("30m", "6h", 6)
"""A month's budget loses 2 % in an hour, or 5 % in six (The Site Reliability Workbook, ch. 5)."""


class Budget(NamedTuple):
    """What may be lost of something, and the series that say how much is."""

    name: str
    """Of the ratio, without its last part."""
    by: str
    ratio: float


_LOST = Budget("instance:maek_requests_lost", "job, instance", OBJECTIVE_LOST_RATIO)
_FAILED = Budget("instance:maek_requests_failed", "job, instance", OBJECTIVE_LOST_RATIO)
_LATE = Budget("model:maek_first_tokens_late", "job, instance, model", OBJECTIVE_LATE_RATIO)


def _burns(chosen: Chosen, budget: Budget, burn: Burn) -> str:
    """That more was lost than the budget bears, over a long time and still now."""
    name, long = budget.name, burn.long
    return (
        f"{name}:ratio_rate{burn.short} > {burn.times} * {budget.ratio}\n"
        f"and on({budget.by}) {name}:ratio_rate{long} > {burn.times} * {budget.ratio}\n"
        f"and on({budget.by}) {name}_of:rate{long} * {chosen.seconds(long):g} >= {LEAST_REQUESTS}"
    )


def budgets(chosen: Chosen) -> tuple[Alert, ...]:
    """What is lost, or late."""
    return (
        Alert(
            "MaekErrorBudgetBurn",
            _burns(chosen, _LOST, FAST),
            "2m",
            Severity.CRITICAL,
            f"{PART} of the answers are lost {AT}",
            "At this rate the errors that a month allows are used up within two days.",
        ),
        Alert(
            "MaekErrorBudgetSlowBurn",
            _burns(chosen, _FAILED, SLOW),
            "15m",
            Severity.WARNING,
            f"{PART} of the requests to backends have failed for hours {AT}",
            "At this rate the errors that a month allows are used up within five days.",
        ),
        Alert(
            "MaekTTFTBudgetBurn",
            f"({_burns(chosen, _LATE, FAST)})\nor ({_burns(chosen, _LATE, SLOW)})",
            "5m",
            Severity.WARNING,
            f"{PART} of the first tokens of {{{{ $labels.model }}}} are late {AT}",
            f"They come later than {chosen.first_token_seconds:g} s after the request was sent to a backend.",
        ),
    )


def refusals(chosen: Chosen) -> tuple[Alert, ...]:
    """What users asked was not done as it should be, and how Maek is set up."""
    return (
        Alert(
            "MaekRejecting",
            f"sum by (job, instance) (increase(maek_rejected_total[{chosen.time('10m')}])) >= {LEAST_REJECTED}",
            "1m",
            Severity.WARNING,
            "Requests are turned away ({{ $labels.instance }})",
            "{{ $value | humanize }} requests of the last ten minutes were told to come back later: there was no room.",
        ),
        Alert(
            "MaekDecideFallback",
            f"instance:maek_decide_fallbacks:ratio_rate30m > {MOST_UNDECIDED_RATIO}\n"
            "and on(job, instance) "
            f"instance:maek_decide_fallbacks_of:rate30m * {chosen.seconds('30m'):g} >= {LEAST_DECISIONS}",
            "10m",
            Severity.WARNING,
            f"{PART} of the messages were not decided by the classifier {AT}",
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
