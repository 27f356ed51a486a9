"""One search through the folders of an account, over a connection that is open already.

Rules of this file
- First who wrote and what about, in all folders; then, in what is left of the time, the texts. What was found is told
  though the time was not enough for the rest.
- Whatever a mailbox holds, a bounded number of messages is fetched.
"""

import heapq
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, tzinfo

from imapclient import IMAPClient

from router.mailbox.connection import Line
from router.mailbox.criteria import charset_of
from router.mailbox.looking import CannotSearch, Folder, opened_folder
from router.tools.letters import Found, Letter, MailFailed, Trouble

LISTED = 20
"""Messages of a search that are told."""
LOOKED_AT = 300
"""Messages of a folder that are looked at one by one, where a server cannot be trusted to search."""
BODIES_RATIO = 0.6
"""Part of the time left that the search in texts may take."""


@dataclass(slots=True)
class Search:
    """What is looked for, and what was found so far."""

    client: IMAPClient
    account: str
    folders: Sequence[str]
    since: date
    zone: tzinfo | None
    words: Sequence[str]
    _found: dict[str, Letter] = field(default_factory=dict)

    def found(self, line: Line) -> Found:
        """The newest that fit. Raises MailFailed, or OSError where the server is too slow for the headers."""
        try:
            self._gather(bodies=False)
        except CannotSearch:
            return self._told(looked_at=self._by_hand())
        if charset_of(self.words) is not None and len(self._found) <= LISTED:
            # Servers do not know all the names that Korean charsets go by in mails; we do.
            self._by_hand()
        if self.words and len(self._found) <= LISTED:
            return self._told(bodies=self._in_texts(line))
        return self._told()

    def _in_texts(self, line: Line) -> bool:
        """Whether the time was enough. Where it was not, the connection cannot be used any more."""
        line.deadline = time.monotonic() + BODIES_RATIO * line.left_seconds()
        try:
            self._gather(bodies=True)
        except (TimeoutError, CannotSearch):
            return False
        return True

    def _gather(self, *, bodies: bool) -> None:
        for folder in self._opened():
            room = LISTED + 1
            for numbers in folder.hits(self.since, self.words, bodies=bodies):
                some = [number for number in numbers if folder.name_of(number) not in self._found][:room]
                self._keep(folder.letters(some, self.zone))
                room -= len(some)
                if room <= 0:
                    break

    def _by_hand(self) -> int:
        """How many were looked at: the newest of each folder, by who wrote and what about."""
        looked_at = 0
        wanted = [word.casefold() for word in self.words]
        for folder in self._opened():
            try:
                numbers = [n for some in folder.hits(self.since, (), bodies=False) for n in some][:LOOKED_AT]
            except CannotSearch as error:
                raise MailFailed(Trouble.SERVER, "it cannot search by date") from error
            looked_at += len(numbers)
            self._keep(
                one
                for one in folder.letters(numbers, self.zone)
                if all(word in f"{one.sender} {one.subject}".casefold() for word in wanted)
            )
        return looked_at

    def _opened(self) -> Iterator[Folder]:
        return (opened_folder(self.client, self.account, name) for name in self.folders)

    def _keep(self, letters: Iterator[Letter]) -> None:
        """Those that arrived in time: the server was asked for a day more."""
        self._found |= {one.uid: one for one in letters if one.arrived.date() >= self.since}

    def _told(self, *, bodies: bool = True, looked_at: int | None = None) -> Found:
        newest = heapq.nlargest(LISTED, self._found.values(), key=lambda one: one.arrived)
        return Found(tuple(newest), len(self._found) > LISTED, bodies, looked_at)
