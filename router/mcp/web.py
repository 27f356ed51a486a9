"""The HTTP client for servers of others.

Rules of this file
- What a server sends is bounded before anybody parses it: the SDK bounds the events of a stream, this file the rest.
- No redirect, no proxy of the environment, no compression: a few compressed bytes may be gigabytes.
"""

from collections.abc import AsyncIterator, Mapping

import httpx2

from router.mcp.remote import RemoteFailed

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Of an answer that is no stream."""
CONNECT_SECONDS = 10.0
READ_SECONDS = 300.0
"""Between two pieces of a stream, which may be silent for long."""


class BodyTooLarge(RemoteFailed, httpx2.TransportError):
    """The server sends more than is taken."""


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, body: httpx2.AsyncByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._body:
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise BodyTooLarge(f"an answer of more than {MAX_BODY_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        """Let the connection go."""
        await self._body.aclose()


class _Transport(httpx2.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One exchange, its body bounded."""
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise BodyTooLarge("a compressed answer, which was not asked for")
        is_stream = response.headers.get("content-type", "").lower().startswith("text/event-stream")
        if not is_stream and isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Bounded(response.stream)
        return response


def web_client(headers: Mapping[str, str]) -> httpx2.AsyncClient:
    """A client that sends these headers with every request."""
    return httpx2.AsyncClient(
        headers={**headers, "accept-encoding": "identity"},
        timeout=httpx2.Timeout(CONNECT_SECONDS, read=READ_SECONDS),
        transport=_Transport(),
        trust_env=False,
    )
