"""What a client asks for, whatever dialect it speaks, and how that is read from a body.

Rules of this file
- Pure. Lenient where real servers are (unknown fields), strict where they are (no messages, wrong types).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class BadRequestError(ValueError):
    """The body cannot be served. The text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One generation."""

    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    include_usage: bool = False
    max_tokens: int | None = None
    min_tokens: int = 0
    """As many are generated even if the answer would be shorter."""
    stop: tuple[str, ...] = ()
    wants_json: bool = False
    schema: Mapping[str, Any] | None = None

    @property
    def system(self) -> str:
        """All system messages, joined."""
        return "\n".join(message.text for message in self.messages if message.role in ("system", "developer"))

    @property
    def last_user_text(self) -> str:
        """What the user said last; empty if nothing."""
        return next((message.text for message in reversed(self.messages) if message.role == "user"), "")

    @property
    def prompt_text(self) -> str:
        """Everything that the model reads."""
        return "\n".join(message.text for message in self.messages)


def read_model(body: Mapping[str, Any], default: str | None = None) -> str:
    """Return the model that a body names, or `default`."""
    model = body.get("model", default)
    if not isinstance(model, str) or not model:
        raise BadRequestError("model is required and must be a string")
    return model


def read_messages(body: Mapping[str, Any]) -> tuple[Message, ...]:
    """Return the messages; parts that are not text are left out."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequestError("messages must be a list with at least one message")
    return tuple(_read_message(message) for message in messages)


def _read_message(message: object) -> Message:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise BadRequestError("every message must be an object with a role")
    return Message(message["role"], _read_content(message.get("content")))


def _read_content(content: object) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(part for part in parts if isinstance(part, str))
    raise BadRequestError("content must be a string or a list of parts")


def read_prompts(body: Mapping[str, Any], key: str) -> list[str]:
    """Return the texts under `key`: a string, or a list of strings."""
    value = body.get(key)
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return value
    raise BadRequestError(f"{key} must be a string or a list of strings")


def read_count(body: Mapping[str, Any], *keys: str) -> int | None:
    """Return the first of `keys` that is set, a whole number ≥ 1; None if none is (or -1: no limit)."""
    for key in keys:
        value = body.get(key)
        if value is None or value == -1:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise BadRequestError(f"{key} must be a whole number of at least 1")
        return value
    return None


def read_flag(body: Mapping[str, Any], key: str, default: bool) -> bool:
    """Return a truth value."""
    value = body.get(key, default)
    if not isinstance(value, bool):
        raise BadRequestError(f"{key} must be true or false")
    return value


def read_stop(value: object) -> tuple[str, ...]:
    """Return the stop sequences: null, a string or a list of strings."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Sequence) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise BadRequestError("stop must be a string or a list of strings")
