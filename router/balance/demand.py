"""What a request asks of whoever serves it, as far as that can be known before it is answered.

Rules of this file
- Pure values. Estimates err upwards; what is unknown is None.
"""

from dataclasses import dataclass
from enum import IntEnum


class Priority(IntEnum):
    """Who goes first when there is no room. Lower numbers go first."""

    INTERACTIVE = 0
    """Somebody sits and waits."""
    NORMAL = 1
    BATCH = 2
    """Nobody waits: tonight is soon enough."""


@dataclass(frozen=True, slots=True)
class Demand:
    """One request."""

    role: str
    """Answers of one role are about equally long."""
    prompt_tokens: int = 0
    max_tokens: int | None = None
    """More it does not want; None: any number."""
    session: str | None = None
    """A fingerprint of the conversation that it continues, where that is known."""
    blocks: tuple[int, ...] = ()
    """Hashes of the leading blocks of the prompt: equal beginnings have equal hashes (`router.balance.prefix`)."""
    priority: Priority = Priority.NORMAL
    number: int = 0
    """Counts the requests of a pool, for those who go round in turn."""
