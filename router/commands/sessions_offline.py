"""The conversations in the file of the data folder, for whoever may read that: every key's.

Rules of this file
- It makes no file: where there is none, that is said.
- Another process may work on the same file; SQLite keeps the two apart. A turn that runs there is not waited for.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from router.config import Config
from router.sessions.opening import bounds_of
from router.sessions.showing import last_of, overview_json, transcript_json
from router.sessions.sqlite import FILE_NAME, SqliteSessions
from router.sessions.store import SessionStore, Transcript
from router.terminal.kept_sessions import PAGE, KeptSessions, Unclear


class _InFile:
    """Those of one owner, or of all. `now` has the zone that moments are shown in."""

    def __init__(self, store: SessionStore, owner: str | None, now: datetime) -> None:
        self._store = store
        self._owner = owner
        self._now = now

    async def rows(self) -> AsyncIterator[Mapping[str, Any]]:
        """See `KeptSessions`."""
        async for one in self._transcripts():
            yield {"owner": one.session.owner} | overview_json(one, self._now)

    async def all(self) -> AsyncIterator[Mapping[str, Any]]:
        """See `KeptSessions`."""
        async for one in self._transcripts():
            yield self._json(one)

    async def one(self, session_id: str) -> Mapping[str, Any]:
        """See `KeptSessions`."""
        return self._json(await self._found(session_id))

    async def delete(self, session_id: str) -> None:
        """See `KeptSessions`."""
        await self._store.delete(session_id, (await self._found(session_id)).session.owner)

    async def _transcripts(self) -> AsyncIterator[Transcript]:
        after = None
        while page := await self._store.listed(self._owner, PAGE, after):
            for one in page:
                yield one
            after = last_of(page)

    async def _found(self, session_id: str) -> Transcript:
        found = [one async for one in self._transcripts() if one.session.id == session_id]
        if not found:
            raise Unclear(f"there is no session {session_id}; `maek sessions list --offline` shows what there is.")
        if len(found) > 1:
            owners = ", ".join(one.session.owner for one in found)
            raise Unclear(f"several keys have a session {session_id}; say whose with --owner: {owners}.")
        return found[0]

    def _json(self, one: Transcript) -> Mapping[str, Any]:
        return {"owner": one.session.owner} | transcript_json(one, self._now)


@asynccontextmanager
async def offline(config: Config, owner: str | None) -> AsyncIterator[KeptSessions]:
    """The conversations in the file. Raises Unclear if there is none, SessionStoreFailed if it is no good."""
    folder = config.router.data_folder()
    if not (folder / FILE_NAME).exists():
        raise Unclear(f"no sessions are kept in {folder}; MAEK_DATA_DIR or router.data_dir names the folder.")
    store = await SqliteSessions.opened(folder, bounds_of(config))
    try:
        yield _InFile(store, owner, datetime.now(tz=UTC).astimezone(config.router.zone))
    finally:
        await store.close()
