"""Whose mailbox is whose, by the configuration.

Rules of this file
- A key reads the account that names it, else the one that the operator said is everyone's, else none.
- Nothing is opened here. A password is read when a server is asked, so that one that changed counts at once.
- The library for IMAP is loaded when mail is first asked for: most processes never do.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from router.config import Config
from router.config_tools.accounts import account_of_everyone, account_of_keys
from router.config_tools.mail import MailAccountConfig, MailSecurity
from router.keys import owner_of_hash
from router.tools.letters import Mailbox, MailFailed, Trouble
from sidecar.config import SecretUnusable, resolve

if TYPE_CHECKING:
    from router.mailbox.connection import Server

TLS_PORT = 993
STARTTLS_PORT = 143


@dataclass(frozen=True, slots=True)
class ConfiguredMailboxes:
    """`Mailboxes` over the accounts of a configuration."""

    accounts: Mapping[str, MailAccountConfig]
    """Owner → his account."""
    everyone: MailAccountConfig | None
    timeout_seconds: float
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    _made: dict[int, Mailbox] = field(default_factory=dict, compare=False, repr=False)
    """By the identity of their accounts: two of one user may have other folders."""

    def of(self, owner: str) -> Mailbox | None:
        """See `Mailboxes`."""
        account = self.accounts.get(owner, self.everyone)
        if account is None:
            return None
        from router.mailbox.imap import ImapMailbox  # noqa: PLC0415 - see the rules of this file

        if id(account) not in self._made:
            name = f"{account.username}@{account.host}:{_port(account)}"
            server = partial(server_of, account, self.environ)
            self._made[id(account)] = ImapMailbox(name, server, account.folders, self.timeout_seconds)
        return self._made[id(account)]


def mailboxes(config: Config, environ: Mapping[str, str] = os.environ) -> ConfiguredMailboxes | None:
    """The mailboxes that are configured; None where there are none."""
    chosen = config.router.tools.email
    if not chosen.accounts:
        return None
    of_key = account_of_keys(chosen.accounts)
    owners = {
        owner_of_hash(key.hash): chosen.accounts[of_key[key.name]] for key in config.router.keys if key.name in of_key
    }
    shared = account_of_everyone(chosen.accounts)
    everyone = None if shared is None else chosen.accounts[shared]
    return ConfiguredMailboxes(owners, everyone, chosen.timeout_seconds, environ)


def _port(account: MailAccountConfig) -> int:
    usual = STARTTLS_PORT if account.security is MailSecurity.STARTTLS else TLS_PORT
    return account.port or usual


def server_of(account: MailAccountConfig, environ: Mapping[str, str]) -> "Server":
    """The server of an account, with the password read. Raises MailFailed."""
    from router.mailbox.connection import Server  # noqa: PLC0415

    try:
        password = resolve(account.password, environ)
    except SecretUnusable as error:
        raise MailFailed(Trouble.SECRET, str(error)) from None
    ca_file = None if account.ca_file is None else str(Path(account.ca_file).expanduser())
    starttls = account.security is MailSecurity.STARTTLS
    return Server(account.host, _port(account), starttls, ca_file, account.username, password)
