"""The journal of one job: what its tools write is noted before it begins and after it ended.

Rules of this file
- A note is on the disk before the tool is called. What was begun may end, also when the job is stopped: a write that
  was cut off tells nobody whether it was done.
- A job writes the draft that waited when it was accepted, and no other: nobody has said yes to that one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from hashlib import sha256

from router.errors import ToolFailed, ToolOutcome
from router.jobs.job import Job, Step
from router.jobs.store import JobStore
from router.language import pick
from router.sessions.encoding import draft_to_bytes
from router.sessions.store import Clock
from router.tools.spec import Operation, PendingDraft, ToolCall, ToolResult

NOTHING_DONE = frozenset({ToolOutcome.FAILED, ToolOutcome.INVALID})
"""A tool that fails so has done nothing; one that lost its server does not know."""
LAST_SECONDS = 5.0
"""What is writing when its job is stopped may take so long to end; then nobody knows whether it did."""


def digest_of(draft: PendingDraft | None) -> str | None:
    """What tells one draft from another."""
    return None if draft is None else sha256(draft_to_bytes(draft)).hexdigest()


class JobJournal:
    """Keeps the journal of `job` in the store."""

    def __init__(self, store: JobStore, job: Job, now: Clock, last_seconds: float = LAST_SECONDS) -> None:
        self._store = store
        self._job = job
        self._now = now
        self._last_seconds = last_seconds
        self._one_at_a_time = asyncio.Lock()

    async def written(
        self, tool: str, operation: Operation, call: ToolCall, run: Callable[[], Awaitable[ToolResult]]
    ) -> ToolResult:
        """See `router.tools.writing.Journal`."""
        if call.draft is not None and digest_of(call.draft) != self._job.asked.draft:
            raise ToolFailed(_another_draft(call.language))
        async with self._one_at_a_time:
            begun_before = any(
                step.open and (step.tool, step.operation) == (tool, operation.name)
                for step in await self._store.steps(self._job.id)
            )
            step = Step(tool, operation.name, operation.repeatable, self._now())
            await self._store.enter(self._job.id, step)
            work = asyncio.ensure_future(run())
            try:
                await asyncio.wait((work,))
            except asyncio.CancelledError:
                await asyncio.wait((work,), timeout=self._last_seconds)
                if work.done():
                    await self._note(step, work, begun_before=begun_before)
                work.cancel()
                raise
            await self._note(step, work, begun_before=begun_before)
            return work.result()

    async def _note(self, step: Step, work: asyncio.Future[ToolResult], *, begun_before: bool) -> None:
        """How it ended, where that is known: a failure of a second try says nothing of the first."""
        error = asyncio.CancelledError() if work.cancelled() else work.exception()
        if error is None:
            result = work.result()
            await self._store.leave(
                self._job.id, replace(step, left_at=self._now(), text=result.text, data=result.data)
            )
        elif isinstance(error, ToolFailed) and error.outcome in NOTHING_DONE and not begun_before:
            await self._store.leave(self._job.id, replace(step, left_at=self._now()))


def _another_draft(language: str) -> str:
    return pick(
        language,
        ko="이 작업을 맡길 때 기다리던 초안이 아니어서 저장하지 않았어요. 지금 초안을 확인하고 다시 말씀해 주세요.",
        en="The draft that waits is not the one that waited when this job was accepted, so nothing was saved. "
        "Look at it and say yes again.",
    )
