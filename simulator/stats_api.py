"""What servers tell about themselves: health, version, metrics, slots, status.

Rules of this file
- Load always comes from `Server.reported_load`.
- Prometheus text is written by hand: four lines in the words of servers that do the same.
"""

import itertools
from collections.abc import Iterable

from aiohttp import web

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
            ("vllm:kv_cache_usage_perc", "gauge", labels, server.driver.occupancy().kv_usage_ratio),
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


def _prometheus(samples: Iterable[Sample]) -> web.Response:
    lines: list[str] = []
    for (name, kind), group in itertools.groupby(samples, key=lambda sample: sample[:2]):
        lines.append(f"# TYPE {name} {kind}")
        lines += [f"{name}{labels} {value}" for _, _, labels, value in group]
    body = "\n".join([*lines, ""]).encode()
    return web.Response(body=body, headers={"Content-Type": PROMETHEUS_TEXT})


def _escape(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
