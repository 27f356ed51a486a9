"""The calendars of owners on CalDAV servers, as an `Agenda`.

Rules of this file
- An owner has the account that names his key; the account for everyone only where the operator has set one. Nobody
  has another's.
"""

from collections.abc import Mapping
from datetime import datetime, tzinfo

from router.tools.agenda.account import Account
from router.tools.agenda.account_words import AccountFailed, Trouble
from router.tools.agenda.entries import Entry
from router.tools.agenda.store import Found
from router.tools.agenda.transport import Login


class CalendarServers:
    """The accounts by their owners, and the one for everybody else, if any."""

    def __init__(self, logins: Mapping[str, Login], everyone: Login | None, zone: tzinfo | None) -> None:
        self.zone = zone
        self._everyone = None if everyone is None else Account(everyone, zone)
        # Two keys of one person are one account.
        made = {login: Account(login, zone) for login in logins.values()}
        self._accounts = {owner: made[login] for owner, login in logins.items()}

    def found(self, owner: str, begins: datetime, ends: datetime) -> Found:
        """See `Agenda`."""
        return self._account(owner).found(begins, ends)

    def ready(self, owner: str) -> None:
        """See `Agenda`."""
        self._account(owner).ready()

    def add(self, owner: str, entry: Entry, made_at: datetime) -> bool:
        """See `Agenda`."""
        return self._account(owner).add(entry, made_at)

    def _account(self, owner: str) -> Account:
        account = self._accounts.get(owner, self._everyone)
        if account is None:
            raise AccountFailed(Trouble.NO_ACCOUNT)
        return account
