"""The calendar: what is on, and new entries by way of a draft.

Rules of this file
- A draft changes nothing; `create_confirmed` writes the draft that waits in the session, after the user's yes.
"""

from typing import Annotated, Self

from pydantic import model_validator

from router.tools.parameters import Day, NoParams, Params, TimeOfDay, described
from router.tools.spec import Operation, Tool
from router.tools.unconfigured import refusing

NAME = "calendar"


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
    operations = (
        Operation("today", "오늘 일정", "today's entries", NoParams, run),
        Operation("search", "기간 안의 일정", "entries between two days", Search, run),
        Operation("create_draft", "새 일정 초안 만들기", "prepare a new entry for confirmation", CreateDraft, run),
        Operation(
            "create_confirmed",
            "확인받은 초안 등록",
            "write the pending draft after the user's yes",
            NoParams,
            run,
            writes=True,
        ),
    )
    return Tool(NAME, "일정", "calendar", {operation.name: operation for operation in operations}, configured=False)
