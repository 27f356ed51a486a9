"""A relay over real sockets, for tests of what it makes of a server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from router.patience import Deadlines
from router.relay import Relay, Sink, UpstreamRequest
from sidecar.progress import Booking, Progress, Pulse

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


def progress() -> Progress:
    """Where tokens are counted."""
    return Progress(0.0, Pulse(), Booking("m", "reasoner", 0, streamed=True, tokens_ahead=0, company=0, cold=False))


async def relayed(
    relay: Relay,
    url: str,
    sink: Sink,
    *,
    stream: bool = True,
    limits: Deadlines = PATIENT,
    cell: Progress | None = None,
    body: bytes = b"{}",
) -> None:
    """One request and its answer."""
    due_at = asyncio.get_running_loop().time() + limits.total_seconds
    request = UpstreamRequest(url, body, {}, stream, limits, due_at)
    await relay.run(request, cell or progress(), sink)
