"""Ollama's own dialect: one JSON object a line.

Rules of this file
- Pure: bytes from values. Durations are in nanoseconds, as Ollama writes them.
"""

from typing import Any

import orjson

from simulator.dialect import Usage

_MARK = "<token>"
_NANOSECONDS = 1_000_000_000


class OllamaDialect:
    """Writes one answer of `/api/chat` (`chat`) or `/api/generate`."""

    stream_content_type = "application/x-ndjson"
    garbage = b'{"model":"\n'

    def __init__(self, *, chat: bool, created_at: str, model: str) -> None:
        self._chat = chat
        self._envelope: dict[str, Any] = {"model": model, "created_at": created_at}
        line = orjson.dumps({**self._envelope, **self._content(_MARK), "done": False}) + b"\n"
        self._head, self._tail = line.split(orjson.dumps(_MARK))

    def before(self, prompt_tokens: int) -> bytes:  # noqa: ARG002  the protocol's
        """Return nothing: Ollama's headers come with the first token."""
        return b""

    def opening(self) -> bytes:
        """Return nothing: every line names the role."""
        return b""

    def chunk(self, token: str) -> bytes:
        """Return one token's line."""
        return self._head + orjson.dumps(token) + self._tail

    def closing(self, usage: Usage) -> bytes:
        """Return the line that is done."""
        return self.whole("", usage) + b"\n"

    def whole(self, text: str, usage: Usage) -> bytes:
        """Return the whole answer; also the shape of a stream's last line."""
        return self.ended(text, "length" if usage.cut_short else "stop", _durations(usage))

    def ended(self, text: str, reason: str, extra: dict[str, int] | None = None) -> bytes:
        """Return an answer that is done because of `reason`: `stop`, `length`, `load` or `unload`."""
        end = {"done": True, "done_reason": reason}
        return orjson.dumps({**self._envelope, **self._content(text), **end, **(extra or {})})

    def _content(self, text: str) -> dict[str, Any]:
        if self._chat:
            return {"message": {"role": "assistant", "content": text}}
        return {"response": text}


def _durations(usage: Usage) -> dict[str, int]:
    prompt = int(usage.to_first_seconds * _NANOSECONDS)
    decode = int(usage.decode_seconds * _NANOSECONDS)
    return {
        "total_duration": prompt + decode,
        "load_duration": 0,
        "prompt_eval_count": usage.prompt_tokens,
        "prompt_eval_duration": prompt,
        "eval_count": usage.output_tokens,
        "eval_duration": decode,
    }
