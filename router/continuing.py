"""How a model is asked to go on with an answer of which a part is there already.

Rules of this file
- Pure: a body of a chat, what was delivered, and the engine; the body that asks for the rest out.
- Nothing of what the client has is asked for again. Where an engine cannot be told so, it is asked in words.

vLLM and SGLang take `continue_final_message`, llama.cpp goes on with a last message of the assistant by itself; other
servers may do either, or answer anew: https://docs.vllm.ai/en/stable/serving/openai_compatible_server.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TOLD_TO_CONTINUE = frozenset({"vllm", "sglang"})
CONTINUE_BY_THEMSELVES = frozenset({"llamacpp"})


@dataclass(frozen=True, slots=True)
class Delivered:
    """What the client has of an answer."""

    text: str
    tokens: int
    please: str
    """What to say to a model that has to be asked in words."""


def continued(body: Mapping[str, Any], delivered: Delivered, engine: str | None) -> dict[str, Any]:
    """The body that asks `engine` for the rest. One of which nothing was delivered is asked for as it was."""
    if not delivered.text:
        return dict(body)
    said = {"role": "assistant", "content": delivered.text}
    messages = [*body["messages"], said]
    asked = {**body, **_shorter(body, delivered.tokens)}
    if engine in TOLD_TO_CONTINUE:
        return {**asked, "messages": messages, "continue_final_message": True, "add_generation_prompt": False}
    if engine in CONTINUE_BY_THEMSELVES:
        return {**asked, "messages": messages}
    return {**asked, "messages": [*messages, {"role": "user", "content": delivered.please}]}


def _shorter(body: Mapping[str, Any], tokens: int) -> dict[str, int]:
    """The limits of length, less what was delivered; at least one token, or there would be no end."""
    limits = {key: body.get(key) for key in ("max_tokens", "max_completion_tokens")}
    return {key: max(1, limit - tokens) for key, limit in limits.items() if isinstance(limit, int)}
