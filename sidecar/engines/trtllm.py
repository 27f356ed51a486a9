"""TensorRT-LLM (`trtllm-serve`): says how many requests run and wait, and how full its cache is, as Prometheus metrics.

Traps
- They are at `/prometheus/metrics`, and only where the options say `return_perf_metrics: true`.
- `/metrics` is JSON, a queue of iterations that each reading empties: never asked, since somebody else may read it.

Source: https://github.com/NVIDIA/TensorRT-LLM/blob/main/tensorrt_llm/serve/openai_server.py
"""

from sidecar.engines import openai, page, vllm
from sidecar.engines.engine import Ask, Engine, Page, Selector

PAGE = Page(
    Ask("/prometheus/metrics"),
    running=(Selector("trtllm_num_requests_running"),),
    waiting=(Selector("trtllm_num_requests_waiting"),),
    kv_usage=(Selector("trtllm_kv_cache_utilization"),),
)

ENGINE = Engine(
    name="trtllm",
    title="TensorRT-LLM",
    liveness=vllm.HEALTH,
    read_liveness=vllm.read_liveness,
    models=(openai.MODELS,),
    read_models=openai.read_loaded_models,
    page=PAGE,
    plan=page.plan,
    reader=page.read,
    stats_hint="set return_perf_metrics: true in its options",
)
