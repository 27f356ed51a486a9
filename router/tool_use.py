"""Using a tool in a turn: what the user is told of it, what is counted, and the draft that may wait afterwards.

Rules of this file
- The one way from a turn to a tool, whoever wants it: the decision on a message, or the model that answers it.
- A tool that cannot do it has told why in a plain sentence, and that is its result: a turn goes on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson

from router.decisions import Record, ToolStep
from router.errors import NotFound, ToolFailed, ToolOutcome
from router.events import Drafted, Emit, Notice, Quiet, ToolUsed
from router.fleet import Fleet
from router.journey import Journey
from router.language import pick
from router.sessions.store import SessionStore, SessionStoreFailed
from router.silence import filled
from router.telemetry import DraftEvent, Telemetry
from router.tools.call import call
from router.tools.models import Models, NoModels
from router.tools.spec import BackendSummary, PendingDraft, Tool, ToolCall, ToolResult
from router.tracing import Span, part
from router.tracing_attempt import bounded

log = logging.getLogger(__name__)

T = TypeVar("T")

OTHER = "other"
"""In place of a name that is nobody's."""


@dataclass(frozen=True, slots=True)
class Caller:
    """For whom a tool is used."""

    owner: str
    language: str
    """`ko` or `en`."""
    session: str | None
    """Keeps the draft; None: nobody can."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall be done. The parameters are not checked yet."""

    tool: str
    operation: str
    params: Mapping[str, Any]


class ToolUse:
    """Uses tools. `now` gives the date and time in the zone of the configuration."""

    def __init__(
        self,
        tools: Mapping[str, Tool],
        sessions: SessionStore,
        fleet: Fleet,
        now: Callable[[], datetime],
        telemetry: Telemetry,
        keepalive_seconds: float,
        lend: Callable[[Journey], Models] = lambda _journey: NoModels(),
    ) -> None:
        self.tools = tools
        self._sessions = sessions
        self._fleet = fleet
        self._now = now
        self._telemetry = telemetry
        self._keepalive_seconds = keepalive_seconds
        self._lend = lend

    async def used(self, wanted: Wanted, caller: Caller, record: Record, emit: Emit) -> ToolResult:
        """What came of it, told as it comes. Of a failure `text` says why, and `data` has `failed`."""
        notice = self._notice(wanted, caller.language)
        if notice:
            await emit(Notice(notice))
        draft = await self.waiting_draft(caller.session, caller.owner)
        journey, facts = Journey(record.id), _Facts(self._fleet)
        models = self._lend(journey)
        lent = ToolCall(self._now(), caller.language, facts, caller.owner, caller.session, draft, models)
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        with self._traced(wanted) as span:
            result, outcome = await self._filled(self._called(wanted, lent), emit)
            _note_result(span, wanted, result, outcome)
        seconds = loop.time() - started_at
        self._note(wanted, outcome, seconds, record)
        if result.by_model and not record.answering.attempts:
            record.answering = journey  # unless a model answers that wanted the tool
        if caller.session is not None:
            await self._keep_draft(caller.session, caller.owner, result, replaces=draft is not None)
        await emit(ToolUsed(wanted.tool, wanted.operation, result.data))
        if result.draft is not None:
            await emit(Drafted(result.draft))
        return result

    async def _called(self, wanted: Wanted, lent: ToolCall) -> tuple[ToolResult, ToolOutcome]:
        try:
            return await call(self.tools, wanted.tool, wanted.operation, wanted.params, lent), ToolOutcome.OK
        except ToolFailed as error:
            # The sentence is the answer: a user asked, and is told plainly why there is nothing.
            return ToolResult(error.message, {"failed": True}), error.outcome

    def _traced(self, wanted: Wanted) -> Span:
        tool, name, operation = self._known(wanted)
        span = part(f"execute_tool {name}")
        span.note(
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": name,
                "gen_ai.tool.type": "extension" if tool and tool.foreign else "function",
                "maek.tool.operation": operation,
            }
        )
        return span

    def _known(self, wanted: Wanted) -> tuple[Tool | None, str, str]:
        """The tool, and names that are kept: a model may have made one up."""
        tool = self.tools.get(wanted.tool)
        operation = wanted.operation if tool and wanted.operation in tool.operations else OTHER
        return tool, tool.name if tool else OTHER, operation

    def _note(self, wanted: Wanted, outcome: ToolOutcome, seconds: float, record: Record) -> None:
        """Another's server may name what no label may have."""
        tool, name, operation = self._known(wanted)
        record.steps.append(ToolStep(name, operation, outcome, seconds))
        self._telemetry.tool_called(name, OTHER if tool and tool.foreign else operation, outcome, seconds)

    def _notice(self, wanted: Wanted, language: str) -> str:
        """What the user is told before it starts; the empty text where there is nothing to tell."""
        tool = self.tools.get(wanted.tool)
        operation = tool.operations.get(wanted.operation) if tool else None
        return pick(language, ko=operation.notice_ko or "", en=operation.notice_en or "") if operation else ""

    async def waiting_draft(self, session: str | None, owner: str) -> PendingDraft | None:
        """The draft in a session; None where there is no such session either."""
        if session is None:
            return None
        try:
            return await self._sessions.pending(session, owner)
        except NotFound:
            return None

    async def _keep_draft(self, session: str, owner: str, result: ToolResult, *, replaces: bool) -> None:
        """What waits for a yes from now on. `replaces`: another one waited before."""
        if result.draft is not None:
            # A caller that keeps the history has not opened the session that he names.
            await self._sessions.open(session, owner)
            await self._sessions.put_pending(session, owner, result.draft)
            if replaces:
                self._telemetry.draft(DraftEvent.REPLACED)
            self._telemetry.draft(DraftEvent.PREPARED)
        elif result.settles_draft:
            self._telemetry.draft(DraftEvent.DONE)
            try:
                await self._sessions.clear_pending(session, owner)
            except (SessionStoreFailed, NotFound) as error:
                # It is done, and the user is told so; a second yes would find it done.
                log.error("draft not cleared reason=%s", error)

    async def _filled(self, coming: Coroutine[Any, Any, T], emit: Emit) -> T:
        """What `coming` gives, with `Quiet` told while it takes long."""

        def tell() -> Awaitable[None]:
            return emit(Quiet())

        return await filled(coming, self._keepalive_seconds, tell)


def _note_result(span: Span, wanted: Wanted, result: ToolResult, outcome: ToolOutcome) -> None:
    if outcome is not ToolOutcome.OK:
        span.fail(str(outcome), failed=True)
    if span.content:
        arguments = orjson.dumps(wanted.params, default=str).decode()
        span.note({"gen_ai.tool.call.arguments": bounded(arguments), "gen_ai.tool.call.result": bounded(result.text)})


@dataclass(frozen=True, slots=True)
class _Facts:
    """What tools may know of the backends."""

    fleet: Fleet

    def backends(self) -> tuple[BackendSummary, ...]:
        """As the store knows them now."""
        snapshot = self.fleet.snapshot()
        return tuple(
            BackendSummary(
                name=state.name,
                engine=state.engine or "unknown",
                up=None if (level := self.fleet.level_at(state, snapshot)) is None else state.health.available,
                level="unknown" if level is None else level.label,
                models=tuple(model.name for model in state.models or ()),
                simulated=state.spec.simulated,
                address=urlsplit(state.spec.url).hostname or "",
            )
            for state in snapshot.backends.values()
        )
