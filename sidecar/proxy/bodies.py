"""Where the body of an HTTP/1 message ends: bytes are counted, never changed.

Rules of this file
- Pure. A body is fed the bytes of its connection in whatever pieces they come, and says how many of them are its own.
- Strict: chunks that two readers could cut in two ways are refused.

Source: RFC 9112, 6 and 7.
"""

import re
from enum import Enum, auto
from typing import Protocol

CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00\r\n]*)?\r\n")
PLAIN_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})\r\n")
TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00\r\n]*\r\n")

MOST_LINE_BYTES = 16 * 1024
"""Of a chunk's size with its extensions, and of all trailers together: nobody sends so much."""


class BadBody(ValueError):
    """Chunks that are none. The text says what was found."""


class Body(Protocol):
    """The end of one body."""

    @property
    def done(self) -> bool:
        """Whether the body has ended, by what came."""
        ...

    @property
    def ends_with_connection(self) -> bool:
        """Whether only the end of the connection ends it."""
        ...

    def take(self, data: bytes) -> int:
        """How many bytes of `data`, from its beginning, belong to the body. Raises `BadBody`."""
        ...


class Sized:
    """A body of so many bytes; 0 is no body at all."""

    __slots__ = ("left_bytes",)
    ends_with_connection = False

    def __init__(self, left_bytes: int) -> None:
        self.left_bytes = left_bytes

    @property
    def done(self) -> bool:
        """Whether all have come."""
        return self.left_bytes == 0

    def take(self, data: bytes) -> int:
        """All of it, or as much as is still due."""
        taken = min(len(data), self.left_bytes)
        self.left_bytes -= taken
        return taken


class UntilClose:
    """A body that lasts as long as its connection."""

    __slots__ = ()
    done = False
    ends_with_connection = True

    def take(self, data: bytes) -> int:
        """All of it."""
        return len(data)


class _Wanted(Enum):
    """What a chunked body goes on with."""

    SIZE = auto()
    END_OF_CHUNK = auto()
    TRAILER = auto()
    NOTHING = auto()


class Chunked:
    """A body in chunks, each with its size before it; one of size 0 and perhaps some trailers end it."""

    __slots__ = ("_left_bytes", "_line", "_trailers_bytes", "_wanted")
    ends_with_connection = False

    def __init__(self) -> None:
        self._wanted = _Wanted.SIZE
        self._left_bytes = 0
        """Of the chunk that is coming."""
        self._line = b""
        """The beginning of a line whose end has not come."""
        self._trailers_bytes = 0

    @property
    def done(self) -> bool:
        """Whether the end has come."""
        return self._wanted is _Wanted.NOTHING

    def take(self, data: bytes) -> int:
        """Everything up to the end of the last chunk's trailers."""
        at, end = 0, len(data)
        while at < end and self._wanted is not _Wanted.NOTHING:
            if self._left_bytes:
                taken = min(end - at, self._left_bytes)
                self._left_bytes -= taken
                at += taken
            elif self._line:
                at = self._take_line(data, at)
            elif self._wanted is _Wanted.END_OF_CHUNK and data.startswith(b"\r\n", at):
                self._wanted = _Wanted.SIZE
                at += 2
            elif self._wanted is _Wanted.SIZE and (found := PLAIN_SIZE.match(data, at)):
                # Nearly all sizes come whole and without extensions, and there are as many as tokens.
                self._begin_chunk(found[1])
                at = found.end()
            else:
                at = self._take_line(data, at)
        return at

    def _take_line(self, data: bytes, at: int) -> int:
        """Take what there is of a line that begins, or goes on, at `at`; gives where it ends."""
        line_end = data.find(b"\n", at) + 1
        self._line += data[at : line_end or len(data)]
        if len(self._line) > MOST_LINE_BYTES:
            raise BadBody("a line between chunks that does not end")
        if line_end:
            line, self._line = self._line, b""
            self._read(line)
        return line_end or len(data)

    def _read(self, line: bytes) -> None:
        match self._wanted:
            case _Wanted.SIZE:
                found = CHUNK_SIZE.fullmatch(line)
                if found is None:
                    raise BadBody("a chunk without its size")
                self._begin_chunk(found[1])
            case _Wanted.END_OF_CHUNK:
                if line != b"\r\n":
                    raise BadBody("a chunk that is longer than its size")
                self._wanted = _Wanted.SIZE
            case _:
                self._read_trailer(line)

    def _begin_chunk(self, size: bytes) -> None:
        self._left_bytes = int(size, 16)
        self._wanted = _Wanted.END_OF_CHUNK if self._left_bytes else _Wanted.TRAILER

    def _read_trailer(self, line: bytes) -> None:
        self._trailers_bytes += len(line)
        if line == b"\r\n":
            self._wanted = _Wanted.NOTHING
        elif TRAILER.fullmatch(line) is None or self._trailers_bytes > MOST_LINE_BYTES:
            raise BadBody("trailers that are none")
