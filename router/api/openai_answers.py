"""Answers in OpenAI's shape that Maek gives itself, without a backend.

Rules of this file
- Pure: a text in, JSON out.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from router.sse import DONE, encode

MODEL = "auto"
"""What answered: nobody but Maek."""


def completion_json(answer_id: str, text: str, at: datetime) -> Mapping[str, Any]:
    """A whole chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", "logprobs": None}
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    return {**_head(answer_id, "chat.completion", at), "choices": [choice], "usage": usage}


def delta_event(answer_id: str, text: str, at: datetime, *, first: bool) -> bytes:
    """A piece of the same as a stream; the first one says who speaks."""
    speaker = {"role": "assistant"} if first else {}
    return encode({**_chunk(answer_id, at), "choices": [_delta({**speaker, "content": text}, None)]})


def end_events(answer_id: str, at: datetime) -> Iterator[bytes]:
    """The end of such a stream."""
    yield encode({**_chunk(answer_id, at), "choices": [_delta({}, "stop")]})
    yield f"data: {DONE}\n\n".encode()


def with_choices(text: str, choices: Sequence[str]) -> str:
    """A question with the answers to choose from: this dialect has no other place for them."""
    return "\n".join([text, *(f"{number}. {choice}" for number, choice in enumerate(choices, start=1))])


def model_json(name: str, owner: str) -> Mapping[str, Any]:
    """One entry of the list of models. `created` is not known of models that others serve."""
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}


def _chunk(answer_id: str, at: datetime) -> dict[str, Any]:
    return _head(answer_id, "chat.completion.chunk", at)


def _head(answer_id: str, kind: str, at: datetime) -> dict[str, Any]:
    return {"id": f"chatcmpl-{answer_id}", "object": kind, "created": int(at.timestamp()), "model": MODEL}


def _delta(delta: Mapping[str, Any], finish_reason: str | None) -> Mapping[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
