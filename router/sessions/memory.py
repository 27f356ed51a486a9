"""Sessions in memory: gone when the process ends.

Rules of this file
- No method awaits anything, so each one is a single step of the event loop and needs no lock.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from router.conversation import Message
from router.decide.decision import PendingQuestion
from router.sessions.encoding import (
    draft_from_bytes,
    draft_to_bytes,
    history_from_bytes,
    history_to_bytes,
    question_from_bytes,
    question_to_bytes,
)
from router.sessions.store import Bounds, Clock, Session, checked_id, epoch_seconds, no_such_session
from router.sessions.trimming import Entry, entry_of, trimmed
from router.tools.spec import PendingDraft


@dataclass(slots=True)
class _Kept:
    created_at: float
    used_at: float
    history: bytes
    draft: bytes | None = None
    question: bytes | None = None


class MemorySessions:
    """A `SessionStore` that lives as long as the process."""

    def __init__(self, bounds: Bounds, *, now: Clock = epoch_seconds) -> None:
        self._bounds = bounds
        self._now = now
        # In order of last use, least recent first: what is over number is cut off at the front.
        self._sessions: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    async def open(self, session_id: str | None, owner: str) -> Session:
        """See `SessionStore`."""
        known_id, now = checked_id(session_id), self._now()
        kept = self._sessions.setdefault((owner, known_id), _Kept(now, now, history_to_bytes(())))
        self._use(owner, known_id, kept)
        self._drop_over_number()
        return Session(known_id, owner, kept.created_at, kept.used_at)

    async def history(self, session_id: str, owner: str) -> tuple[Message, ...]:
        """See `SessionStore`."""
        return tuple(entry.message for entry in self._trimmed(self._find(session_id, owner), ()))

    async def append(self, session_id: str, owner: str, messages: Sequence[Message]) -> None:
        """See `SessionStore`."""
        kept = self._find(session_id, owner)
        kept.history = history_to_bytes(self._trimmed(kept, messages))
        self._use(owner, session_id, kept)

    async def pending(self, session_id: str, owner: str) -> PendingDraft | None:
        """See `SessionStore`."""
        kept = self._find(session_id, owner)
        return None if kept.draft is None else draft_from_bytes(kept.draft)

    async def put_pending(self, session_id: str, owner: str, draft: PendingDraft) -> None:
        """See `SessionStore`."""
        self._find(session_id, owner).draft = draft_to_bytes(draft)

    async def clear_pending(self, session_id: str, owner: str) -> None:
        """See `SessionStore`."""
        self._find(session_id, owner).draft = None

    async def question(self, session_id: str, owner: str) -> PendingQuestion | None:
        """See `SessionStore`."""
        kept = self._find(session_id, owner)
        question = None if kept.question is None else question_from_bytes(kept.question)
        return question if question is not None and self._now() < question.expires_at else None

    async def put_question(self, session_id: str, owner: str, question: PendingQuestion) -> None:
        """See `SessionStore`."""
        self._find(session_id, owner).question = question_to_bytes(question)

    async def clear_question(self, session_id: str, owner: str) -> None:
        """See `SessionStore`."""
        self._find(session_id, owner).question = None

    async def delete(self, session_id: str, owner: str) -> None:
        """See `SessionStore`."""
        self._find(session_id, owner)
        del self._sessions[owner, session_id]

    async def sweep(self, now_epoch_seconds: float) -> int:
        """See `SessionStore`."""
        before = len(self._sessions)
        oldest_kept = now_epoch_seconds - self._bounds.age_seconds
        for key in [key for key, kept in self._sessions.items() if kept.used_at <= oldest_kept]:
            del self._sessions[key]
        self._drop_over_number()
        return before - len(self._sessions)

    async def close(self) -> None:
        """See `SessionStore`."""

    def _find(self, session_id: str, owner: str) -> _Kept:
        kept = self._sessions.get((owner, session_id))
        if kept is None:
            raise no_such_session()
        return kept

    def _use(self, owner: str, session_id: str, kept: _Kept) -> None:
        kept.used_at = self._now()
        self._sessions.move_to_end((owner, session_id))

    def _trimmed(self, kept: _Kept, added: Sequence[Message]) -> tuple[Entry, ...]:
        now = self._now()
        entries = (*history_from_bytes(kept.history), *(entry_of(message, now) for message in added))
        return trimmed(entries, tokens=self._bounds.tokens, age_seconds=self._bounds.age_seconds, now=now)

    def _drop_over_number(self) -> None:
        while len(self._sessions) > self._bounds.sessions:
            self._sessions.popitem(last=False)
