"""Notices that the configuration file has changed.

Rules of this file
- By polling: it works on every file system, in containers with mounted files and with editors that replace the file.
- A file is read only when it has stood still for one interval, so that nobody's half-written file counts.
- Whoever is called back gets a whole configuration or everything that is wrong with it, never an exception.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

from router.config import Config
from router.config_load import load
from sidecar import ConfigInvalid, Problem

INTERVAL_SECONDS = 1.0
"""One `stat` a second costs nothing, and nobody waits longer for a change that he has just saved."""


class _Stamp(NamedTuple):
    """What changes when a file's content does, whether it was written over or replaced."""

    modified_ns: int
    size: int
    inode: int


class ConfigWatch:
    """Watches one file. Make it before the file is read for the first time, so that no change falls between.

    `read` turns the path into a configuration or raises `ConfigInvalid`; it runs in a thread.
    """

    def __init__(
        self, path: Path, *, interval_seconds: float = INTERVAL_SECONDS, read: Callable[[Path], Config] = load
    ) -> None:
        self._path = path
        self._interval_seconds = interval_seconds
        self._read = read
        self._seen = self._acted_on = _stamp(path)
        self._poked = asyncio.Event()
        self.polls = True
        """Whether changes are looked for; without, only a poke counts."""

    def poke(self) -> None:
        """Read the file now, changed or not. For SIGHUP; call it in the event loop."""
        self._poked.set()

    async def run(self, on_change: Callable[[Config | ConfigInvalid], None]) -> None:
        """Calls back after every change, until cancelled."""
        async for changed in self.changes():
            on_change(changed)

    async def changes(self) -> AsyncIterator[Config | ConfigInvalid]:
        """The file after every change and every poke, without end."""
        while True:
            if await self._poke_within_interval() or (self.polls and self._has_settled()):
                self._acted_on = self._seen = _stamp(self._path)
                yield await asyncio.to_thread(self._outcome)

    async def _poke_within_interval(self) -> bool:
        try:
            await asyncio.wait_for(self._poked.wait(), self._interval_seconds)
        except TimeoutError:
            return False
        self._poked.clear()
        return True

    def _has_settled(self) -> bool:
        before, self._seen = self._seen, _stamp(self._path)
        return self._seen == before and self._seen != self._acted_on

    def _outcome(self) -> Config | ConfigInvalid:
        if self._seen is not None and self._seen.size == 0:
            # At the start an empty file means the defaults. A file that becomes empty is a save that failed.
            wanted = "a configuration, if only a line that says `router: {}`"
            return ConfigInvalid([Problem(self._path.name, None, "", "an empty file", wanted)])
        try:
            return self._read(self._path)
        except ConfigInvalid as error:
            return error


def _stamp(path: Path) -> _Stamp | None:
    """None: the file is not there, or may not be looked at."""
    try:
        status = path.stat()
    except OSError:
        return None
    return _Stamp(status.st_mtime_ns, status.st_size, status.st_ino)
