"""OpenAI's endpoints: chat, completions, embeddings, models.

Rules of this file
- Reads bodies and hands over; generating is `respond`'s, shapes are the dialect's.
"""

import base64
import hashlib
import itertools
import math
import struct
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from simulator.model_names import parameter_count, size_bytes
from simulator.openai_dialect import OpenAIDialect
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
from simulator.respond import answer, json_response
from simulator.server import Server, server_of
from simulator.settings import Engine
from simulator.tokens import count_tokens, split_tokens

EMBEDDING_DIMENSIONS = 64
"""Small, so that bodies stay readable, and enough that different texts differ."""

_answer_numbers = itertools.count(1)


class UnknownModelError(Exception):
    """The server has no such model."""


async def read_body(request: web.Request) -> dict[str, Any]:
    """Return the JSON object that was sent. Raises BadRequestError."""
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise BadRequestError(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise BadRequestError("the body must be a JSON object")
    return body


def served_model(server: Server, name: str) -> str:
    """Return the model that answers for `name`. Raises UnknownModelError."""
    model = server.find_model(name)
    if model is None:
        raise UnknownModelError(name)
    return model


async def chat_completions(request: web.Request) -> web.StreamResponse:
    """`POST /v1/chat/completions`."""
    server = server_of(request)
    body = await read_body(request)
    return await _complete(request, body, _read_ask(server, body, read_messages(body)), chat=True)


async def completions(request: web.Request) -> web.StreamResponse:
    """`POST /v1/completions`, one prompt a request."""
    server = server_of(request)
    body = await read_body(request)
    prompts = read_prompts(body, "prompt")
    if len(prompts) != 1:
        raise BadRequestError("one prompt a request, please")
    return await _complete(request, body, _read_ask(server, body, (Message("user", prompts[0]),)), chat=False)


async def _complete(request: web.Request, body: Mapping[str, Any], ask: Ask, *, chat: bool) -> web.StreamResponse:
    server = server_of(request)
    kind = "chatcmpl" if chat else "cmpl"
    dialect = OpenAIDialect(
        server.engine,
        server.persona,
        chat=chat,
        answer_id=f"{kind}-sim{next(_answer_numbers):08d}",
        created=server.wall_seconds(),
        # Servers that take any name say it back.
        model=str(body.get("model") or ask.model),
        include_usage=ask.include_usage,
    )
    return await answer(request, ask, dialect)


def _read_ask(server: Server, body: Mapping[str, Any], messages: tuple[Message, ...]) -> Ask:
    max_tokens = read_count(body, "max_completion_tokens", "max_tokens")
    min_tokens = read_count(body, "min_tokens") or 0
    if body.get("ignore_eos") is True and max_tokens:
        # How benchmarks force a length on vLLM.
        min_tokens = max_tokens
    wants_json, schema = _read_response_format(body.get("response_format"))
    options = body.get("stream_options") or {}
    if not isinstance(options, dict):
        raise BadRequestError("stream_options must be an object")
    obeys = server.persona.obeys_response_format
    return Ask(
        model=served_model(server, read_model(body, default=server.models[0])),
        messages=messages,
        stream=read_flag(body, "stream", default=False),
        include_usage=read_flag(options, "include_usage", default=False),
        max_tokens=max_tokens,
        min_tokens=min_tokens,
        stop=read_stop(body.get("stop")),
        wants_json=wants_json and obeys,
        schema=schema if obeys else None,
    )


def _read_response_format(value: object) -> tuple[bool, Mapping[str, Any] | None]:
    if value is None:
        return False, None
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(value, dict) or kind not in ("text", "json_object", "json_schema"):
        raise BadRequestError("response_format.type must be text, json_object or json_schema")
    if kind != "json_schema":
        return kind == "json_object", None
    named = value.get("json_schema")
    schema = named.get("schema") if isinstance(named, dict) else None
    if not isinstance(schema, dict):
        raise BadRequestError("response_format.json_schema.schema must be an object")
    return True, schema


async def embeddings(request: web.Request) -> web.StreamResponse:
    """`POST /v1/embeddings`: small vectors, the same for the same text, alike for texts with words in common."""
    server = server_of(request)
    body = await read_body(request)
    served_model(server, read_model(body, default=server.models[0]))
    texts = read_prompts(body, "input")
    dimensions = read_count(body, "dimensions") or EMBEDDING_DIMENSIONS
    vectors = [embed(text, dimensions) for text in texts]
    as_base64 = body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _pack(vector) if as_base64 else vector}
        for index, vector in enumerate(vectors)
    ]
    tokens = sum(map(count_tokens, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return json_response(
        server, {"object": "list", "data": data, "model": body.get("model", server.models[0]), "usage": usage}
    )


def embed(text: str, dimensions: int = EMBEDDING_DIMENSIONS) -> list[float]:
    """Return a vector of length 1: each token adds one unit in a direction drawn from its hash."""
    vector = [0.0] * dimensions
    for token in split_tokens(text) or [""]:
        digest = hashlib.blake2b(token.strip().lower().encode(), digest_size=8).digest()
        vector[int.from_bytes(digest[:4]) % dimensions] += 1.0 if digest[4] & 1 else -1.0
    norm = math.sqrt(sum(each * each for each in vector))
    if not norm:
        return [1.0] + [0.0] * (dimensions - 1)
    return [each / norm for each in vector]


def _pack(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


async def list_models(request: web.Request) -> web.StreamResponse:
    """`GET /v1/models`."""
    server = server_of(request)
    document: dict[str, Any] = {
        "object": "list",
        "data": [_model_entry(server, model) for model in server.models],
    }
    if server.engine is Engine.LLAMACPP:
        document = {"models": [_llamacpp_model(model) for model in server.models], **document}
    return json_response(server, document)


def _model_entry(server: Server, model: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": model, "object": "model", "created": server.created}
    if server.engine is Engine.MLX:
        return entry
    entry["owned_by"] = server.persona.owned_by or model
    if server.engine in (Engine.VLLM, Engine.SGLANG):
        entry |= {"root": model, "parent": None, "max_model_len": server.profile.kv_capacity_tokens}
    if server.engine is Engine.VLLM:
        entry["permission"] = []
    if server.engine is Engine.LLAMACPP:
        entry["meta"] = {
            "vocab_type": 2,
            "n_vocab": 151_936,
            "n_ctx_train": 32_768,
            "n_embd": 4096,
            "n_params": parameter_count(model),
            "size": size_bytes(model),
        }
    return entry


def _llamacpp_model(model: str) -> dict[str, Any]:
    details = {"parent_model": "", "format": "gguf", "family": "", "families": [""]}
    return {
        "name": model,
        "model": model,
        "modified_at": "",
        "size": "",
        "digest": "",
        "type": "model",
        "description": "",
        "capabilities": ["completion"],
        "details": {**details, "parameter_size": "", "quantization_level": ""},
    }
