"""The calendar: what is on, and new entries by way of a draft.

Rules of this file
- A draft changes nothing; `create_confirmed` writes the draft that waits in the session, after the user's yes.
- Written first, forgotten after: whoever dies in between, or is asked twice, writes the same entry, which is there.
- Files and servers are asked in threads of their own; which of them keeps the entries makes no difference here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Self, TypeVar

from pydantic import ValidationError, model_validator

from router.errors import ToolFailed
from router.tools.agenda import words
from router.tools.agenda.entries import (
    Entry,
    NoSuchMoment,
    conflicts,
    entry_json,
    entry_of,
    uid_of,
    whole_days,
)
from router.tools.agenda.store import Agenda, CalendarFailed, Found
from router.tools.parameters import Day, NoParams, Params, TimeOfDay, canonical, described
from router.tools.spec import Operation, PendingDraft, Run, Tool, ToolCall, ToolResult
from router.tools.threads import in_own_thread
from router.tools.unconfigured import refusing

T = TypeVar("T")

NAME = "calendar"
DRAFT_SECONDS = 600.0
"""A yes that comes later may answer something else."""
MOST_DAYS = 366
"""Of one search: a year, which is more than a chat shows."""


class Search(Params):
    """The days to look at, both included."""

    date_from: Annotated[Day, described(ko="첫 날 YYYY-MM-DD", en="first day YYYY-MM-DD")]
    date_to: Annotated[Day, described(ko="마지막 날 YYYY-MM-DD, 그날 포함", en="last day YYYY-MM-DD, included")]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.date_to < self.date_from:
            raise ValueError("date_to is before date_from")
        return self


class CreateDraft(Params):
    """An entry to be. Without `time` it lasts all day, without `end_time` one hour."""

    title: Annotated[str, described(ko="제목", en="title", min_length=1)]
    date: Annotated[Day, described(ko="날짜 YYYY-MM-DD", en="day YYYY-MM-DD")]
    time: Annotated[TimeOfDay | None, described(ko="시작 HH:MM, 없으면 종일", en="start HH:MM; none: all day")] = None
    end_time: Annotated[TimeOfDay | None, described(ko="끝 HH:MM, 없으면 한 시간", en="end HH:MM; none: one hour")] = (
        None
    )
    description: Annotated[str | None, described(ko="메모", en="note")] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end_time is None:
            return self
        if self.time is None:
            raise ValueError("end_time needs time")
        if self.end_time <= self.time:
            raise ValueError("end_time is not after time")
        return self


def unconfigured() -> Tool:
    """The calendar before any is connected: known, listed, and answering what to set up."""
    run = refusing(NAME)
    return _tool(run, run, run, run, configured=False)


def build(agenda: Agenda | None) -> Tool:
    """The calendar over what keeps its entries, or the unconfigured one."""
    if agenda is None:
        return unconfigured()
    calendar = _Calendar(agenda)
    return _tool(calendar.today, calendar.search, calendar.create_draft, calendar.create_confirmed, configured=True)


def _tool(today: Run, search: Run, create_draft: Run, create_confirmed: Run, *, configured: bool) -> Tool:
    operations = (
        Operation("today", "오늘 일정", "today's entries", NoParams, today),
        Operation("search", "기간 안의 일정", "entries between two days", Search, search),
        Operation(
            "create_draft",
            "새 일정 초안 만들기",
            "prepare a new entry for confirmation",
            CreateDraft,
            create_draft,
            drafts=True,
        ),
        Operation(
            "create_confirmed",
            "확인받은 초안 등록",
            "write the pending draft after the user's yes",
            NoParams,
            create_confirmed,
            writes=True,
            repeatable=True,
        ),
    )
    return Tool(
        NAME, "일정", "calendar", {operation.name: operation for operation in operations}, configured=configured
    )


@dataclass(frozen=True, slots=True)
class _Calendar:
    agenda: Agenda

    async def today(self, call: ToolCall, _params: Any) -> ToolResult:
        today = call.now.date()
        return await self._listed(call, today, today)

    async def search(self, call: ToolCall, params: Any) -> ToolResult:
        first, last = date.fromisoformat(params.date_from), date.fromisoformat(params.date_to)
        if last - first >= timedelta(days=MOST_DAYS):
            raise ToolFailed(words.too_long(call.language, MOST_DAYS))
        return await self._listed(call, first, last)

    async def create_draft(self, call: ToolCall, params: Any) -> ToolResult:
        told = params.model_dump(mode="json", exclude_none=True)
        expires_at = call.now.timestamp() + DRAFT_SECONDS
        entry = self._entry(call, told, expires_at)
        there = await _in_thread(call, lambda: self._around(call.owner, entry))
        conflicting = conflicts(entry, there.entries)
        data = {"entry": entry_json(entry), "conflicts": [entry_json(one) for one in conflicting]}
        kept = call.session is not None
        text = words.drafted(call.language, entry, conflicting, call.now.date(), kept=kept)
        text += words.left_out(call.language, there.unreadable)
        if not kept:
            return ToolResult(text, data)
        summary = words.described(call.language, entry, call.now.date())
        return ToolResult(text, data, draft=PendingDraft(NAME, "create_draft", told, summary, expires_at))

    async def create_confirmed(self, call: ToolCall, _params: Any) -> ToolResult:
        draft = call.draft
        if draft is None or draft.tool != NAME or call.now.timestamp() >= draft.expires_at:
            raise ToolFailed(words.expired(call.language))
        try:
            told = canonical(CreateDraft, draft.params)
        except ValidationError as error:
            # Drafts outlive the process: this one was made by a Maek with other parameters.
            raise ToolFailed(words.expired(call.language)) from error
        entry = self._entry(call, told, draft.expires_at)
        created = await _in_thread(call, lambda: self.agenda.add(call.owner, entry, call.now))
        data = {"entry": entry_json(entry), "created": created}
        return ToolResult(words.saved(call.language, entry, call.now.date()), data, settles_draft=True)

    async def _listed(self, call: ToolCall, first: date, last: date) -> ToolResult:
        begins, ends = whole_days(first, last, self.agenda.zone)
        found = await _in_thread(call, lambda: self.agenda.found(call.owner, begins, ends))
        text = words.listing(call.language, found.entries, first, last, call.now.date())
        text += words.left_out(call.language, found.unreadable)
        days = {"date_from": first.isoformat(), "date_to": last.isoformat()}
        return ToolResult(text, {**days, "entries": [entry_json(one) for one in found.entries]})

    def _around(self, owner: str, draft: Entry) -> Found:
        """What is at that time, once it is sure that a yes could be carried out."""
        self.agenda.ready(owner)
        return self.agenda.found(owner, draft.begins, draft.ends)

    def _entry(self, call: ToolCall, params: dict[str, Any], expires_at: float) -> Entry:
        uid = uid_of(call.owner, call.session or "", params, expires_at)
        try:
            return entry_of(uid, params, self.agenda.zone)
        except NoSuchMoment as error:
            raise ToolFailed(words.no_such_moment(call.language)) from error


async def _in_thread(call: ToolCall, work: Callable[[], T]) -> T:
    """What `work` gives. Raises ToolFailed, with what the calendar says of its trouble."""
    try:
        return await in_own_thread(work)
    except CalendarFailed as error:
        raise ToolFailed(error.told(call.language)) from error
