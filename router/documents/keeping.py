"""The index kept as the folder is, for as long as Maek runs: read again every few minutes, and embedded where wanted.

Rules of this file
- Reading comes first, and needs no model; embedding goes on where it stopped, another time.
- Nothing of it ends the loop: what goes wrong is told to the log, and tried again.
"""

import logging
import sqlite3
from collections.abc import Awaitable, Callable

from router.config import Config
from router.documents.embedding import embed_missing
from router.documents.local import LocalArchive, local_archive
from router.documents.refreshing import Report
from router.tools.models import Models

log = logging.getLogger(__name__)


async def keep_fresh(
    current: Callable[[], Config], lent: Callable[[], Models], wait: Callable[[float], Awaitable[None]]
) -> None:
    """Refresh the archive in force, now and whenever `wait` has waited for its minutes or for a new configuration."""
    told: Report | None = None
    while True:
        archive = local_archive(current())
        if archive is not None:
            told = await _kept_fresh(archive, told)
            role = current().router.tools.document.embed_role
            if role is not None and told is not None:
                await embed_missing(archive, lent(), role)
        if local_archive(current()) == archive:
            await wait(current().router.tools.document.refresh_minutes * 60)


async def _kept_fresh(archive: LocalArchive, told: Report | None) -> Report | None:
    """What was done; told to the log where it is news."""
    try:
        report = await archive.refreshed()
    except BlockingIOError:
        log.info("documents are being indexed by another process folder=%s", archive.folder.root)
        return told
    except (sqlite3.Error, OSError) as error:
        log.error("documents not indexed folder=%s reason=%s", archive.folder.root, error)
        return None
    unreadable = len(report.problems)
    if report.changed or report.removed or told is None:
        log.info("documents indexed files=%d changed=%d removed=%d unreadable=%d",
                 report.files, report.changed, report.removed, unreadable)  # fmt: skip
    return report
