"""The dashboard to begin with: what users notice, how the servers stand, what is decided, where it goes.

Rules of this file
- Data only. Ratios and percentiles are recorded series, never computed here.
- Instances are added up where something is counted; where something is measured, the worst is shown.
"""

from grafana_foundation_sdk.models import units

from dashboards.names import ALERTS, ALERTS_SERIES, highest, or_zero, rate, rate_or_none, series, summed
from dashboards.panel import Look, Page, Panel, Query, Row
from dashboards.times import percentiles
from dashboards.words import LEVELS, STANDINGS, standing_number
from router.prometheus.budget_alerts import FAST, OBJECTIVE_LOST_RATIO
from router.prometheus.recordings import SERVING

WORST = "red"
BURNING = FAST.times * OBJECTIVE_LOST_RATIO
"""The part of the requests that, when it is lost for an hour, wakes somebody up."""
LOST = "instance:maek_requests_lost:ratio_rate"
FIRING = f'{ALERTS_SERIES}{{alertname=~"{"|".join(ALERTS)}", alertstate="firing"}}'


NOW = Row(
    title="Now",
    panels=(
        Panel(
            title="Alerts that fire",
            tells="0 is well. Otherwise the dashboard “Maek: what to do” has a page for each; Prometheus itself "
            "lists them under Alerts.",
            look=Look.NUMBER, width=4, height=4, steps=((1, WORST),),
            queries=(Query(or_zero(f"count({FIRING})")),),
        ),
        Panel(
            title="Servers that take requests",
            tells="Ready or asleep, of all that are configured. Below the second number one is down, loading, "
            "suspended or drained: the bands below say which.",
            look=Look.NUMBER, width=4, height=4, alerts=("MaekNoBackendForRole", "MaekBackendDown"),
            queries=(
                Query(summed(highest(series("maek_backend_state", state=SERVING), "backend")), "take requests"),
                Query(f"count({highest(series('maek_backend_in_flight'), 'backend')})", "configured"),
            ),
        ),
        Panel(
            title="Requests",
            tells="Requests to servers that ended, a second. Far below what is usual at this hour: look whether "
            "users reach Maek at all.",
            look=Look.NUMBER, unit=units.RequestsPerSecond, width=4, height=4,
            queries=(Query(rate("maek_requests_total")),),
        ),
        Panel(
            title="Lost",
            tells="The part of the requests of the last five minutes that failed and was not saved by asking another "
            "server: what users notice.",
            look=Look.NUMBER, unit=units.PercentUnit, width=4, height=4, nothing="no traffic",
            steps=((0.01, "yellow"), (BURNING, WORST)), alerts=("MaekErrorBudgetBurn",),
            queries=(Query(highest(series(f"{LOST}5m"))),),
        ),
        Panel(
            title="First word, 95 of 100 within",
            tells="From sending a request to a server to the first token of its answer: 95 of 100 took no longer. A "
            "wait in Maek's queue comes on top.",
            look=Look.NUMBER, unit=units.Seconds, width=4, height=4, nothing="no traffic",
            steps=((5, "yellow"), (20, WORST)),
            queries=(Query(highest(series("instance:maek_time_to_first_token_seconds:p95_5m"))),),
        ),
        Panel(
            title="At work and waiting",
            tells="Requests that servers work on for Maek, and those that wait in Maek because nobody has room.",
            look=Look.NUMBER, width=4, height=4,
            queries=(
                Query(summed(series("maek_backend_in_flight")), "at work"),
                Query(summed(series("maek_queue_depth")), "waiting"),
            ),
        ),
    ),
)  # fmt: skip

USERS = Row(
    title="Users",
    panels=(
        Panel(
            title="Requests by how they ended",
            tells="Counted at the last byte. client_gone is users who left; everything else but ok is a server's "
            "fault.",
            look=Look.STACKED, unit=units.RequestsPerSecond, alerts=("MaekErrorBudgetBurn",),
            queries=(Query(rate("maek_requests_total", "outcome"), "{{outcome}}"),),
        ),
        Panel(
            title="The part that was lost",
            tells="Failed, and not saved by asking another server. Over five minutes, and over an hour. The dashed "
            "line is where the budget of a month is gone in two days. If only the first is above it, it has just "
            "begun or is a short fit.",
            unit=units.PercentUnit, steps=((BURNING, WORST),),
            alerts=("MaekErrorBudgetBurn", "MaekErrorBudgetSlowBurn"),
            queries=(
                Query(highest(series(f"{LOST}5m"), "instance"), "5 minutes {{instance}}"),
                Query(highest(series(f"{LOST}1h"), "instance"), "1 hour {{instance}}"),
            ),
        ),
        Panel(
            title="Until the first word",
            tells="From sending a request to a server to the first token of its answer. A wait in Maek's queue comes "
            "on top: “Maek: latency” shows it. If it rises while the servers are free, a model is being loaded: look "
            "at the states below.",
            unit=units.Seconds, alerts=("MaekTTFTBudgetBurn",),
            queries=percentiles("instance:maek_time_to_first_token_seconds"),
        ),
        Panel(
            title="Until the last word",
            tells="How long answers take. It grows with the length of answers, also when all is well; compare with "
            "the panel beside it.",
            unit=units.Seconds, queries=percentiles("instance:maek_request_duration_seconds"),
        ),
        Panel(
            title="Errors that callers got",
            tells="By whose fault it is: caller (wrong requests, missing keys), policy (full, refused), backend (a "
            "server), maek (a bug: the log has its trace).",
            look=Look.STACKED, unit=units.RequestsPerSecond,
            queries=(Query(rate_or_none("maek_errors_total", "fault", "code"), "{{fault}} {{code}}"),),
        ),
        Panel(
            title="Turned away",
            tells="Requests that were told to come back later, because all servers and the queue are full, or the "
            "wait would have been too long.",
            look=Look.STACKED, unit=units.RequestsPerSecond, alerts=("MaekRejecting",),
            queries=(Query(rate_or_none("maek_rejected_total", "reason"), "{{reason}}"),),
        ),
    ),
)  # fmt: skip

SERVERS = Row(
    title="Servers",
    panels=(
        Panel(
            title="Load",
            tells="How busy each server is, by the same number that Maek routes by. All of them red: users wait, and "
            "soon some are turned away.",
            look=Look.STATES, words=LEVELS, alerts=("MaekBackendVeryBusy", "MaekAllBackendsVeryBusy"),
            queries=(Query(highest(series("maek_backend_load"), "backend"), "{{backend}}"),),
        ),
        Panel(
            title="State",
            tells="What each server is doing. Nothing is shown until it was asked for the first time.",
            look=Look.STATES, words=STANDINGS, alerts=("MaekBackendDown", "MaekBackendFlapping"),
            queries=(Query(standing_number(), "{{backend}}"),),
        ),
        Panel(
            title="Requests at each server",
            tells="What each server says that it works on, of all its clients, below what it can work on at once "
            "(dashed). Above it requests wait inside the server.",
            dashed="slots .*", alerts=("MaekActiveDivergence",),
            queries=(
                Query(highest(series("maek_backend_active_jobs"), "backend"), "{{backend}}"),
                Query(highest(series("maek_backend_slots"), "backend"), "slots {{backend}}"),
            ),
        ),
        Panel(
            title="Waiting in Maek",
            tells="Requests that wait because nobody has room, by who goes first. Interactive ones should not wait "
            "long.",
            look=Look.STACKED, alerts=("MaekRejecting",),
            queries=(Query(summed(series("maek_queue_depth"), "priority"), "{{priority}}"),),
        ),
        Panel(
            title="Servers for each role",
            tells="How many take requests of each role. 0: these requests fail. An empty role is the servers that "
            "were given none: they serve every role that has none of its own.",
            alerts=("MaekNoBackendForRole",), width=24, height=6,
            queries=(Query(highest(series("role:maek_backends_serving:sum"), "role"), "role {{role}}"),),
        ),
    ),
)  # fmt: skip

DECISIONS = Row(
    title="Decisions",
    panels=(
        Panel(
            title="What messages want, and who said so",
            tells="Decisions by action and by the stage that decided: rule and model take no time, llm asks the "
            "classifier.",
            look=Look.STACKED, unit=units.OpsPerSecond,
            queries=(Query(rate("maek_decisions_total", "action", "source"), "{{action}} by {{source}}"),),
        ),
        Panel(
            title="Where a stage could not decide",
            tells="And the next one had to, by stage and reason. Of the llm: the classifier's server is away, too "
            "slow or talks nonsense.",
            look=Look.STACKED, unit=units.OpsPerSecond, alerts=("MaekDecideFallback",),
            queries=(Query(rate_or_none("maek_decide_fallbacks_total", "stage", "reason"), "{{stage}} {{reason}}"),),
        ),
        Panel(
            title="Left to the default",
            tells="The part of all decisions that the classifier was to make and could not, over five minutes. Then "
            "the reasoner answers everything: slower, and no tool is used.",
            unit=units.PercentUnit, highest=1.0, alerts=("MaekDecideFallback",),
            queries=(
                Query(highest(series("instance:maek_decide_fallbacks:ratio_rate5m"), "instance"), "{{instance}}"),
            ),
        ),
        Panel(
            title="Calls of tools",
            tells="By tool and by how they ended. invalid is a model that asked wrongly; everything else but ok is "
            "the tool or the server behind it.",
            look=Look.STACKED, unit=units.OpsPerSecond,
            queries=(Query(rate_or_none("maek_tool_calls_total", "tool", "outcome"), "{{tool}} {{outcome}}"),),
        ),
        Panel(
            title="Drafts",
            tells="What was prepared, confirmed, refused or forgotten: nothing is written without a yes.",
            look=Look.STACKED, unit=units.OpsPerSecond,
            queries=(Query(rate_or_none("maek_drafts_total", "event"), "{{event}}"),),
        ),
        Panel(
            title="Jobs",
            tells="Jobs that are kept, by where they stand. Queued ones that only grow: their role has no room.",
            look=Look.STACKED,
            queries=(Query(summed(series("maek_jobs"), "state"), "{{state}}"),),
        ),
    ),
)  # fmt: skip

ROUTING = Row(
    title="Routing",
    panels=(
        Panel(
            title="Where requests went, and why",
            tells="Choices of a server, by the reason that decided between those that could have answered.",
            look=Look.STACKED, unit=units.OpsPerSecond,
            queries=(Query(rate("maek_routing_decisions_total", "backend", "reason"), "{{backend}}: {{reason}}"),),
        ),
        Panel(
            title="Who was left out, and why",
            tells="Servers that could not be chosen for a request: down, full, their circuit open. One that is left "
            "out of everything takes no part: its own dashboard says more.",
            look=Look.STACKED, unit=units.OpsPerSecond,
            queries=(
                Query(rate_or_none("maek_routing_exclusions_total", "backend", "reason"), "{{backend}}: {{reason}}"),
            ),
        ),
        Panel(
            title="Asked again elsewhere",
            tells="Requests that were sent again before the first token, by the server that had failed and how. "
            "Users notice no more than a delay.",
            look=Look.STACKED, unit=units.OpsPerSecond,
            queries=(Query(rate_or_none("maek_retries_total", "backend", "reason"), "{{backend}}: {{reason}}"),),
        ),
        Panel(
            title="A second server beside a late one",
            tells="By how the second one ended. Many that are lost: the first was not late, and work is wasted.",
            look=Look.STACKED, unit=units.OpsPerSecond,
            queries=(Query(rate_or_none("maek_hedges_total", "outcome"), "{{outcome}}"),),
        ),
    ),
)  # fmt: skip

TOKENS = Row(
    title="Tokens",
    panels=(
        Panel(
            title="Tokens by server",
            tells="Read (input) and written (output), a second, as the servers count them in their answers.",
            unit=units.CountsPerSecond,
            queries=(Query(rate("maek_tokens_total", "backend", "type"), "{{backend}} {{type}}"),),
        ),
        Panel(
            title="Tokens written by model",
            tells="What each model writes, a second. `other` is models that no configured server has.",
            look=Look.STACKED, unit=units.CountsPerSecond,
            queries=(Query(rate("maek_tokens_total", "model", type="output"), "{{model}}"),),
        ),
        Panel(
            title="Answers that told no tokens",
            tells="They are missing from the two panels beside. Some servers never tell, others do not when a stream "
            "is cut.",
            unit=units.RequestsPerSecond, width=24, height=6,
            queries=(Query(rate_or_none("maek_requests_without_usage_total", "backend"), "{{backend}}"),),
        ),
    ),
)  # fmt: skip

OVERVIEW = Page(
    uid="maek-overview",
    title="Maek: overview",
    about="What users notice, how the servers stand, what is decided and where it goes. The place to begin at 3 a.m.",
    rows=(NOW, USERS, SERVERS, DECISIONS, ROUTING, TOKENS),
)
