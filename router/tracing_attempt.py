"""What a span tells of one attempt at one backend, in the words of OpenTelemetry's conventions for generative AI.

Rules of this file
- Numbers and names that the configuration, a backend or the code chose. Prompts and answers only where content is on,
  and then no more of them than `MOST_CONTENT_CHARACTERS`.
- The conventions are those of https://github.com/open-telemetry/semantic-conventions-genai (in development); what they
  have no word for is under `maek.`.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import orjson

from router.call import Call
from router.journey import Attempt
from router.sse import Decoder, Overlong
from router.tracing import NOTHING, Kind, Span, Value, current
from sidecar import BackendState, Outcome

OPERATIONS = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "text_completion",
    "/v1/embeddings": "embeddings",
    "/v1/rerank": "rerank",
}
UNKNOWN_PROVIDER = "openai"
"""The conventions' word for whoever speaks that dialect and tells no more. All other engines are their own provider."""
NOBODYS_FAULT = frozenset({Outcome.CLIENT_GONE, Outcome.CALLER_ERROR})
MOST_CONTENT_CHARACTERS = 16_000
"""Of one attribute. Collectors refuse batches of some MB, and cut attributes that are much longer."""
HEAD_BYTES = 4096
"""Of an answer, in which it says which model wrote it."""
CONTENT_BYTES = 4 * MOST_CONTENT_CHARACTERS
DEFAULT_PORTS = {"http": 80, "https": 443}

_MODEL = re.compile(rb'"model"\s*:\s*"([\w./:@+ -]{1,200})"')


class AttemptSpan:
    """One attempt, as it is traced. Where nothing is recorded, only the headers of whoever is asked."""

    def __init__(self, span: Span, *, streamed: bool) -> None:
        self.span = span
        self._streamed = streamed
        self._heard = bytearray()
        self._most = CONTENT_BYTES if span.content else HEAD_BYTES

    @property
    def listens(self) -> bool:
        """Whether it wants to hear more of the answer."""
        return self.span.recorder is not None and len(self._heard) < self._most

    def heard(self, data: bytes) -> None:
        """Bytes of the answer."""
        self._heard += data[: self._most - len(self._heard)]

    def ended(self, attempt: Attempt, input_tokens: int | None = None) -> None:
        """The attempt has ended."""
        if self.span.recorder is None:
            return
        outcome = attempt.outcome or Outcome.OK
        if outcome is not Outcome.OK and not attempt.beaten:
            self.span.fail(str(outcome), failed=outcome not in NOBODYS_FAULT)
        model = _MODEL.search(bytes(self._heard[:HEAD_BYTES]))
        first_token_ms = attempt.first_token_ms
        self.span.note(
            {
                "gen_ai.response.model": None if model is None else model.group(1).decode("ascii", "replace"),
                "gen_ai.response.time_to_first_chunk": first_token_ms / 1000
                if self._streamed and first_token_ms is not None
                else None,
                "gen_ai.usage.input_tokens": input_tokens,
                "gen_ai.usage.output_tokens": attempt.output_tokens or None,
                "maek.outcome": str(outcome),
                "maek.answers": attempt.answers or None,
                "maek.beaten": attempt.beaten or None,
            }
        )
        if self.span.content:
            self.span.note({"gen_ai.output.messages": self._said()})
        self.span.end()

    def _said(self) -> str | None:
        """What the model wrote, as far as it was heard."""
        text = _streamed_text(bytes(self._heard)) if self._streamed else _whole_text(bytes(self._heard))
        return None if not text else _messages([("assistant", text)])


UNTRACED = AttemptSpan(NOTHING, streamed=False)


def attempt_span(call: Call, attempt: Attempt, state: BackendState, decision: str) -> AttemptSpan:
    """A span for an attempt that begins now."""
    above = current()
    if above is NOTHING:
        return UNTRACED
    operation = OPERATIONS.get(call.path, "chat")
    span = above.child(f"{operation} {attempt.candidate.model}", Kind.CLIENT)
    traced = AttemptSpan(span, streamed=call.stream)
    if span.recorder is not None:
        span.note(_asked(call, attempt, state, operation, decision))
        if span.content:
            span.note({"gen_ai.input.messages": _messages(_asked_messages(call.body))})
    return traced


def _asked(
    call: Call, attempt: Attempt, state: BackendState, operation: str, decision: str
) -> Mapping[str, Value | None]:
    address, port = _address(state.spec.url)
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": state.engine or UNKNOWN_PROVIDER,
        "gen_ai.request.model": attempt.candidate.model,
        "gen_ai.request.stream": call.stream or None,
        "server.address": address,
        "server.port": port,
        "maek.backend": attempt.candidate.backend,
        "maek.role": attempt.why.asked.role,
        "maek.load.level": None if attempt.level is None else attempt.level.label,
        "maek.choice.policy": str(attempt.why.policy),
        "maek.choice.reason": attempt.why.reason,
        "maek.decision.id": decision or None,
        "maek.waited_seconds": attempt.waited_seconds or None,
        "maek.hedge": attempt.hedge or None,
        "maek.continues_characters": attempt.continues_characters,
    }


@lru_cache(maxsize=256)
def _address(url: str) -> tuple[str | None, int | None]:
    """Host and port of a backend."""
    parts = urlsplit(url)
    return parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme)


def _asked_messages(body: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Who said what in a request: role and text."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        asked = body.get("prompt", body.get("input", body.get("query")))
        return [("user", asked if isinstance(asked, str) else orjson.dumps(asked).decode())]
    return [(str(one.get("role", "user")), _text(one.get("content"))) for one in messages if isinstance(one, dict)]


def _text(content: Any) -> str:
    """The text of a message; of pictures and the like nothing."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def _messages(said: Iterable[tuple[str, str]]) -> str:
    """As the conventions write them, the last ones if they are too long, each cut at its end."""
    left, kept = MOST_CONTENT_CHARACTERS, []
    for role, text in reversed(list(said)):
        if left <= 0:
            break
        kept.append({"role": role, "parts": [{"type": "text", "content": text[:left]}]})
        left -= len(text)
    return orjson.dumps(kept[::-1]).decode()


def bounded(text: str) -> str:
    """As much of a text as a span may carry."""
    return text[:MOST_CONTENT_CHARACTERS]


def _streamed_text(heard: bytes) -> str:
    try:
        events = Decoder().feed(heard)
    except Overlong:
        return ""
    return "".join(_piece(event.data, "delta") for event in events)


def _whole_text(heard: bytes) -> str:
    return _piece(heard, "message")


def _piece(data: str | bytes, key: str) -> str:
    """The text in one event or body; empty where there is none, or it is not whole."""
    try:
        match orjson.loads(data):
            case {"choices": [dict(choice), *_]}:
                said = choice.get(key)
                text = said.get("content") if isinstance(said, dict) else choice.get("text")
                return text if isinstance(text, str) else ""
            case _:
                return ""
    except orjson.JSONDecodeError:
        return ""
