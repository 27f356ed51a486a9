"""Ollama's own endpoints.

Rules of this file
- Reads bodies and hands over; generating is `respond`'s, shapes are the dialect's.
- An empty request loads a model, one with `keep_alive: 0` puts it out of memory, as Ollama does.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from simulator.batch import QueueFullError, Work
from simulator.model_names import parameter_size, size_bytes
from simulator.ollama_dialect import OllamaDialect
from simulator.openai_api import embed, read_body, served_model
from simulator.request import (
    Ask,
    BadRequestError,
    Message,
    read_count,
    read_flag,
    read_messages,
    read_model,
    read_prompts,
    read_stop,
)
from simulator.respond import answer, error_response, json_response
from simulator.server import Server, server_of
from simulator.tokens import count_tokens

FURTHEST_EXPIRY = timedelta(days=100 * 365)
"""What "for ever" looks like in `expires_at`."""


async def chat(request: web.Request) -> web.StreamResponse:
    """`POST /api/chat`."""
    server = server_of(request)
    body = await read_body(request)
    model = served_model(server, read_model(body))
    dialect = _dialect(body, chat=True)
    if not body.get("messages"):
        return await _load_or_unload(server, body, model, dialect)
    return await answer(request, _read_ask(body, model, read_messages(body)), dialect, native=True)


async def generate(request: web.Request) -> web.StreamResponse:
    """`POST /api/generate`."""
    server = server_of(request)
    body = await read_body(request)
    model = served_model(server, read_model(body))
    dialect = _dialect(body, chat=False)
    if not body.get("prompt"):
        return await _load_or_unload(server, body, model, dialect)
    system = body.get("system")
    messages = [Message("system", system)] if isinstance(system, str) and system else []
    messages += [Message("user", prompt) for prompt in read_prompts(body, "prompt")]
    return await answer(request, _read_ask(body, model, tuple(messages)), dialect, native=True)


def _dialect(body: Mapping[str, Any], *, chat: bool) -> OllamaDialect:
    return OllamaDialect(chat=chat, created_at=_timestamp(datetime.now(UTC)), model=body["model"])


def _read_ask(body: Mapping[str, Any], model: str, messages: tuple[Message, ...]) -> Ask:
    options = body.get("options") or {}
    if not isinstance(options, dict):
        raise BadRequestError("options must be an object")
    wanted = body.get("format")
    return Ask(
        model=model,
        messages=messages,
        stream=read_flag(body, "stream", default=True),
        max_tokens=read_count(options, "num_predict"),
        stop=read_stop(options.get("stop")),
        wants_json=bool(wanted),
        schema=wanted if isinstance(wanted, dict) else None,
    )


async def _load_or_unload(
    server: Server, body: Mapping[str, Any], model: str, dialect: OllamaDialect
) -> web.StreamResponse:
    if body.get("keep_alive") in (0, "0", "0s"):
        server.driver.unload(model)
        return web.Response(body=dialect.ended("", "unload"), content_type="application/json")
    try:
        async with server.driver.generation(Work(model, 1, 1)) as generation:
            while await generation.take():
                pass
    except QueueFullError:
        return error_response(server, server.persona.full_status, server.persona.full_message, native=True)
    return web.Response(body=dialect.ended("", "load"), content_type="application/json")


async def embed_texts(request: web.Request) -> web.StreamResponse:
    """`POST /api/embed`."""
    server = server_of(request)
    body = await read_body(request)
    served_model(server, read_model(body))
    texts = read_prompts(body, "input")
    return json_response(
        server,
        {
            "model": body["model"],
            "embeddings": [embed(text) for text in texts],
            "prompt_eval_count": sum(map(count_tokens, texts)),
        },
    )


async def tags(request: web.Request) -> web.StreamResponse:
    """`GET /api/tags`: what is installed."""
    server = server_of(request)
    modified_at = _timestamp(datetime.fromtimestamp(server.created, UTC))
    models = [{**_installed(model), "modified_at": modified_at} for model in server.models]
    return json_response(server, {"models": models})


async def running(request: web.Request) -> web.StreamResponse:
    """`GET /api/ps`: what is in memory."""
    server = server_of(request)
    resident = [model for model in server.models if server.driver.is_resident(model)]
    models = [
        {
            **_installed(model),
            "size_vram": size_bytes(model),
            "expires_at": _timestamp(_expiry(server, model)),
            "context_length": 4096,
        }
        for model in resident
    ]
    return json_response(server, {"models": models})


async def version(request: web.Request) -> web.StreamResponse:
    """`GET /api/version`."""
    server = server_of(request)
    return json_response(server, {"version": server.persona.version})


async def root(_request: web.Request) -> web.StreamResponse:
    """`GET /`."""
    return web.Response(text="Ollama is running")


def _installed(model: str) -> dict[str, Any]:
    return {
        "name": model,
        "model": model,
        "size": size_bytes(model),
        "digest": hashlib.sha256(model.encode()).hexdigest(),
        "details": dataclasses.asdict(_Details(parameter_size(model))),
    }


@dataclasses.dataclass(frozen=True, slots=True)
class _Details:
    parameter_size: str
    parent_model: str = ""
    format: str = "gguf"
    family: str = "simulator"
    families: tuple[str, ...] = ("simulator",)
    quantization_level: str = "Q4_K_M"


def _expiry(server: Server, model: str) -> datetime:
    seconds = min(server.driver.expires_in_seconds(model), FURTHEST_EXPIRY.total_seconds())
    return datetime.now(UTC) + timedelta(seconds=seconds)


def _timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
