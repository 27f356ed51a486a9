"""A job as its owner sees it. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from router.jobs.job import Job, State, Step

LONGEST_GLIMPSE = 120
"""Characters of a message in a list."""


def job_json(job: Job, steps: Sequence[Step]) -> dict[str, Any]:
    """Everything."""
    return {
        **_standing(job),
        "message": job.asked.message,
        "writes": [_step_json(job, step) for step in steps],
        "result": None if job.result is None else dict(job.result),
    }


def job_summary(job: Job) -> dict[str, Any]:
    """A job in a list: without its result, and with the beginning of its message."""
    message = job.asked.message
    return {
        **_standing(job),
        "message": message if len(message) <= LONGEST_GLIMPSE else message[:LONGEST_GLIMPSE] + "…",
    }


def _standing(job: Job) -> dict[str, Any]:
    waiting = job.state is State.QUEUED
    return {
        "id": job.id,
        "state": str(job.state),
        "session": job.asked.session,
        "role": job.asked.role,
        "priority": job.asked.priority,
        "attempts": job.attempts,
        "accepted_at": _moment(job.accepted_at),
        "started_at": _moment(job.started_at),
        "ended_at": _moment(job.ended_at),
        "next_attempt_at": _moment(job.run_at) if waiting and job.attempts else None,
        "deadline_at": _moment(job.asked.deadline_at),
        "error": None if job.trouble is None else {"code": job.trouble.code, "message": job.trouble.message},
        "webhook": _webhook_json(job),
    }


def _webhook_json(job: Job) -> Mapping[str, Any] | None:
    hook = job.webhook
    if hook is None:
        return None
    return {
        "url": hook.url,
        "delivery": None if hook.delivery is None else str(hook.delivery),
        "attempts": hook.attempts,
        "next_attempt_at": _moment(hook.next_at),
        "error": hook.trouble,
    }


def _step_json(job: Job, step: Step) -> Mapping[str, Any]:
    outcome = "failed"
    if step.open:
        outcome = "running" if job.state is State.RUNNING else "unknown"
    elif step.written:
        outcome = "written"
    return {
        "tool": step.tool,
        "operation": step.operation,
        "outcome": outcome,
        "begun_at": _moment(step.entered_at),
        "ended_at": _moment(step.left_at),
    }


def _moment(at: float | None) -> str | None:
    """ISO 8601 in UTC, to the millisecond."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
