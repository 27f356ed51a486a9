"""The conversations that a command works on, wherever they are: what it may do with them.

Rules of this file
- Rows and wholes are as `GET /sessions` has them: a command prints the same from a running Maek and from a file.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol
from urllib.parse import quote

from router.terminal.remote import PATIENCE_SECONDS, Remote, Unanswered

PAGE = 200
"""The most that one answer lists."""


class Unclear(Exception):
    """What was asked cannot be done so; the text says how."""


class KeptSessions(Protocol):
    """Conversations of one key, or of all. Raises Unanswered, Unclear or SessionStoreFailed."""

    def rows(self) -> AsyncIterator[Mapping[str, Any]]:
        """One line for each, the last used first."""
        ...

    def all(self) -> AsyncIterator[Mapping[str, Any]]:
        """Everything that is kept, of each."""
        ...

    async def one(self, session_id: str) -> Mapping[str, Any]:
        """Everything that is kept of this one."""
        ...

    async def delete(self, session_id: str) -> None:
        """Forget it."""
        ...


class _OverHttp:
    """Those that a running Maek shows to the key of the environment."""

    def __init__(self, maek: Remote) -> None:
        self._maek = maek

    async def rows(self) -> AsyncIterator[Mapping[str, Any]]:
        """See `KeptSessions`."""
        after = ""
        while True:
            page = await self._maek.get(f"/sessions?limit={PAGE}{after}")
            if not isinstance(page, dict) or not isinstance(page.get("sessions"), list):
                raise Unanswered(self._maek.not_maek())
            for row in page["sessions"]:
                yield row
            if page["next"] is None:
                return
            after = f"&after={quote(page['next'], safe='')}"

    async def all(self) -> AsyncIterator[Mapping[str, Any]]:
        """See `KeptSessions`."""
        ids = [row["id"] async for row in self.rows()]
        for session_id in ids:
            try:
                yield await self.one(session_id)
            except Unanswered as problem:
                if problem.status != 404:  # forgotten since it was listed
                    raise

    async def one(self, session_id: str) -> Mapping[str, Any]:
        """See `KeptSessions`."""
        found: Mapping[str, Any] = await self._maek.get(_path(session_id))
        return found

    async def delete(self, session_id: str) -> None:
        """See `KeptSessions`."""
        await self._maek.text(_path(session_id), "DELETE", PATIENCE_SECONDS)


def over_http(maek: Remote) -> KeptSessions:
    """The conversations of a running Maek."""
    return _OverHttp(maek)


def _path(session_id: str) -> str:
    return "/sessions/" + quote(session_id, safe="")
