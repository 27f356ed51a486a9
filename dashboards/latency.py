"""Where time goes: heatmaps of everything that is measured, with exemplars, and the percentiles beside them.

Rules of this file
- Data only.
"""

from grafana_foundation_sdk.models import units

from dashboards.names import highest, series
from dashboards.panel import Page, Panel, Query, Row
from dashboards.times import beside, heat, high

LATE = "model:maek_first_tokens_late:ratio_rate"

USERS = Row(
    title="What users wait for",
    panels=(
        heat(
            "First token", "maek_time_to_first_token_seconds", "From sending a request to its first token."
        ),
        high(
            "First token by model", "instance_backend_model:maek_time_to_first_token_seconds",
            "95 of 100 came sooner. One line far above the others: that server, or that model, is the slow one.",
            "backend", "model",
        ),
        Panel(
            title="The part that came too late",
            tells="First tokens that took longer than the rules bear (ten seconds, unless `maek rules "
            "--first-token-seconds` said otherwise), over five minutes and an hour, by model.",
            unit=units.PercentUnit, width=24, height=6, alerts=("MaekTTFTBudgetBurn",),
            queries=(
                Query(highest(series(f"{LATE}5m"), "model"), "5 minutes {{model}}"),
                Query(highest(series(f"{LATE}1h"), "model"), "1 hour {{model}}"),
            ),
        ),
        heat("Later tokens", "maek_time_per_output_token_seconds", "The mean time from token to token of one answer."),
        high(
            "Later tokens by model", "instance_backend_model:maek_time_per_output_token_seconds",
            "95 of 100 answers were quicker. Above a tenth of a second people read faster than it writes.",
            "backend", "model",
        ),
        heat("Whole answers", "maek_request_duration_seconds", "From the request to its last byte."),
        high(
            "Whole answers by server", "instance_backend_stream:maek_request_duration_seconds",
            "95 of 100 were over sooner, streamed and not. It grows with the length of answers.", "backend", "stream",
        ),
    ),
)  # fmt: skip

MAEK = Row(
    title="What Maek adds",
    panels=(
        heat("Waiting in Maek", "maek_queue_wait_seconds", "The lowest bucket is those who did not have to wait."),
        beside(
            "Waiting in Maek, percentiles", "instance:maek_queue_wait_seconds",
            "If it is more than the first token takes, more servers help, and nothing else.",
        ),
        heat("Choosing a server", "maek_routing_overhead_seconds", "What Maek itself takes to choose and to begin."),
        beside(
            "Choosing a server, percentiles", "instance:maek_routing_overhead_seconds",
            "Usually below a millisecond. More: look at the event loop, on the dashboard “Maek: itself”.",
        ),
        heat("Deciding", "maek_decide_duration_seconds", "From a message to its decision."),
        high(
            "Deciding, by who decided", "instance_source:maek_decide_duration_seconds",
            "rule and model take microseconds to milliseconds, llm as long as the classifier's server takes.", "source",
        ),
    ),
)  # fmt: skip

OTHERS = Row(
    title="Beside it",
    panels=(
        high(
            "Tools", "instance_tool:maek_tool_duration_seconds",
            "95 of 100 calls took no longer. A slow one is a server behind it: mail, calendar, documents.", "tool",
        ),
        high(
            "Jobs", "instance_state:maek_job_duration_seconds",
            "From the acceptance of a job to its end, waiting included; 95 of 100 took no longer.", "state",
        ),
        high(
            "Probes", "instance_backend:maek_probe_duration_seconds",
            "Liveness probes of each server; 95 of 100 took no longer.", "backend",
        ),
        Panel(
            title="Slower than idle",
            tells="How many times as long as on the idle server a typical request would take now, to its last token.",
            queries=(Query(highest(series("maek_backend_predicted_slowdown_ratio"), "backend"), "{{backend}}"),),
        ),
    ),
)  # fmt: skip

LATENCY = Page(
    uid="maek-latency",
    title="Maek: latency",
    about="Where time goes: at the servers, in Maek, in tools.",
    rows=(USERS, MAEK, OTHERS),
)
