"""One server, and why its load is what it is: every signal beside its thresholds.

Rules of this file
- Data only. The rows are there once for each server that is chosen at the top.
"""

from grafana_foundation_sdk.models import units

from dashboards.names import highest, rate, series, summed
from dashboards.panel import Look, Page, Panel, Query, Row
from dashboards.times import percentiles
from dashboards.words import CIRCUITS, LEVELS, STANDINGS, levels_of_signals, standing_number
from sidecar import Signal

SIGNALS = {
    Signal.SLOWDOWN: (units.Short, "How many times as long as on the idle server a typical request would take now."),
    Signal.SILENCE: (units.Seconds, "Seconds without any token while answers run. At the last line it is stuck."),
    Signal.ACTIVE_JOBS: (units.Short, "What the server itself says that it works on, of all its clients."),
    Signal.IN_FLIGHT: (units.Short, "Requests of Maek that have not ended."),
    Signal.WAITING: (units.Short, "Requests that wait inside the server."),
    Signal.KV_USAGE: (
        units.PercentUnit,
        "The key-value cache: when it is full, answers are put aside and begun again.",
    ),
    Signal.INFERENCE_LATENCY: (units.Seconds, "What one token took when the server was last asked for one."),
    Signal.HEALTH_LATENCY: (units.Seconds, "What the liveness probe took. It can only raise the level."),
    Signal.PROBE_AGE: (units.Seconds, "How old the last probe is. If it only grows, nobody watches any more."),
    Signal.QUEUE: (units.Short, "Jobs that Maek works on; it raises the level of every server."),
}
"""Of every signal its unit and what it is."""


STUCK = {Signal.SILENCE: ("MaekBackendStuck",), Signal.PROBE_AGE: ("MaekProbeStale",)}
"""Signals that have an alert of their own."""


def _now(signal: Signal) -> str:
    now = highest(series("maek_backend_load_signal", signal=signal), "backend")
    # Where nothing runs nobody is silent.
    return f"{now} or 0 * {highest(series('maek_backend_in_flight'), 'backend')}" if signal is Signal.SILENCE else now


def _signal(signal: Signal) -> Panel:
    unit, what = SIGNALS[signal]
    return Panel(
        title=f"{signal}".replace("_", " ").capitalize(),
        tells=f"{what} Dashed: from there on it means normal, busy and very busy; a line is missing where it never "
        "does. No value: this server does not tell.",
        unit=unit, dashed="from .*", width=8, height=6, alerts=STUCK.get(signal, ()),
        queries=(
            Query(_now(signal), "now"),
            Query(highest(series("maek_backend_load_threshold", signal=signal), "level"), "from here on {{level}}"),
        ),
    )  # fmt: skip


NOW = Row(
    title="$backend",
    each="backend",
    panels=(
        Panel(
            title="Load now",
            tells="The worst of its signals. Which one it is: the bands beside.",
            look=Look.NUMBER, words=LEVELS, width=4, height=4, nothing="not known yet", alerts=("MaekBackendVeryBusy",),
            queries=(Query(highest(series("maek_backend_load"))),),
        ),
        Panel(
            title="State",
            tells="ready and sleeping take requests, all others get none.",
            look=Look.NUMBER, words=STANDINGS, width=4, height=4, nothing="not known yet", alerts=("MaekBackendDown",),
            queries=(Query(highest(standing_number())),),
        ),
        Panel(
            title="Circuit",
            tells="open: it failed too often and is left alone for a moment; half open: the next request is a trial.",
            look=Look.NUMBER, words=CIRCUITS, width=4, height=4, alerts=("MaekBreakerOpen",),
            queries=(Query(highest(series("maek_backend_breaker_state"))),),
        ),
        Panel(
            title="Which signal sets the load",
            tells="The level that each signal alone would mean. The load is the worst of them.",
            look=Look.STATES, words=LEVELS, width=12, height=8,
            queries=(Query(levels_of_signals(), "{{signal}}"),),
        ),
        Panel(
            title="At work",
            tells="What the server works on and lets wait (of all its clients), what of it is Maek's, and what it "
            "can work on at once (dashed).",
            width=12, dashed="slots", alerts=("MaekActiveDivergence", "MaekStatsSourceFailing"),
            queries=(
                Query(highest(series("maek_backend_active_jobs")), "all clients"),
                Query(summed(series("maek_backend_in_flight")), "from Maek"),
                Query(highest(series("maek_backend_waiting_requests")), "waiting inside"),
                Query(highest(series("maek_backend_slots")), "slots"),
            ),
        ),
        Panel(
            title="Changes of the load",
            tells="How often a minute it came to be at each level. Up and down again and again: too few slots for "
            "bursts.",
            look=Look.STACKED, unit=units.CountsPerMinute,
            queries=(Query(f"60 * {rate('maek_load_transitions_total', 'to')}", "to {{to}}"),),
        ),
        Panel(
            title="First token: predicted and measured",
            tells="The first token is part of what Maek predicts of a server, and chooses by. Far apart for long: the "
            "prediction is learning anew, or the server has another load than it tells.",
            unit=units.Seconds, dashed="predicted",
            queries=(
                Query(highest(series("maek_backend_predicted_ttft_seconds")), "predicted"),
                *percentiles("instance_backend:maek_time_to_first_token_seconds"),
            ),
        ),
        Panel(
            title="Requests by how they ended",
            tells="Counted at the last byte.",
            look=Look.STACKED, unit=units.RequestsPerSecond, alerts=("MaekErrorBudgetBurn", "MaekBreakerOpen"),
            queries=(Query(rate("maek_requests_total", "outcome"), "{{outcome}}"),),
        ),
        Panel(
            title="The part that failed",
            tells="Of the requests of the last five minutes of which one can say it.",
            unit=units.PercentUnit, highest=1.0,
            queries=(Query(highest(series("backend:maek_requests_failed:ratio_rate5m")), "failed"),),
        ),
        Panel(
            title="Tokens",
            tells="Read (input) and written (output), a second, by model.",
            unit=units.CountsPerSecond,
            queries=(Query(rate("maek_tokens_total", "model", "type"), "{{model}} {{type}}"),),
        ),
        Panel(
            title="Liveness probe",
            tells="What the last probe took, beside what is usual there (dashed). Many times as long: the machine "
            "itself is busy.",
            unit=units.Seconds, dashed="usual", alerts=("MaekProbeStale",),
            queries=(
                Query(highest(series("maek_backend_health_latency_seconds")), "last"),
                Query(highest(series("maek_backend_health_baseline_seconds")), "usual"),
            ),
        ),
        Panel(
            title="Probes by how they ended",
            tells="Everything but ok is a server that does not answer, or answers with an error.",
            look=Look.STACKED, unit=units.CountsPerMinute, alerts=("MaekBackendDown", "MaekBackendFlapping"),
            queries=(Query(f"60 * {rate('maek_probes_total', 'outcome')}", "{{outcome}}"),),
        ),
        Panel(
            title="Learnt anew, and failures of watching",
            tells="How often a minute what is usual for this server was learnt anew, because it had changed for "
            "good; and how often watching it failed unforeseen (a bug: the log has its trace).",
            unit=units.CountsPerMinute,
            queries=(
                Query(f"60 * {rate('maek_backend_baseline_shifts_total', 'signal')}", "{{signal}} learnt anew"),
                Query(f"60 * {rate('maek_monitor_errors_total')}", "watching failed"),
            ),
        ),
    ),
)  # fmt: skip

EACH_SIGNAL = Row(
    title="$backend: every signal beside its thresholds", each="backend", panels=tuple(map(_signal, Signal))
)

BACKEND = Page(
    uid="maek-backend",
    title="Maek: server",
    about="One server, or some beside one another: why its load is what it is, what it was asked, how it answered.",
    rows=(NOW, EACH_SIGNAL),
)
