"""What an operator sets for mail."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from router.config_folder import DIRECTORY_WANTED, check_directory
from sidecar.config import (
    ByName,
    EmptyList,
    Fault,
    Loc,
    Name,
    Seconds,
    SecretReference,
    Section,
    entries,
    one_of,
    refused,
)

HOST_PATTERN = r"^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|(?=.*:.*:)[0-9A-Fa-f:.]{2,45})$"
"""A name, or an address; one of IPv6 has two colons at least."""
HOST_WANTED = "the name of a host such as imap.example.com, without port"
USER_WANTED = "a user name of printable ASCII"
FOLDER_WANTED = "the name of a folder, without control characters"
_ACCOUNTS: Loc = ("router", "tools", "email", "accounts")


class MailSecurity(StrEnum):
    """How a connection is made safe. It is never left unsafe."""

    TLS = "tls"
    STARTTLS = "starttls"


def _check_host(host: str) -> str:
    if re.fullmatch(HOST_PATTERN, host) is None:
        raise refused(HOST_WANTED)
    return host


def _check_user(user: str) -> str:
    if not (user.isascii() and user.isprintable()):
        raise refused(USER_WANTED)
    return user


def _check_folder(folder: str) -> str:
    if not folder.isprintable():
        raise refused(FOLDER_WANTED)
    return folder


class MailAccountConfig(Section):
    """An account on an IMAP server. It is only read: nothing is sent, marked, moved or deleted."""

    host: Annotated[
        str, AfterValidator(_check_host), Field(json_schema_extra={"pattern": HOST_PATTERN, "$comment": HOST_WANTED})
    ]
    """The mail server; its certificate must be of this name."""
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    """null: 993, and 143 with starttls."""
    security: Annotated[MailSecurity, ByName] = MailSecurity.TLS
    """tls: from the first byte; starttls: before anything is said. There is no way without."""
    ca_file: (
        Annotated[str, AfterValidator(check_directory), Field(json_schema_extra={"$comment": DIRECTORY_WANTED})] | None
    ) = None
    """Certificates (PEM) to trust instead of the system's, for a server that signed its own; null: the system's."""
    user: Annotated[
        str,
        Field(min_length=1, max_length=200),
        AfterValidator(_check_user),
        Field(json_schema_extra={"$comment": USER_WANTED}),
    ]
    """Most servers want the whole address."""
    password: SecretReference
    """Where the password is; read anew for every question."""
    folders: Annotated[
        tuple[
            Annotated[
                str,
                Field(min_length=1, max_length=200),
                AfterValidator(_check_folder),
                Field(json_schema_extra={"$comment": FOLDER_WANTED}),
            ],
            ...,
        ],
        Field(min_length=1, max_length=20),
    ] = ("INBOX",)
    """The folders that are searched, as the server calls them."""
    keys: Annotated[tuple[Name, ...], EmptyList] = ()
    """Names of the keys whose mail this is."""
    shared: bool = False
    """true: every key that has no account of its own may read it."""


class EmailConfig(Section):
    """Mail, which is searched and read and never sent."""

    accounts: Annotated[tuple[MailAccountConfig, ...], EmptyList] = ()
    """Whose mail is where; empty: there is none, and Maek says so."""
    timeout_seconds: Seconds = 20.0
    """A search or a message that takes longer is given up."""


def mail_faults(accounts: Any, key_names: Mapping[str, Any] | None) -> Iterator[Fault]:
    """What is wrong between the accounts (raw values) and the keys; None for these: there are no keys."""
    rows = tuple(entries(accounts))
    if key_names is None and len(rows) > 1:
        yield Fault((*_ACCOUNTS, rows[1][0]), "a second account", "one account, or keys, by which users are told apart")
    taken: set[str] = set()
    shared = 0
    for index, account in rows:
        loc: Loc = (*_ACCOUNTS, index)
        named = account.get("keys")
        names = tuple(name for name in named if isinstance(name, str)) if isinstance(named, tuple) else ()
        yield from _name_faults(loc, names, key_names or {}, taken)
        if account.get("shared") is True:
            shared += 1
            if shared > 1:
                yield Fault((*loc, "shared"), "a second shared account", "one shared account at most")
        elif key_names is not None and not names:
            wanted = "names of router.keys under keys, or shared: true, so that every key may read it"
            yield Fault(loc, "an account that nobody may read", wanted)


def _name_faults(loc: Loc, names: tuple[str, ...], known: Mapping[str, Any], taken: set[str]) -> Iterator[Fault]:
    for at, name in enumerate(names):
        here: Loc = (*loc, "keys", at)
        if name not in known:
            yield Fault(here, "an unknown key", f"{one_of(name, known)}, or this name under router.keys")
        elif name in taken:
            yield Fault(here, "a key that has an account already", "each key in one account")
        taken.add(name)
