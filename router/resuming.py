"""An answer that breaks off is gone on with by another backend, where the caller wants that.

Rules of this file
- Only texts: what was delivered becomes the beginning of the assistant's message, and the rest is asked for.
- Only after a backend's own failure, within the time of the whole answer, and on the budget of retries.
- The client is told at the place where another one goes on. If nobody can, the failure that broke it off is the error.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from router.asking import TokenReader
from router.attempt import CallerRefused
from router.call import Call
from router.continuing import Delivered
from router.dispatch import Dispatcher
from router.errors import BackendFault, PolicyFault
from router.journey import Attempt, Journey
from sidecar import Outcome

RESUMABLE = frozenset({Outcome.BACKEND_ERROR, Outcome.TRUNCATED, Outcome.TIMEOUT})


@dataclass(frozen=True, slots=True)
class Resumption:
    """Another backend goes on here."""

    backend: str
    instead_of: str
    because: str
    """The code of the error that this would have been."""
    characters: int
    """Delivered before."""


Tell = Callable[[Resumption], Awaitable[None]]


async def answered_to_the_end(
    dispatcher: Dispatcher, call: Call, reader: TokenReader, journey: Journey, please: str, tell: Tell
) -> None:
    """As `Dispatcher.send`, but others go on with an answer that breaks off. `please` asks a model for the rest.

    Raises what broke it off if nobody can.
    """
    due_at = _now() + call.deadlines.total_seconds
    asked, broke_off = call, None
    while True:
        answers = journey.answers
        try:
            await dispatcher.send(asked, reader, journey)
        except (BackendFault, PolicyFault, CallerRefused) as error:
            if journey.answers == answers or not isinstance(error, BackendFault):
                raise broke_off or error from None
            broken, broke_off = journey.last, error
            left_seconds = due_at - _now()
            may = broken is not None and broken.outcome in RESUMABLE and left_seconds > 0
            if broken is None or not may or answers >= call.attempts - 1 or not dispatcher.may_retry(call, broken):
                raise
            asked = _rest_of(call, reader, journey, broken, please, left_seconds)
            reader.begin_anew(_telling(tell, journey, broken, error.code, len("".join(reader.text))))
        else:
            return


def _rest_of(
    call: Call, reader: TokenReader, journey: Journey, broken: Attempt, please: str, left_seconds: float
) -> Call:
    """What is to be asked of somebody else."""
    tokens = journey.delivered_tokens
    return replace(
        call,
        delivered=Delivered("".join(reader.text), tokens, please),
        deadlines=replace(call.deadlines, total_seconds=left_seconds),
        demand=replace(call.demand, prompt_tokens=call.demand.prompt_tokens + tokens),
        avoid=(broken.candidate,) if len(call.pool) > 1 else (),
    )


def _telling(
    tell: Tell, journey: Journey, broken: Attempt, because: str, characters: int
) -> Callable[[], Awaitable[None]]:
    """Tells of a resumption, once somebody goes on."""

    async def resumed() -> None:
        assert journey.last is not None  # somebody answers
        await tell(Resumption(journey.last.candidate.backend, broken.candidate.backend, because, characters))

    return resumed


def _now() -> float:
    return asyncio.get_running_loop().time()
