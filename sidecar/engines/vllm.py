"""vLLM: says how many requests run and wait, and how full its key-value cache is, as Prometheus metrics.

Traps
- With `--disable-log-stats` the page of metrics is there and the gauges are not: that is unknown, not idle.
- `num_requests_waiting` also counts requests that are deferred (an adapter or a transfer is awaited), though the server
  has room. `num_requests_waiting_by_reason`, where it is, tells those that wait for capacity: only they speak of load.
- The cache's gauge was `gpu_cache_usage_perc` before it was `kv_cache_usage_perc`; both are 0..1 in spite of the name.
- One series for each engine of a data-parallel server (label `engine`): counts are summed, ratios averaged.

Metrics: https://docs.vllm.ai/en/stable/design/metrics.html
"""

from sidecar.engines import openai
from sidecar.engines.body import ratio, whole
from sidecar.engines.engine import NOTHING_READ, Answer, Ask, Engine, Liveness, Model, Reading, Unreadable
from sidecar.engines.promtext import Families, families

HEALTH = Ask("/health")
METRICS = Ask("/metrics")

RUNNING = "vllm:num_requests_running"
WAITING = "vllm:num_requests_waiting"
WAITING_BY_REASON = "vllm:num_requests_waiting_by_reason"
KV_USAGE = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")
"""The name of today, then the one of before 0.11."""

ASSUMED_SLOTS = 256
"""The default of `--max-num-seqs`, 1024 on accelerators of 70 GiB and more; it is not told over HTTP."""


def read_liveness(answer: Answer) -> Liveness:
    """`/health` answers 200 with nothing, and 503 once the engine behind it has died."""
    if answer.status != 200:
        return Liveness.BAD_STATUS
    # Whatever else a version may put there, a page for people comes from another server.
    return Liveness.BAD_BODY if answer.body.lstrip()[:1] == b"<" else Liveness.OK


def read_models(answers: tuple[Answer | None, ...]) -> tuple[Model, ...]:
    """The models served; vLLM lists nothing that is not loaded."""
    answer = answers[0]
    if answer is None:
        raise Unreadable("no answer to /v1/models")
    return tuple(openai.model_of(entry, loaded=True) for entry in openai.listing(answer))


def read_stats(answers: tuple[Answer | None, ...]) -> Reading:
    """Running, waiting and cache usage over all engines of the server."""
    answer = answers[0]
    if answer is None:
        return NOTHING_READ
    page = families(answer)
    return Reading(
        running=whole(page.total(RUNNING), RUNNING),
        waiting=whole(waiting(page), WAITING),
        kv_usage_ratio=kv_usage_ratio(page),
    )


def waiting(page: Families) -> float | None:
    """Requests that wait for capacity; all that wait, where the server does not tell why."""
    for_capacity = page.total(WAITING_BY_REASON, reason="capacity")
    return page.total(WAITING) if for_capacity is None else for_capacity


def kv_usage_ratio(page: Families) -> float | None:
    """The cache's gauge under the first of its names that is there."""
    for name in KV_USAGE:
        found = ratio(page.mean(name), name)
        if found is not None:
            return found
    return None


ENGINE = Engine(
    name="vllm",
    title="vLLM",
    liveness=HEALTH,
    read_liveness=read_liveness,
    models=(openai.MODELS,),
    read_models=read_models,
    stats=(METRICS,),
    read_stats=read_stats,
    assumed_slots=ASSUMED_SLOTS,
)
