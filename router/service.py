"""Everything that handlers may use, as the configuration in force has it.

Rules of this file
- A service is never changed: a new configuration makes a new one, and requests that run keep the one they began with.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from router.config import Config
from router.decider import Decider
from router.decisions import DecisionLog
from router.dispatch import Dispatcher
from router.fleet import Fleet
from router.jobs.jobs import Jobs
from router.keys import Keys
from router.occupancy import Occupancy
from router.sessions.store import SessionStore
from router.talks import Talks
from router.telemetry import Telemetry
from router.tools.spec import Tool
from router.tracing_switch import Tracing
from router.turn import Turns
from router.web.live import Live
from sidecar import Scrapes


@dataclass(frozen=True, slots=True)
class Service:
    """What one configuration means."""

    config: Config
    keys: Keys
    fleet: Fleet
    dispatcher: Dispatcher
    decider: Decider
    turns: Turns
    talks: Talks
    sessions: SessionStore
    jobs: Jobs
    live: Live
    tools: Mapping[str, Tool]
    decisions: DecisionLog
    occupancy: Occupancy
    telemetry: Telemetry
    scrapes: Scrapes
    tracing: Tracing
    refresh: Callable[[], Awaitable[None]]
    """Asks every backend afresh how busy it is; may cost each a token."""
    drain: Callable[[str, bool], None]
    """Lets a backend that is known get no new requests (True), or get them again."""
    now: Callable[[], datetime]
    """The date and time in the zone of the configuration."""


class Current:
    """Points to the service in force. Only the composition root moves it."""

    def __init__(self, service: Service) -> None:
        self.service = service
