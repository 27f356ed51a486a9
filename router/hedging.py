"""A second attempt beside one that is late: when, with whom, and how it ends.

Rules of this file
- Only before the first token, only where somebody else has room and would be there sooner, and only on the budget.
- A completion has no effects but its text, so that asking twice does no harm; whoever is beaten is cut off at once, and
  its place is free before the call has ended.
- What is late follows from what was predicted. An answer in one piece shows nothing before its end.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from router.attempt import AttemptFailed, CallerRefused
from router.balance.choice import Choice
from router.errand import Errand
from router.gate import Gate, Seen
from router.race import Beaten, Race
from router.spending import Hedged, Spending

log = logging.getLogger(__name__)

TIMES_PREDICTED = 3.0
LOOK_AGAIN_SECONDS = 1.0
"""While nobody else has room, or would be sooner."""

Attempt = Callable[[Seen], Awaitable[None]]
"""Books what was seen, and has it answered."""


def late_after_seconds(predicted_seconds: float | None, at_least: float) -> float:
    """How long a request may show nothing before it is late."""
    return max(at_least, TIMES_PREDICTED * (predicted_seconds or 0.0))


def _predicted_seconds(choice: Choice, *, stream: bool) -> float | None:
    """Until the winner of a choice shows something."""
    if choice.won is None:
        return None
    return choice.won.ttft_seconds if stream else choice.won.e2e_seconds


class Hedge:
    """The second attempt of one call. `attempt` makes it; it runs in a task of its own."""

    def __init__(self, errand: Errand, race: Race, gate: Gate, spending: Spending, attempt: Attempt) -> None:
        self._errand = errand
        self._race = race
        self._gate = gate
        self._spending = spending
        self._attempt = attempt
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._since = 0.0
        self._sent = False

    def arm(self, choice: Choice) -> None:
        """The first attempt has begun, by this choice."""
        call = self._errand.call
        if call.hedge_seconds is not None and len(call.pool) > 1:
            loop = asyncio.get_running_loop()
            self._since = loop.time()
            predicted_seconds = _predicted_seconds(choice, stream=call.stream)
            self._timer = loop.call_later(late_after_seconds(predicted_seconds, call.hedge_seconds), self._late)

    def _late(self) -> None:
        if self._race.winner is None:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._race.winner is None:
            seen = self._somebody_sooner()
            if seen is not None:
                if self._spending.hedge(self._errand.call.target):
                    self._sent = True
                    await self._attempt(seen)
                return
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    def _somebody_sooner(self) -> Seen | None:
        """Who has room, and may be expected to be there before the one that is late.

        A silence may be expected to last for as long as it has lasted.
        """
        now = asyncio.get_running_loop().time()
        seen = self._gate.at_once(self._errand.ticket_beside(now))
        if seen is None:
            return None
        predicted_seconds = _predicted_seconds(seen.choice, stream=self._errand.call.stream)
        return None if predicted_seconds is None or predicted_seconds > now - self._since else seen

    @property
    def may_answer(self) -> bool:
        """Whether it has been sent, and has answered or still may, now that the first one has failed."""
        if self._task is None or not self._sent:
            return False
        winner = self._race.winner
        return winner.place.attempt.hedge if winner is not None else not self._task.done()

    async def answered(self) -> None:
        """Return when it has answered. Raises what an attempt raises."""
        assert self._task is not None
        await self._task

    async def end(self) -> None:
        """Let go of it, whatever it does, and wait until it has."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait((self._task,))
        if self._sent:
            self._spending.hedged(self._outcome(self._task))

    def _outcome(self, task: asyncio.Task[None]) -> Hedged:
        if task.cancelled():
            return Hedged.LOST if self._race.winner is not None else Hedged.ABANDONED
        match error := task.exception():
            case None:
                return Hedged.WON
            case Beaten():
                return Hedged.LOST
            case AttemptFailed() | CallerRefused():
                return Hedged.FAILED
            case _:
                log.error("hedge ended in a way that nobody foresaw", exc_info=error)
                return Hedged.FAILED
