"""vLLM: says how many requests run and wait, and how full its key-value cache is, as Prometheus metrics.

Traps
- With `--disable-log-stats` the page of metrics is there and the gauges are not: that is unknown, not idle.
- `num_requests_waiting` also counts requests that are deferred (an adapter or a transfer is awaited), though the server
  has room. `num_requests_waiting_by_reason`, where it is, tells those that wait for capacity: only they speak of load.
- The cache's gauge was `gpu_cache_usage_perc` before it was `kv_cache_usage_perc`; both are 0..1 in spite of the name.
- One series for each engine of a data-parallel server (label `engine`): counts are summed, ratios averaged.
- Put to sleep (`POST /sleep`) it lives, lists its models, and answers no chat until `POST /wake_up`. It says so at
  `/is_sleeping`, a path that only a server started with `VLLM_SERVER_DEV_MODE=1` has: no other can be put to sleep.
- `/load` is 0 for ever without `--enable-server-load-tracking`: it is not asked.

Metrics: https://docs.vllm.ai/en/stable/design/metrics.html. Sleep: https://docs.vllm.ai/en/latest/features/sleep_mode/
"""

from sidecar.engines import openai, page
from sidecar.engines.body import json_object
from sidecar.engines.engine import Answer, Ask, Engine, Liveness, Page, Selector, Unreadable

HEALTH = Ask("/health")
SLEEPING = Ask("/is_sleeping")

PAGE = Page(
    page.METRICS,
    running=(Selector("vllm:num_requests_running"),),
    waiting=(
        Selector("vllm:num_requests_waiting_by_reason", {"reason": "capacity"}),
        Selector("vllm:num_requests_waiting"),
    ),
    # The name of today, then the one of before 0.11.
    kv_usage=(Selector("vllm:kv_cache_usage_perc"), Selector("vllm:gpu_cache_usage_perc")),
)

ASSUMED_SLOTS = 256
"""The default of `--max-num-seqs`, 1024 on accelerators of 70 GiB and more; it is not told over HTTP."""


def read_liveness(answer: Answer) -> Liveness:
    """`/health` answers 200 with nothing, and 503 once the engine behind it has died."""
    if answer.status != 200:
        return Liveness.BAD_STATUS
    # Whatever else a version may put there, a page for people comes from another server.
    return Liveness.BAD_BODY if answer.body.lstrip()[:1] == b"<" else Liveness.OK


def read_condition(answer: Answer) -> Liveness:
    """SUSPENDED if it says that it sleeps: nothing but `/wake_up` wakes it."""
    try:
        asleep = json_object(answer).get("is_sleeping") is True
    except Unreadable:
        return Liveness.OK
    return Liveness.SUSPENDED if asleep else Liveness.OK


ENGINE = Engine(
    name="vllm",
    title="vLLM",
    liveness=HEALTH,
    read_liveness=read_liveness,
    condition=SLEEPING,
    read_condition=read_condition,
    models=(openai.MODELS,),
    read_models=openai.read_loaded_models,
    page=PAGE,
    plan=page.plan,
    reader=page.read,
    stats_hint="start it without --disable-log-stats",
    assumed_slots=ASSUMED_SLOTS,
)
