"""Attempts of one call side by side: the first that has a token to give answers, and nobody else may write.

Rules of this file
- Nothing of an answer goes to the client before its first token. Until then another backend may take over, and a
  greeting tells nobody anything.
- The race is won in one step: the winner is known, the others are stopped, and only then the first byte is written.
- One at a time writes to the client, comments too.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Self

from router.attempt import AttemptFailed, Opened, Sink
from router.place import Place

MOST_HELD_BYTES = 64 * 1024
"""Of greetings. A stream that has said more than this without a token that is known as one is passed on as it is."""


class Beaten(Exception):
    """Another attempt of the same call answers."""


class Race:
    """All attempts of one call that run at the same time, before one `sink`."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.winner: Lane | None = None
        self.lanes: list[Lane] = []
        """Of those that run, in the order in which they began."""
        self.writing = asyncio.Lock()

    async def won_by(self, lane: "Lane") -> None:
        """`lane` has something to say. Raises Beaten if it comes too late."""
        async with self.writing:
            if self.winner is None:
                self.winner = lane
                lane.place.attempt.answers = True
                for other in self.lanes:
                    if other is not lane:
                        other.stop()
        if self.winner is not lane:
            raise Beaten


class Lane:
    """The way of one attempt to the client: a sink that holds what comes until there is a token.

    The attempt runs while the lane is entered. Raises Beaten out of it when another one has won.
    """

    def __init__(self, race: Race, place: Place) -> None:
        self.place = place
        self.passing = False
        """Whatever comes is passed on at once: the race is won."""
        self.leash = asyncio.timeout(None)
        self._race = race
        self._opened: Opened | None = None
        self._held = b""

    async def __aenter__(self) -> Self:
        await self.leash.__aenter__()
        self._race.lanes.append(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._race.lanes.remove(self)
        if isinstance(error, AttemptFailed):
            error.begun = error.begun and self.passing
        try:
            await self.leash.__aexit__(kind, error, trace)
        except TimeoutError as stopped:
            raise Beaten from stopped

    def stop(self) -> None:
        """Another one answers: end here as if the client had left."""
        self.place.attempt.beaten = True
        self.leash.reschedule(asyncio.get_running_loop().time())

    async def waiting(self, position: int, expected_seconds: float) -> None:
        """An attempt has a place: it does not wait for one."""

    async def opened(self, opened: Opened) -> None:
        """The answer begins; its first token may still be long in coming."""
        self._opened = opened

    async def chunk(self, data: bytes) -> None:
        """Pass on, or hold while there is no token."""
        if self.place.traced.listens:
            self.place.traced.heard(data)
        if self.passing:
            await self._race.sink.chunk(data)
            return
        self._held += data
        if self.place.meter.progress.first_at is not None or len(self._held) > MOST_HELD_BYTES:
            await self.flush()

    async def quiet(self) -> None:
        """Nothing has come for a while: one of the attempts tells the client so."""
        await self._tell(self._race.sink.quiet)

    async def loading(self, expected_seconds: float) -> None:
        """The model is being loaded; one of the attempts tells the client so."""
        await self._tell(partial(self._race.sink.loading, expected_seconds))

    async def _tell(self, tell: Callable[[], Awaitable[None]]) -> None:
        race = self._race
        if race.winner is None and race.lanes[0] is self:
            async with race.writing:
                # It may have been won while somebody else was writing: nothing may stand within an answer.
                if race.winner is None:
                    await tell()

    async def flush(self) -> None:
        """Pass on what is held. Raises Beaten if another one has won."""
        if self.passing or self._opened is None:
            return
        await self._race.won_by(self)
        self.passing = True
        held, self._held = self._held, b""
        await self._race.sink.opened(self._opened)
        await self._race.sink.chunk(held)
