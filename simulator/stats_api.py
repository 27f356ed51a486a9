"""What servers tell about themselves: health, version, metrics, slots, status.

Rules of this file
- Load always comes from `Server.reported_load`.
- Prometheus text is written by hand: four lines in the words of servers that do the same.
"""

import itertools
from collections.abc import Iterable

from aiohttp import web

from simulator.model_names import parameter_size, size_bytes
from simulator.respond import json_response
from simulator.server import Server, server_of

PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"

CONTEXT_TOKENS_PER_SLOT = 4096
"""What a slot of llama.cpp says that it holds."""

Sample = tuple[str, str, str, float]
"""Name, type, labels (with braces, or empty), value."""


async def health_empty(_request: web.Request) -> web.StreamResponse:
    """vLLM's `GET /health`: 200, and nothing else."""
    return web.Response()


async def health_ok(request: web.Request) -> web.StreamResponse:
    """`GET /health` of llama.cpp and mlx_lm."""
    return json_response(server_of(request), {"status": "ok"})


async def version(request: web.Request) -> web.StreamResponse:
    """vLLM's `GET /version`."""
    server = server_of(request)
    return json_response(server, {"version": server.persona.version})


async def server_load(request: web.Request) -> web.StreamResponse:
    """vLLM's `GET /load`: 0 for ever, unless a flag that hardly anyone sets."""
    return json_response(server_of(request), {"server_load": 0})


async def status(request: web.Request) -> web.StreamResponse:
    """`GET /status`."""
    server = server_of(request)
    running, waiting = server.reported_load()
    total = server.driver.totals.accepted
    return json_response(server, {"active_jobs": running + waiting, "total_requests": total})


async def props(request: web.Request) -> web.StreamResponse:
    """llama.cpp's `GET /props`."""
    server = server_of(request)
    return json_response(
        server,
        {
            "default_generation_settings": {"id": 0, "n_ctx": CONTEXT_TOKENS_PER_SLOT, "is_processing": False},
            "total_slots": server.slots,
            "model_alias": server.models[0],
            "model_path": f"/models/{server.models[0]}.gguf",
            "chat_template": "",
            "build_info": "b0-simulator",
        },
    )


async def slots(request: web.Request) -> web.StreamResponse:
    """llama.cpp's `GET /slots`."""
    server = server_of(request)
    running, _ = server.reported_load()
    return json_response(
        server,
        [
            {
                "id": number,
                "n_ctx": CONTEXT_TOKENS_PER_SLOT,
                "speculative": False,
                "is_processing": number < running,
            }
            for number in range(server.slots)
        ],
    )


async def vllm_metrics(request: web.Request) -> web.StreamResponse:
    """vLLM's `GET /metrics`."""
    server = server_of(request)
    running, waiting = server.reported_load()
    totals = server.driver.totals
    each = f'engine="0",model_name="{_escape(server.models[0])}"'
    labels = f"{{{each}}}"
    return _prometheus(
        [
            ("vllm:num_requests_running", "gauge", labels, running),
            ("vllm:num_requests_waiting", "gauge", labels, waiting),
            ("vllm:num_requests_waiting_by_reason", "gauge", f'{{{each},reason="capacity"}}', waiting),
            ("vllm:num_requests_waiting_by_reason", "gauge", f'{{{each},reason="deferred"}}', 0),
            ("vllm:kv_cache_usage_perc", "gauge", labels, server.reported_kv_usage_ratio()),
            ("vllm:prompt_tokens_total", "counter", labels, totals.prompt_tokens),
            ("vllm:generation_tokens_total", "counter", labels, totals.output_tokens),
        ]
    )


async def llamacpp_metrics(request: web.Request) -> web.StreamResponse:
    """llama.cpp's `GET /metrics`."""
    server: Server = server_of(request)
    running, waiting = server.reported_load()
    totals = server.driver.totals
    return _prometheus(
        [
            ("llamacpp:prompt_tokens_total", "counter", "", totals.prompt_tokens),
            ("llamacpp:tokens_predicted_total", "counter", "", totals.output_tokens),
            ("llamacpp:requests_processing", "gauge", "", running),
            ("llamacpp:requests_deferred", "gauge", "", waiting),
        ]
    )


async def sglang_loads(request: web.Request) -> web.StreamResponse:
    """SGLang's `GET /v1/loads`, of one rank."""
    server = server_of(request)
    running, waiting = server.reported_load()
    usage, capacity = server.reported_kv_usage_ratio(), server.profile.kv_capacity_tokens
    rank = {
        "dp_rank": 0,
        "num_running_reqs": running,
        "num_waiting_reqs": waiting,
        "num_used_tokens": int(usage * capacity),
        "max_total_num_tokens": capacity,
        "max_running_requests": server.slots,
        "token_usage": round(usage, 4),
        "utilization": 0.0,
    }
    return json_response(server, {"version": server.persona.version, "loads": [rank]})


async def lmstudio_models(request: web.Request) -> web.StreamResponse:
    """LM Studio's `GET /api/v1/models`, since 0.4."""
    server = server_of(request)
    config = {"context_length": CONTEXT_TOKENS_PER_SLOT, "parallel": server.slots, "flash_attention": True}
    models = [
        {
            "type": "llm",
            "publisher": "simulator",
            "key": model,
            "display_name": model,
            "architecture": "simulator",
            "size_bytes": size_bytes(model),
            "params_string": parameter_size(model),
            "loaded_instances": [{"id": model, "config": config}] if server.driver.is_resident(model) else [],
            "max_context_length": 32_768,
            "format": "gguf",
        }
        for model in server.models
    ]
    return json_response(server, {"models": models})


async def lmstudio_older_models(request: web.Request) -> web.StreamResponse:
    """LM Studio's `GET /api/v0/models`."""
    server = server_of(request)
    models = [
        {
            "id": model,
            "object": "model",
            "type": "llm",
            "state": "loaded" if server.driver.is_resident(model) else "not-loaded",
            "max_context_length": 32_768,
        }
        for model in server.models
    ]
    return json_response(server, {"object": "list", "data": models})


async def tgi_info(request: web.Request) -> web.StreamResponse:
    """TGI's `GET /info`: of its one model."""
    server = server_of(request)
    return json_response(
        server,
        {
            "model_id": server.models[0],
            "max_concurrent_requests": server.persona.max_queue,
            "max_total_tokens": CONTEXT_TOKENS_PER_SLOT,
            "router": "text-generation-router",
            "version": server.persona.version,
        },
    )


async def tgi_metrics(request: web.Request) -> web.StreamResponse:
    """TGI's `GET /metrics`."""
    server = server_of(request)
    running, waiting = server.reported_load()
    return _prometheus(
        [
            ("tgi_request_count", "counter", "", server.driver.totals.accepted),
            ("tgi_batch_current_size", "gauge", "", running),
            ("tgi_queue_size", "gauge", "", waiting),
        ]
    )


def _prometheus(samples: Iterable[Sample]) -> web.Response:
    lines: list[str] = []
    for (name, kind), group in itertools.groupby(samples, key=lambda sample: sample[:2]):
        lines.append(f"# TYPE {name} {kind}")
        lines += [f"{name}{labels} {value}" for _, _, labels, value in group]
    body = "\n".join([*lines, ""]).encode()
    return web.Response(body=body, headers={"Content-Type": PROMETHEUS_TEXT})


def _escape(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
