"""The gate before the backends: a request is let in at once, waits in the line for its turn, or is told to come back.

Rules of this file
- To be called is not to be served: whoever is called looks for itself, and books in the same step. So somebody who has
  left in the meantime takes nothing with him, and the next one is called.
- Whatever may have freed room calls; for room that comes with time alone there is a timer.
- Telling people how long it takes never delays them, nor those behind them.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from math import inf
from typing import NamedTuple, Protocol, assert_never

from router.balance.admission import Answer, Line, Queue, Rejection, Shed, Ticket, need_not_wait
from router.balance.choice import Choice
from router.balance.pools import Pool
from router.errors import PolicyFault, QueueFull, QueueTimeout
from router.tracing import part
from sidecar import Fact, RequestStarted, Snapshot

LOOK_AGAIN_SECONDS = 0.5
"""What frees room without a fact: a slow start goes on, a silence becomes a stall, a reading grows old."""
TELL_AFTER_SECONDS = 0.1
"""At once, for whoever reads it; and who waits for less gets an answer with a status and headers of its own."""
TELL_EVERY_SECONDS = 1.0
ROUND_SECONDS = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 450, 600)
"""Expected waits are told in steps: nobody can know them better, and nobody wants to hear of each second."""


class Waiter(Protocol):
    """Who waits, and wants to hear of it. A sink is one."""

    async def waiting(self, position: int, expected_seconds: float) -> None:
        """So many stand before it, itself included; it will take about so long."""
        ...

    async def quiet(self) -> None:
        """Nothing has changed for a while: a place to keep the client's connection."""
        ...


class Counts(Protocol):
    """Metrics of the gate."""

    def waited(self, seconds: float) -> None:
        """A request was let in after so long."""
        ...

    def rejected(self, reason: str) -> None:
        """A request was told to come back."""
        ...


class Seen(NamedTuple):
    """What somebody saw who was let in, and who has to book before anything else happens."""

    snapshot: Snapshot
    choice: Choice
    waited_seconds: float
    looked_at: float
    """When the look for them began, on the clock of `time.perf_counter`: that of the loop may count milliseconds."""


class _Standing:
    """Somebody in the line. `pool_now` tells who could serve him by now."""

    def __init__(self, ticket: Ticket, pool_now: Callable[[], Pool], choice: Choice) -> None:
        self.ticket = ticket
        self.pool_now = pool_now
        self.choice = choice
        """As it was seen last."""
        self.displaced: Queue | None = None
        """As it was when somebody else took its place in a full line."""
        self.called = asyncio.get_running_loop().create_future()

    def call(self) -> None:
        """Have him look."""
        if not self.called.done():
            self.called.set_result(None)

    def go_on(self) -> None:
        """He has looked, and waits for the next call."""
        self.called = asyncio.get_running_loop().create_future()


class Gate:
    """Owner of the line. `snapshot` takes one now, `random` gives numbers in 0..1."""

    def __init__(
        self, line: Line, snapshot: Callable[[], Snapshot], random: Callable[[], float], counts: Counts
    ) -> None:
        self.keepalive_seconds = 15.0
        self.look_again_seconds = LOOK_AGAIN_SECONDS
        self._line = line
        self._snapshot = snapshot
        self._random = random
        self._counts = counts
        self._standing: dict[Ticket, _Standing] = {}
        self._inventory = -1
        self._soon: asyncio.Handle | None = None
        self._later: asyncio.TimerHandle | None = None

    def saw(self, fact: Fact) -> None:
        """A witness of the store."""
        if self._standing and not isinstance(fact, RequestStarted):
            self._call_soon()

    async def passed(
        self,
        ticket: Ticket,
        due_at: float,
        waiter: Waiter,
        pool_now: Callable[[], Pool],
        shed: Callable[[float, Shed], None] = lambda _at, _shed: None,
    ) -> Seen:
        """What `ticket` sees once it may go. The caller books before it awaits anything. `shed` hears, with the moment,
        of its being sent away.

        Raises QueueFull or QueueTimeout when it shall come back later; what the waiter raises passes through. A choice
        without a winner says that nobody can serve.
        """
        looked_at, snapshot = time.perf_counter(), self._snapshot()
        admission = self._line.admit(ticket, snapshot, self._random())
        if admission.rejection is not None:
            shed(snapshot.now, Shed(admission.rejection, admission.choice, admission.queue))
            raise self._rejected(ticket, admission.rejection, admission.expected_seconds)
        if admission.answer is Answer.QUEUED:
            if admission.displaced is not None:
                self._send_away(admission.displaced, admission.queue._replace(displaced_by=ticket.demand.priority))
            with part("queue"), self._in_line(_Standing(ticket, pool_now, admission.choice)) as standing:
                until = min(due_at, snapshot.now + ticket.terms.left_seconds)
                seen = await self._turn(standing, until, waiter, shed)
        else:
            seen = Seen(snapshot, admission.choice, 0.0, looked_at)
        if seen.choice.winner is not None:
            self._counts.waited(seen.waited_seconds)
        return seen

    def at_once(self, ticket: Ticket) -> Seen | None:
        """What `ticket` sees, if somebody who is fit has room for it now, and nobody who waits goes before it.

        The caller books before it awaits anything.
        """
        looked_at, snapshot = time.perf_counter(), self._snapshot()
        choice = self._line.consider(ticket, snapshot, self._random())
        return None if choice.winner is None or choice.full or choice.panic else Seen(snapshot, choice, 0.0, looked_at)

    @contextmanager
    def _in_line(self, standing: _Standing) -> Iterator[_Standing]:
        """For as long as the context lasts; the next ones are called when it ends, whatever happened."""
        self._standing[standing.ticket] = standing
        self._look_later(_now())
        try:
            yield standing
        finally:
            del self._standing[standing.ticket]
            self._line.remove(standing.ticket)
            self._call_soon()

    async def _turn(
        self, standing: _Standing, until: float, waiter: Waiter, shed: Callable[[float, Shed], None]
    ) -> Seen:
        ticket, began = standing.ticket, _now()
        news = _News(self._line, ticket, waiter, self.keepalive_seconds)
        while True:
            async with _telling(news) as telling:
                waits = (standing.called, telling)
                await asyncio.wait(waits, timeout=until - _now(), return_when=asyncio.FIRST_COMPLETED)
            if standing.displaced is not None:
                shed(_now(), Shed(Rejection.DISPLACED, standing.choice, standing.displaced))
                raise self._rejected(ticket, Rejection.DISPLACED, ticket.expected_wait(_now()))
            if standing.called.done():
                # Nobody awaits between this look and the booking: not here, and not in whoever called.
                looked_at, snapshot = time.perf_counter(), self._snapshot()
                standing.choice = choice = self._line.consider(ticket, snapshot, self._random())
                if need_not_wait(choice):
                    return Seen(snapshot, choice, snapshot.now - began, looked_at)
                standing.go_on()
            if _now() >= until:
                shed(_now(), self._in_vain(standing, began, until))
                raise self._rejected(ticket, Rejection.WAITED_TOO_LONG, ticket.expected_wait(_now()))

    def _send_away(self, ticket: Ticket, queue: Queue) -> None:
        standing = self._standing[ticket]
        standing.displaced = queue
        standing.call()

    def _in_vain(self, standing: _Standing, began: float, until: float) -> Shed:
        """Somebody has waited for as long as he may."""
        ticket, now = standing.ticket, _now()
        queue = Queue(
            self._line.waiting(ticket.demand.role),
            ticket.terms.most,
            ticket.expected_wait(now),
            max(0.0, until - began),
            waited_seconds=now - began,
        )
        return Shed(Rejection.WAITED_TOO_LONG, standing.choice, queue)

    def _rejected(self, ticket: Ticket, why: Rejection, expected_seconds: float) -> PolicyFault:
        self._counts.rejected(why)
        return _error(ticket, why, expected_seconds)

    def _call_soon(self) -> None:
        """Look once for all that happens in this step of the loop."""
        if self._soon is None and self._standing:
            self._soon = asyncio.get_running_loop().call_soon(self._call)

    def _call(self) -> None:
        """Call everybody who may go."""
        self._soon = None
        if not self._standing:
            return
        snapshot = self._snapshot()
        try:
            self._find_pools(snapshot)
            for ticket, _choice in self._line.ready(snapshot, self._random):
                self._standing[ticket].call()
        finally:
            self._look_later(snapshot.now)

    def _find_pools(self, snapshot: Snapshot) -> None:
        """Who came by now may serve those who wait already."""
        if snapshot.inventory != self._inventory:
            self._inventory = snapshot.inventory
            for standing in self._standing.values():
                standing.ticket.pool = standing.pool_now()

    def _look_later(self, now: float) -> None:
        if self._later is not None:
            self._later.cancel()
        rests_until = (ticket.expected_at for ticket in self._line if ticket.waits_for is None)
        at = min(now + self.look_again_seconds, min(rests_until, default=inf))
        self._later = asyncio.get_running_loop().call_at(at, self._call_soon)


class _News:
    """What one waiter has been told."""

    def __init__(self, line: Line, ticket: Ticket, waiter: Waiter, keepalive_seconds: float) -> None:
        self._line = line
        self._ticket = ticket
        self._waiter = waiter
        self._keepalive_seconds = keepalive_seconds
        self._told: tuple[int, float] | None = None
        self._next_at = _now() + TELL_AFTER_SECONDS
        self._quiet_since = _now()

    async def tell(self) -> None:
        """Tell what has changed, until nobody wants to hear it any more."""
        while True:
            await asyncio.sleep(self._next_at - _now())
            now = _now()
            self._next_at = now + TELL_EVERY_SECONDS
            news = (self._line.position(self._ticket), rounded(self._ticket.expected_wait(now)))
            if news != self._told:
                self._told, self._quiet_since = news, now
                await self._waiter.waiting(*news)
            elif now - self._quiet_since >= self._keepalive_seconds:
                self._quiet_since = now
                await self._waiter.quiet()


@asynccontextmanager
async def _telling(news: _News) -> AsyncIterator[asyncio.Task[None]]:
    """A task that tells the news, and ends only if that fails. Raises why."""
    task = asyncio.create_task(news.tell())
    try:
        yield task
    finally:
        # A client that does not read shall not keep his turn waiting; what was written to him is on its way.
        task.cancel()
        await asyncio.wait((task,))
        failure = None if task.cancelled() else task.exception()
    if failure is not None:
        raise failure


def rounded(seconds: float) -> float:
    """An expected wait as it is told: the next longer step of `ROUND_SECONDS`."""
    return float(next((step for step in ROUND_SECONDS if seconds <= step), ROUND_SECONDS[-1]))


def _error(ticket: Ticket, why: Rejection, expected_seconds: float) -> PolicyFault:
    role, terms = ticket.demand.role, ticket.terms
    error: type[PolicyFault] = QueueFull
    match why:
        case Rejection.QUEUE_FULL | Rejection.DISPLACED:
            what = f'{terms.most} requests wait for "{role}" already (queue.most of its role)'
        case Rejection.WAIT_TOO_LONG:
            most = f"{terms.most_wait_seconds:g} s"
            what = f'Nobody will have room for "{role}" within {most} (queue.most_wait_seconds of its role)'
        case Rejection.WAITED_TOO_LONG:
            what = f'Nobody had room for "{role}" in time (queue.most_wait_seconds and timeout_seconds of its role)'
            error = QueueTimeout
        case _:
            assert_never(why)
    return error(f"{what}; try again later.", retry_after_seconds=rounded(expected_seconds))


def _now() -> float:
    return asyncio.get_running_loop().time()
