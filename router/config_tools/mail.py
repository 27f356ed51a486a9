"""What an operator sets for mail."""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from router.config_tools.accounts import AccountConfig
from sidecar.config import ByName, EmptyMapping, Name, Seconds, Section, refused

HOST_PATTERN = r"^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|(?=.*:.*:)[0-9A-Fa-f:.]{2,45})$"
"""A name, or an address; one of IPv6 has two colons at least."""
HOST_WANTED = "the name of a host such as imap.example.com, without port"
USERNAME_WANTED = "a user name of printable ASCII"
FOLDER_WANTED = "the name of a folder, without control characters"


class MailSecurity(StrEnum):
    """How a connection is made safe. It is never left unsafe."""

    TLS = "tls"
    STARTTLS = "starttls"


def _check_host(host: str) -> str:
    if re.fullmatch(HOST_PATTERN, host) is None:
        raise refused(HOST_WANTED)
    return host


def _check_username(username: str) -> str:
    if not (username.isascii() and username.isprintable()):
        raise refused(USERNAME_WANTED)
    return username


def _check_folder(folder: str) -> str:
    if not folder.isprintable():
        raise refused(FOLDER_WANTED)
    return folder


class MailAccountConfig(AccountConfig):
    """An account on an IMAP server. It is only read: nothing is sent, marked, moved or deleted."""

    host: Annotated[
        str, AfterValidator(_check_host), Field(json_schema_extra={"pattern": HOST_PATTERN, "$comment": HOST_WANTED})
    ]
    """The mail server; its certificate must be of this name."""
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    """null: 993, and 143 with starttls."""
    security: Annotated[MailSecurity, ByName] = MailSecurity.TLS
    """tls: from the first byte; starttls: before anything is said. There is no way without."""
    username: Annotated[
        str,
        Field(min_length=1, max_length=200),
        AfterValidator(_check_username),
        Field(json_schema_extra={"$comment": USERNAME_WANTED}),
    ]
    """Most servers want the whole address."""
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


class EmailConfig(Section):
    """Mail, which is searched and read and never sent."""

    accounts: Annotated[dict[Name, MailAccountConfig], EmptyMapping] = Field(default_factory=dict)
    """Whose mail is where, by names of your own; empty: there is none, and Maek says so."""
    timeout_seconds: Seconds = 20.0
    """A search or a message that takes longer is given up."""
