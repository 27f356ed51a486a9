"""How fast a machine turns its batch by one token: the constants, and the one formula.

Rules of this file
- Pure. Seconds, tokens and sequences only; nothing here knows of requests, HTTP or time of day.
- A preset is one 8-billion-parameter model on one machine. The figures are round: they are right in their
  proportions, which is what a router has to cope with, and are not a benchmark of any product.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

SMALLEST_PREFILL_TOKENS = 16
"""Prompt tokens that a step takes even when decoding fills its budget: prefill must not starve."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What one iteration costs, and how much fits into one.

    An iteration advances every decoding sequence by one token and takes up to `prefill_chunk_tokens` of prompts along
    (chunked prefill: Agrawal et al., Sarathi-Serve, OSDI 2024).
    """

    base_seconds: float
    """Reading the weights once."""
    per_sequence_seconds: float
    """For every decoding sequence."""
    per_context_token_seconds: float
    """For every token that decoding sequences attend to."""
    per_prefill_token_seconds: float
    """For every prompt token processed in the step."""
    prefill_chunk_tokens: int
    """Budget of a step, shared by decoding (one each) and prefill."""
    slots: int
    """Sequences at once."""
    kv_capacity_tokens: int
    """Tokens that the key-value cache holds; it is only reported, never a limit."""

    def step_seconds(self, decoding: int, context_tokens: int, prefill_tokens: int) -> float:
        """Return the seconds that one iteration takes."""
        return (
            self.base_seconds
            + self.per_sequence_seconds * decoding
            + self.per_context_token_seconds * context_tokens
            + self.per_prefill_token_seconds * prefill_tokens
        )

    def prefill_budget(self, decoding: int) -> int:
        """Return how many prompt tokens a step takes beside `decoding` sequences."""
        return max(SMALLEST_PREFILL_TOKENS, self.prefill_chunk_tokens - decoding)


PRESETS: Mapping[str, Profile] = MappingProxyType(
    {
        "h100": Profile(7.7e-3, 60e-6, 76e-9, 40e-6, 8192, 256, 440_000),
        "a100": Profile(11.9e-3, 150e-6, 125e-9, 103e-6, 8192, 256, 420_000),
        "l40s": Profile(26.4e-3, 280e-6, 295e-9, 196e-6, 4096, 128, 206_000),
        "rtx4090": Profile(9e-3, 1.5e-3, 150e-9, 150e-6, 512, 4, 64_000),
        "rtx3090": Profile(11e-3, 2.0e-3, 180e-9, 260e-6, 512, 4, 64_000),
        "apple_ultra": Profile(13e-3, 4.0e-3, 300e-9, 1000e-6, 512, 2, 64_000),
        # No waiting that a person or a test would notice, but still steps: streams interleave as on a real
        # server, and the sum of all streams stays near what one process can write (50,000 tokens a second).
        "instant": Profile(20e-6, 20e-6, 0.0, 0.0, 8192, 256, 1_000_000),
        # For people who look at it: about 50 tokens a second alone, a pause that shows before the first token
        # of a long prompt, visibly slower with company, and few enough slots to see a queue.
        "demo": Profile(17e-3, 3e-3, 0.0, 0.5e-3, 512, 8, 32_000),
    }
)
"""Machines by name."""
