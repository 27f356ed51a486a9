"""The HTTP client for servers of others.

Rules of this file
- What a server sends is bounded before anybody parses it: the SDK bounds the events of a stream, this file the rest.
- A stream that answers a call ends when nobody waits for it any more: the SDK reads it on, also after the call was
  given up. The one that a server may always talk in has no end.
- No redirect, no proxy of the environment, no compression: a few compressed bytes may be gigabytes.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping

import httpx2

from router.mcp.remote import RemoteFailed

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Of an answer that is no stream."""
MAX_STREAM_BYTES = 16 * 1024 * 1024
"""Of an answer that is one: with all that is told on the way to it."""
CONNECT_SECONDS = 10.0
READ_SECONDS = 300.0
"""Between two pieces of a stream, which may be silent for long."""


class BodyTooLarge(RemoteFailed, httpx2.TransportError):
    """The server sends more than is taken."""


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, body: httpx2.AsyncByteStream, most_bytes: int, seconds: float) -> None:
        self._body = body
        self._most_bytes = most_bytes
        self._seconds = seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        clock = asyncio.get_running_loop().time
        ends_at, size = clock() + self._seconds, 0
        async for chunk in self._body:
            size += len(chunk)
            if size > self._most_bytes:
                raise BodyTooLarge(f"an answer of more than {self._most_bytes} bytes")
            if clock() > ends_at:
                raise BodyTooLarge(f"an answer that takes longer than {self._seconds:g} seconds")
            yield chunk

    async def aclose(self) -> None:
        """Let the connection go."""
        await self._body.aclose()


class _Transport(httpx2.AsyncHTTPTransport):
    def __init__(self, answer_seconds: float) -> None:
        super().__init__()
        self._answer_seconds = answer_seconds

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One exchange, its body bounded."""
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise BodyTooLarge("a compressed answer, which was not asked for")
        is_stream = response.headers.get("content-type", "").lower().startswith("text/event-stream")
        if not (is_stream and request.method == "GET") and isinstance(response.stream, httpx2.AsyncByteStream):
            most_bytes = MAX_STREAM_BYTES if is_stream else MAX_BODY_BYTES
            response.stream = _Bounded(response.stream, most_bytes, self._answer_seconds)
        return response


def web_client(headers: Mapping[str, str], answer_seconds: float) -> httpx2.AsyncClient:
    """A client that sends these headers with every request, and reads no answer for longer than that."""
    return httpx2.AsyncClient(
        headers={**headers, "accept-encoding": "identity"},
        timeout=httpx2.Timeout(CONNECT_SECONDS, read=READ_SECONDS),
        transport=_Transport(answer_seconds),
        trust_env=False,
    )
