"""Jobs as rows: the tables, and rows ⇄ values. Pure.

Rules of this file
- A change of shape is a new schema version; the statements that lead to it are appended, never edited.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from router.jobs.job import Delivery, Event, Job, NewJob, State, Step, Trouble, Webhook
from router.jobs.transitions import order_of

VERSION = 2
UPGRADES: tuple[str, ...] = (
    """CREATE TABLE jobs (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, session TEXT NOT NULL,
        message TEXT NOT NULL, language TEXT NOT NULL, language_named INTEGER NOT NULL,
        role TEXT, priority TEXT NOT NULL, resume INTEGER NOT NULL,
        draft TEXT, key TEXT, digest TEXT NOT NULL, pool TEXT NOT NULL, order_at REAL NOT NULL,
        accepted_at REAL NOT NULL, state TEXT NOT NULL, deadline_at REAL NOT NULL, run_at REAL NOT NULL,
        started_at REAL, ended_at REAL, attempts INTEGER NOT NULL, failures INTEGER NOT NULL,
        refusals INTEGER NOT NULL, interruptions INTEGER NOT NULL, trouble_code TEXT, trouble_message TEXT,
        result BLOB, hook_url TEXT, hook_delivery TEXT, hook_attempts INTEGER NOT NULL, hook_next_at REAL,
        hook_trouble TEXT, events INTEGER NOT NULL DEFAULT 0, event_bytes INTEGER NOT NULL DEFAULT 0)""",
    "CREATE UNIQUE INDEX jobs_by_key ON jobs (owner, key) WHERE key IS NOT NULL",
    "CREATE INDEX jobs_by_order ON jobs (state, order_at, number)",
    "CREATE INDEX jobs_by_session ON jobs (owner, session, state)",
    "CREATE INDEX jobs_by_end ON jobs (ended_at) WHERE ended_at IS NOT NULL",
    "CREATE INDEX jobs_by_delivery ON jobs (hook_next_at) WHERE hook_delivery = 'pending'",
    """CREATE TABLE events (
        job INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE, number INTEGER NOT NULL, name TEXT NOT NULL,
        data BLOB NOT NULL, PRIMARY KEY (job, number)) WITHOUT ROWID""",
    """CREATE TABLE steps (
        job INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE, number INTEGER NOT NULL, tool TEXT NOT NULL,
        operation TEXT NOT NULL, repeatable INTEGER NOT NULL, entered_at REAL NOT NULL, left_at REAL, text TEXT,
        data BLOB, PRIMARY KEY (job, number)) WITHOUT ROWID""",
    "PRAGMA user_version = 1",
    "ALTER TABLE jobs ADD COLUMN trace TEXT",
    "PRAGMA user_version = 2",
)
"""From an empty file to the newest schema, each version ending with its number."""


def upgrades_from(version: int) -> tuple[str, ...]:
    """The statements that lead from a schema to the newest."""
    return UPGRADES if version == 0 else UPGRADES[UPGRADES.index(f"PRAGMA user_version = {version}") + 1 :]


def columns_of(job: Job) -> Mapping[str, Any]:
    """Every column of a job but its number and the counts of its events."""
    asked = job.asked
    return {
        "id": job.id,
        "owner": asked.owner,
        "session": asked.session,
        "message": asked.message,
        "language": asked.language,
        "language_named": asked.language_named,
        "role": asked.role,
        "priority": asked.priority,
        "resume": asked.resume,
        "draft": asked.draft,
        "key": asked.key,
        "digest": asked.digest,
        "trace": asked.trace,
        "pool": job.pool,
        "order_at": order_of(job.accepted_at, asked.priority),
        "accepted_at": job.accepted_at,
        **changing_columns_of(job),
    }


def changing_columns_of(job: Job) -> Mapping[str, Any]:
    """The columns that a change may change."""
    hook = job.webhook
    return {
        "state": str(job.state),
        "deadline_at": job.asked.deadline_at,
        "run_at": job.run_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "attempts": job.attempts,
        "failures": job.failures,
        "refusals": job.refusals,
        "interruptions": job.interruptions,
        "trouble_code": None if job.trouble is None else job.trouble.code,
        "trouble_message": None if job.trouble is None else job.trouble.message,
        "result": None if job.result is None else orjson.dumps(job.result),
        "hook_url": None if hook is None else hook.url,
        "hook_delivery": None if hook is None or hook.delivery is None else str(hook.delivery),
        "hook_attempts": 0 if hook is None else hook.attempts,
        "hook_next_at": None if hook is None else hook.next_at,
        "hook_trouble": None if hook is None else hook.trouble,
    }


def job_of(row: Mapping[str, Any]) -> Job:
    """The job in a row."""
    asked = NewJob(
        owner=row["owner"],
        session=row["session"],
        message=row["message"],
        language=row["language"],
        language_named=bool(row["language_named"]),
        role=row["role"],
        priority=row["priority"],
        resume=bool(row["resume"]),
        deadline_at=row["deadline_at"],
        webhook=row["hook_url"],
        draft=row["draft"],
        key=row["key"],
        digest=row["digest"],
        trace=row["trace"],
    )
    return Job(
        id=row["id"],
        asked=asked,
        state=State(row["state"]),
        accepted_at=row["accepted_at"],
        run_at=row["run_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        attempts=row["attempts"],
        failures=row["failures"],
        refusals=row["refusals"],
        interruptions=row["interruptions"],
        trouble=None if row["trouble_code"] is None else Trouble(row["trouble_code"], row["trouble_message"]),
        result=None if row["result"] is None else orjson.loads(row["result"]),
        webhook=None if row["hook_url"] is None else _webhook_of(row),
    )


def _webhook_of(row: Mapping[str, Any]) -> Webhook:
    delivery = None if row["hook_delivery"] is None else Delivery(row["hook_delivery"])
    return Webhook(row["hook_url"], delivery, row["hook_attempts"], row["hook_next_at"], row["hook_trouble"])


def event_of(row: Mapping[str, Any]) -> Event:
    """The event in a row."""
    return Event(row["number"], row["name"], orjson.loads(row["data"]))


def step_of(row: Mapping[str, Any]) -> Step:
    """The step in a row."""
    data = None if row["data"] is None else orjson.loads(row["data"])
    return Step(
        row["tool"], row["operation"], bool(row["repeatable"]), row["entered_at"], row["left_at"], row["text"], data
    )


def job_event(job: Job) -> tuple[str, bytes]:
    """What listeners are told of a change: the name and the data of an event."""
    trouble = None if job.trouble is None else {"code": job.trouble.code, "message": job.trouble.message}
    return JOB_EVENT, orjson.dumps({"job": job.id, "state": job.state, "attempt": job.attempts, "error": trouble})


JOB_EVENT = "job"
