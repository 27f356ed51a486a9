"""How long a model may go on calling tools.

Rules of this file
- Pure. Moments are on the clock of the event loop, and are passed in.
"""

from dataclasses import dataclass

from router.sessions.trimming import cut
from router.tokens import estimate_tokens


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one turn may spend."""

    rounds: int
    """Of calls, before it has to answer."""
    calls: int
    """In one round."""
    seconds: float
    """From the beginning of the turn; no round begins later."""
    tokens: int
    """Of what tools found, for the model to read, all together (estimated)."""


class Budget:
    """What is left of it."""

    def __init__(self, bounds: Bounds, began_at: float) -> None:
        self._bounds = bounds
        self._ends_at = began_at + bounds.seconds
        self._rounds = 0
        self._tokens = bounds.tokens

    def begins_round(self, now: float) -> bool:
        """Take a round, if there is one left."""
        if self._rounds >= self._bounds.rounds or now >= self._ends_at or self._tokens <= 0:
            return False
        self._rounds += 1
        return True

    def allows(self, number: int) -> bool:
        """Whether this call of its round may be made, counted from 0."""
        return number < self._bounds.calls

    def seconds_left(self, now: float) -> float:
        """For a call of a tool; never negative."""
        return max(0.0, self._ends_at - now)

    def read(self, text: str) -> str:
        """As much of what was found as there is room for; it is spent with that."""
        shown = cut(text, self._tokens) if self._tokens > 0 else ""
        self._tokens -= estimate_tokens(shown)
        return shown
