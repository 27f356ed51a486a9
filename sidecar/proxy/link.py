"""One client's own connection to the backend: made when it is needed, kept while the backend keeps it.

Rules of this file
- Nobody else's requests go over it, so nobody's answer can come to anybody else.
- A request is sent a second time only if a kept connection broke before one byte of an answer. Then the backend had
  closed it, and never saw the request: llama-server closes after every stream, and others after some idle seconds.
"""

from sidecar.proxy import refusals
from sidecar.proxy.bodies import Body, Sized
from sidecar.proxy.heads import Answer, BadHead, Request, read_answer
from sidecar.proxy.refusals import Refused
from sidecar.proxy.upstream import Upstream
from sidecar.proxy.wire import Flow, Gone, Wire

MOST_COPIED_BYTES = 256 * 1024
"""A larger body, or one of unknown size, is not kept for a second try; it goes on a new connection instead."""


class Link:
    """The way from one client to the backend. `via` names the proxy to the backend."""

    def __init__(self, client: Wire, upstream: Upstream, via: bytes) -> None:
        self._client = client
        self._upstream = upstream
        self._via = via
        self._wire: Wire | None = None

    async def ask(self, request: Request, body: Body) -> tuple[Wire, Answer, Body]:
        """Send a request whose `body` comes from the client; gives where its answer comes from, the answer's head and
        where its body ends. Raises `Refused`."""
        head = request.passed_on(self._via, self._upstream.host_field)
        copied = isinstance(body, Sized) and body.left_bytes <= MOST_COPIED_BYTES
        kept = self._wire if copied else None
        wire = kept if kept is not None and kept.clean else await self._connected()
        sending = Flow(body, wire, copy=bytearray() if wire is kept else None)
        self._client.flow(head, sending)
        try:
            return await self._answer(wire, request, sending)
        except Gone:
            if sending.copy is None:
                raise self._no_answer("it closed the connection") from None
        wire = await self._connected()
        wire.write(head + sending.copy)
        self._client.redirect(sending, wire)
        sending.copy = None
        try:
            return await self._answer(wire, request, sending)
        except Gone:
            raise self._no_answer("it closed the connection") from None

    def drop(self) -> None:
        """Break the connection off: whatever the backend is doing for this client, nobody waits for it."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.abort()

    async def _connected(self) -> Wire:
        self.drop()
        self._wire = await self._upstream.connect()
        return self._wire

    async def _answer(self, wire: Wire, request: Request, sending: Flow) -> tuple[Wire, Answer, Body]:
        """The real answer, after passing on those that only say that it is coming."""
        try:
            while (answer := read_answer(await wire.head())).interim:
                sending.copy = None
                if request.minor == b"1":
                    self._client.write(answer.passed_on(request.minor, ()))
            if answer.status == 101 and not request.upgrades:
                raise BadHead("another protocol that nobody asked for")
            return wire, answer, answer.body(request.method)
        except BadHead as error:
            raise self._no_answer(f"it does not speak HTTP/1 as it should ({error})") from None
        except Gone as gone:
            if gone.begun:
                sending.copy = None
            raise

    def _no_answer(self, found: str) -> Refused:
        return Refused(refusals.no_answer(self._upstream.url, found))
