"""What the tests of the calendar share."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from router.tools.agenda.entries import Entry
from router.tools.agenda.files import FOLDER, CalendarFiles
from router.tools.calendars import NAME, build
from router.tools.call import call
from router.tools.spec import PendingDraft, ToolCall, ToolResult
from tests.router.tools.given import NOW, Known

SEOUL = ZoneInfo("Asia/Seoul")
NEW_YORK = ZoneInfo("America/New_York")


def at(text: str, zone: ZoneInfo = SEOUL) -> datetime:
    """2026-11-26 15:00, there."""
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def entry(begins: str, hours: float = 1.0, title: str = "회의", zone: ZoneInfo = SEOUL, **more: Any) -> Entry:
    """An entry that begins then and lasts so long."""
    return Entry(title, title, at(begins, zone), at(begins, zone) + timedelta(hours=hours), **more)


def written(folder: Path, *events: str, owner: str = "anonymous") -> Path:
    """A calendar file with these events; each is its lines, with or without a name of its own."""
    path = folder / FOLDER / f"{owner}.ics"
    path.parent.mkdir(exist_ok=True)
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//somebody//else//EN"]
    for number, event in enumerate(events):
        named = [] if "UID:" in event else [f"UID:event-{number}"]
        lines += ["BEGIN:VEVENT", *named, *event.strip().split("\n"), "END:VEVENT"]
    path.write_bytes("\r\n".join([*lines, "END:VCALENDAR", ""]).encode())
    return path


def asking(language: str = "ko", now: datetime = NOW, **more: Any) -> ToolCall:
    """A call of the anonymous owner in a session."""
    known: dict[str, Any] = {"owner": "anonymous", "session": "room-1"} | more
    return ToolCall(now, language, Known(), **known)


async def done(
    folder: Path, operation: str, asked: ToolCall, zone: ZoneInfo | None = SEOUL, **params: Any
) -> ToolResult:
    """The result of an operation of the calendar in that data folder."""
    tool = build(CalendarFiles(folder, zone))
    return await call({NAME: tool}, NAME, operation, params, asked)


async def confirmed(folder: Path, draft: PendingDraft | None, asked: ToolCall) -> ToolResult:
    """The result of a yes to that draft."""
    return await done(folder, "create_confirmed", replace(asked, draft=draft))


def titles(result: ToolResult) -> list[str]:
    """The entries that it found."""
    return [one["title"] for one in result.data["entries"]]
