"""A place on a backend: taken for one attempt, written to while it lasts, and let go, whatever happens.

Rules of this file
- What begins, ends: only through `taken`. Success, failure and "says nothing about the backend" are its three endings;
  `RequestFinished` names which.
- Nothing is awaited between the look that chose the backend and `taken`, so that two requests at the same moment see
  each other.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from router.attempt import AttemptFailed, CallerRefused
from router.balance.seen import Able
from router.balance.why import Why, why_of
from router.call import Call
from router.flight.choices import ChoiceMade
from router.gate import Seen
from router.journey import Attempt, Journey
from router.signs import NO_USAGE, Usage
from router.tracing_attempt import UNTRACED, AttemptSpan, attempt_span
from sidecar import (
    BackendState,
    Fact,
    FirstTokenCame,
    Level,
    LoadRead,
    Outcome,
    Progress,
    RequestFinished,
    RequestStarted,
    Snapshot,
    orca,
)

log = logging.getLogger(__name__)


class Ledger(Protocol):
    """The store, as far as this file needs it."""

    def apply(self, fact: Fact) -> None:
        """Take in one fact."""
        ...

    def snapshot(self, now: float) -> Snapshot:
        """Everything known at `now`."""
        ...

    def progress(self, backend: str, request: str) -> Progress | None:
        """Where to write the tokens of a request in flight."""
        ...


LevelAt = Callable[[BackendState, Snapshot], Level | None]
"""The load level of a backend in a snapshot, by the rules in force. The flight recorder notes who asked."""


class Counts(Protocol):
    """Metrics of what becomes of requests to backends."""

    def sent(self, overhead_seconds: float) -> None:
        """A request goes out, so long after somebody looked for whom to send it to."""
        ...

    def ended(self, attempt: Attempt, progress: Progress, usage: Usage) -> None:
        """A request has ended, whatever happened to it."""
        ...


class Uncounted:
    """Counts nothing."""

    def sent(self, overhead_seconds: float) -> None:
        """See `Counts`."""

    def ended(self, attempt: Attempt, progress: Progress, usage: Usage) -> None:
        """See `Counts`."""


UNCOUNTED = Uncounted()
_NUMBERS = count(1)
"""Of requests: unique in this process, since a new configuration makes a new dispatcher while old requests run."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place that is taken."""

    state: BackendState
    attempt: Attempt
    meter: "Meter"
    cold_seconds: float | None = None
    """The model is not in memory, and is predicted to be there after so long; None: it is, as far as is known."""
    traced: AttemptSpan = UNTRACED


class Places:
    """Takes places, and tells the store."""

    def __init__(self, ledger: Ledger, level_at: LevelAt, chosen: ChoiceMade, counts: Counts) -> None:
        self._ledger = ledger
        self._level_at = level_at
        self._chosen = chosen
        self._counts = counts

    @contextmanager
    def taken(self, call: Call, seen: Seen, journey: Journey, *, hedge: bool = False) -> Iterator[Place]:
        """The winner's place, for as long as the context lasts. There is a winner. `hedge`: beside another one."""
        winner = seen.choice.winner
        assert winner is not None
        why = why_of(seen.choice, call.policy, call.demand, stream=call.stream)
        # Before the booking: a recording tells things in the order in which they happened.
        level = self._level_at(winner.state, seen.snapshot)
        self._chosen(seen.snapshot.now, journey.decision, call.policy, seen.choice)
        meter = self._booked(call, winner, seen.snapshot.now, why)
        progress, request = meter.progress, meter.request
        log.debug("choice decision=%s request=%s %s", journey.decision, request, why)
        attempt = Attempt(why, winner.candidate, level, hedge, waited_seconds=seen.waited_seconds)
        if call.delivered is not None:
            attempt.continues_characters = len(call.delivered.text)
        journey.begin(attempt, seen.snapshot.now)
        traced = attempt_span(call, attempt, winner.state, journey.decision)
        ended = Outcome.OK
        try:
            cold_seconds = winner.outlook.cold_seconds if progress.booking.cold else None
            yield Place(winner.state, attempt, meter, cold_seconds, traced)
        except BaseException as error:
            ended = Outcome.SILENT if _was_silent(attempt, progress) else outcome_of(error)
            meter.rest_seconds = error.rest_seconds if isinstance(error, AttemptFailed) else None
            raise
        finally:
            at, tokens = _now(), meter.output_tokens
            journey.end(attempt, ended, progress.first_at, at, tokens)
            traced.ended(attempt, meter.usage.input_tokens)
            log.debug("attempt decision=%s request=%s %s", journey.decision, request, attempt)
            backend = winner.candidate.backend
            known = self._ledger.progress(backend, request) is progress  # else it was taken out of the configuration
            self._ledger.apply(
                RequestFinished(at, backend, request, ended, tokens, meter.rest_seconds, last_token_at=progress.last_at)
            )
            if known:
                self._counts.ended(attempt, progress, meter.usage)

    def _booked(self, call: Call, winner: Able, at: float, why: Why) -> "Meter":
        """The winner has one more in flight from now on."""
        backend, model = winner.candidate
        request, demand = str(next(_NUMBERS)), call.demand
        predicted_seconds = None if why.won is None else why.won.ttft_seconds
        self._ledger.apply(
            RequestStarted(
                at,
                backend,
                request,
                model,
                demand.role,
                demand.prompt_tokens,
                call.stream,
                predicted_seconds,
                demand.blocks,
            )
        )
        progress = self._ledger.progress(backend, request)
        assert progress is not None  # just started, and nobody else knows it
        return Meter(self._ledger, backend, request, progress)


class Meter:
    """Counts the tokens of one attempt; the first one is a fact, and so is what the answer tells of the load."""

    def __init__(self, ledger: Ledger, backend: str, request: str, progress: Progress) -> None:
        self._ledger = ledger
        self._backend = backend
        self.request = request
        self.usage = NO_USAGE
        """By the backend's own count."""
        self.progress = progress
        self.rest_seconds: float | None = None
        """When the backend wants to be asked again, if it was full."""

    @property
    def output_tokens(self) -> int:
        """Of the answer so far: the backend's own count, else the events of a stream; 0 where nobody counted."""
        counted = self.usage.output_tokens
        return self.progress.tokens if counted is None else counted

    def token(self, now: float, tokens: int = 1) -> None:
        """So many tokens came at `now`."""
        first = self.progress.first_at is None
        self.progress.token(now, tokens)
        if first:
            self._ledger.apply(FirstTokenCame(now, self._backend, self.request))

    def counted(self, usage: Usage) -> None:
        """So many tokens were read and written for the whole answer, by the backend's own count."""
        self.usage = usage

    def load(self, header: str) -> None:
        """An `endpoint-load-metrics` came with the answer."""
        reading = orca.read(header)
        if reading is not None:
            self._ledger.apply(LoadRead(_now(), self._backend, reading))


def _was_silent(attempt: Attempt, progress: Progress) -> bool:
    """Whether somebody asked later has answered, while this backend gave nobody a token, and had none to load."""
    last_at = progress.pulse.last_token_at
    nothing_came = last_at is None or last_at < progress.started_at
    return attempt.beaten and not attempt.hedge and nothing_came and not progress.booking.cold


def outcome_of(error: BaseException) -> Outcome:
    """What the end of a place by `error` says about the backend."""
    match error:
        case AttemptFailed():
            return error.outcome
        case CallerRefused():
            return Outcome.CALLER_ERROR
        case _:
            # Cancelled or hung up; or a bug of ours, which says nothing of the backend either.
            return Outcome.CLIENT_GONE


def _now() -> float:
    return asyncio.get_running_loop().time()
