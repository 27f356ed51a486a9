"""What the body of a request demands, before anybody has answered it.

Rules of this file
- Pure, and cheap: it runs for every request, however long.
- A token of prose is about three bytes of UTF-8 in Korean (one syllable), three to four in English, fewer in code. The
  estimate errs upwards, and forecasts are fitted to the same estimate, so that a constant error cancels out.
"""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

import orjson

from router.balance.demand import Demand, Priority
from router.balance.prefix import blocks_of

BYTES_PER_TOKEN = 3
TOKENS_PER_PART = 800
"""An image or a sound in a message, whatever its size in bytes."""
TOKENS_PER_MESSAGE = 4
"""What chat templates put around one."""
DEEPEST = 2
"""Lists of lists: several prompts, each given as its tokens. Nothing that means anything is deeper."""


def demand_of(
    body: Mapping[str, Any], role: str, *, session: str | None = None, priority: Priority = Priority.NORMAL
) -> Demand:
    """The demand of an OpenAI-style body: of a chat, a completion or an embedding."""
    prompt_tokens = _tokens(body.get("messages"), body.get("prompt"), body.get("input"))
    return Demand(
        role,
        prompt_tokens=prompt_tokens + _written_tokens(body.get("tools") or body.get("functions")),
        max_tokens=_most_tokens(body.get("max_completion_tokens"), body.get("max_tokens")),
        session=None if session is None else fingerprint(session),
        blocks=blocks_of(_texts(body)),
        priority=priority,
    )


def fingerprint(session: str) -> str:
    """As good to tell conversations apart by as their names, which users choose and no recording may hold."""
    return blake2b(session.encode(errors="replace"), digest_size=8).hexdigest()


def _texts(body: Mapping[str, Any]) -> Iterator[str]:
    """What the prompt begins with, as far as it is text."""
    if isinstance(prompt := body.get("prompt"), str):
        yield prompt
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, dict) or not isinstance(content := message.get("content"), str):
            return
        yield str(message.get("role"))
        yield content


def _tokens(messages: Any, *texts: Any) -> int:
    many = sum(_text_tokens(text) for text in texts)
    for message in messages if isinstance(messages, list) else ():
        many += TOKENS_PER_MESSAGE
        if isinstance(message, dict):
            many += _text_tokens(message.get("content")) + _written_tokens(message.get("tool_calls"))
    return many


def _written_tokens(value: Any) -> int:
    """Of what templates write out as JSON, such as the tools that a model may call."""
    try:
        return _text_tokens(orjson.dumps(value).decode()) if value else 0
    except orjson.JSONEncodeError:
        return 0  # half a character, or too deep: it cannot be sent either


def _text_tokens(value: Any, depth: int = DEEPEST) -> int:
    match value:
        case str(text):
            return -(-len(text.encode(errors="replace")) // BYTES_PER_TOKEN)
        case [*parts]:
            return sum(_text_tokens(part, depth - 1) for part in parts) if depth else 0
        case {"text": str(text)}:
            return _text_tokens(text)
        case {}:
            return TOKENS_PER_PART
        case int():
            return 1  # prompts and inputs may be given as tokens
        case _:
            return 0


def _most_tokens(*limits: Any) -> int | None:
    known = [limit for limit in limits if isinstance(limit, int) and not isinstance(limit, bool) and limit > 0]
    return min(known, default=None)
