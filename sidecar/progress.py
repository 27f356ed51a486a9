"""How far requests have come: cells that are written at every token, too often to be facts.

Rules of this file
- The store owns them and hands them out; whoever relays an answer writes, whoever chooses a backend reads.
- Only moments and counts. What follows from them is not decided here.
"""

from dataclasses import dataclass

WEIGHT_OF_NEW_GAP = 0.1


@dataclass(frozen=True, slots=True)
class Booking:
    """What a request met when it was sent."""

    model: str
    role: str
    prompt_tokens: int
    streamed: bool
    tokens_ahead: float
    """Prompt tokens that stand before its first token, its own among them."""
    company: float
    """Requests on the backend before it, others' clients included."""
    cold: bool
    """The model was not in memory."""


class Pulse:
    """The beat of one backend's tokens, over all its requests."""

    __slots__ = ("gap_seconds", "last_token_at", "places")

    def __init__(self) -> None:
        self.last_token_at: float | None = None
        self.gap_seconds: float | None = None
        """Time between two tokens of one stream, lately; None before there were two."""
        self.places: dict[str, Progress] = {}
        """The requests in flight."""


class Progress:
    """How far one request in flight has come."""

    __slots__ = ("booking", "company_at_first", "first_at", "last_at", "pulse", "started_at", "tokens")

    def __init__(self, started_at: float, pulse: Pulse, booking: Booking) -> None:
        self.pulse = pulse
        self.booking = booking
        self.started_at = started_at
        self.first_at: float | None = None
        """When the first token came."""
        self.last_at: float | None = None
        self.tokens = 0
        self.company_at_first: float | None = None
        """The backend's `running_seconds` at the first token; None while that has not been reported."""

    def token(self, now: float, tokens: int = 1) -> None:
        """So many tokens of the answer came at `now`."""
        pulse = self.pulse
        if self.last_at is None:
            self.first_at = now
        elif tokens:
            gap = (now - self.last_at) / tokens
            known = pulse.gap_seconds
            pulse.gap_seconds = gap if known is None else known + WEIGHT_OF_NEW_GAP * (gap - known)
        self.last_at = pulse.last_token_at = now
        self.tokens += tokens
