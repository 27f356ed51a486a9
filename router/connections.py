"""Connections to backends: kept for the next request, or opened for one.

Rules of this file
- Nothing is added to a request and nothing is changed in an answer: no cookies, no compression, no redirects.
- Whoever sends learns whether its connection had been used before, through `TRAVELLER`.
"""

from contextvars import ContextVar
from typing import Protocol

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace

IDLE_CONNECTION_SECONDS = 4.5
"""vLLM and llama-server close idle connections after 5 s; a request on one of those would be lost."""


class Traveller(Protocol):
    """Who sends a request."""

    reused_connection: bool
    """True until a connection is opened for it."""


TRAVELLER: ContextVar[Traveller] = ContextVar("traveller")
"""Of the request that is being sent. aiohttp's own way to tell makes an object and awaits a signal at every step of
every request, of which this one is all that anybody wants to hear."""


class _Connector(aiohttp.TCPConnector):
    """Tells who sends a request that a connection is opened for it."""

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own name
    ) -> ResponseHandler:
        TRAVELLER.get().reused_connection = False
        return await super()._create_connection(req, traces, timeout)


class Connections:
    """Two pools. Make it inside a running event loop, and close it."""

    def __init__(self) -> None:
        self.pooled = _session(_Connector(limit=0, keepalive_timeout=IDLE_CONNECTION_SECONDS))
        self.fresh = _session(_Connector(limit=0, force_close=True))

    async def close(self) -> None:
        """Close every connection."""
        await self.pooled.close()
        await self.fresh.close()


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
    )
