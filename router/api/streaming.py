"""A streamed answer to one client.

Rules of this file
- The status line is sent with the first byte and not before, so that whatever fails earlier is still an error with a
  status of its own.
- A client that is gone is `ClientGone`, never an error of a connection: nobody may mistake it for the backend's.
"""

from collections.abc import Callable, Mapping

from aiohttp import web

from router.api.context import REQUEST_ID
from router.api.errors import error_body
from router.attempt import STREAM, ClientGone
from router.errors import MaekError
from router.sse import COMMENT_KEEPALIVE, encode


class Reply:
    """Server-sent events to one client. `headers` is asked when the first byte goes."""

    def __init__(self, request: web.Request, headers: Callable[[], Mapping[str, str]]) -> None:
        self._request = request
        self._headers = headers
        self.response: web.StreamResponse | None = None

    @property
    def begun(self) -> bool:
        """Whether the client has had a byte."""
        return self.response is not None

    async def write(self, data: bytes) -> None:
        """Pass bytes on, now. Waits while the client reads slowly."""
        try:
            response = self.response or await self._begin()
            await response.write(data)
        except ConnectionError as error:
            raise ClientGone from error

    async def keep_alive(self) -> None:
        """A comment, which clients skip and proxies count as traffic."""
        await self.write(COMMENT_KEEPALIVE)

    async def fail(
        self, error: MaekError, *, name: str | None, delivered: Mapping[str, int], mid_event: bool = False
    ) -> None:
        """The error as an event, with how much of an answer was `delivered` before. It is not followed by any end
        marker: nobody may take it for a good end."""
        body = error_body(self._request.path, error, self._request[REQUEST_ID], delivered)
        await self.write((b"\n\n" if mid_event else b"") + encode(body, name))

    async def end(self) -> web.StreamResponse:
        """The answer is over."""
        response = self.response or await self._begin()
        try:
            await response.write_eof()
        except ConnectionError as error:
            raise ClientGone from error
        return response

    async def _begin(self) -> web.StreamResponse:
        headers = {
            "content-type": STREAM,
            "cache-control": "no-cache",
            "x-accel-buffering": "no",  # nginx would otherwise hold tokens back
            "x-request-id": self._request[REQUEST_ID],
            **self._headers(),
        }
        self.response = web.StreamResponse(headers=headers)
        await self.response.prepare(self._request)
        return self.response
