"""What somebody wants to be told of, about backends and about Maek itself.

Rules of this file
- Every alert has a section in docs/runbooks.md, and unit tests in grafana/rules/tests/: one where it fires, and one
  where it does not.
- A limit that the operator sets in the configuration is read from the exported thresholds and never repeated here.
- Names of metrics are those of the catalogs, numbers and words those of the enums; a test looks both up.
"""

from router.prometheus.budget_alerts import BUDGETS
from router.prometheus.recordings import FLEET
from router.prometheus.rule import Alert, RuleFile, Severity
from sidecar import LEVEL_EXPRESSION, Circuit, Level, Signal, Standing

HERE = "on(job, instance, backend)"
ON_BACKEND = "{{ $labels.backend }} ({{ $labels.instance }})"
CHANGES_OF_A_FLAPPING_ONE = 6
"""In half an hour: three times down and up again. A restart, also one that had to be repeated, is fewer."""
FORGOTTEN = 2
"""Requests that Maek may count more than the engine: those on their way, and answers that a client reads slowly."""


def _worst(signal: Signal) -> str:
    """That the signal has reached its last threshold, whatever that is."""
    return (
        f'maek_backend_load_signal{{signal="{signal}"}}\n'
        f'>= {HERE} maek_backend_load_threshold{{signal="{signal}", level="{Level.VERY_BUSY.label}"}}'
    )


_GONE = (
    Alert(
        "MaekRouterDown",
        'absent(up{job="maek"}) or up{job="maek"} == 0',
        "2m",
        Severity.CRITICAL,
        "Maek does not answer Prometheus{{ with $labels.instance }} ({{ . }}){{ end }}",
        "Nobody gets an answer, or the scraper's key is no longer right.",
    ),
    Alert(
        "MaekNoBackendForRole",
        f"{FLEET.record} == 0",
        "1m",
        Severity.CRITICAL,
        "Nobody serves the {{ with $labels.role }}role {{ . }}{{ else }}open roles{{ end }} ({{ $labels.instance }})",
        "Every backend that is configured for it is down, loading, suspended or drained: its requests fail.",
    ),
    Alert(
        "MaekBackendDown",
        f'maek_backend_state{{state="{Standing.DOWN}"}} == 1',
        "2m",
        Severity.WARNING,
        f"{ON_BACKEND} is down",
        "Its liveness probes fail. The other backends of its roles take its requests.",
    ),
    Alert(
        "MaekBackendFlapping",
        f"changes(maek_backend_up[30m]) >= {CHANGES_OF_A_FLAPPING_ONE}",
        "1m",
        Severity.WARNING,
        f"{ON_BACKEND} goes down and comes back again and again",
        "It changed {{ $value }} times within half an hour; each time requests were lost or had to move.",
    ),
)
_BUSY = (
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
        f"min by (job, instance) (maek_backend_load) == {Level.VERY_BUSY:d}",
        "5m",
        Severity.CRITICAL,
        "Every backend that is up is very busy ({{ $labels.instance }})",
        "There is nobody left to send requests to: users wait, and soon they are turned away.",
    ),
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
        f"max_over_time(maek_backend_breaker_state[2m]) == {Circuit.OPEN:d}",
        "5m",
        Severity.WARNING,
        f"{ON_BACKEND} fails at every trial",
        "It answers its liveness probes and fails requests, so that its circuit opens again and again.",
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
_BLIND = (
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
        f"and {HERE} count_over_time(maek_backend_active_jobs[1h]) > 0\n"
        f"unless {HERE} maek_backend_active_jobs",
        "5m",
        Severity.WARNING,
        f"{ON_BACKEND} no longer says how much it works on",
        "Its /status or statistics could be read within the last hour and cannot now: others' work there is not seen.",
    ),
    Alert(
        "MaekLoadMismatch",
        f"({LEVEL_EXPRESSION})\n!= {HERE} maek_backend_load\n"
        f"or maek_backend_load unless {HERE} maek_backend_up\nor maek_backend_up unless {HERE} maek_backend_load",
        "1m",
        Severity.WARNING,
        f"{ON_BACKEND}: Maek and Prometheus disagree on its load",
        "The level computed from the exported values is not the one that Maek says: a bug in Maek, or an altered rule.",
    ),
)

ALERTS = RuleFile(
    "alerts",
    "What somebody wants to be told of. critical: users feel it now. warning: somebody should look, today.\n"
    "What to look at and what to do for each of them: docs/runbooks.md.",
    (*_GONE, *_BUSY, *_BLIND, *BUDGETS),
)
