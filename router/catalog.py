"""Every metric of the router, once: name, type, labels, help. Those of the backends stand in the sidecar's catalog.

Rules of this file
- Data only, under the same rules as `sidecar.catalog`: base units, and labels from closed sets.
"""

from sidecar import Metric, MetricType

BUILD_INFO = Metric("maek_build_info", MetricType.GAUGE, "Always 1: the version of Maek.", ("version",))
CHATS_ACTIVE = Metric("maek_chats_active", MetricType.GAUGE, "Chats that Maek works on, from first to last byte.")
DECISIONS = Metric(
    "maek_decisions_total",
    MetricType.COUNTER,
    "Decisions, by action and by the stage that decided.",
    ("action", "source"),
)
DECIDE_FALLBACKS = Metric(
    "maek_decide_fallbacks_total",
    MetricType.COUNTER,
    "Times that a stage could not decide, and the next one had to.",
    ("stage", "reason"),
)
DECIDE_AGREEMENT = Metric(
    "maek_decide_agreement_total",
    MetricType.COUNTER,
    "Decisions that a stage in shadow would have made, by whether the classifier decided the same.",
    ("source", "agrees"),
)
DECIDE_DURATION = Metric(
    "maek_decide_duration_seconds",
    MetricType.HISTOGRAM,
    "Time from a message to its decision, by the stage that decided.",
    ("source",),
)
ERRORS = Metric(
    "maek_errors_total",
    MetricType.COUNTER,
    "Requests that ended with an error, by whose fault it is and which.",
    ("fault", "code"),
)
TOOL_CALLS = Metric(
    "maek_tool_calls_total", MetricType.COUNTER, "Calls of tools, by how they ended.", ("tool", "operation", "outcome")
)
TOOL_DURATION = Metric(
    "maek_tool_duration_seconds", MetricType.HISTOGRAM, "Time that a call of a tool took, however it ended.", ("tool",)
)
MCP_SERVER_UP = Metric(
    "maek_mcp_server_up",
    MetricType.GAUGE,
    "1 if a server of others that offers tools is connected, else 0, by its name in the configuration.",
    ("server",),
)
MCP_SERVER_CONNECTIONS = Metric(
    "maek_mcp_server_connections_total",
    MetricType.COUNTER,
    "Times that a server of others that offers tools was connected (up), and that it ended or could not be (failed).",
    ("server", "outcome"),
)
REQUEST_DURATION = Metric(
    "maek_request_duration_seconds",
    MetricType.HISTOGRAM,
    "Time from sending a request to a backend to its last byte, however it ended; stream is true or false.",
    ("backend", "stream"),
)
TIME_TO_FIRST_TOKEN = Metric(
    "maek_time_to_first_token_seconds",
    MetricType.HISTOGRAM,
    "Time from sending a streamed request to a backend to the first token of its answer.",
    ("backend", "model"),
)
TIME_PER_OUTPUT_TOKEN = Metric(
    "maek_time_per_output_token_seconds",
    MetricType.HISTOGRAM,
    "Time between two tokens of a streamed answer after its first, in the mean of that answer.",
    ("backend", "model"),
)
ROUTING_OVERHEAD = Metric(
    "maek_routing_overhead_seconds",
    MetricType.HISTOGRAM,
    "Time that Maek took to choose a backend and to write the request for it, without any waiting.",
)
ROUTING_DECISIONS = Metric(
    "maek_routing_decisions_total",
    MetricType.COUNTER,
    "Requests that were given to the backend, by what the choice rested on.",
    ("backend", "reason"),
)
ROUTING_EXCLUSIONS = Metric(
    "maek_routing_exclusions_total",
    MetricType.COUNTER,
    "Times that the backend was not considered in a choice, by why.",
    ("backend", "reason"),
)
TOKENS = Metric(
    "maek_tokens_total",
    MetricType.COUNTER,
    "Tokens of prompts (input) and of answers (output), as the backend counted them.",
    ("backend", "model", "type"),
)
REQUESTS_WITHOUT_USAGE = Metric(
    "maek_requests_without_usage_total",
    MetricType.COUNTER,
    "Requests that the backend answered to the end without counting its tokens, which maek_tokens_total lacks.",
    ("backend",),
)
PROBE_DURATION = Metric(
    "maek_probe_duration_seconds",
    MetricType.HISTOGRAM,
    "Time that a liveness probe took, good or bad.",
    ("backend",),
)
DRAFTS = Metric(
    "maek_drafts_total",
    MetricType.COUNTER,
    "Drafts: prepared for a user's yes, and then replaced by another one, done, dropped, or found to have expired.",
    ("event",),
)
SESSIONS = Metric("maek_sessions", MetricType.GAUGE, "Conversations that are kept.")
QUEUE_DEPTH = Metric(
    "maek_queue_depth",
    MetricType.GAUGE,
    "Requests that wait because nobody has room, by their priority.",
    ("priority",),
)
QUEUE_WAIT = Metric(
    "maek_queue_wait_seconds",
    MetricType.HISTOGRAM,
    "Time that a request waited for room at a backend before it was sent there; 0 where there was room.",
)
REJECTED = Metric(
    "maek_rejected_total",
    MetricType.COUNTER,
    "Requests that were told to come back later, because there was no room for them, by why.",
    ("reason",),
)
RETRIES = Metric(
    "maek_retries_total",
    MetricType.COUNTER,
    "Requests that were sent again before the first token, by the backend that had failed and how.",
    ("backend", "reason"),
)
HEDGES = Metric(
    "maek_hedges_total",
    MetricType.COUNTER,
    "Second requests beside one that was late, by how they ended: won, lost, failed or abandoned.",
    ("outcome",),
)
JOBS = Metric("maek_jobs", MetricType.GAUGE, "Jobs that are kept, by where they stand.", ("state",))
JOB_DURATION = Metric(
    "maek_job_duration_seconds",
    MetricType.HISTOGRAM,
    "Time from the acceptance of a job to its end, by how it ended.",
    ("state",),
)
JOB_RETRIES = Metric(
    "maek_job_retries_total", MetricType.COUNTER, "Jobs that failed and will be tried again, by the error.", ("code",)
)
WEBHOOKS = Metric(
    "maek_webhooks_total",
    MetricType.COUNTER,
    "Webhooks that were sent, by how that went: delivered, failed (and sent again later) or given_up.",
    ("outcome",),
)
RECORDING_LOST = Metric(
    "maek_recording_lines_lost_total",
    MetricType.COUNTER,
    "Lines that the flight recorder could not keep, because the disk is full or cannot be written to (disk), because "
    "it is too slow (behind), or because they cannot be written at all (unwritable).",
    ("reason",),
)
EVENT_LOOP_LAG = Metric(
    "maek_event_loop_lag_seconds",
    MetricType.HISTOGRAM,
    "How late the event loop of Maek woke somebody who had set an alarm, ten times a second.",
)
METRICS_RENDER = Metric(
    "maek_metrics_render_seconds",
    MetricType.HISTOGRAM,
    "Time that a page of metrics took of the event loop, over all its slices; the page itself tells of those before.",
)
RELOAD_SUCCESS = Metric(
    "maek_config_last_reload_success",
    MetricType.GAUGE,
    "1 if the configuration file was taken up when it was last read, 0 if it was broken and the old one stayed.",
)
RELOAD_TIMESTAMP = Metric(
    "maek_config_last_reload_success_timestamp_seconds",
    MetricType.GAUGE,
    "When a configuration file was last taken up, in seconds since the epoch.",
)

DECIDE_BUCKETS = (0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10)
"""Seconds: rules take microseconds, an LLM takes seconds."""
TOOL_BUCKETS = (0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60)
"""Seconds: a file takes milliseconds, a server far away seconds."""
QUEUE_WAIT_BUCKETS = (0.001, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
"""Seconds: the first is those who did not wait; answers of others take seconds to minutes."""
REQUEST_DURATION_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1280)
"""Seconds: from a classifier's line to a long answer of a large model on a small machine."""
FIRST_TOKEN_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160)
"""Seconds: from a cached prompt to a model that has to be loaded first."""
OUTPUT_TOKEN_BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5)
"""Seconds: from 200 tokens a second to slower than anybody reads."""
ROUTING_OVERHEAD_BUCKETS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1)
"""Seconds: a choice among a few takes tens of microseconds; a long prompt has to be written down."""
PROBE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Seconds: from a server on this machine to one that nobody answers for."""
JOB_DURATION_BUCKETS = (0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400)
"""Seconds: from a tool's answer to a night of waiting."""
EVENT_LOOP_LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
"""Seconds: 10 ms is what no work of Maek's may take at once; a token that is a quarter of a second late is seen."""
METRICS_RENDER_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)
"""Seconds: from one backend to hundreds."""

METRICS = (
    BUILD_INFO,
    CHATS_ACTIVE,
    DECISIONS,
    DECIDE_FALLBACKS,
    DECIDE_AGREEMENT,
    DECIDE_DURATION,
    ERRORS,
    TOOL_CALLS,
    TOOL_DURATION,
    MCP_SERVER_UP,
    MCP_SERVER_CONNECTIONS,
    REQUEST_DURATION,
    TIME_TO_FIRST_TOKEN,
    TIME_PER_OUTPUT_TOKEN,
    ROUTING_OVERHEAD,
    ROUTING_DECISIONS,
    ROUTING_EXCLUSIONS,
    TOKENS,
    REQUESTS_WITHOUT_USAGE,
    PROBE_DURATION,
    DRAFTS,
    SESSIONS,
    QUEUE_DEPTH,
    QUEUE_WAIT,
    REJECTED,
    RETRIES,
    HEDGES,
    JOBS,
    JOB_DURATION,
    JOB_RETRIES,
    WEBHOOKS,
    RECORDING_LOST,
    EVENT_LOOP_LAG,
    METRICS_RENDER,
    RELOAD_SUCCESS,
    RELOAD_TIMESTAMP,
)
