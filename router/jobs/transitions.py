"""What becomes of a job, by a table; and how a job that was broken off goes on. Pure.

Rules of this file
- Every change of state goes through `moved`. What the table does not have cannot happen.
- Random numbers are passed in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from router.errors import BackendFault, MaekError, PolicyFault
from router.jobs.job import ENDED, Change, Delivery, Job, State, Step, Trouble, Webhook

TABLE: Mapping[tuple[State, Change], State] = {
    (State.QUEUED, Change.STARTED): State.RUNNING,
    (State.QUEUED, Change.FAILED_FOR_GOOD): State.DEAD,  # its time was over before its turn came
    (State.QUEUED, Change.CANCELLED): State.CANCELLED,
    (State.RUNNING, Change.FINISHED): State.DONE,
    (State.RUNNING, Change.FAILED_FOR_NOW): State.QUEUED,
    (State.RUNNING, Change.FAILED_FOR_GOOD): State.DEAD,
    (State.RUNNING, Change.INTERRUPTED): State.QUEUED,
    (State.RUNNING, Change.CANCELLED): State.CANCELLED,
    (State.DEAD, Change.RETRIED): State.QUEUED,
}

MOST_INTERRUPTIONS = 20
"""A job that ran so often when Maek died may be what kills it."""
RISE_SECONDS = 300.0
"""A job goes before those of the next better priority that came so much later: nobody waits for ever."""
RANKS: Mapping[str, int] = {"interactive": 0, "normal": 1, "batch": 2}


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how soon a job is tried again, as the operator set it."""

    attempts: int
    first_seconds: float
    most_seconds: float


def moved(state: State, change: Change) -> State | None:
    """The state after a change; None where that cannot happen in this state, and nothing does."""
    return TABLE.get((state, change))


def order_of(accepted_at: float, priority: str) -> float:
    """Jobs begin in the order of this number."""
    return accepted_at + RANKS[priority] * RISE_SECONDS


def change_after(error: MaekError, job: Job, patience: Patience) -> Change:
    """Whether a job that failed is tried again: after the fault of a backend, so often; for want of room, always."""
    if isinstance(error, PolicyFault):
        return Change.FAILED_FOR_NOW
    if isinstance(error, BackendFault) and job.failures + 1 < patience.attempts:
        return Change.FAILED_FOR_NOW
    return Change.FAILED_FOR_GOOD


def pause_seconds(times: int, patience: Patience, random: float, wanted_seconds: float | None = None) -> float:
    """Until the next try after so many (from 1): doubled each time, varied by half, never less than was asked for.

    `random` is from 0 to 1.
    """
    doubled = patience.first_seconds * 2.0 ** min(times - 1, 30)
    return max(min(doubled, patience.most_seconds) * (0.5 + random), wanted_seconds or 0.0)


class Resumption(StrEnum):
    """How a job goes on that was broken off."""

    RUN = "run"
    """From its beginning: nothing was written, or writing it again changes nothing."""
    TELL = "tell"
    """It has written: what is left is to say so."""
    UNKNOWN = "unknown"
    """It was writing, and nobody knows whether it did."""


def resumption(steps: Sequence[Step]) -> Resumption:
    """How a job with these steps behind it goes on."""
    written = any(step.written for step in steps)
    if any(step.open and (written or not step.repeatable) for step in steps):
        return Resumption.UNKNOWN
    return Resumption.TELL if written else Resumption.RUN


class Counter(StrEnum):
    """What is counted of a job that begins again."""

    FAILURE = "failure"
    REFUSAL = "refusal"
    INTERRUPTION = "interruption"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a change brings with it."""

    now: float
    trouble: Trouble | None = None
    result: Mapping[str, Any] | None = None
    run_at: float | None = None
    """When it may begin again; None: now."""
    counts_as: Counter | None = None
    """What this was one more of."""


def applied(job: Job, change: Change, given: Circumstances) -> Job | None:
    """The job after a change; None where that cannot happen in its state."""
    state = moved(job.state, change)
    if state is None:
        return None
    counted = replace(
        job,
        state=state,
        trouble=given.trouble,
        run_at=given.now if given.run_at is None else given.run_at,
        failures=job.failures + (given.counts_as is Counter.FAILURE),
        refusals=job.refusals + (given.counts_as is Counter.REFUSAL),
        interruptions=job.interruptions + (given.counts_as is Counter.INTERRUPTION),
    )
    if change is Change.STARTED:
        return replace(counted, trouble=job.trouble, started_at=given.now, attempts=job.attempts + 1)
    if change is Change.RETRIED:
        return _afresh(counted, given.now)
    if state in ENDED:
        return replace(counted, ended_at=given.now, result=given.result, webhook=_due(job.webhook, given.now))
    return counted


def _afresh(job: Job, now: float) -> Job:
    """As if it had just been accepted, with as much time as it had then."""
    deadline_at = now + job.asked.deadline_at - job.accepted_at
    return replace(
        job,
        asked=replace(job.asked, deadline_at=deadline_at),
        failures=0,
        refusals=0,
        interruptions=0,
        ended_at=None,
        webhook=None if job.webhook is None else Webhook(job.webhook.url),
    )


def _due(webhook: Webhook | None, now: float) -> Webhook | None:
    return None if webhook is None else Webhook(webhook.url, Delivery.PENDING, next_at=now)


WRITE_UNKNOWN = "write_unknown"
INTERRUPTED = "interrupted"
DEADLINE_PASSED = "deadline_passed"


def unknown_write(step: Step) -> Trouble:
    """Why a job is given up that was broken off within a step."""
    return Trouble(
        WRITE_UNKNOWN,
        f"It was broken off while {step.tool}.{step.operation} was writing, and whether that was done is unknown. "
        "Check there first; retrying the job does it anew.",
    )


def too_often_interrupted() -> Trouble:
    """Why a job is given up that Maek died of too often."""
    return Trouble(INTERRUPTED, f"Maek ended {MOST_INTERRUPTIONS} times while this job ran. It may be the reason.")


def too_late() -> Trouble:
    """Why a job is given up whose time is over."""
    return Trouble(DEADLINE_PASSED, "Its deadline passed before it was done.")
