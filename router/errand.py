"""How far a call has come: who was asked, how that ended, and whether somebody else may be asked.

Rules of this file
- One errand for each call; whoever runs it writes. Moments are on the clock of the event loop.
- Another backend takes over only while the client has not had one byte of an answer. One that lacks what was asked for
  has not failed: the next is asked, and the last one's refusal is the caller's answer.
- Where nobody listens nothing was asked of anybody: everybody else in the pool may be asked, however many they are.
- One that says that it is full has not failed either: it is left alone until it says, and then may be asked again.
"""

from dataclasses import replace
from typing import assert_never

from router.attempt import AttemptFailed, CallerRefused
from router.balance.admission import Terms, Ticket
from router.balance.demand import Priority
from router.balance.policies import POLICIES, PolicyName
from router.balance.pools import Candidate
from router.call import Call
from sidecar import Outcome

MOST_REJECTIONS = 60
"""Of one request. A backend that is full is left alone for as long as it says; this is for those that say "now"."""
NO_WAIT = Terms(most=0)


class Errand:
    """A call on its way. `number` counts the calls, for policies that go round in turn."""

    def __init__(self, call: Call, since: float, number: int) -> None:
        self.call = call
        self.due_at = since + call.deadlines.total_seconds
        self.tried: list[Candidate] = [*call.avoid]
        """Who shall not be asked again."""
        self.failure: AttemptFailed | CallerRefused | None = None
        """What the caller is told if nobody else can answer."""
        self.failed_on: Candidate | None = None
        """Whose failure makes another attempt a retry; None where nobody has failed."""
        self.waited_seconds = 0.0
        """In the line, in all."""
        self._since = since
        self._number = number
        self._begun = False
        self._failures = 0
        self._rejections = 0

    def ticket(self) -> Ticket:
        """For the place that is wanted next."""
        terms = self.call.terms
        if self.waited_seconds:
            terms = replace(terms, waited_seconds=self.waited_seconds)
        return self._ticket(terms, self._since, self.call.demand.priority)

    def ticket_beside(self, now: float) -> Ticket:
        """For a second place at the same time: behind everybody who has none."""
        return self._ticket(NO_WAIT, now, Priority.BATCH)

    def _ticket(self, terms: Terms, since: float, priority: Priority) -> Ticket:
        call = self.call
        demand = call.demand
        if demand.priority is not priority:
            demand = replace(demand, priority=priority)
        if call.policy is PolicyName.ROUND_ROBIN:
            demand = replace(demand, number=self._number)
        return Ticket(demand, call.pool, POLICIES[call.policy], since, terms, tuple(self.tried))

    def failed(self, candidate: Candidate, error: AttemptFailed | CallerRefused) -> None:
        """One that was asked did not answer."""
        match error:
            case CallerRefused(elsewhere=True):
                # That one of them lacks it is no news to a caller whose request another one failed on.
                self.failure = self.failure or error
            case CallerRefused():
                self.failure = error
            case AttemptFailed():
                if not self._begun:
                    self.failure = error
                self._begun |= error.begun
                self._count(candidate, error.outcome)
            case _:
                assert_never(error)

    def _count(self, candidate: Candidate, outcome: Outcome) -> None:
        if outcome is Outcome.REJECTED:
            self._rejections += 1
            self.tried.remove(candidate)
        else:
            self._failures += outcome is not Outcome.REFUSED
            self.failed_on = candidate

    def goes_on(self, now: float) -> bool:
        """Whether somebody may be asked: nobody was yet, another one may take over, or have what this one lacks."""
        match self.failure:
            case None:
                return True
            case AttemptFailed():
                few = self._failures < self.call.attempts and self._rejections < MOST_REJECTIONS
                return few and not self._begun and now < self.due_at
            case CallerRefused(elsewhere=elsewhere):
                return elsewhere and now < self.due_at
            case _:
                assert_never(self.failure)
