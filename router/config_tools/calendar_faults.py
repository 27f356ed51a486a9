"""What must hold between the accounts of the calendar and the rest of the configuration.

Rules of this file
- It reads raw values, so that it speaks although other keys are wrong.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from router.config_tools.accounts import account_faults
from router.config_tools.calendars import CalendarConfig, CalendarKind
from sidecar.config import Fault, Loc, mapping

_CALENDAR: Loc = ("router", "tools", "calendar")
_ACCOUNTS: Loc = (*_CALENDAR, "accounts")
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def calendar_faults(values: Mapping[str, Any], key_names: Sequence[str], environ: Mapping[str, str]) -> Iterator[Fault]:
    """What is wrong with the accounts; `key_names`: those of router.keys."""
    calendar = mapping(values, "router", "tools", "calendar")
    if calendar.get("kind") != CalendarKind.CALDAV:
        return
    accounts = mapping(calendar, "accounts")
    if not accounts:
        yield Fault(_ACCOUNTS, "no account", "at least one, since kind is caldav")
    yield from account_faults(_ACCOUNTS, accounts, key_names, environ)


def calendar_warnings(calendar: CalendarConfig) -> Iterator[Fault]:
    """What a calendar that is configured well cannot do, or should not, on this machine and now."""
    if calendar.kind is not CalendarKind.CALDAV:
        return
    if find_spec("caldav") is None:
        yield Fault((*_CALENDAR, "kind"), "caldav without its library", "pip install 'maek[caldav]'")
    for name, account in calendar.accounts.items():
        url = urlsplit(account.url)
        if url.scheme == "http" and url.hostname not in _THIS_MACHINE:
            yield Fault((*_ACCOUNTS, name, "url"), "http, by which the password can be read on its way", "https")
