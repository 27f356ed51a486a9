"""What a turn needs of its conversation: its place in the line, what the session knows, and to be remembered.

Rules of this file
- Whatever takes a turn passes here, whichever dialect it came in and whether somebody waits for it: what is ordered is
  ordered for all.
- What is kept of a conversation is `router.sessions`' business, how a summary is made `router.summarising`'s.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass

from router.asking import ClassifierAsker
from router.config import CLASSIFIER, Config
from router.config_roles import PriorityName
from router.conversation import Message
from router.decide.decision import PendingQuestion
from router.dispatch import Dispatcher
from router.errors import NotFound
from router.fleet import Fleet
from router.journey import Journey
from router.language import language_within
from router.sessions.line import Lines
from router.sessions.opening import lines_of, opened
from router.sessions.store import SessionStore, SessionStoreFailed
from router.summarising import ANSWER_TOKENS, Summaries

log = logging.getLogger(__name__)

WAITING_SHARE = 8
"""A summary is made when what waits for one is so small a part of a history: not at every turn, and soon enough that
little is missing from the prompts meanwhile."""


@dataclass(frozen=True, slots=True)
class Rooms:
    """Where conversations are held, as long as the process lives."""

    sessions: SessionStore
    lines: Lines
    summaries: Summaries


@asynccontextmanager
async def rooms_of(config: Config) -> AsyncIterator[Rooms]:
    """The rooms that a configuration asks for. Raises SessionStoreFailed if their file cannot be used."""
    sessions = await opened(config)
    summaries = Summaries(sessions)
    try:
        yield Rooms(sessions, lines_of(config), summaries)
    finally:
        await summaries.close()
        await sessions.close()


@dataclass(frozen=True, slots=True)
class Recalled:
    """What a session knows that a message is said in."""

    session: str
    language: str
    """That Maek answers in."""
    earlier: str | None
    """In short, what was said before the history begins."""


class Talks:
    """The conversations, as one configuration has them. `rooms` live as long as the process."""

    def __init__(
        self,
        config: Config,
        fleet: Fleet,
        dispatcher: Dispatcher,
        rooms: Rooms,
    ) -> None:
        self._settings = config.router.sessions
        self._role = config.router.roles[CLASSIFIER]
        self._keepalive_seconds = config.router.relay.keepalive_seconds
        self._fleet = fleet
        self._dispatcher = dispatcher
        self._sessions = rooms.sessions
        self._lines = rooms.lines
        self._summaries = rooms.summaries

    def in_order(
        self, owner: str, session: str | None, quiet: Callable[[], Awaitable[None]]
    ) -> AbstractAsyncContextManager[None]:
        """The session's turn, after everybody who came before; `quiet` is awaited while that takes long.

        Without a session there is nobody to wait for. Raises SessionBusy and TurnTimeout.
        """
        if session is None:
            return nullcontext()
        return self._lines.turn(owner, session, self._keepalive_seconds, quiet)

    async def recalled(
        self, session: str | None, owner: str, message: str, language: str, *, language_named: bool
    ) -> Recalled:
        """Opens the session. `language` is the message's, by itself or because the caller named it."""
        opened = await self._sessions.open(session, owner)
        if opened.language is not None and not language_named:
            language = language_within(message, opened.language)
        uses_summary = opened.summary is not None and self._settings.summary
        return Recalled(opened.id, language, opened.summary.text if uses_summary and opened.summary else None)

    async def remember(
        self, session: str, owner: str, said: Sequence[Message], question: PendingQuestion | None, language: str
    ) -> None:
        """What was said, and what was asked back; a question that the message answered or passed over is over."""
        summarises = self._settings.summary and bool(self._fleet.pool_of_role(CLASSIFIER))
        try:
            waiting_tokens = await self._sessions.append(
                session, owner, said, language=language, keeps_dropped=summarises
            )
            if question is None:
                await self._sessions.clear_question(session, owner)
            else:
                await self._sessions.put_question(session, owner, question)
        except (SessionStoreFailed, NotFound) as error:
            # The user has the answer; that it will not be remembered is the operator's trouble.
            log.error("turn not remembered reason=%s", error)
            return
        if waiting_tokens and waiting_tokens * WAITING_SHARE >= self._settings.history_tokens:
            self._summaries.want(owner, session, language, self._asker())

    def _asker(self) -> ClassifierAsker:
        """The classifier, asked when nobody else wants it."""
        return ClassifierAsker(self._dispatcher, self._fleet, self._role, Journey(), PriorityName.BATCH, ANSWER_TOKENS)
