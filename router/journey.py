"""Where one call went: every attempt, with why that backend was chosen, what was predicted of it and what came.

Rules of this file
- It grows while the call runs, so that headers can tell of it before the end. Whoever runs the call writes; the log of
  decisions reads.
- Bounded: a call has few attempts, and `Why` is small. Moments are on the clock of the event loop.
"""

from dataclasses import dataclass, field

from router.balance.pools import Candidate
from router.balance.why import Why
from sidecar import Level, Outcome

MOST_IN_FULL = 3
"""Attempts of one call that keep everybody who was considered: the first and the last two. With two calls a record, a
thousand records take some 50 MB in the worst case."""


@dataclass(slots=True)
class Attempt:
    """One try on one backend."""

    why: Why
    candidate: Candidate
    level: Level | None
    hedge: bool = False
    """Sent beside another attempt that had not answered yet."""
    answers: bool = False
    """Its tokens go to the client."""
    beaten: bool = False
    """Cut off, because another attempt beside it answered first."""
    continues_characters: int | None = None
    """So many of the answer had been delivered by others before it; None where it was to answer from the beginning."""
    waited_seconds: float = 0.0
    """In the queue, before it was chosen."""
    started_at: float | None = None
    first_token_at: float | None = None
    ended_at: float | None = None
    output_tokens: int = 0
    outcome: Outcome | None = None
    """None while it runs."""

    def __str__(self) -> str:
        """For the log, as key=value; made only if somebody reads it."""
        won = self.why.won
        return (
            f"backend={self.candidate.backend} model={self.candidate.model} outcome={self.outcome or 'running'} "
            f"predicted_ttft_ms={None if won is None else milliseconds(0.0, won.ttft_seconds)} "
            f"first_token_ms={self.first_token_ms} total_ms={self.total_ms} output_tokens={self.output_tokens} "
            f"waited_ms={milliseconds(0.0, self.waited_seconds)} hedge={'yes' if self.hedge else 'no'}"
        )

    @property
    def loaded_at(self) -> float | None:
        """While it runs: when the model should be in memory for which it waits; None if it was there."""
        won = self.why.won
        if self.outcome is not None or self.started_at is None or won is None or not won.cold_seconds:
            return None
        return self.started_at + won.cold_seconds

    @property
    def first_token_ms(self) -> float | None:
        """From sending the request to its first token, or to the whole answer where that is not streamed."""
        return milliseconds(self.started_at, self.first_token_at)

    @property
    def total_ms(self) -> float | None:
        """From sending the request to its last byte."""
        return milliseconds(self.started_at, self.ended_at)


@dataclass(slots=True)
class Journey:
    """All attempts of one call."""

    decision: str = ""
    """The id under which it can be looked up."""
    attempts: list[Attempt] = field(default_factory=list)
    started_at: float | None = None
    first_token_at: float | None = None
    ended_at: float | None = None
    nobody: Why | None = None
    """The choice that nobody could win, where it came to that."""

    def begin(self, attempt: Attempt, at: float) -> None:
        """Another attempt starts."""
        attempt.started_at = at
        self.attempts.append(attempt)
        if len(self.attempts) > MOST_IN_FULL:
            middle = self.attempts[-MOST_IN_FULL]
            middle.why = middle.why.in_brief
        if self.started_at is None:
            self.started_at = at

    def end(
        self, attempt: Attempt, outcome: Outcome, first_token_at: float | None, at: float, output_tokens: int = 0
    ) -> None:
        """An attempt ended, whatever happened."""
        attempt.outcome = outcome
        attempt.first_token_at = first_token_at
        attempt.ended_at = at
        attempt.output_tokens = output_tokens
        if not attempt.beaten:
            self.first_token_at = first_token_at
            self.ended_at = at

    @property
    def last(self) -> Attempt | None:
        """The attempt that answers, or failed last."""
        answering = (attempt for attempt in reversed(self.attempts) if attempt.answers)
        return next(answering, self.attempts[-1] if self.attempts else None)

    @property
    def answers(self) -> int:
        """How many attempts have had tokens for the client: more than one where others went on with what broke off."""
        return sum(attempt.answers for attempt in self.attempts)

    @property
    def resumes(self) -> int:
        """How often somebody went on with an answer that had broken off."""
        return sum(attempt.answers and attempt.continues_characters is not None for attempt in self.attempts)

    @property
    def delivered_tokens(self) -> int:
        """Of the answer, to the client, by all attempts that have ended."""
        return sum(attempt.output_tokens for attempt in self.attempts if attempt.answers)

    @property
    def why(self) -> Why | None:
        """The last choice."""
        last = self.last
        return self.nobody or (None if last is None else last.why)

    @property
    def queued_ms(self) -> float | None:
        """In the queue, over all attempts; None where somebody had room at once."""
        waited_seconds = sum(attempt.waited_seconds for attempt in self.attempts)
        return milliseconds(0.0, waited_seconds) if waited_seconds else None

    @property
    def first_token_ms(self) -> float | None:
        """From the first request to the first token, failed attempts included; None before it came."""
        return milliseconds(self.started_at, self.first_token_at)

    @property
    def total_ms(self) -> float | None:
        """From the first request to the last byte; None before that."""
        return milliseconds(self.started_at, self.ended_at)


def milliseconds(start: float | None, end: float | None) -> float | None:
    """Between two moments, rounded to 0.1 ms; None if one of them has not come."""
    return None if start is None or end is None else round((end - start) * 1000, 1)
