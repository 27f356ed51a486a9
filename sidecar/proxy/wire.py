"""One connection, to a client or to the backend: heads are waited for, bodies flow on by themselves.

Rules of this file
- A body goes to the other connection in the very call in which it came. Who waits, waits for its end alone.
- No faster than the other side reads: while its buffer is full, nothing is read here. So a stream costs its buffers
  and no more, however slow its reader.
- A connection that half ends has ended: whoever closes their side while an answer is due does not wait for it.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import cast

from sidecar.proxy.bodies import BadBody, Body
from sidecar.proxy.heads import END, BadHead

MOST_HEAD_BYTES = 64 * 1024
"""Twice what the largest servers accept; cookies of an intranet are a few KB."""
BUFFER_BYTES = 64 * 1024
"""What may wait for a slow reader before its source is not read any more."""
SILENT_SECONDS = 60
"""A machine that vanished closes nothing. After so long without a sign of its network, its connection counts as broken
and what it asked for is stopped. A reader that only pauses is left in peace, so there is no TCP_USER_TIMEOUT."""
KEEPALIVE_OPTIONS = {
    "TCP_KEEPIDLE": SILENT_SECONDS // 2,
    "TCP_KEEPINTVL": SILENT_SECONDS // 6,
    "TCP_KEEPCNT": 3,
}
LAST_CHUNK = b"0\r\n\r\n"


class Gone(Exception):
    """The connection ended where more was due. `begun`: in the middle of something."""

    def __init__(self, *, begun: bool) -> None:
        super().__init__("the connection ended in the middle" if begun else "the connection ended")
        self.begun = begun


class Flow:
    """One body on its way from one connection to another."""

    __slots__ = ("body", "chunks", "copy", "over", "seen", "to")

    def __init__(
        self,
        body: Body,
        to: "Wire",
        *,
        chunks: bool = False,
        seen: Callable[[bytes], None] | None = None,
        copy: bytearray | None = None,
    ) -> None:
        self.body = body
        self.to = to
        self.chunks = chunks
        """Send each piece as a chunk. Whoever began this sends the last one, too."""
        self.seen = seen
        self.copy = copy
        """Everything that passed, for as long as it may have to be sent again."""
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done at the end of the body; `Gone` or `BadBody` if it does not come."""


class Wire(asyncio.Protocol):
    """One connection. `begins` is called once it stands, `breaks` when it ends or says what is no HTTP."""

    def __init__(self, begins: Callable[[], None] | None = None, breaks: Callable[[], None] | None = None) -> None:
        self.lost = False
        self.choked = False
        """Its reader is slow: nothing more should be written."""
        self.source: Wire | None = None
        """Whose body flows to this connection."""
        self.waits_since: float | None = None
        """When waiting for the present head began; None while none is waited for."""
        self._begins = begins
        self._breaks = breaks
        self._transport: asyncio.Transport | None = None
        self._held = b""
        """What came and belongs to nothing yet."""
        self._head: asyncio.Future[bytes] | None = None
        self._flow: Flow | None = None
        self._error: Exception | None = None
        """Why the connection ended; None where it ended in an orderly way."""
        self._reading = True
        self._discards = False
        self._relief: asyncio.Future[None] | None = None

    @property
    def clean(self) -> bool:
        """Whether it stands, with nothing in it that nobody asked for."""
        return not self.lost and not self._held and self._flow is None

    def head(self) -> asyncio.Future[bytes]:
        """The next head, with its empty line. `Gone` if the connection ends instead, `BadHead` if it grows too long."""
        loop = asyncio.get_running_loop()
        self.waits_since, self._head = loop.time(), loop.create_future()
        wanted = self._head
        if self.lost:
            _fail(wanted, Gone(begun=bool(self._held)))
        else:
            self._look_for_head()
            self.breathe()
        return wanted

    def stop_waiting(self) -> None:
        """No head is wanted any more: whoever waits for one gets `Gone`."""
        wanted, self._head, self.waits_since = self._head, None, None
        if wanted is not None:
            _fail(wanted, Gone(begun=bool(self._held)))

    def flow(self, head: bytes, flow: Flow) -> None:
        """Send `head`, and after it what comes here, up to the end of the flow's body."""
        self._flow, to = flow, flow.to
        to.source = self
        held, self._held = self._held, b""
        if flow.body.done:
            to.write(head)
            self._flow_ends(None)
            self._held = held
        elif held:
            self._held = self._pass_on(flow, held, head)
        else:
            to.write(head)
        if self.lost and self._flow is flow:
            self._flow_breaks(flow)
        self.breathe()

    def redirect(self, flow: Flow, to: "Wire") -> None:
        """Let the rest of a flow go elsewhere."""
        flow.to.source, flow.to = None, to
        if self._flow is flow:
            to.source = self
        self.breathe()

    def write(self, data: bytes) -> None:
        """Send; nothing happens once the connection is lost."""
        if self._transport is not None and not self.lost and data:
            self._transport.write(data)

    def close(self) -> None:
        """End the connection once everything has been sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End the connection at once: the other side stops working for us."""
        if self._transport is not None:
            self._transport.abort()

    async def sent(self) -> None:
        """Return once everything written has left, or the connection is lost."""
        if self._transport is None or self.lost:
            return
        self._transport.set_write_buffer_limits(high=0)
        if self._transport.get_write_buffer_size():
            self._relief = asyncio.get_running_loop().create_future()
            await self._relief

    async def reset(self) -> None:
        """Break the connection, so that nobody takes it for a good end. What was written is given to the system first;
        what that has not delivered by then may be lost."""
        await self.sent()
        if self._transport is not None and not self.lost:
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    def discard(self) -> None:
        """Send no more, and read what still comes without keeping it: who sends would take a closed door for an error,
        and lose the answer over it."""
        self._discards, self._held = True, b""
        self._flow = None
        self.breathe()
        if self._transport is not None and not self.lost and self._transport.can_write_eof():
            self._transport.write_eof()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=BUFFER_BYTES)
        _keep_alive(transport.get_extra_info("socket"))
        if self._begins is not None:
            self._begins()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._discards:
            return
        if self._flow is not None:
            data = self._pass_on(self._flow, data)
        if data:
            self._held = self._held + data if self._held else data
            self._look_for_head()
            self.breathe()

    def eof_received(self) -> None:
        """The other side will send no more."""
        self._ended(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """It ended, in an orderly way if `exc` is None."""
        self._ended(exc)

    def pause_writing(self) -> None:
        """The reader is slow."""
        self.choked = True
        if self.source is not None:
            self.source.breathe()

    def resume_writing(self) -> None:
        """The reader has caught up."""
        self.choked = False
        self._relieve()
        if self.source is not None:
            self.source.breathe()

    def breathe(self) -> None:
        """Read, or do not read, as there is a place for what would come."""
        if self._transport is None or self.lost:
            return
        flow = self._flow
        place = not flow.to.choked if flow is not None else len(self._held) <= MOST_HEAD_BYTES
        wanted = place or self._discards
        if wanted and not self._reading:
            self._transport.resume_reading()
        elif not wanted and self._reading:
            self._transport.pause_reading()
        self._reading = wanted

    def _pass_on(self, flow: Flow, data: bytes, head: bytes = b"") -> bytes:
        """Send on what belongs to the body, in one piece with the `head` before it; gives the rest."""
        try:
            taken = flow.body.take(data)
        except BadBody as error:
            _fail(flow.over, error)
            self._ended(error)
            return b""
        part = data if taken == len(data) else data[:taken]
        piece = b"%x\r\n%b\r\n" % (len(part), part) if flow.chunks else part
        flow.to.write(head + piece if head else piece)
        if flow.copy is not None:
            flow.copy += part
        if flow.seen is not None:
            flow.seen(part)
        if flow.body.done:
            self._flow_ends(None)
        return data[taken:]

    def _flow_ends(self, error: Exception | None) -> None:
        flow, self._flow = self._flow, None
        if flow is None:
            return
        flow.to.source = None
        if error is not None:
            _fail(flow.over, error)
        elif not flow.over.done():
            flow.over.set_result(None)
        self.breathe()

    def _flow_breaks(self, flow: Flow) -> None:
        """The connection ended: a good end only for a body that has no other, and only if it was an orderly one."""
        good = flow.body.ends_with_connection and self._error is None
        self._flow_ends(None if good else Gone(begun=True))

    def _look_for_head(self) -> None:
        wanted = self._head
        if wanted is None:
            return
        # A client may send an empty line before its request (RFC 9112, 2.2).
        self._held = self._held.lstrip(b"\r\n")
        end = self._held.find(END)
        length = len(self._held) if end < 0 else end + len(END)
        if length > MOST_HEAD_BYTES:
            self._head = self.waits_since = None
            _fail(wanted, BadHead(f"a head of more than {MOST_HEAD_BYTES} bytes"))
        elif end >= 0:
            self._head = self.waits_since = None
            head, self._held = self._held[:length], self._held[length:]
            if not wanted.done():
                wanted.set_result(head)

    def _ended(self, error: Exception | None) -> None:
        if self.lost:
            return
        self.lost, self.choked, self._error = True, False, error
        if self._flow is not None:
            self._flow_breaks(self._flow)
        self.stop_waiting()
        if self.source is not None:
            self.source.breathe()
        self._relieve()
        if self._breaks is not None:
            self._breaks()
        self.abort()

    def _relieve(self) -> None:
        if self._relief is not None and not self._relief.done():
            self._relief.set_result(None)


def _fail(future: asyncio.Future[bytes] | asyncio.Future[None], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # nobody has to be waiting for it


def _keep_alive(sock: socket.socket) -> None:
    """Have the system notice a machine that vanished. What it does not know is left out."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE_OPTIONS.items():
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
