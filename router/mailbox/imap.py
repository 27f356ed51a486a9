"""A mailbox behind IMAP: every question has a connection of its own, in a thread, and ends with it.

Rules of this file
- The event loop never waits for a server: a question that nobody waits for any more is cut, and its thread ends.
- Passwords are read when they are needed, and kept no longer.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, tzinfo
from functools import partial
from typing import TypeVar

from router.mailbox.connection import Line, Server, connected
from router.mailbox.criteria import words_of
from router.mailbox.looking import opened_folder
from router.mailbox.names import parse
from router.mailbox.searching import Search
from router.tools.letters import Found, MailFailed, Opened, Trouble
from router.tools.threads import in_own_thread

T = TypeVar("T")

AT_ONCE = 3
"""Connections to one account; servers allow ten and more."""
SLACK_SECONDS = 0.5
"""The thread looks at its deadline between two reads. A server that keeps one read busy for ever is cut from here."""


@dataclass(frozen=True, slots=True)
class ImapMailbox:
    """A `Mailbox`."""

    account: str
    """Goes into the names of messages; says nothing of the password."""
    server: Callable[[], Server]
    """Where it is, with the password. Raises MailFailed where that cannot be read."""
    folders: Sequence[str]
    timeout_seconds: float
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE), compare=False, repr=False)

    async def search(self, query: str, since: date, zone: tzinfo | None) -> Found:
        """See `Mailbox`."""
        words = words_of(query)

        def question(line: Line) -> Found:
            with connected(self.server(), line) as client:
                return Search(client, self.account, self.folders, since, zone, words).found(line)

        return await self._asked(question)

    async def read(self, uid: str, zone: tzinfo | None) -> Opened:
        """See `Mailbox`."""
        name = parse(uid)
        if name is None:
            raise MailFailed(Trouble.UID, "not a name of a message")

        def question(line: Line) -> Opened:
            with connected(self.server(), line) as client:
                for folder in (opened_folder(client, self.account, one) for one in self.folders):
                    opened = folder.opened(name.number, zone) if folder.check == name.check else None
                    if opened is not None:
                        return opened
            raise MailFailed(Trouble.UID, "no such message")

        return await self._asked(question)

    async def _asked(self, question: Callable[[Line], T]) -> T:
        async with asyncio.timeout(self.timeout_seconds + SLACK_SECONDS), self._room:
            line = Line(time.monotonic() + self.timeout_seconds)
            try:
                return await in_own_thread(partial(question, line))
            finally:
                line.cut()
