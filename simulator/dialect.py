"""How a generation is written: what OpenAI's and Ollama's dialects have in common.

Rules of this file
- Types only. A dialect turns tokens into bytes; it knows nothing of connections, time or faults.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Usage:
    """What one generation took."""

    prompt_tokens: int
    output_tokens: int
    cut_short: bool
    """It ended because of its limit on tokens."""
    to_first_seconds: float
    """From the request to the first token: queue, loading and prefill."""
    decode_seconds: float
    """From the first token to the last."""


class Dialect(Protocol):
    """Writes one generation."""

    stream_content_type: str
    garbage: bytes
    """In place of a chunk: what no client can parse."""

    def before(self, prompt_tokens: int) -> bytes:
        """Return what goes out with the headers, before anything is generated."""
        ...

    def opening(self) -> bytes:
        """Return what precedes the first token."""
        ...

    def chunk(self, token: str) -> bytes:
        """Return one token's chunk."""
        ...

    def closing(self, usage: Usage) -> bytes:
        """Return what ends a stream, with the end marker."""
        ...

    def whole(self, text: str, usage: Usage) -> bytes:
        """Return the body of an answer that is not streamed."""
        ...
