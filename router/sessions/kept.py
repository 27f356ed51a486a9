"""One session as it is stored, and what it means at a moment. Pure.

Rules of this file
- Every store keeps these fields, and reads and changes them by these functions alone: what is over a bound is the same
  in memory and on disk.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from router.conversation import Message
from router.decide.decision import PendingQuestion
from router.sessions.encoding import (
    draft_from_bytes,
    history_from_bytes,
    history_to_bytes,
    question_from_bytes,
    summary_from_bytes,
    summary_to_bytes,
)
from router.sessions.store import Bounds, Session, Transcript
from router.sessions.trimming import Entry, Summary, entry_of, parted, remaining, trimmed
from router.tools.spec import PendingDraft

NOTHING = history_to_bytes(())


@dataclass(frozen=True, slots=True)
class Kept:
    """The fields of a session, the texts in them as `router.sessions.encoding` writes them."""

    created_at: float
    used_at: float
    history: bytes = NOTHING
    draft: bytes | None = None
    question: bytes | None = None
    dropped: bytes | None = None
    summary: bytes | None = None
    language: str | None = None


def is_over_age(used_at: float, bounds: Bounds, now: float) -> bool:
    """Whether a session that was last used then is forgotten by now."""
    return used_at <= now - bounds.age_seconds


def history_of(kept: Kept, bounds: Bounds, now: float) -> tuple[Entry, ...]:
    """What goes into the next prompt."""
    return _trimmed(history_from_bytes(kept.history), bounds, now)


def dropped_of(kept: Kept, bounds: Bounds, now: float) -> tuple[Entry, ...]:
    """What waits to be summarised."""
    return () if kept.dropped is None else _trimmed(history_from_bytes(kept.dropped), bounds, now)


def draft_of(kept: Kept) -> PendingDraft | None:
    """The draft, whether or not its time is over."""
    return None if kept.draft is None else draft_from_bytes(kept.draft)


def question_of(kept: Kept, now: float) -> PendingQuestion | None:
    """The question, unless it has expired."""
    question = None if kept.question is None else question_from_bytes(kept.question)
    return question if question is not None and now < question.expires_at else None


def session_of(session_id: str, owner: str, kept: Kept, bounds: Bounds, now: float) -> Session:
    """The session without what was said in it lately."""
    summary = None if kept.summary is None else summary_from_bytes(kept.summary)
    if summary is not None and is_over_age(summary.until, bounds, now):
        summary = None
    return Session(session_id, owner, kept.created_at, kept.used_at, kept.language, summary)


def transcript_of(session_id: str, owner: str, kept: Kept, bounds: Bounds, now: float) -> Transcript:
    """Everything in it."""
    return Transcript(
        session_of(session_id, owner, kept, bounds, now),
        history_of(kept, bounds, now),
        dropped_of(kept, bounds, now),
        draft_of(kept),
        question_of(kept, now),
    )


def appended(
    kept: Kept,
    messages: Sequence[Message],
    bounds: Bounds,
    now: float,
    *,
    language: str | None,
    keeps_dropped: bool,
) -> tuple[Kept, int]:
    """The session with more said in it, and how many tokens wait to be summarised."""
    said = (*history_from_bytes(kept.history), *(entry_of(message, now) for message in messages))
    dropped, history = parted(said, tokens=bounds.tokens, age_seconds=bounds.age_seconds, now=now)
    waiting = _trimmed((*dropped_of(kept, bounds, now), *dropped), bounds, now) if keeps_dropped else ()
    changed = replace(
        kept,
        used_at=now,
        history=history_to_bytes(history),
        dropped=history_to_bytes(waiting) if waiting else None,
        language=language or kept.language,
    )
    return changed, sum(entry.tokens for entry in waiting)


def summarised(kept: Kept, summary: Summary, of: Sequence[Entry]) -> Kept | None:
    """The session with a summary of what waited first; None if none of it waits."""
    left = remaining(() if kept.dropped is None else history_from_bytes(kept.dropped), of)
    if left is None:
        return None
    return replace(kept, dropped=history_to_bytes(left) if left else None, summary=summary_to_bytes(summary))


def _trimmed(entries: Iterable[Entry], bounds: Bounds, now: float) -> tuple[Entry, ...]:
    return trimmed(entries, tokens=bounds.tokens, age_seconds=bounds.age_seconds, now=now)
