"""LMDeploy: says how many requests run and wait, and how full its key-value cache is, as Prometheus metrics.

Traps
- `/metrics` is there only while metrics are enabled (`--enable-metrics`).
- A request waits in two places: for a handle at the door (`num_api_requests_waiting`), then in the engine.
- `/health` of older ones is 200 with nothing; newer ones say `healthy`, `sleeping` (200) or `unhealthy` (503). Put to
  sleep (`POST /sleep`) it serves nothing until `POST /wakeup`.

Source: https://github.com/InternLM/lmdeploy/blob/main/lmdeploy/serve/openai/endpoints/management.py;
https://github.com/InternLM/lmdeploy/blob/main/lmdeploy/metrics/loggers.py
"""

from sidecar.engines import openai, page, vllm
from sidecar.engines.body import json_object
from sidecar.engines.engine import Answer, Engine, Liveness, Page, Selector, Unreadable

PAGE = Page(
    page.METRICS,
    running=(Selector("lmdeploy:num_requests_running"),),
    waiting=(Selector("lmdeploy:num_requests_waiting"),),
    also_waiting=(Selector("lmdeploy:num_api_requests_waiting"),),
    kv_usage=(Selector("lmdeploy:gpu_cache_usage_perc"),),
)


def read_liveness(answer: Answer) -> Liveness:
    """OK for 200, unless it says that it sleeps."""
    health = vllm.read_liveness(answer)
    if health is not Liveness.OK or not answer.body.strip():
        return health
    try:
        status = json_object(answer).get("status")
    except Unreadable:
        return Liveness.BAD_BODY
    return Liveness.SUSPENDED if status == "sleeping" else Liveness.OK


ENGINE = Engine(
    name="lmdeploy",
    title="LMDeploy",
    liveness=vllm.HEALTH,
    read_liveness=read_liveness,
    models=(openai.MODELS,),
    read_models=openai.read_loaded_models,
    page=PAGE,
    plan=page.plan,
    reader=page.read,
    stats_hint="start it with --enable-metrics",
)
