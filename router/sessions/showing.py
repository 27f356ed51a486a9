"""A conversation as people and programs are shown it. Pure.

Rules of this file
- Two shapes: one line of a list, and everything. Moments are ISO 8601 in the zone that is passed in; `expires_at` of a
  draft or a question is in seconds since the epoch, as everywhere else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, tzinfo
from typing import Any

from router.decide.decision import PendingQuestion
from router.sessions.store import Mark, Transcript
from router.sessions.trimming import Entry
from router.tools.spec import PendingDraft


def overview_json(transcript: Transcript, now: datetime) -> dict[str, Any]:
    """The session without what was said in it."""
    session, draft, question = transcript.session, transcript.draft, transcript.question
    return {
        "id": session.id,
        "created_at": _at(session.created_at, now.tzinfo),
        "used_at": _at(session.used_at, now.tzinfo),
        "language": session.language,
        "messages": len(transcript.history),
        "tokens": sum(entry.tokens for entry in transcript.history),
        "summarised": session.summary is not None,
        "draft": None if draft is None else {"summary": draft.summary} | _ending(draft, now),
        "question": None if question is None else str(question.slot),
    }


def transcript_json(transcript: Transcript, now: datetime) -> dict[str, Any]:
    """Everything that is kept of it. `dropped` is what comes before `messages` and after the summary."""
    session, draft, question = transcript.session, transcript.draft, transcript.question
    summary = session.summary
    return {
        "id": session.id,
        "created_at": _at(session.created_at, now.tzinfo),
        "used_at": _at(session.used_at, now.tzinfo),
        "language": session.language,
        "summary": None if summary is None else {"text": summary.text, "until": _at(summary.until, now.tzinfo)},
        "dropped": _messages(transcript.dropped, now.tzinfo),
        "messages": _messages(transcript.history, now.tzinfo),
        "draft": None if draft is None else asdict(draft) | _ending(draft, now),
        "question": None if question is None else _question(question),
    }


def cursor_of(mark: Mark) -> str:
    """A place in a list, for a URL."""
    return f"{mark.used_at!r}~{mark.id}"


def mark_of(cursor: str, owner: str) -> Mark:
    """The inverse, in the list of this owner. Raises ValueError."""
    used_at, separator, session_id = cursor.partition("~")
    if not separator:
        raise ValueError("no cursor")
    return Mark(float(used_at), owner, session_id)


def last_of(page: Sequence[Transcript]) -> Mark | None:
    """The place behind a page; None behind an empty one."""
    if not page:
        return None
    last = page[-1].session
    return Mark(last.used_at, last.owner, last.id)


def _messages(entries: Iterable[Entry], zone: tzinfo | None) -> list[Mapping[str, str]]:
    return [
        {"at": _at(entry.at, zone), "role": str(entry.message.role), "text": entry.message.text} for entry in entries
    ]


def _ending(draft: PendingDraft, now: datetime) -> dict[str, Any]:
    return {"expires_at": draft.expires_at, "expired": draft.expires_at <= now.timestamp()}


def _question(question: PendingQuestion) -> dict[str, Any]:
    return asdict(question) | {"slot": str(question.slot), "choices": list(question.choices)}


def _at(epoch_seconds: float, zone: tzinfo | None) -> str:
    return datetime.fromtimestamp(epoch_seconds, zone).isoformat(timespec="milliseconds")
