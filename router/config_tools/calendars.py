"""What an operator sets for the calendar."""

import re
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from router.config_tools.accounts import AccountConfig
from sidecar.config import ByName, EmptyList, EmptyMapping, Name, Section, Word, refused

ADDRESS_WANTED = "http://HOST:PORT/PATH or https://HOST:PORT/PATH, without user and password"
USERNAME_WANTED = "a user name of up to 200 characters without a colon"


class CalendarKind(StrEnum):
    """Where entries are kept."""

    LOCAL = "local"
    CALDAV = "caldav"
    NONE = "none"


def _address(url: str) -> str:
    # It never shows the URL, which may hold a password.
    if re.fullmatch(r"https?://[^\s/@?#\\]+(/[^\s?#\\]*)?", url) is None or len(url) > 2000:
        raise refused(ADDRESS_WANTED, found="something else (not shown)")
    try:
        usable = bool(urlsplit(url).hostname) and urlsplit(url).port != 0
    except ValueError:
        usable = False
    if not usable:
        raise refused(ADDRESS_WANTED, found="a broken URL")
    return url


def _username(name: str) -> str:
    if not 0 < len(name) <= 200 or ":" in name or not name.isprintable():
        raise refused(USERNAME_WANTED)
    return name


class CalendarAccountConfig(AccountConfig):
    """An account of a CalDAV server, and whose it is."""

    url: Annotated[
        str,
        AfterValidator(_address),
        Field(json_schema_extra={"pattern": "^https?://", "$comment": ADDRESS_WANTED}),
    ]
    """Where its calendars are; docs/calendar.md has it for the usual servers."""
    username: Annotated[str, AfterValidator(_username), Field(json_schema_extra={"$comment": USERNAME_WANTED})]
    """As the server knows it."""
    calendars: Annotated[tuple[Word, ...], EmptyList] = ()
    """Names or addresses of the calendars that are read; empty: all of the account."""
    write: Word | None = None
    """The calendar that new entries go to; null: the only one there is."""


class CalendarConfig(Section):
    """The calendar."""

    kind: Annotated[CalendarKind, ByName] = CalendarKind.LOCAL
    """local: an iCalendar file for each key. caldav: accounts of CalDAV servers (maek[caldav]). none: no calendar."""
    accounts: Annotated[dict[Name, CalendarAccountConfig], EmptyMapping] = Field(default_factory=dict)
    """With caldav: the accounts, by the names that messages use for them."""
