"""What somebody wants to be told of, about backends and about Maek itself.

Rules of this file
- Every alert has a section in docs/runbooks.md, and unit tests in grafana/rules/tests/: one where it fires, and one
  where it does not.
- A limit that the operator sets in the configuration is read from the exported thresholds and never repeated here.
- critical only where users feel it now: who is woken at night must find somebody who waits. What can wait is a warning.
- A restart, one lost request, or a night without any must not set anything off.
- Names of metrics are those of the catalogs, numbers and words those of the enums; a test looks both up.
"""

from router.config_roles import PriorityName
from router.prometheus.budget_alerts import budgets, refusals
from router.prometheus.chosen import Chosen
from router.prometheus.ratios import any_of
from router.prometheus.recordings import FLEET, LEAST_LOADED
from router.prometheus.rule import Alert, RuleFile, Severity
from sidecar import FAILURES, LEVEL_EXPRESSION, Circuit, Level, Signal, Standing

HERE = "on(job, instance, backend)"
ON_BACKEND = "{{ $labels.backend }} ({{ $labels.instance }})"
CHANGES_OF_A_FLAPPING_ONE = 6
"""In half an hour: three times down and up again. A restart, also one that had to be repeated, is fewer."""
FORGOTTEN = 2
"""Requests that Maek may count more than the engine: those on their way, and answers that a client reads slowly."""

LEAST_FAILED = 3
"""Requests that a backend has failed one after the other before it is called broken: one may be an accident."""
STALLED_SECONDS = 0.25
"""A pause in which one sees that a text does not flow."""
THE_ROLE = "{{ with $labels.role }}the role {{ . }}{{ else }}the open roles{{ end }} ({{ $labels.instance }})"


def _worst(signal: Signal) -> str:
    """That the signal has reached its last threshold, whatever that is."""
    return (
        f'maek_backend_load_signal{{signal="{signal}"}}\n'
        f'>= {HERE} maek_backend_load_threshold{{signal="{signal}", level="{Level.VERY_BUSY.label}"}}'
    )


_FAILED = f'maek_requests_total{{outcome=~"{any_of(FAILURES)}"}}'


def _somebody_waits(chosen: Chosen) -> str:
    """A user waits for room, or was turned away, in the last five minutes. Jobs of the night are nobody who waits."""
    waiting = f'max_over_time(maek_queue_depth{{priority!="{PriorityName.BATCH}"}}[{chosen.time("5m")}])'
    return (
        f"\n  sum by (job, instance) ({waiting}) > 0\n"
        f"  or sum by (job, instance) (increase(maek_rejected_total[{chosen.time('5m')}])) > 0\n"
    )


def _gone(chosen: Chosen) -> tuple[Alert, ...]:
    """Somebody is not there."""
    return (
        Alert(
            "MaekRouterDown",
            'absent(up{job="maek"}) or up{job="maek"} == 0',
            "2m",
            Severity.CRITICAL,
            "Maek does not answer Prometheus{{ with $labels.instance }} ({{ . }}){{ end }}",
            "Nobody gets an answer, or only Prometheus does not: a wrong key, or a scrape that takes too long.",
        ),
        Alert(
            "MaekNoBackendForRole",
            f"{FLEET.record} == 0",
            "3m",
            Severity.CRITICAL,
            f"Nobody serves {THE_ROLE}",
            "Every backend that is configured for it is down, loading, suspended or drained: its requests fail.",
        ),
        Alert(
            "MaekBackendDown",
            f'maek_backend_state{{state="{Standing.DOWN}"}} == 1',
            "2m",
            Severity.WARNING,
            f"{ON_BACKEND} is down",
            "Its liveness probes fail. Other backends of its roles, if there are any, take its requests.",
        ),
        Alert(
            "MaekBackendFlapping",
            f"changes(maek_backend_up[{chosen.time('30m')}]) >= {CHANGES_OF_A_FLAPPING_ONE}",
            "1m",
            Severity.WARNING,
            f"{ON_BACKEND} goes down and comes back again and again",
            "It changed {{ $value }} times within half an hour; each time requests were lost or had to move.",
        ),
    )


def _busy(chosen: Chosen) -> tuple[Alert, ...]:
    """There is too much to do."""
    return (
        Alert(
            "MaekBackendVeryBusy",
            f"maek_backend_load == {Level.VERY_BUSY:d}",
            "10m",
            Severity.WARNING,
            f"{ON_BACKEND} has been very busy for ten minutes",
            "Answers from it take several times as long as when it is idle.",
        ),
        Alert(
            "MaekAllBackendsVeryBusy",
            f"{LEAST_LOADED.record} == {Level.VERY_BUSY:d}\nand on(job, instance) ({_somebody_waits(chosen)})",
            "5m",
            Severity.CRITICAL,
            f"Every backend that is up is very busy, for {THE_ROLE}",
            "Nobody is left to send requests to: users wait, or are turned away.",
        ),
    )


def _broken(chosen: Chosen) -> tuple[Alert, ...]:
    """It is there, and nothing comes of it."""
    return (
        Alert(
            "MaekBackendStuck",
            f"{_worst(Signal.SILENCE)}\nand {HERE} maek_backend_in_flight > 0",
            "1m",
            Severity.CRITICAL,
            f"{ON_BACKEND} holds requests and gives no token",
            "No token for {{ $value | humanizeDuration }}, more than twice what is bearable there, while requests run.",
        ),
        Alert(
            "MaekBreakerOpen",
            f"min_over_time(maek_backend_breaker_state[{chosen.time('5m')}]) > {Circuit.CLOSED:d}\n"
            f"and {HERE} sum by (job, instance, backend) (increase({_FAILED}[{chosen.time('1h')}])) >= {LEAST_FAILED}",
            "1m",
            Severity.WARNING,
            f"{ON_BACKEND} fails whatever it is sent",
            "It may well answer its liveness probes. No request has got a token there for five minutes or more.",
        ),
        Alert(
            "MaekActiveDivergence",
            f"maek_backend_in_flight - {HERE} maek_backend_active_jobs > {FORGOTTEN}",
            "10m",
            Severity.WARNING,
            f"{ON_BACKEND} works on fewer requests than Maek waits for",
            "{{ $value }} more are in flight than the engine counts: it has lost them, or clients read very slowly.",
        ),
    )


def _blind(chosen: Chosen) -> tuple[Alert, ...]:
    """Maek, or whoever looks at it, sees less than is there."""
    return (
        Alert(
            "MaekProbeStale",
            _worst(Signal.PROBE_AGE),
            "1m",
            Severity.WARNING,
            f"{ON_BACKEND} is not probed any more",
            "The last liveness probe ended {{ $value | humanizeDuration }} ago; what is known of the backend is old.",
        ),
        Alert(
            "MaekStatsSourceFailing",
            f'max by (job, instance, backend) (maek_backend_state{{state="{Standing.READY}"}}) == 1\n'
            f"and {HERE} count_over_time(maek_backend_active_jobs[{chosen.time('1h')}]) > 0\n"
            f"unless {HERE} maek_backend_active_jobs",
            "5m",
            Severity.WARNING,
            f"{ON_BACKEND} no longer says how much it works on",
            "What it told within the last hour cannot be read now: the work of others there is not seen.",
        ),
        Alert(
            "MaekLoadMismatch",
            f"({LEVEL_EXPRESSION})\n!= {HERE} maek_backend_load\n"
            f"or maek_backend_load unless {HERE} maek_backend_up\nor maek_backend_up unless {HERE} maek_backend_load",
            "1m",
            Severity.WARNING,
            f"{ON_BACKEND}: Maek and Prometheus disagree on its load",
            "The level computed from what is exported is not what Maek says: altered rules, dropped series, or a bug.",
        ),
    )


def _own(chosen: Chosen) -> tuple[Alert, ...]:
    """Maek itself is not well."""
    return (
        Alert(
            "MaekEventLoopStalled",
            "histogram_quantile(0.99, sum by (job, instance, le) (\n"
            f"  rate(maek_event_loop_lag_seconds_bucket[{chosen.time('5m')}]))) > {STALLED_SECONDS}",
            "5m",
            Severity.WARNING,
            "Maek itself is late ({{ $labels.instance }})",
            "One moment in a hundred nothing goes on for {{ $value | humanizeDuration }} or longer, for nobody at all.",
        ),
        Alert(
            "MaekLabelFolding",
            f"sum by (job, instance, label) (increase(maek_label_values_folded_total[{chosen.time('30m')}])) > 0",
            "5m",
            Severity.WARNING,
            "Values of the label {{ $labels.label }} are put together as `other` ({{ $labels.instance }})",
            "There are more than Maek keeps apart. Its figures are right, but do not tell all of them from each other.",
        ),
    )


GROUPS = (_gone, _busy, _broken, _blind, _own, budgets, refusals)


def alerts(chosen: Chosen) -> RuleFile:
    """All of them."""
    return RuleFile(
        "alerts",
        "What somebody wants to be told of. critical: users feel it now. warning: somebody should look, today.\n"
        "What to look at and what to do for each of them: docs/runbooks.md.",
        (
            *_gone(chosen),
            *_busy(chosen),
            *_broken(chosen),
            *_blind(chosen),
            *_own(chosen),
            *budgets(chosen),
            *refusals(chosen),
        ),
    )
