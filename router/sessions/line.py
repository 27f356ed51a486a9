"""One message of a conversation after the other: who is next in a session.

Rules of this file
- Who holds a session's turn has it alone; the others wait in the order in which they came. A session in which nobody
  speaks is not in the table.
- Every wait ends: the line is bounded, so is the wait in it, and so is the turn that the others wait for.
- Whoever leaves the line, for whatever reason, holds nobody up: a turn that was given to him goes to the next.
- It orders the messages of one process. Two processes that share a file of sessions are not ordered.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from router.errors import SessionBusy, TurnTimeout

RETRY_AFTER_SECONDS = 5.0
"""An answer takes seconds; whoever asks again then is likely to find the line shorter."""

Quiet = Callable[[], Awaitable[None]]
"""Awaited while nothing happens, so that a connection does not fall silent."""


class Lines:
    """The lines before all sessions. Times are seconds."""

    def __init__(self, *, most_waiting: int, wait_seconds: float, turn_seconds: float) -> None:
        self._most_waiting = most_waiting
        self._wait_seconds = wait_seconds
        self._turn_seconds = turn_seconds
        # A session is in it while somebody has its turn; the futures are of those who wait, first come first.
        self._lines: dict[tuple[str, str], deque[asyncio.Future[None]]] = {}

    def __len__(self) -> int:
        """In how many sessions somebody speaks."""
        return len(self._lines)

    def waiting(self, owner: str, session_id: str) -> int:
        """How many wait for their turn in this session."""
        return len(self._lines.get((owner, session_id), ()))

    @asynccontextmanager
    async def turn(self, owner: str, session_id: str, every_seconds: float, quiet: Quiet) -> AsyncIterator[None]:
        """The session's turn, for as long as the context lasts; `quiet` is awaited every so often until it comes.

        Raises SessionBusy if too many wait or the turn does not come in time, TurnTimeout if the context lasts longer
        than a turn may, and whatever `quiet` raises.
        """
        session = (owner, session_id)
        await self._enter(session, every_seconds, quiet)
        limit = asyncio.timeout(self._turn_seconds)
        try:
            async with limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise TurnTimeout(
                f"The turn was ended after {self._turn_seconds:g} s (router.sessions.turn_seconds), because others may "
                "wait for it."
            ) from None
        finally:
            self._leave(session)

    async def _enter(self, session: tuple[str, str], every_seconds: float, quiet: Quiet) -> None:
        line = self._lines.get(session)
        if line is None:
            self._lines[session] = deque()
            return
        if len(line) >= self._most_waiting:
            raise _busy(f"{len(line)} messages of this session wait already (router.sessions.most_waiting)")
        my_turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(my_turn)
        try:
            await self._wait(my_turn, every_seconds, quiet)
        except BaseException:
            if my_turn.done():
                self._leave(session)
            else:
                line.remove(my_turn)
            raise

    async def _wait(self, my_turn: asyncio.Future[None], every_seconds: float, quiet: Quiet) -> None:
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + self._wait_seconds
        while not my_turn.done():
            left_seconds = give_up_at - clock()
            if left_seconds <= 0:
                raise _busy(
                    f"The message before this one has not been answered for {self._wait_seconds:g} s "
                    "(router.sessions.wait_seconds)"
                )
            # Waits without cancelling what it waits for: whoever is cancelled here must see whether the turn came.
            done, _ = await asyncio.wait((my_turn,), timeout=min(every_seconds, left_seconds))
            if not done:
                await quiet()

    def _leave(self, session: tuple[str, str]) -> None:
        line = self._lines[session]
        if line:
            line.popleft().set_result(None)
        else:
            del self._lines[session]


def _busy(why: str) -> SessionBusy:
    return SessionBusy(
        f"{why}; send this one again when that has been answered.", retry_after_seconds=RETRY_AFTER_SECONDS
    )
