"""What happens on one client's connection: its requests, one after the other, each passed on and answered.

Rules of this file
- One task for a client. The client's hang-up cancels it, wherever it stands; what was asked of the backend is broken
  off in the same moment.
- An answer that did not come whole ends the connection in a way that cannot be taken for a good end.
"""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from http import HTTPStatus

from sidecar.facts import Outcome
from sidecar.proxy import counting, refusals
from sidecar.proxy.bodies import BadBody, Body
from sidecar.proxy.counting import Counter, Ending, Place
from sidecar.proxy.front import Front
from sidecar.proxy.heads import Answer, BadHead, Request, read_request
from sidecar.proxy.link import Link
from sidecar.proxy.refusals import Refusal, Refused
from sidecar.proxy.upstream import Upstream
from sidecar.proxy.wire import LAST_CHUNK, Flow, Gone, Wire

LINGER_SECONDS = 2.0
"""A client that still sends when it has its answer is listened to so much longer, or it might not see the answer."""


class Manner(Enum):
    """How a client learns where its answer ends."""

    AS_IT_CAME = auto()
    """By its size, or by its last chunk."""
    IN_CHUNKS = auto()
    """It has no end but its connection's (mlx_lm.server). Put into chunks it has one, and a break looks broken."""
    UNTIL_CLOSE = auto()
    """The same, for a client that does not know chunks."""


class After(Enum):
    """What becomes of the connection once a request is over."""

    NEXT = auto()
    """The client may ask again."""
    CLOSE = auto()
    LINGER = auto()
    """The client has not sent all of its request."""
    RESET = auto()
    """The answer broke off, and a mere end would look like a good one."""


class Conversation:
    """One client. `wire` is its connection; `over` is called at the end."""

    def __init__(
        self, front: Front, upstream: Upstream, counter: Counter, over: Callable[["Conversation"], None]
    ) -> None:
        self.wire = Wire(self._begins, self._breaks)
        self.task: asyncio.Task[None] | None = None
        self._front = front
        self._counter = counter
        self._over = over
        self._link = Link(self.wire, upstream, front.via)
        self._finishing = False
        self._time = asyncio.get_running_loop().time

    def finish(self) -> None:
        """Answer what is being answered, and no more."""
        self._finishing = True
        self.wire.stop_waiting()

    def _begins(self) -> None:
        self.task = asyncio.create_task(self._run(), name="proxy a client")
        self.task.add_done_callback(lambda _: self._over(self))

    def _breaks(self) -> None:
        if self.task is not None:
            self.task.cancel()

    async def _run(self) -> None:
        try:
            while (after := await self._answer_next()) is After.NEXT:
                pass
            self._link.drop()
            await self._part(after)
        finally:
            self._link.drop()
            self.wire.close()

    async def _part(self, after: After) -> None:
        match after:
            case After.LINGER:
                self.wire.discard()
                await asyncio.sleep(LINGER_SECONDS)
            case After.RESET:
                await self.wire.reset()
            case _:
                await self.wire.sent()

    async def _answer_next(self) -> After:
        try:
            request = read_request(await self.wire.head())
            body = request.body()
        except Gone:
            return After.CLOSE
        except BadHead as error:
            return self._refuse(refusals.bad_request(str(error)), None)
        if self._front.is_loop(request):
            return self._refuse(refusals.came_back(), request)
        page = self._front.page(request) if body.done else None
        if page is not None:
            self.wire.write(page)
            return self._after(request, Manner.AS_IT_CAME)
        with self._counter.counted(work=counting.is_work(request.method, request.path)) as place:
            return await self._pass_on(request, body, place)

    async def _pass_on(self, request: Request, body: Body, place: Place) -> After:
        try:
            backend, answer, answer_body = await self._link.ask(request, body)
        except Refused as refused:
            place.outcome = refused.refusal.outcome
            return self._refuse(refused.refusal, request)
        if answer.status == HTTPStatus.SWITCHING_PROTOCOLS:
            self.wire.flow(b"", Flow(answer.body(request.method), backend))
        manner = manner_of(request, answer, answer_body)
        ending = _ending(request, answer, answer_body, place)
        flow = Flow(answer_body, self.wire, chunks=manner is Manner.IN_CHUNKS, seen=self._seen(place, ending))
        backend.flow(self._head(request, answer, manner, place), flow)
        try:
            await flow.over
        except (Gone, BadBody):
            place.outcome = Outcome.TRUNCATED
        finally:
            # Also where the client's hang-up comes in the very moment in which the answer is whole.
            if flow.over.done() and not flow.over.cancelled():
                place.outcome = ending.outcome(whole=flow.over.exception() is None)
        if place.outcome is Outcome.TRUNCATED:
            return After.RESET if manner is Manner.UNTIL_CLOSE else After.CLOSE
        if manner is Manner.IN_CHUNKS:
            self.wire.write(LAST_CHUNK)
        if not answer.persists:
            self._link.drop()
        return self._after(request, manner) if body.done else After.LINGER

    def _head(self, request: Request, answer: Answer, manner: Manner, place: Place) -> bytes:
        more = self._front.load_headers(request, answer) if place.progress is not None else []
        if manner is Manner.IN_CHUNKS:
            more.append(b"transfer-encoding: chunked")
        if self._after(request, manner) is After.CLOSE and answer.status != HTTPStatus.SWITCHING_PROTOCOLS:
            more.append(b"connection: close")
        return answer.passed_on(request.minor, more)

    def _seen(self, place: Place, ending: Ending) -> Callable[[bytes], None] | None:
        progress, time = place.progress, self._time
        if progress is None:
            return None
        if not ending.reads:
            return lambda _: progress.token(time())

        def seen(part: bytes) -> None:
            progress.token(time())
            ending.feed(part)

        return seen

    def _after(self, request: Request, manner: Manner) -> After:
        persists = request.persists and not self._finishing and manner is not Manner.UNTIL_CLOSE
        return After.NEXT if persists else After.CLOSE

    def _refuse(self, refusal: Refusal, request: Request | None) -> After:
        self.wire.write(self._front.refusal(refusal, request))
        return After.LINGER


def manner_of(request: Request, answer: Answer, answer_body: Body) -> Manner:
    """How the client is told where the answer ends."""
    if not answer_body.ends_with_connection:
        return Manner.AS_IT_CAME
    coded = answer.status == HTTPStatus.SWITCHING_PROTOCOLS or b"transfer-encoding" in answer.fields.names
    return Manner.UNTIL_CLOSE if coded or request.minor == b"0" else Manner.IN_CHUNKS


def _ending(request: Request, answer: Answer, answer_body: Body, place: Place) -> Ending:
    if place.progress is None:
        return Ending(answer.status)
    content_type = b"".join(answer.fields.values(b"content-type"))
    marked = answer.status == HTTPStatus.OK and counting.has_end_mark(request.path, content_type)
    # Where nothing but the end of the connection ends an answer, that end may as well be the backend's own.
    unsaid = marked and answer_body.ends_with_connection
    return Ending(answer.status, told_when=b"retry-after" in answer.fields.names, unsaid=unsaid)
