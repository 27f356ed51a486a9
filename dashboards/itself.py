"""Maek itself: whether the process is well, and whether what it exports can be believed.

Rules of this file
- Data only.
"""

from grafana_foundation_sdk.models import units

from dashboards.names import highest, or_zero, rate, rate_or_none, series, summed
from dashboards.panel import Look, Page, Panel, Query, Row
from dashboards.times import beside, heat
from dashboards.words import YES_NO
from sidecar import LEVEL_EXPRESSION

MISMATCH = f"({LEVEL_EXPRESSION}) != on(job, instance, backend) {series('maek_backend_load')}"
"""Computed at the same moment. The recorded level is as old as the last time that the rules were gone through, so that
it differs for a while after every change."""

NOW = Row(
    title="Now",
    panels=(
        Panel(
            title="Scraped",
            tells="Whether Prometheus reaches Maek. no: nobody else may reach it either.",
            look=Look.NUMBER, words=YES_NO, width=4, height=4, alerts=("MaekRouterDown",),
            queries=(Query(highest(series("up"), "instance"), "{{instance}}"),),
        ),
        Panel(
            title="Version",
            tells="Of each Maek that is scraped.",
            look=Look.NUMBER, width=4, height=4,
            queries=(Query(summed(series("maek_build_info"), "version"), "{{version}}"),),
        ),
        Panel(
            title="Started",
            tells="A moment that nobody knows of: it ended by itself and was started again; the log before it says "
            "why.",
            look=Look.NUMBER, unit=units.DateTimeFromNow, width=4, height=4,
            queries=(Query(f"1000 * {highest(series('process_start_time_seconds'))}"),),
        ),
        Panel(
            title="Configuration taken up",
            tells="no: the file was broken when it was last read, and the old one goes on. `maek check` says what is "
            "wrong.",
            look=Look.NUMBER, words=YES_NO, width=4, height=4, alerts=("MaekConfigReloadFailed",),
            queries=(Query(f"min({series('maek_config_last_reload_success')})"),),
        ),
        Panel(
            title="Taken up last",
            tells="When a configuration was last taken up.",
            look=Look.NUMBER, unit=units.DateTimeFromNow, width=4, height=4,
            queries=(Query(f"1000 * {highest(series('maek_config_last_reload_success_timestamp_seconds'))}"),),
        ),
        Panel(
            title="Loads that disagree",
            tells="Servers whose load is another number when Prometheus computes it from what Maek exports. Always "
            "0, or Maek has a bug, or somebody altered a rule.",
            look=Look.NUMBER, width=4, height=4, steps=((1, "red"),), alerts=("MaekLoadMismatch",),
            queries=(Query(or_zero(f"count({MISMATCH})")),),
        ),
    ),
)  # fmt: skip

PROCESS = Row(
    title="The process",
    panels=(
        heat(
            "Lag of the event loop", "maek_event_loop_lag_seconds",
            "How much later than it should something happens in Maek. Above 0.1 s every stream stutters.",
        ),
        beside(
            "Lag of the event loop, percentiles", "instance:maek_event_loop_lag_seconds",
            "High with a high use of the processor: too much for one process. High without: something blocks it.",
            alerts=("MaekEventLoopStalled",),
        ),
        Panel(
            title="Processor",
            tells="Cores in use. Maek is one process with one event loop: near 1 it is at its end.",
            queries=(Query(rate("process_cpu_seconds_total", "instance"), "{{instance}}"),),
        ),
        Panel(
            title="Memory",
            tells="In use. It grows for some hours after a start; growing for days is a bug.",
            unit=units.BytesIEC,
            queries=(Query(highest(series("process_resident_memory_bytes"), "instance"), "{{instance}}"),),
        ),
        Panel(
            title="Open files",
            tells="Every connection is one. At the limit (dashed) nobody gets in any more.",
            dashed="limit .*",
            queries=(
                Query(highest(series("process_open_fds"), "instance"), "{{instance}}"),
                Query(highest(series("process_max_fds"), "instance"), "limit {{instance}}"),
            ),
        ),
        Panel(
            title="Chats and conversations",
            tells="Chats from first to last byte, and conversations that are kept.",
            queries=(
                Query(summed(series("maek_chats_active")), "chats at work"),
                Query(summed(series("maek_sessions")), "conversations kept"),
            ),
        ),
    ),
)  # fmt: skip

METRICS = Row(
    title="What it exports",
    panels=(
        beside(
            "Writing the metrics", "instance:maek_metrics_render_seconds",
            "What it takes Maek to write one answer to Prometheus. It grows with servers and models.",
        ),
        Panel(
            title="Scrapes",
            tells="What a scrape takes as Prometheus sees it; when it takes longer than the scrape interval, there "
            "are holes.",
            unit=units.Seconds,
            queries=(Query(highest(series("scrape_duration_seconds"), "instance"), "{{instance}}"),),
        ),
        Panel(
            title="Series",
            tells="Samples in one scrape. It stands still once all servers and models were used.",
            queries=(Query(highest(series("scrape_samples_scraped"), "instance"), "{{instance}}"),),
        ),
        Panel(
            title="Names folded into `other`",
            tells="Names of models that no configured server has, and that came too late or too many to get a series "
            "of their own. Many: somebody tries names.",
            unit=units.OpsPerSecond, alerts=("MaekLabelFolding",),
            queries=(Query(rate_or_none("maek_label_values_folded_total", "label"), "{{label}}"),),
        ),
    ),
)  # fmt: skip

KEPT = Row(
    title="What it keeps, and whom it asks",
    panels=(
        Panel(
            title="Lines that the flight recorder lost",
            tells="disk: full or broken; behind: too slow. Chats go on; what was lost cannot be replayed.",
            unit=units.OpsPerSecond,
            queries=(Query(rate_or_none("maek_recording_lines_lost_total", "reason"), "{{reason}}"),),
        ),
        Panel(
            title="Bugs",
            tells="Errors that are Maek's own fault, and failures of watching a server. The log has their traces.",
            unit=units.OpsPerSecond,
            queries=(
                Query(rate_or_none("maek_errors_total", "code", fault="maek"), "{{code}}"),
                Query(rate("maek_monitor_errors_total"), "watching failed"),
            ),
        ),
        Panel(
            title="Jobs tried again, and webhooks",
            tells="Jobs that failed and will be tried again, by the error; webhooks by how sending them went.",
            unit=units.OpsPerSecond,
            queries=(
                Query(rate_or_none("maek_job_retries_total", "code"), "again after {{code}}"),
                Query(rate_or_none("maek_webhooks_total", "outcome"), "webhook {{outcome}}"),
            ),
        ),
        Panel(
            title="Servers of others that offer tools",
            tells="How many are connected (MCP), and how often a minute one ended or could not be had. 0 also where "
            "none is configured.",
            queries=(
                Query(or_zero(summed(series("maek_mcp_server_up"))), "connected"),
                Query(
                    or_zero(f"60 * {rate('maek_mcp_server_connections_total', outcome='failed')}"), "failed a minute"
                ),
            ),
        ),
    ),
)  # fmt: skip

ITSELF = Page(
    uid="maek-itself",
    title="Maek: itself",
    about="Whether the process is well, and whether what it exports can be believed.",
    rows=(NOW, PROCESS, METRICS, KEPT),
)
