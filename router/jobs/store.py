"""Where jobs are kept: what is accepted, what happens to it, what it tells, and what it writes.

Rules of this file
- A change of state, what listeners are told of it, and what it brings with it are one transaction.
- What may change is decided by `transitions`; here it is only written down.
- Nothing grows without limit: so many jobs, and so many bytes of events for each.
"""

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from router.errors import CallerFault, NotFound, QueueFull
from router.jobs.database import Database, Transaction
from router.jobs.job import Change, Event, Job, NewJob, State, Step, Webhook
from router.jobs.schema import (
    changing_columns_of,
    columns_of,
    event_of,
    job_event,
    job_of,
    step_of,
)
from router.jobs.transitions import (
    MOST_INTERRUPTIONS,
    Circumstances,
    Counter,
    applied,
    too_late,
    too_often_interrupted,
)

ID_BYTES = 12
"""96 bits: cannot be guessed, though the owner's key protects the job as well."""
ROOM_AGAIN_SECONDS = 60.0
CUT_EVENT = ("cut", b'{"notice":"The rest is not told here; the result has it all."}')
_LIVE = "state IN ('queued', 'running')"
_UPDATED = ", ".join(
    f"{column} = :{column}"
    for column in (
        "state", "deadline_at", "run_at", "started_at", "ended_at", "attempts", "failures", "refusals", "interruptions",
        "trouble_code", "trouble_message", "result", "hook_url", "hook_delivery", "hook_attempts", "hook_next_at",
        "hook_trouble",
    )
)  # fmt: skip

Ending = tuple[str, bytes]
"""An event: its name, and its data as JSON."""


class KeyReused(CallerFault):
    """The same `Idempotency-Key` with another body."""

    code = "idempotency_key_reused"
    status = 422


@dataclass(frozen=True, slots=True)
class Keeping:
    """How much is kept."""

    jobs: int
    seconds: float
    """After a job has ended."""
    event_bytes: int
    """Of one job."""


class JobStore:
    """Jobs in a database. `changed` hears of every change of state, after it is on the disk."""

    def __init__(self, database: Database, changed: Callable[[Job], None]) -> None:
        self._database = database
        self._changed = changed

    async def accept(self, new: NewJob, now: float, keeping: Keeping) -> tuple[Job, bool]:
        """The job, and whether it is new: a caller's own name for it (`key`) names one job.

        Raises KeyReused where it named another one, and QueueFull.
        """
        async with self._database.transaction() as do:
            known = None if new.key is None else await _row(do, "owner = :owner AND key = :key", _named(new))
            if known is not None:
                if known["digest"] != new.digest:
                    raise KeyReused(
                        "This Idempotency-Key was used for a job with another body. Send a new key for a new job.",
                        param="Idempotency-Key",
                    )
                return job_of(known), False
            await _make_room(do, keeping.jobs)
            job = Job(
                secrets.token_hex(ID_BYTES),
                new,
                State.QUEUED,
                now,
                now,
                webhook=None if new.webhook is None else Webhook(new.webhook),
            )
            columns = columns_of(job)
            names = ", ".join(columns)
            # Names of columns are words of this package.
            statement = f"INSERT INTO jobs ({names}) VALUES ({', '.join(f':{name}' for name in columns)})"  # noqa: S608
            await do.write(statement, columns)
            await _tell(do, job.id, [job_event(job)], None)
        return job, True

    async def get(self, job_id: str, owner: str) -> Job:
        """The owner's job of this id. Raises NotFound."""
        async with self._database.reading() as do:
            row = await _row(do, "id = :id AND owner = :owner", {"id": job_id, "owner": owner})
        if row is None:
            raise no_such_job()
        return job_of(row)

    async def listed(self, owner: str, states: Collection[State], most: int, before: str | None) -> Sequence[Job]:
        """The owner's jobs in these states, newest first; those that came before the job `before`, if one is named."""
        given: dict[str, Any] = {"owner": owner, "most": most, "before": before, **_listing("s", states)}
        older = "" if before is None else "AND number < (SELECT number FROM jobs WHERE id = :before)"
        query = (
            f"SELECT * FROM jobs WHERE owner = :owner AND state IN ({_names('s', states)}) {older} "  # noqa: S608
            "ORDER BY number DESC LIMIT :most"
        )
        async with self._database.reading() as do:
            return [job_of(row) for row in await do.rows(query, given)]

    async def claim(self, now: float, full_pools: Collection[str]) -> Job | None:
        """The next job to run, which is running from now on. Of one session one runs at a time, in their order.

        One that has written something may come after its deadline: what became of that has to be told.
        """
        query = f"""SELECT * FROM jobs AS one WHERE state = 'queued' AND run_at <= :now
            AND (deadline_at > :now OR EXISTS (SELECT 1 FROM steps WHERE job = one.number))
            AND pool NOT IN ({_names("p", full_pools)})
            AND NOT EXISTS (SELECT 1 FROM jobs AS other WHERE other.owner = one.owner AND other.session = one.session
                AND other.{_LIVE} AND other.number < one.number)
            ORDER BY order_at, number LIMIT 1"""  # noqa: S608 - names of parameters
        async with self._database.transaction() as do:
            row = await do.row(query, {"now": now, **_listing("p", full_pools)})
            if row is None:
                return None
            job = await _change(do, job_of(row), Change.STARTED, Circumstances(now))
        return self._told(job)

    async def change(
        self,
        job_id: str,
        change: Change,
        given: Circumstances,
        *,
        attempt: int | None = None,
        last: Iterable[Ending] = (),
    ) -> Job | None:
        """What a change made of a job, after it told `last`; None where it cannot happen any more.

        `attempt`: only if it is still this one that runs.
        """
        async with self._database.transaction() as do:
            row = await _row(do, "id = :id", {"id": job_id})
            if row is None or (attempt is not None and row["attempts"] != attempt):
                return None
            if applied(job_of(row), change, given) is None:
                return None
            await _tell(do, job_id, last, None)
            if change is Change.RETRIED:
                await do.write("DELETE FROM steps WHERE job = :number", {"number": row["number"]})
            job = await _change(do, job_of(row), change, given)
        return self._told(job)

    async def next_at(self, now: float) -> float | None:
        """When a job that waits may begin or is too late, after `now`; None: never. One that could have begun by `now`
        waits for another to end, and not for a moment."""
        query = """SELECT min(at) AS at FROM (
            SELECT run_at AS at FROM jobs WHERE state = 'queued' AND run_at > :now
            UNION ALL SELECT deadline_at FROM jobs WHERE state = 'queued' AND deadline_at > :now)"""
        async with self._database.reading() as do:
            row = await do.row(query, {"now": now})
        return None if row is None else row["at"]

    async def expire(self, now: float) -> None:
        """Give up what waits and is too late."""
        async with self._database.reading() as do:
            late = await do.rows(
                """SELECT id FROM jobs WHERE state = 'queued' AND deadline_at <= :now
                AND NOT EXISTS (SELECT 1 FROM steps WHERE job = jobs.number)""",
                {"now": now},
            )
        for row in late:
            await self.change(row["id"], Change.FAILED_FOR_GOOD, Circumstances(now, too_late()))

    async def recover(self, now: float) -> int:
        """After a start: what ran when the last process ended waits again; how many there were."""
        async with self._database.reading() as do:
            broken_off = await do.rows("SELECT * FROM jobs WHERE state = 'running'", {})
        for row in broken_off:
            job = job_of(row)
            if job.interruptions + 1 >= MOST_INTERRUPTIONS:
                await self.change(job.id, Change.FAILED_FOR_GOOD, Circumstances(now, too_often_interrupted()))
            else:
                given = Circumstances(now, job.trouble, counts_as=Counter.INTERRUPTION)
                await self.change(job.id, Change.INTERRUPTED, given)
        return len(broken_off)

    async def tell(self, job_id: str, told: Sequence[Ending], most_bytes: int) -> None:
        """Add events to a job that runs."""
        async with self._database.transaction() as do:
            await _tell(do, job_id, told, most_bytes)

    async def events(self, job_id: str, after: int, most: int) -> Sequence[Event]:
        """What a job told after the event of this number, in order."""
        query = """SELECT events.number, name, data FROM events JOIN jobs ON jobs.number = events.job
            WHERE jobs.id = :id AND events.number > :after ORDER BY events.number LIMIT :most"""
        async with self._database.reading() as do:
            return [event_of(row) for row in await do.rows(query, {"id": job_id, "after": after, "most": most})]

    async def steps(self, job_id: str) -> Sequence[Step]:
        """What a job wrote, or began to, in order."""
        query = """SELECT steps.* FROM steps JOIN jobs ON jobs.number = steps.job WHERE jobs.id = :id
            ORDER BY steps.number"""
        async with self._database.reading() as do:
            return [step_of(row) for row in await do.rows(query, {"id": job_id})]

    async def enter(self, job_id: str, step: Step) -> None:
        """Note that a step begins; one that was left open is the same one, begun again."""
        async with self._database.transaction() as do:
            await do.write(
                """INSERT INTO steps (job, number, tool, operation, repeatable, entered_at)
                SELECT number, (SELECT count(*) FROM steps WHERE job = jobs.number), :tool, :operation, :repeatable, :at
                FROM jobs WHERE id = :id AND NOT EXISTS (SELECT 1 FROM steps WHERE job = jobs.number AND tool = :tool
                    AND operation = :operation AND left_at IS NULL)""",
                {"id": job_id, "at": step.entered_at, "repeatable": step.repeatable, **_called(step)},
            )

    async def leave(self, job_id: str, step: Step) -> None:
        """Note how a step ended."""
        data = None if step.data is None else orjson.dumps(dict(step.data))
        async with self._database.transaction() as do:
            await do.write(
                """UPDATE steps SET left_at = :at, text = :text, data = :data WHERE left_at IS NULL AND tool = :tool
                AND operation = :operation AND job = (SELECT number FROM jobs WHERE id = :id)""",
                {"id": job_id, "at": step.left_at, "text": step.text, "data": data, **_called(step)},
            )

    async def undelivered(self, now: float) -> Sequence[Job]:
        """Jobs that have ended and whose webhook is due."""
        query = (
            "SELECT * FROM jobs WHERE hook_delivery = 'pending' AND hook_next_at <= :now ORDER BY hook_next_at LIMIT 50"
        )
        async with self._database.reading() as do:
            return [job_of(row) for row in await do.rows(query, {"now": now})]

    async def next_delivery_at(self) -> float | None:
        """When the next webhook is due."""
        async with self._database.reading() as do:
            row = await do.row("SELECT min(hook_next_at) AS at FROM jobs WHERE hook_delivery = 'pending'", {})
        return None if row is None else row["at"]

    async def delivered(self, job: Job) -> None:
        """Keep what has become of a job's webhook, unless the job was retried meanwhile."""
        columns = changing_columns_of(job)
        async with self._database.transaction() as do:
            await do.write(
                """UPDATE jobs SET hook_delivery = :hook_delivery, hook_attempts = :hook_attempts,
                hook_next_at = :hook_next_at, hook_trouble = :hook_trouble
                WHERE id = :id AND hook_delivery = 'pending'""",
                {"id": job.id, **columns},
            )

    async def counts(self) -> Mapping[str, int]:
        """How many jobs are in each state."""
        async with self._database.reading() as do:
            rows = await do.rows("SELECT state, count(*) AS many FROM jobs GROUP BY state", {})
        return {**dict.fromkeys(State, 0), **{State(row["state"]): row["many"] for row in rows}}

    async def sweep(self, now: float, keeping: Keeping) -> int:
        """Forget what ended long ago; how many that were."""
        async with self._database.transaction() as do:
            return await do.write("DELETE FROM jobs WHERE ended_at <= :then", {"then": now - keeping.seconds})

    async def close(self) -> None:
        """Let go of the file."""
        await self._database.close()

    def _told(self, job: Job) -> Job:
        self._changed(job)
        return job


def no_such_job() -> NotFound:
    """One sentence for a job that never was, is forgotten, or belongs to someone else."""
    return NotFound("There is no such job, or it ended so long ago that it was forgotten (router.jobs.keep_hours).")


async def _row(do: Transaction, where: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
    return await do.row(f"SELECT * FROM jobs WHERE {where}", given)  # noqa: S608 - words of this file


async def _make_room(do: Transaction, most: int) -> None:
    """For one more. What has ended goes first, the oldest before the others."""
    found = await do.row(f"SELECT count(*) AS total, sum({_LIVE}) AS live FROM jobs", {})  # noqa: S608
    assert found is not None
    if (found["live"] or 0) >= most:
        raise QueueFull(
            f"{most} jobs wait or run already (router.jobs.max_jobs). Try again later.",
            retry_after_seconds=ROOM_AGAIN_SECONDS,
        )
    over = found["total"] + 1 - most
    if over > 0:
        await do.write(
            """DELETE FROM jobs WHERE number IN (SELECT number FROM jobs WHERE ended_at IS NOT NULL
            ORDER BY ended_at LIMIT :over)""",
            {"over": over},
        )


async def _change(do: Transaction, job: Job, change: Change, given: Circumstances) -> Job:
    after = applied(job, change, given)
    assert after is not None
    await do.write(f"UPDATE jobs SET {_UPDATED} WHERE id = :id", {"id": job.id, **changing_columns_of(after)})  # noqa: S608
    await _tell(do, job.id, [job_event(after)], None)
    return after


async def _tell(do: Transaction, job_id: str, told: Iterable[Ending], most_bytes: int | None) -> None:
    """Add events; beyond `most_bytes` none but the word that there are more."""
    for name, data in told:
        found = await do.row("SELECT number, events, event_bytes FROM jobs WHERE id = :id", {"id": job_id})
        if found is None:
            return
        kept = (name, data)
        if most_bytes is not None and found["event_bytes"] + len(data) > most_bytes:
            last = await do.row(
                "SELECT 1 AS said FROM events WHERE job = :number AND name = :name LIMIT 1",
                {"number": found["number"], "name": CUT_EVENT[0]},
            )
            if last is not None:
                continue
            kept = CUT_EVENT
        given = {"job": found["number"], "number": found["events"] + 1, "name": kept[0], "data": kept[1]}
        await do.write("INSERT INTO events (job, number, name, data) VALUES (:job, :number, :name, :data)", given)
        grown = "UPDATE jobs SET events = events + 1, event_bytes = event_bytes + :size WHERE number = :job"
        await do.write(grown, {"job": found["number"], "size": len(kept[1])})


def _named(new: NewJob) -> Mapping[str, Any]:
    return {"owner": new.owner, "key": new.key}


def _called(step: Step) -> Mapping[str, Any]:
    return {"tool": step.tool, "operation": step.operation}


def _names(prefix: str, values: Collection[str]) -> str:
    """Names of parameters for a list in SQL."""
    return ", ".join(f":{prefix}{number}" for number in range(len(values)))


def _listing(prefix: str, values: Collection[str]) -> Mapping[str, str]:
    """The parameters of those names."""
    return {f"{prefix}{number}": str(value) for number, value in enumerate(values)}
