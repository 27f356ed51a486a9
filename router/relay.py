"""The only upstream chat client: bytes in, bytes out.

Rules of this file
- Bytes pass as they arrive. Nothing waits for the next chunk, and nobody parses a chunk that is only passed on.
- Cancelling the caller closes the connection to the backend at once: that is how a backend learns to stop.
"""

import aiohttp

from router.attempt import Meter, Sink, UpstreamRequest
from router.connections import TRAVELLER, Connections
from router.exchange import Exchange, NeverSeen, translated


class Relay:
    """Sends requests upstream over one pool of connections. Make it inside a running event loop, and close it."""

    def __init__(self, keepalive_seconds: float) -> None:
        self.keepalive_seconds = keepalive_seconds
        self._connections = Connections()

    async def close(self) -> None:
        """Close every connection."""
        await self._connections.close()

    async def run(self, request: UpstreamRequest, meter: Meter, sink: Sink) -> None:
        """Send one request and pass its answer on, to its last byte.

        Raises AttemptFailed or CallerRefused. Cancellation, and whatever the sink raises, pass through.
        """
        try:
            await self._attempt(self._connections.pooled, request, meter, sink)
        except NeverSeen:
            # A server may close an idle connection just as we use it, and llama-server does so after every stream.
            # Then it never saw the request: no failure of the backend. A second try on a new connection decides.
            await self._attempt(self._connections.fresh, request, meter, sink)

    async def _attempt(
        self, session: aiohttp.ClientSession, request: UpstreamRequest, meter: Meter, sink: Sink
    ) -> None:
        exchange = Exchange(request, meter, sink, self.keepalive_seconds)
        timeout = aiohttp.ClientTimeout(total=None, connect=request.deadlines.connect_seconds)
        TRAVELLER.set(exchange)
        with translated(exchange):
            async with exchange.patience.watching(stream=request.stream):
                posting = session.post(
                    request.url,
                    data=request.body,
                    headers=request.headers,
                    timeout=timeout,
                    allow_redirects=False,
                )
                response = await exchange.patiently(posting) if request.stream else await posting
                try:
                    exchange.answered = True
                    await exchange.take(response)
                finally:
                    # An answer that was read to its end has given its connection back already. Any other loses it, and
                    # the backend stops working.
                    response.close()
