"""Which drafts of calls have been carried out, so that a yes runs each at most once.

Rules of this file
- A call of somebody else's tool cannot be made twice with the effect of one. So what is about to run is claimed on
  disk first: whoever dies after that has perhaps done it, and it is not done again.
- A claim is a file that did not exist before: two processes cannot both have it.
"""

import os
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import orjson

from router.tools.spec import PendingDraft

KEPT_SECONDS = 86_400.0
"""Longer than any draft waits."""
FOLDER = "mcp-calls"


def claim(data_folder: Path, owner: str, session: str, draft: PendingDraft, now: float) -> bool:
    """Whether this draft is ours to run; False: it has been begun before. Blocks on the disk. Raises OSError.

    `now` in seconds since the epoch.
    """
    folder = data_folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in folder.iterdir():
        with suppress(FileNotFoundError):  # another one forgets it, too
            if now - old.stat().st_mtime > KEPT_SECONDS:
                old.unlink()
    told = [owner, session, draft.tool, draft.operation, dict(draft.params), draft.expires_at]
    name = blake2b(orjson.dumps(told, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
    try:
        file = os.open(folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return False
    try:
        os.fsync(file)
    finally:
        os.close(file)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)  # the name has to be on the disk, and not only the file
    finally:
        os.close(directory)
    return True
