"""Roles: what a request is given, how a backend is chosen for it, how long it may take, and how long it may wait.

Rules of this file
- As in `router.config`, of which it is a part.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from sidecar.config import ByName, Count, Seconds, Section, Text


class PolicyName(StrEnum):
    """The policies that a configuration may name."""

    PREDICTED = "predicted"
    """The least predicted cost: time to the first token, time of the rest, and what it costs the others."""
    LEAST_IN_FLIGHT = "least_in_flight"
    WEIGHTED = "weighted"
    """The fewest requests for a backend's weight, which the operator sets."""
    P2C = "p2c"
    """The less busy of two random ones."""
    ROUND_ROBIN = "round_robin"
    PRIORITY = "priority"
    """The first tier, and the next one only when that has no room."""
    PIN = "pin"
    """One session stays on one backend, as long as that can serve."""


class PriorityName(StrEnum):
    """Priorities, as a configuration and a caller name them."""

    INTERACTIVE = "interactive"
    NORMAL = "normal"
    BATCH = "batch"


class QueueConfig(Section):
    """How long a line may become where nobody has room."""

    most: Annotated[int, Field(ge=0, le=100_000)] = 256
    """Requests that may wait; one more is told to come back later. 0: nobody waits."""
    most_wait_seconds: Seconds = 60.0
    """Seconds that a request may wait; one that would wait longer is told so at once."""
    rise_seconds: Seconds = 30.0
    """A request goes before those of the next better priority that came so many seconds after it."""


class RoleConfig(Section):
    """What a request of this role is given, and how long it may take."""

    system_prompt: Text | None = None
    """Stands before every conversation of this role; null: Maek's own."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """0 is always the likeliest word; null: the backend's own."""
    max_tokens: Count | None = None
    """The longest answer, in tokens; null: the backend's own limit."""
    connect_timeout_seconds: Seconds = 5.0
    """Seconds to reach a backend before another one is tried."""
    first_token_timeout_seconds: Seconds = 120.0
    """Seconds from the request to its first token; a model that must be loaded takes long."""
    token_timeout_seconds: Seconds = 60.0
    """Seconds between two tokens."""
    timeout_seconds: Seconds = 600.0
    """Seconds for the whole answer."""
    policy: Annotated[PolicyName, ByName] = PolicyName.PREDICTED
    """How one of the backends that can serve is chosen."""
    priority: Annotated[PriorityName, ByName] | None = None
    """Who goes first when nobody has room; null: interactive for /chat and for streams, else normal."""
    hedge: bool = True
    """Ask a second backend when the first token is late; once in twenty requests, or once a minute, at most."""
    queue: QueueConfig = QueueConfig()
    """Requests that wait until somebody has room for them."""
