"""The folder of documents: what is in it, and its files' bytes, without ever leaving it.

Rules of this file
- No link is followed, neither to a file nor to a folder: each step down is opened by itself and without links, so that
  nothing put in place between looking and opening leads out.
- Blocking, for threads.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import NamedTuple

from router.documents.reading import READERS, Unreadable, Why

ID_CHARACTERS = 16
"""Of a hash in hex: 64 bits, so that a million documents do not meet."""


class Seen(NamedTuple):
    """A file that was met. `problem` says why it need not even be opened."""

    path: str
    mtime_ns: int
    size_bytes: int
    problem: Why | None

    @property
    def id(self) -> str:
        """Opaque, and the same as long as the file keeps its place."""
        return hashlib.sha256(os.fsencode(self.path)).hexdigest()[:ID_CHARACTERS]


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of documents, with the largest size of a file that is read."""

    root: Path
    max_file_bytes: int

    def files(self) -> Iterator[Seen]:
        """Every file and link below it, by path; what begins with a dot is none. Raises OSError without the folder."""
        os.close(os.open(self.root, os.O_RDONLY | os.O_DIRECTORY))
        denied: list[OSError] = []
        for parent, folders, names in os.walk(self.root, onerror=denied.append):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted([*names, *folders]):
                path = Path(parent, name)
                if not name.startswith(".") and (path.is_symlink() or name not in folders):
                    yield self._seen(path)
        for error in denied:
            yield Seen(self._relative(Path(os.fsdecode(error.filename))), 0, 0, Why.DENIED)

    def content(self, path: str) -> bytes:
        """The bytes of a file. Raises Unreadable, or FileNotFoundError where it is gone."""
        with self._opened(path) as file:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                raise Unreadable(Why.KIND)
            with os.fdopen(file, "rb", closefd=False) as reader:
                content = reader.read(self.max_file_bytes + 1)
        if len(content) > self.max_file_bytes:
            raise Unreadable(Why.SIZE)
        return content

    def has(self, path: str) -> bool:
        """Whether that file is still in the folder, and can be opened without leaving it."""
        try:
            with self._opened(path):
                return True
        except (Unreadable, OSError):
            return False

    @contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        *parents, name = PurePath(path).parts
        at = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for parent in parents:
                inner = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
                os.close(at)
                at = inner
            # Not to wait for whoever writes, should it have become a pipe.
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
        except PermissionError as error:
            raise Unreadable(Why.DENIED) from error
        finally:
            os.close(at)
        try:
            yield file
        finally:
            os.close(file)

    def _seen(self, path: Path) -> Seen:
        try:
            found = path.lstat()
        except OSError:
            return Seen(self._relative(path), 0, 0, Why.DENIED)
        return Seen(self._relative(path), found.st_mtime_ns, found.st_size, self._refused(path, found))

    def _refused(self, path: Path, found: os.stat_result) -> Why | None:
        if stat.S_ISLNK(found.st_mode):
            return Why.LINK
        if not path.name.isprintable() or "\udc80" <= max(str(path)) <= "\udcff":
            return Why.NAME
        if not stat.S_ISREG(found.st_mode) or path.suffix.lower() not in READERS:
            return Why.KIND
        return Why.SIZE if found.st_size > self.max_file_bytes else None

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()
