"""Connections to backends: kept for the next request, or opened for one.

Rules of this file
- Nothing is added to a request and nothing is changed in an answer: no cookies, no compression, no redirects.
- Whoever sends learns whether its connection had been used before, through the context that it passes along.
"""

from types import SimpleNamespace
from typing import Protocol

import aiohttp

IDLE_CONNECTION_SECONDS = 4.5
"""vLLM and llama-server close idle connections after 5 s; a request on one of those would be lost."""


class Traveller(Protocol):
    """The context of a request."""

    reused_connection: bool


class Connections:
    """Two pools. Make it inside a running event loop, and close it."""

    def __init__(self) -> None:
        self.pooled = _session(aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_CONNECTION_SECONDS))
        self.fresh = _session(aiohttp.TCPConnector(limit=0, force_close=True))

    async def close(self) -> None:
        """Close every connection."""
        await self.pooled.close()
        await self.fresh.close()


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    tracing = aiohttp.TraceConfig()
    tracing.on_connection_reuseconn.append(_note_reuse)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        trace_configs=[tracing],
    )


async def _note_reuse(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceConnectionReuseconnParams
) -> None:
    traveller: Traveller = context.trace_request_ctx
    traveller.reused_connection = True
