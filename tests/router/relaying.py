"""A relay over real sockets, for tests of what it makes of a server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from router.attempt import Sink, UpstreamRequest
from router.patience import Deadlines
from router.relay import Relay
from router.signs import Usage

PATIENT = Deadlines(connect_seconds=20, first_token_seconds=20, token_seconds=20, total_seconds=20)
"""Never reached in a test that passes."""
SOON = 0.15
"""A deadline that a test waits for."""


def deadlines(**seconds: float) -> Deadlines:
    """Patient but for these."""
    return replace(PATIENT, **{f"{name}_seconds": value for name, value in seconds.items()})


@asynccontextmanager
async def relaying(keepalive_seconds: float = 20) -> AsyncIterator[Relay]:
    """A relay, closed at the end."""
    relay = Relay(keepalive_seconds)
    try:
        yield relay
    finally:
        await relay.close()


class Heard:
    """Who listens to an answer, and keeps what it hears."""

    def __init__(self) -> None:
        self.first_at: float | None = None
        self.tokens = 0
        self.loads: list[str] = []
        self.count: int | None = None
        """By the backend itself."""

    def token(self, now: float, tokens: int = 1) -> None:
        """So many came."""
        self.first_at = self.first_at or now
        self.tokens += tokens

    def counted(self, usage: Usage) -> None:
        """So many the whole answer has."""
        self.count = usage.output_tokens

    def load(self, header: str) -> None:
        """So busy it is."""
        self.loads.append(header)


async def relayed(
    relay: Relay,
    url: str,
    sink: Sink,
    *,
    stream: bool = True,
    limits: Deadlines = PATIENT,
    heard: Heard | None = None,
    body: bytes = b"{}",
) -> None:
    """One request and its answer."""
    due_at = asyncio.get_running_loop().time() + limits.total_seconds
    request = UpstreamRequest(url, body, {}, stream, limits, due_at)
    await relay.run(request, heard or Heard(), sink)
