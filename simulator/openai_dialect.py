"""OpenAI's dialect: server-sent events and JSON bodies, with each engine's small differences.

Rules of this file
- Pure: bytes from values. The shapes are those that the real servers write.
"""

from typing import Any

from simulator.dialect import Usage
from simulator.personas import Persona, dump
from simulator.settings import Engine

_MARK = "<token>"


class OpenAIDialect:
    """Writes one answer of `/v1/chat/completions` (`chat`) or `/v1/completions`."""

    stream_content_type = "text/event-stream"
    garbage = b'data: {"choices": [{"delta": {"content": \n\n'

    def __init__(
        self,
        engine: Engine,
        persona: Persona,
        *,
        chat: bool,
        answer_id: str,
        created: int,
        model: str,
        include_usage: bool,
    ) -> None:
        self._engine = engine
        self._persona = persona
        self._chat = chat
        self._include_usage = include_usage
        self._object = "chat.completion" if chat else "text_completion"
        self._envelope: dict[str, Any] = {"id": answer_id, "created": created, "model": model}
        # A chunk differs from the next in its token alone, so the rest is written once.
        mark = dump(persona, _MARK)
        self._head, self._tail = self._event([self._choice({"content": _MARK}, _MARK)]).split(mark)

    def before(self, prompt_tokens: int) -> bytes:
        """Return mlx's comment about its prefill; nothing elsewhere."""
        if self._engine is not Engine.MLX:
            return b""
        return b": keepalive 0/%d\n\n" % prompt_tokens

    def opening(self) -> bytes:
        """Return the delta that names the role."""
        if not self._chat:
            return b""
        content = None if self._engine is Engine.LLAMACPP else ""
        return self._event([self._choice({"role": "assistant", "content": content}, "")])

    def chunk(self, token: str) -> bytes:
        """Return one token's event."""
        return self._head + dump(self._persona, token) + self._tail

    def closing(self, usage: Usage) -> bytes:
        """Return the finish reason, the usage if it was asked for, and the end marker."""
        extra = self._timings(usage)
        finish = self._event([self._choice({}, "", _finish_reason(usage))], extra)
        if self._include_usage:
            # mlx calls this one chunk by the name of a whole answer.
            name = self._object if self._engine is Engine.MLX else None
            finish += self._event([], {"usage": _usage(usage)}, name)
        return finish + b"data: [DONE]\n\n"

    def whole(self, text: str, usage: Usage) -> bytes:
        """Return the whole answer."""
        choice: dict[str, Any] = {"index": 0, "logprobs": None, "finish_reason": _finish_reason(usage)}
        if self._chat:
            choice["message"] = {"role": "assistant", "content": text}
        else:
            choice["text"] = text
        document = {**self._envelope, "object": self._object, "choices": [choice], "usage": _usage(usage)}
        return dump(self._persona, document | self._timings(usage))

    def _choice(self, delta: dict[str, Any], text: str, finish_reason: str | None = None) -> dict[str, Any]:
        content: dict[str, Any] = {"delta": delta} if self._chat else {"text": text}
        return {"index": 0, **content, "logprobs": None, "finish_reason": finish_reason}

    def _event(
        self,
        choices: list[dict[str, Any]],
        extra: dict[str, Any] | None = None,
        name: str | None = None,
    ) -> bytes:
        kind = name or ("chat.completion.chunk" if self._chat else self._object)
        document = {**self._envelope, "object": kind, "choices": choices, **(extra or {})}
        return b"data: " + dump(self._persona, document) + b"\n\n"

    def _timings(self, usage: Usage) -> dict[str, Any]:
        if self._engine is not Engine.LLAMACPP:
            return {}
        timings = {
            "prompt_n": usage.prompt_tokens,
            "prompt_ms": usage.to_first_seconds * 1000,
            "predicted_n": usage.output_tokens,
            "predicted_ms": usage.decode_seconds * 1000,
        }
        return {"timings": timings}


def _finish_reason(usage: Usage) -> str:
    return "length" if usage.cut_short else "stop"


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.prompt_tokens + usage.output_tokens,
    }
