"""What every keeper of sessions does, and the rules that hold whichever one is used.

Rules of this file
- A session is named by its owner and its id together. The same id under another owner is another session, so that
  nobody can learn of, take or block the sessions of others: there is nothing to refuse.
- Nothing grows without limit: `Bounds` holds for what is stored, not only for what is shown.
- The clock is seconds since the epoch and is passed in, because sessions outlive the process.
"""

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from router.conversation import Message
from router.decide.decision import PendingQuestion
from router.errors import BadRequest, MaekFault, NotFound
from router.sessions.trimming import Entry, Summary
from router.tools.spec import PendingDraft

MAX_ID_CHARACTERS = 128
"""Room for the ids that chat services give to their own conversations (UUIDs, "room:user" pairs, Matrix room names)."""
_VISIBLE_ASCII = re.compile(rf"[!-~]{{1,{MAX_ID_CHARACTERS}}}")
_NEW_ID_BYTES = 16
"""128 bits: cannot be guessed, though the owner's key protects the session as well."""

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept. What is over a bound is neither shown nor stored."""

    tokens: int
    """Estimated tokens of history in one session."""
    age_seconds: float
    """A turn is forgotten at this age, a session when it was not used for so long."""
    sessions: int
    """The least recently used go first. With `tokens` this bounds the whole store."""


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation of one owner. Times are seconds since the epoch."""

    id: str
    owner: str
    created_at: float
    used_at: float
    language: str | None = None
    """`ko` or `en`: of its last turn; None before the first."""
    summary: Summary | None = None
    """What was said before the history begins, if it was summarised and is not over age."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """Everything that is kept of a conversation."""

    session: Session
    history: tuple[Entry, ...]
    """Oldest first."""
    dropped: tuple[Entry, ...]
    """What was said before the history and after the summary, which is yet to have it."""
    draft: PendingDraft | None
    """Whether or not its time is over."""
    question: PendingQuestion | None


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a list of sessions: behind the one that was last used then, and has this owner and id."""

    used_at: float
    owner: str
    id: str


class SessionStoreFailed(MaekFault):
    """The disk or the file does not let us keep sessions. The message says which file and what to do."""

    code = "session_store_failed"
    status = 500


class SessionStore(Protocol):
    """Keeps sessions.

    Every method that names a session raises `NotFound` when this owner has none of that id; every method raises
    `SessionStoreFailed` when the store itself cannot be read or written.
    """

    async def open(self, session_id: str | None, owner: str) -> Session:
        """The owner's session of this id, made if there is none or if it is over age. None: a new one with an id that
        cannot be guessed.

        Raises `BadRequest` for an id that is empty, longer than 128 characters or not visible ASCII.
        """
        ...

    async def history(self, session_id: str, owner: str) -> tuple[Message, ...]:
        """What was said, oldest first, within the bounds."""
        ...

    async def append(
        self,
        session_id: str,
        owner: str,
        messages: Sequence[Message],
        *,
        language: str | None = None,
        keeps_dropped: bool = False,
    ) -> int:
        """Adds messages, all together and in order; drops what is over the bounds. `language` is theirs, if known.

        `keeps_dropped`: turns that there is no room for any more wait to be summarised, as many as the bounds allow for
        a history; else they are forgotten. Returns how many tokens wait.
        """
        ...

    async def dropped(self, session_id: str, owner: str) -> tuple[Entry, ...]:
        """What waits to be summarised, oldest first."""
        ...

    async def put_summary(self, session_id: str, owner: str, summary: Summary, of: Sequence[Entry]) -> bool:
        """Keeps a summary, in place of any other, of what `dropped` began with; that waits no more.

        False, and nothing is kept, if none of it waits: the session is not the one that was summarised.
        """
        ...

    async def transcript(self, session_id: str, owner: str) -> Transcript:
        """Everything that is kept of it."""
        ...

    async def listed(
        self, owner: str | None, most: int, after: Mark | None = None, *, drafted: bool = False
    ) -> list[Transcript]:
        """The owner's sessions, the last used first, at most so many; None: everybody's. `after`: the next ones.
        `drafted`: only those in which a draft waits, whether or not its time is over.
        """
        ...

    async def pending(self, session_id: str, owner: str) -> PendingDraft | None:
        """The draft that waits for a yes. Its time may be over: whoever reads it tells the user so."""
        ...

    async def put_pending(self, session_id: str, owner: str, draft: PendingDraft) -> None:
        """Lets a draft wait, in place of any other. Its params must be JSON values."""
        ...

    async def clear_pending(self, session_id: str, owner: str) -> None:
        """No draft waits any more. Does nothing if none did."""
        ...

    async def question(self, session_id: str, owner: str) -> PendingQuestion | None:
        """What was asked back last, unless it has expired."""
        ...

    async def put_question(self, session_id: str, owner: str, question: PendingQuestion) -> None:
        """Lets a question wait, in place of any other. Its params must be JSON values."""
        ...

    async def clear_question(self, session_id: str, owner: str) -> None:
        """No question waits any more. Does nothing if none did."""
        ...

    async def delete(self, session_id: str, owner: str) -> None:
        """Forgets the session and everything in it."""
        ...

    def count(self) -> int | None:
        """How many are kept, as it was when one of them last came or went here; None while nobody could tell."""
        ...

    async def sweep(self, now_epoch_seconds: float) -> int:
        """Forgets the sessions that are over age or over number; returns how many."""
        ...

    async def close(self) -> None:
        """Lets go of files and threads. May be called twice."""
        ...


def epoch_seconds() -> float:
    """The wall clock, which is right here: sessions are compared with times before this process began."""
    return datetime.now(tz=UTC).timestamp()


def checked_id(session_id: str | None) -> str:
    """The id to open: the client's, or a new one. Raises `BadRequest`."""
    if session_id is None:
        return secrets.token_urlsafe(_NEW_ID_BYTES)
    if _VISIBLE_ASCII.fullmatch(session_id) is None:
        raise BadRequest(
            f"A session id is 1 to {MAX_ID_CHARACTERS} visible ASCII characters without spaces. "
            "Leave it out to get a new one.",
            param="session",
        )
    return session_id


def no_such_session() -> NotFound:
    """One sentence for a session that never was, is gone, or belongs to someone else."""
    return NotFound("There is no such session. It may have been forgotten; send the message without one.")
