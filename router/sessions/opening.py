"""The keeper of sessions that a configuration asks for, and the line before it.

Rules of this file
- Made once, at the start: what a reload changes of `router.sessions` counts from the next start.
"""

from router.config import Config
from router.config import SessionStore as Kind
from router.sessions.line import Lines
from router.sessions.memory import MemorySessions
from router.sessions.sqlite import SqliteSessions
from router.sessions.store import Bounds, SessionStore

SECONDS_PER_DAY = 86_400


def bounds_of(config: Config) -> Bounds:
    """How much is kept."""
    settings = config.router.sessions
    return Bounds(settings.history_tokens, settings.max_age_days * SECONDS_PER_DAY, settings.max_sessions)


async def opened(config: Config) -> SessionStore:
    """The keeper. Raises SessionStoreFailed if its file cannot be used."""
    if config.router.sessions.store is Kind.MEMORY:
        return MemorySessions(bounds_of(config))
    return await SqliteSessions.opened(config.router.data_folder(), bounds_of(config))


def lines_of(config: Config) -> Lines:
    """The line before each session."""
    settings = config.router.sessions
    return Lines(
        most_waiting=settings.most_waiting, wait_seconds=settings.wait_seconds, turn_seconds=settings.turn_seconds
    )
