"""Sessions in memory: gone when the process ends.

Rules of this file
- No method awaits anything, so each one is a single step of the event loop and needs no lock.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from router.conversation import Message
from router.decide.decision import PendingQuestion
from router.sessions.encoding import draft_to_bytes, question_to_bytes
from router.sessions.kept import (
    Kept,
    appended,
    draft_of,
    dropped_of,
    history_of,
    is_over_age,
    question_of,
    session_of,
    summarised,
    transcript_of,
)
from router.sessions.store import (
    Bounds,
    Clock,
    Mark,
    Session,
    Transcript,
    checked_id,
    epoch_seconds,
    no_such_session,
)
from router.sessions.trimming import Entry, Summary
from router.tools.spec import PendingDraft


class MemorySessions:
    """A `SessionStore` that lives as long as the process."""

    def __init__(self, bounds: Bounds, *, now: Clock = epoch_seconds) -> None:
        self._bounds = bounds
        self._now = now
        # In order of last use, least recent first: what is over number is cut off at the front.
        self._sessions: OrderedDict[tuple[str, str], Kept] = OrderedDict()

    async def open(self, session_id: str | None, owner: str) -> Session:
        """See `SessionStore`."""
        known_id, now = checked_id(session_id), self._now()
        kept = self._sessions.get((owner, known_id))
        if kept is None or is_over_age(kept.used_at, self._bounds, now):
            kept = Kept(now, now)
        self._use(known_id, owner, replace(kept, used_at=now))
        self._drop_over_number()
        return session_of(known_id, owner, self._find(known_id, owner), self._bounds, now)

    async def history(self, session_id: str, owner: str) -> tuple[Message, ...]:
        """See `SessionStore`."""
        return tuple(e.message for e in history_of(self._find(session_id, owner), self._bounds, self._now()))

    async def append(
        self,
        session_id: str,
        owner: str,
        messages: Sequence[Message],
        *,
        language: str | None = None,
        keeps_dropped: bool = False,
    ) -> int:
        """See `SessionStore`."""
        kept, waiting_tokens = appended(
            self._find(session_id, owner),
            messages,
            self._bounds,
            self._now(),
            language=language,
            keeps_dropped=keeps_dropped,
        )
        self._use(session_id, owner, kept)
        return waiting_tokens

    async def dropped(self, session_id: str, owner: str) -> tuple[Entry, ...]:
        """See `SessionStore`."""
        return dropped_of(self._find(session_id, owner), self._bounds, self._now())

    async def put_summary(self, session_id: str, owner: str, summary: Summary, of: Sequence[Entry]) -> bool:
        """See `SessionStore`."""
        kept = summarised(self._find(session_id, owner), summary, of)
        if kept is not None:
            self._put(session_id, owner, kept)
        return kept is not None

    async def transcript(self, session_id: str, owner: str) -> Transcript:
        """See `SessionStore`."""
        kept = self._find(session_id, owner)
        if is_over_age(kept.used_at, self._bounds, self._now()):
            raise no_such_session()
        return transcript_of(session_id, owner, kept, self._bounds, self._now())

    async def listed(
        self, owner: str | None, most: int, after: Mark | None = None, *, drafted: bool = False
    ) -> list[Transcript]:
        """See `SessionStore`."""
        now = self._now()
        found = sorted(
            (-kept.used_at, whose, session_id)
            for (whose, session_id), kept in self._sessions.items()
            if owner in (None, whose)
            and not is_over_age(kept.used_at, self._bounds, now)
            and (kept.draft is not None or not drafted)
        )
        behind = found if after is None else [at for at in found if at > (-after.used_at, after.owner, after.id)]
        return [
            transcript_of(session_id, whose, self._sessions[whose, session_id], self._bounds, now)
            for _, whose, session_id in behind[:most]
        ]

    async def pending(self, session_id: str, owner: str) -> PendingDraft | None:
        """See `SessionStore`."""
        return draft_of(self._find(session_id, owner))

    async def put_pending(self, session_id: str, owner: str, draft: PendingDraft) -> None:
        """See `SessionStore`."""
        self._put(session_id, owner, replace(self._find(session_id, owner), draft=draft_to_bytes(draft)))

    async def clear_pending(self, session_id: str, owner: str) -> None:
        """See `SessionStore`."""
        self._put(session_id, owner, replace(self._find(session_id, owner), draft=None))

    async def question(self, session_id: str, owner: str) -> PendingQuestion | None:
        """See `SessionStore`."""
        return question_of(self._find(session_id, owner), self._now())

    async def put_question(self, session_id: str, owner: str, question: PendingQuestion) -> None:
        """See `SessionStore`."""
        self._put(session_id, owner, replace(self._find(session_id, owner), question=question_to_bytes(question)))

    async def clear_question(self, session_id: str, owner: str) -> None:
        """See `SessionStore`."""
        self._put(session_id, owner, replace(self._find(session_id, owner), question=None))

    async def delete(self, session_id: str, owner: str) -> None:
        """See `SessionStore`."""
        self._find(session_id, owner)
        del self._sessions[owner, session_id]

    def count(self) -> int:
        """See `SessionStore`."""
        return len(self._sessions)

    async def sweep(self, now_epoch_seconds: float) -> int:
        """See `SessionStore`."""
        before = len(self._sessions)
        for key, kept in list(self._sessions.items()):
            if is_over_age(kept.used_at, self._bounds, now_epoch_seconds):
                del self._sessions[key]
        self._drop_over_number()
        return before - len(self._sessions)

    async def close(self) -> None:
        """See `SessionStore`."""

    def _find(self, session_id: str, owner: str) -> Kept:
        kept = self._sessions.get((owner, session_id))
        if kept is None:
            raise no_such_session()
        return kept

    def _put(self, session_id: str, owner: str, kept: Kept) -> None:
        self._sessions[owner, session_id] = kept

    def _use(self, session_id: str, owner: str, kept: Kept) -> None:
        self._put(session_id, owner, kept)
        self._sessions.move_to_end((owner, session_id))

    def _drop_over_number(self) -> None:
        while len(self._sessions) > self._bounds.sessions:
            self._sessions.popitem(last=False)
