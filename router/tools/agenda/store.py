"""What keeps the entries of owners: the protocol, the same for files and for servers, and how it fails.

Rules of this file
- Every method may block for seconds, never for ever; callers run it in a thread.
- Whatever goes wrong is a `CalendarFailed` that can say so to a user.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Protocol

from router.tools.agenda.entries import Entry


class CalendarFailed(Exception, ABC):
    """The calendar is of no use now."""

    @abstractmethod
    def told(self, language: str) -> str:
        """What is wrong and what to do, for the user."""


@dataclass(frozen=True, slots=True)
class Found:
    """What there is in a span of time."""

    entries: tuple[Entry, ...]
    unreadable: int = 0
    """Entries that make no sense and were left out; where they would be is not known."""


class Agenda(Protocol):
    """The calendars of owners, each of which sees his own alone. Every method raises CalendarFailed."""

    @property
    def zone(self) -> tzinfo | None:
        """What times without one are meant in; None: this machine's."""
        ...

    def found(self, owner: str, begins: datetime, ends: datetime) -> Found:
        """All of that owner with something of them in `[begins, ends)`."""
        ...

    def ready(self, owner: str) -> None:
        """Whether a new entry has a place to go to; said before the user is asked for a yes."""
        ...

    def add(self, owner: str, entry: Entry, made_at: datetime) -> bool:
        """Write an entry; False where one of its uid is there already, which stays as it is.

        Once it is written it is there for every later `add`, also of another process.
        """
        ...
