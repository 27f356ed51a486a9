"""One account of a CalDAV server: its calendars, what is in them, and new entries.

Rules of this file
- Every method blocks, for `TOTAL_SECONDS` at most. The library takes 0.7 s of CPU to load; it is loaded when the first
  account is asked, in the thread that asks.
- A new entry has an address made of its uid and is only ever created (`If-None-Match: *`): what is there is never
  overwritten, and the second try finds the first.
- A connection that breaks after the entry was sent says nothing; the server is asked what became of it.
- What a server answers may be anything: each entry that makes no sense is counted and left out.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urljoin, urlsplit

from router.tools.agenda import ical
from router.tools.agenda.account_words import AccountFailed, Trouble
from router.tools.agenda.entries import ONE_DAY, Entry, in_span
from router.tools.agenda.store import Found
from router.tools.agenda.transport import Answer, Login, Transport

log = logging.getLogger(__name__)

T = TypeVar("T")

TOTAL_SECONDS = 15.0
"""Under the deadline of an operation, so that the user gets the sentence that says which server is slow."""
CHECK_SECONDS = 5.0
"""Of these, kept for asking what became of an entry."""
REMEMBERED_SECONDS = 300.0
"""How long the list of calendars is taken as known: it costs three questions, and changes rarely."""
MOST_CALENDARS = 50
MOST_ENTRIES = 2000
"""Of one search; a chat shows fewer."""
_PADDING = 2 * ONE_DAY
"""Asked for on both sides: whole days and times without a zone are placed here, not by the server."""
_NONSENSE = (AssertionError, AttributeError, IndexError, KeyError, SyntaxError, TypeError, ValueError)
"""What the library raises, besides its own errors, where an answer makes no sense."""


@dataclass(frozen=True, slots=True)
class Place:
    """A calendar of an account."""

    url: str
    """With a slash at the end."""
    name: str

    def called(self, wanted: str) -> bool:
        """Whether the operator means this one: by its name, its address, or the last part of that."""
        path = urlsplit(self.url).path.rstrip("/")
        return wanted == self.name or wanted.rstrip("/") in (self.url.rstrip("/"), path, path.rpartition("/")[2])


class Account:
    """An account, used by many threads at once."""

    def __init__(self, login: Login, zone: tzinfo | None, total_seconds: float = TOTAL_SECONDS) -> None:
        self._login = login
        self._zone = zone
        self._total_seconds = total_seconds
        self._known: tuple[float, tuple[Place, ...]] | None = None

    def found(self, begins: datetime, ends: datetime) -> Found:
        """See `Agenda`: over all calendars that are read; what is in two of them is told once."""
        return self._anew(lambda: self._found(begins, ends))

    def ready(self) -> None:
        """See `Agenda`."""
        with self._asking() as transport:
            self._written(self._places(transport))

    def add(self, entry: Entry, made_at: datetime) -> bool:
        """See `Agenda`."""
        with self._asking(self._total_seconds - CHECK_SECONDS) as transport:
            place = self._written(self._places(transport))
            address = urljoin(place.url, f"{quote(entry.uid.partition('@')[0], safe='')}.ics")
            if transport.ask("GET", address).status_code == 200:
                return False
            return self._put(transport, address, ical.added(ical.parsed(b""), entry, made_at))

    def _put(self, transport: Transport, address: str, content: bytes) -> bool:
        headers = {"If-None-Match": "*", "Content-Type": "text/calendar; charset=utf-8"}
        try:
            answer = transport.ask("PUT", address, content, headers)
        except AccountFailed as error:
            log.warning("entry sent, no good answer account=%s trouble=%s", self._login.name, error.trouble)
            return self._became(address, error)
        if answer.status_code in (200, 201, 204):
            return True
        if answer.status_code == 412 or b"no-uid-conflict" in answer.content:
            return False  # under its own address, or under another that somebody gave it
        if answer.status_code in (404, 409):
            self._known = None
        refused = answer.status_code in (403, 405)
        raise self._failed(Trouble.READ_ONLY if refused else Trouble.NOT_WRITTEN)

    def _became(self, address: str, error: AccountFailed) -> bool:
        """Whether the entry is there although the server gave no good answer. Raises AccountFailed where it is not."""
        try:
            with Transport(self._login, time.monotonic() + CHECK_SECONDS) as transport:
                status = transport.ask("GET", address).status_code
        except AccountFailed as another:
            raise self._failed(Trouble.UNSURE) from another
        if status == 200:
            return True
        # A server that is only slow may still write it; the next yes looks first.
        gone = status in (404, 410) and error.trouble is not Trouble.TIMED_OUT
        raise self._failed(Trouble.NOT_WRITTEN if gone else Trouble.UNSURE) from error

    def _found(self, begins: datetime, ends: datetime) -> Found:
        entries: dict[tuple[str, datetime, datetime], Entry] = {}
        unreadable = 0
        with self._asking() as transport:
            for place in self._read(self._places(transport)):
                for content in contents(transport, place, begins, ends):
                    transport.still()
                    try:
                        there = ical.entries_of_object(content, begins, ends, self._zone)
                    except ValueError:
                        unreadable += 1
                        continue
                    for one in there:
                        entries.setdefault((one.uid, one.begins, one.ends), one)
                    if len(entries) > MOST_ENTRIES:
                        raise self._failed(Trouble.TOO_LARGE)
        return Found(in_span(entries.values(), begins, ends), unreadable)

    def _places(self, transport: Transport) -> tuple[Place, ...]:
        known = self._known  # once: another thread may forget it meanwhile
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        places = places_of(transport, self._login.url)
        transport.still()
        if not places:
            raise self._failed(Trouble.NO_CALENDAR)
        self._known = (time.monotonic() + REMEMBERED_SECONDS, places)
        return places

    def _read(self, places: tuple[Place, ...]) -> tuple[Place, ...]:
        if not self._login.calendars:
            return places
        return tuple(dict.fromkeys(self._named(wanted, places) for wanted in self._login.calendars))

    def _written(self, places: tuple[Place, ...]) -> Place:
        if self._login.write is not None:
            return self._named(self._login.write, places)
        read = self._read(places)
        if len(read) > 1:
            raise self._failed(Trouble.CHOOSE_CALENDAR, _names(read))
        return read[0]

    def _named(self, wanted: str, places: tuple[Place, ...]) -> Place:
        for place in places:
            if place.called(wanted):
                return place
        raise self._failed(Trouble.UNKNOWN_CALENDAR, _names(places))

    def _anew(self, work: Callable[[], T]) -> T:
        """What `work` gives; once more with a fresh list of calendars where the known one is out of date."""
        remembered = self._known is not None
        try:
            return work()
        except AccountFailed as error:
            if not remembered or error.trouble is not Trouble.NOT_FOUND:
                raise
            self._known = None
            return work()

    @contextmanager
    def _asking(self, seconds: float | None = None) -> Iterator[Transport]:
        try:
            from caldav.lib.error import DAVError  # noqa: PLC0415 - see the rules of this file
        except ImportError as error:
            raise self._failed(Trouble.NO_LIBRARY) from error
        # The library writes what servers answer into its log; that is somebody's calendar.
        logging.getLogger("caldav").setLevel(logging.CRITICAL + 1)
        with Transport(self._login, time.monotonic() + (seconds or self._total_seconds)) as transport:
            try:
                yield transport
            except DAVError as error:
                gone = "404" in (str(error.reason), str(getattr(error, "status", "")))
                raise self._failed(Trouble.NOT_FOUND if gone else Trouble.NO_CALDAV) from error
            except _NONSENSE as error:
                log.warning("answer makes no sense account=%s reason=%s", self._login.name, type(error).__name__)
                raise self._failed(Trouble.NO_CALDAV) from error

    def _failed(self, trouble: Trouble, detail: str = "") -> AccountFailed:
        return AccountFailed(trouble, self._login.name, detail)


class Session(Protocol):
    """What the library asks by: a `Transport`."""

    def request(self, method: str, url: str, **more: Any) -> Answer:
        """The answer."""
        ...


def places_of(session: Session, url: str) -> tuple[Place, ...]:
    """The calendars of the account whose server is at `url`. Raises what the library does."""
    return tuple(_place(one) for one in _client(session, url).get_calendars()[:MOST_CALENDARS])


def contents(session: Session, place: Place, begins: datetime, ends: datetime) -> list[str]:
    """The objects of a calendar with something of them at about that time. Raises what the library does."""
    # A client of its own: the library joins addresses with its client's, and a place may be on a sibling host.
    objects = (
        _client(session, place.url)
        .calendar(url=place.url)
        .search(
            start=begins.astimezone(UTC) - _PADDING,
            end=ends.astimezone(UTC) + _PADDING,
            event=True,
            expand=False,
            post_filter=False,
        )
    )
    return [str(one.data or "") for one in objects]


def _client(session: Session, url: str) -> Any:
    from caldav.davclient import DAVClient  # noqa: PLC0415

    client: Any = DAVClient(url, enable_rfc6764=False)
    client.session.close()
    client.session = session
    return client


def _place(listed: Any) -> Place:
    url = str(listed.url)
    name = listed.get_display_name()
    return Place(url if url.endswith("/") else f"{url}/", str(name or ""))


def _names(places: tuple[Place, ...]) -> str:
    return ", ".join(place.name or urlsplit(place.url).path for place in places)
