"""How each engine differs from the others, beside its endpoints: headers, shapes, and what it does that it should not.

Rules of this file
- A table, and pure functions of it. What is listed here was seen on the real servers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import orjson

from simulator.settings import Engine


@dataclass(frozen=True, slots=True)
class Persona:
    """One engine's manners."""

    server_header: str
    owned_by: str
    """In `/v1/models`."""
    version: str = ""
    powered_by: str = ""
    """The header `X-Powered-By`."""
    early_headers: bool = False
    """A stream's headers come at once, not with its first token."""
    takes_any_model: bool = False
    """A model name that it does not have is served all the same."""
    spaced_json: bool = False
    """Written by Python's json: blanks after colons and commas, everything but ASCII escaped."""
    closes_after_answer: bool = False
    """Bodies end with the connection, as in HTTP/1.0."""
    drops_after_stream: bool = False
    """It announces keep-alive, then closes the connection after a streamed answer."""
    idle_seconds: float = 75.0
    """An idle connection is closed after that long."""
    obeys_response_format: bool = True
    full_status: int = 429
    """Its answer when the queue is full."""
    full_message: str = "Too many requests are waiting. Try again later."
    max_queue: int | None = None
    keep_alive_seconds: float | None = None


PERSONAS: Mapping[Engine, Persona] = MappingProxyType(
    {
        Engine.OPENAI: Persona(server_header="simulator", owned_by="simulator"),
        Engine.VLLM: Persona(
            server_header="uvicorn", owned_by="vllm", version="0.11.0", early_headers=True, idle_seconds=5.0
        ),
        Engine.LLAMACPP: Persona(
            server_header="llama.cpp",
            owned_by="llamacpp",
            takes_any_model=True,
            drops_after_stream=True,
            idle_seconds=5.0,
            full_status=503,
        ),
        Engine.OLLAMA: Persona(
            server_header="",  # it names no server
            owned_by="library",
            version="0.12.6",
            full_status=503,
            full_message="server busy, please try again.  maximum pending requests exceeded",
            max_queue=512,
            keep_alive_seconds=300.0,
        ),
        Engine.MLX: Persona(
            server_header="BaseHTTP/0.6 Python/3.12.11",
            owned_by="",  # its list has no owners
            early_headers=True,
            spaced_json=True,
            closes_after_answer=True,
            obeys_response_format=False,
            full_status=503,
        ),
        Engine.SGLANG: Persona(
            server_header="uvicorn", owned_by="sglang", version="0.5.9", early_headers=True, idle_seconds=5.0
        ),
        Engine.LMSTUDIO: Persona(server_header="", owned_by="organization_owner", powered_by="Express"),
        Engine.TGI: Persona(
            server_header="",
            owned_by="",  # each model owns itself
            version="3.3.5",
            early_headers=True,
            takes_any_model=True,
            full_message="Model is overloaded",
            max_queue=128,
        ),
        Engine.STATUS: Persona(server_header="simulator", owned_by="simulator"),
    }
)

_OPENAI_TYPES = {401: "authentication_error", 429: "rate_limit_error", 500: "server_error", 503: "server_error"}
_VLLM_TYPES = {400: "BadRequestError", 404: "NotFoundError", 429: "TooManyRequestsError", 503: "ServiceUnavailable"}
_LLAMACPP_TYPES = {404: "not_found_error", 500: "server_error", 503: "unavailable_error"}
_TGI_TYPES = {400: "validation", 404: "not_found", 429: "overloaded", 503: "healthcheck"}
_OLLAMA_TYPES = {400: "invalid_request_error", 404: "not_found_error"}


def dump(persona: Persona, document: object) -> bytes:
    """Return `document` as JSON in the engine's own manner."""
    return json.dumps(document).encode() if persona.spaced_json else orjson.dumps(document)


def error_document(engine: Engine, status: int, message: str, *, native: bool = False) -> dict[str, object]:
    """Return the body of an error. `native`: on an endpoint that is not OpenAI's."""
    if engine is Engine.MLX or (engine is Engine.OLLAMA and native):
        return {"error": message}
    if engine is Engine.VLLM:
        kind = _VLLM_TYPES.get(status, "InternalServerError")
        return {"error": {"message": message, "type": kind, "param": None, "code": status}}
    if engine is Engine.SGLANG:
        kind = _VLLM_TYPES.get(status, "InternalServerError")
        return {"object": "error", "message": message, "type": kind, "param": None, "code": status}
    if engine is Engine.TGI:
        return {"error": message, "error_type": _TGI_TYPES.get(status, "generation")}
    if engine is Engine.LLAMACPP:
        kind = _LLAMACPP_TYPES.get(status, "invalid_request_error")
        return {"error": {"code": status, "message": message, "type": kind}}
    if engine is Engine.OLLAMA:
        kind = _OLLAMA_TYPES.get(status, "api_error")
        return {"error": {"message": message, "type": kind, "param": None, "code": None}}
    kind = _OPENAI_TYPES.get(status, "invalid_request_error")
    code = {404: "model_not_found", 429: "rate_limit_exceeded"}.get(status)
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
