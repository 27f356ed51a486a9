"""Triton Inference Server: readiness and models by KServe's API, load as Prometheus metrics on a port of its own.

Traps
- Metrics are on port 8002 unless `--metrics-port` says otherwise: then `metrics_path: ":PORT/metrics"`.
- Requests that run are only told by the TensorRT-LLM backend and by the vLLM backend; with another one it is known how
  many wait. Durations are counters of microseconds, and not read.
- One series for each model and version; a pipeline of models (an ensemble) counts a request at each of its stages.
- Chats need Triton's OpenAI-compatible frontend. It lists its models as any such server does, and has no readiness of
  KServe's kind: as a backend of its own it is engine `openai`, with `metrics` that name what is on its `/metrics`.

Protocol: https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/protocol/extension_model_repository.html
Metrics: https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/metrics.html
"""

from collections.abc import Mapping

from sidecar.engines import page
from sidecar.engines.body import json_value, text
from sidecar.engines.engine import Answer, Answers, Ask, Engine, Liveness, Model, Page, Selector, Unreadable
from sidecar.engines.names import kind_of, parameters_of

READY = Ask("/v2/health/ready")
INDEX = Ask("/v2/repository/index", "POST", b"{}", {"content-type": "application/json"})
"""A question in spite of its method: the protocol wants the filter as a body."""

METRICS_PORT = 8002

REQUESTS = "nv_trt_llm_request_metrics"

PAGE = Page(
    Ask("/metrics", port=METRICS_PORT),
    running=(Selector(REQUESTS, {"request_type": "scheduled"}), Selector("vllm:num_requests_running")),
    waiting=(
        Selector(REQUESTS, {"request_type": "waiting"}),
        Selector("vllm:num_requests_waiting"),
        Selector("nv_inference_pending_request_count"),
    ),
    kv_usage=(
        Selector("nv_trt_llm_kv_cache_block_metrics", {"kv_cache_block_type": "fraction"}),
        Selector("vllm:gpu_cache_usage_perc"),
    ),
    slots=(Selector(REQUESTS, {"request_type": "max"}),),
)


def read_liveness(answer: Answer) -> Liveness:
    """Ready is 200 with nothing; until all models are loaded it is 400, which is a server that loads."""
    if answer.status == 400 and not answer.body.strip():
        return Liveness.LOADING
    if answer.status != 200:
        return Liveness.BAD_STATUS
    return Liveness.OK if not answer.body.strip() else Liveness.BAD_BODY


def read_models(answers: Answers) -> tuple[Model, ...]:
    """The models of the repository, each once: with the best of the states that its versions are in."""
    answer = answers[0]
    if answer is None:
        raise Unreadable("no answer to /v2/repository/index")
    found: dict[str, list[str]] = {}
    for entry in entries(answer):
        found.setdefault(str(entry["name"]), []).append(text(entry.get("state")) or "")
    return tuple(model_of(name, states) for name, states in found.items())


def entries(answer: Answer) -> tuple[Mapping[str, object], ...]:
    """The rows of an index; each has a text as its `name`. Raises `Unreadable`."""
    value = json_value(answer)
    if not isinstance(value, list):
        raise Unreadable("no index of a repository")
    if not all(isinstance(entry, dict) and text(entry.get("name")) for entry in value):
        raise Unreadable("an index of a repository with an entry that has no name")
    return tuple(value)


def model_of(name: str, states: list[str]) -> Model:
    """One model, by the states of its versions."""
    loaded = "READY" in states
    return Model(name, kind_of(name), parameters_of(name), loaded=loaded, loading=not loaded and "LOADING" in states)


ENGINE = Engine(
    name="triton",
    title="Triton",
    liveness=READY,
    read_liveness=read_liveness,
    models=(INDEX,),
    read_models=read_models,
    page=PAGE,
    plan=page.plan,
    reader=page.read,
    stats_hint="start it with --allow-metrics=true; metrics_path says where, if not on port 8002",
)
