"""What a job is: the words that everybody here uses. Pure.

Rules of this file
- Values only. Times are seconds since the epoch, because jobs outlive the process.
- A job belongs to the owner that made it; nobody else learns that it exists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    DEAD = "dead"
    """Given up: it says why, and can be tried again by hand."""


ENDED = frozenset({State.DONE, State.CANCELLED, State.DEAD})
"""Nothing happens to such a job by itself."""


class Change(StrEnum):
    """What can happen to a job."""

    STARTED = "started"
    FINISHED = "finished"
    FAILED_FOR_NOW = "failed_for_now"
    FAILED_FOR_GOOD = "failed_for_good"
    INTERRUPTED = "interrupted"
    """Maek ended while it ran."""
    CANCELLED = "cancelled"
    RETRIED = "retried"
    """By hand."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """What somebody wants to have done."""

    owner: str
    session: str
    message: str
    language: str
    """`ko` or `en`."""
    role: str | None
    """A role to answer without any decision."""
    priority: str
    """`interactive`, `normal` or `batch`."""
    resume: bool
    """Have another backend go on with an answer that breaks off."""
    deadline_at: float
    webhook: str | None = None
    draft: str | None = None
    """The digest of the draft that waited in the session: the only one that this job may write."""
    language_named: bool = False
    """Whether the caller named the language; else a word that says little is in that of the session."""
    key: str | None = None
    """The caller's own name for it (`Idempotency-Key`)."""
    digest: str = ""
    """Of everything that the caller sent, to tell whether the same name means the same job."""
    trace: str | None = None
    """The place in a trace at which it was accepted, as the header `traceparent`."""


class Delivery(StrEnum):
    """Where a webhook stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who wants to hear of the end, and whether that has happened."""

    url: str
    delivery: Delivery | None = None
    """None: the job has not ended."""
    attempts: int = 0
    next_at: float | None = None
    trouble: str | None = None
    """Of the last attempt that failed."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a job was given up, or what its last attempt failed of."""

    code: str
    """Stable, as in `router.errors`."""
    message: str


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is stored."""

    id: str
    asked: NewJob
    state: State
    accepted_at: float
    run_at: float
    """Not before."""
    started_at: float | None = None
    """Of the latest attempt."""
    ended_at: float | None = None
    attempts: int = 0
    """Times that it was begun."""
    failures: int = 0
    """Attempts that ended with a fault of a backend."""
    refusals: int = 0
    """Attempts that found no room, since the last failure."""
    interruptions: int = 0
    trouble: Trouble | None = None
    result: Mapping[str, Any] | None = None
    """What `/chat` would have answered."""
    webhook: Webhook | None = None

    @property
    def pool(self) -> str:
        """Whose jobs are counted together: a role's."""
        return pool_of(self.asked.role)


DECIDED_POOL = "reasoner"
"""Where a job counts that names no role: most of the work, if there is any, is the reasoner's."""


def pool_of(role: str | None) -> str:
    """The pool of a job that names this role, or none."""
    return DECIDED_POOL if role is None else role


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a job told, as it is sent to whoever listens. Numbers rise by one from 1."""

    number: int
    name: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """A call of a tool that writes, noted before it began and after it ended."""

    tool: str
    operation: str
    repeatable: bool
    """Done twice it is done once."""
    entered_at: float
    left_at: float | None = None
    """None: it runs, or nobody knows whether it was done."""
    text: str | None = None
    """What it answered; None where it failed, and nothing was done."""
    data: Mapping[str, Any] | None = None

    @property
    def open(self) -> bool:
        """Whether nobody knows how it ended."""
        return self.left_at is None

    @property
    def written(self) -> bool:
        """Whether something was done."""
        return self.text is not None
