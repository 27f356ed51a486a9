"""What must hold between the accounts of the calendar and the rest of the configuration.

Rules of this file
- It reads raw values, so that it speaks although other keys are wrong.
- An account that nobody sees is a mistake, and so is one that might be seen by somebody who was not meant.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from router.config_tools.calendars import CalendarConfig, CalendarKind
from sidecar.config import Fault, Loc, mapping, one_of, reference_faults

_CALENDAR: Loc = ("router", "tools", "calendar")
_ACCOUNTS: Loc = (*_CALENDAR, "accounts")
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def calendar_faults(values: Mapping[str, Any], key_names: Sequence[str], environ: Mapping[str, str]) -> Iterator[Fault]:
    """What is wrong with the accounts; `key_names`: those of router.keys."""
    calendar = mapping(values, "router", "tools", "calendar")
    if calendar.get("kind") != CalendarKind.CALDAV:
        return
    accounts = {name: mapping(account) for name, account in mapping(calendar, "accounts").items()}
    if not accounts:
        yield Fault(_ACCOUNTS, "no account", "at least one, since kind is caldav")
    for name, account in accounts.items():
        yield from reference_faults((*_ACCOUNTS, name, "password"), account.get("password"), environ)
    yield from _audience_faults(accounts, key_names)


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


def _audience_faults(accounts: Mapping[str, Mapping[str, Any]], key_names: Sequence[str]) -> Iterator[Fault]:
    """Who sees which account: everybody knows one at most, and every account is somebody's."""
    owners: dict[str, str] = {}
    shared: str | None = None
    for name, account in accounts.items():
        keys = account.get("keys")
        named = [key for key in keys if isinstance(key, str)] if isinstance(keys, tuple) else []
        for index, key in enumerate(named):
            loc: Loc = (*_ACCOUNTS, name, "keys", index)
            if key not in key_names:
                yield Fault(loc, "an unknown key", f"{one_of(key, key_names)}, or this name under router.keys")
            elif owners.setdefault(key, name) != name:
                yield Fault(loc, f"a key that has the account {owners[key]} already", "one account for each key")
        if account.get("everyone") is True:
            if shared is not None:
                loc = (*_ACCOUNTS, name, "everyone")
                yield Fault(loc, f"a second account for everyone, after {shared}", "one at most")
            shared = shared or name
        elif not named:
            wanted = "names of router.keys under keys, or everyone: true"
            yield Fault((*_ACCOUNTS, name), "an account that nobody sees", wanted)
