"""Heads of HTTP/1 messages: the start line and the fields, read from bytes and written to bytes again.

Rules of this file
- Pure, and strict: a head that two readers could understand in two ways is refused, for then they would disagree about
  where the message ends.
- A line that is passed on is passed on as it came: its order, its case, its spaces.
- What belongs to one connection alone goes no further (RFC 9110, 7.6.1).

Syntax: RFC 9112. Meaning: RFC 9110.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sidecar.proxy.bodies import Body, Chunked, Sized, UntilClose

END = b"\r\n\r\n"
"""Of a head."""

REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([^\x00-\x20\x7f]+) HTTP/1\.([01])")
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([^\x00\r\n]*))?")
FIELDS = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00\r\n]*\r\n)*")
NUMBER = re.compile(rb"[0-9]{1,18}")
ABSOLUTE_TARGET = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)

CONNECTION_ALONE = frozenset({b"connection", b"proxy-connection", b"keep-alive", b"te", b"upgrade"})
"""Fields that say something about one connection. `transfer-encoding` stays: the chunks are passed on as they come."""
NEVER_ALONE = frozenset({b"host", b"content-length", b"transfer-encoding", b"trailer"})
"""Fields that a `Connection` cannot take away: whoever names them there wants the next reader to misunderstand."""


class BadHead(ValueError):
    """Bytes that are no head, or one that says two things at once. The text says what was found."""


class Fields:
    """The field lines of a head, in their order."""

    def __init__(self, block: bytes) -> None:
        """`block`: lines, each with its end. Raises `BadHead`."""
        if FIELDS.fullmatch(block) is None:
            raise BadHead("a line that is no field")
        self.lines = [(line[: line.index(b":")].lower(), line) for line in block.split(b"\r\n")[:-1]]
        self.names = frozenset(name for name, _ in self.lines)

    def values(self, name: bytes) -> list[bytes]:
        """What the lines of this name say; `name` in lower case."""
        if name not in self.names:
            return []
        return [line[len(name) + 1 :].strip(b" \t") for known, line in self.lines if known == name]

    def words(self, name: bytes) -> list[bytes]:
        """The same, for fields that are lists of words: in lower case, without empty ones."""
        listed = b",".join(self.values(name)).lower().split(b",")
        return [word for part in listed if (word := part.strip(b" \t"))]

    def without(self, unwanted: frozenset[bytes]) -> list[bytes]:
        """The lines of all other names."""
        return [line for name, line in self.lines if name not in unwanted]

    def alone(self) -> frozenset[bytes]:
        """The names that go no further than this connection."""
        named = self.words(b"connection")
        return CONNECTION_ALONE.union(named) - NEVER_ALONE if named else CONNECTION_ALONE

    def content_length(self) -> int | None:
        """Bytes of the body, None where it is not said. Raises `BadHead` if it is said badly or in two ways."""
        said = self.values(b"content-length")
        if not said:
            return None
        if NUMBER.fullmatch(said[0]) is None or any(other != said[0] for other in said):
            raise BadHead("a content-length that is no number")
        return int(said[0])


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks, without the body."""

    method: bytes
    target: bytes
    """As the backend shall have it: path and query, or `*`."""
    minor: bytes
    """Of the version: `0` or `1`."""
    fields: Fields

    @property
    def path(self) -> str:
        """The path alone, as it was written."""
        return self.target.partition(b"?")[0].decode("latin-1")

    @property
    def upgrades(self) -> bool:
        """Whether it wants to go on as a web socket."""
        return self.fields.words(b"upgrade") == [b"websocket"] and b"upgrade" in self.fields.words(b"connection")

    @property
    def persists(self) -> bool:
        """Whether the client may ask again on this connection."""
        return self.minor == b"1" and b"close" not in self.fields.words(b"connection")

    def body(self) -> Body:
        """Where its body ends. Raises `BadHead`."""
        codings, length = self.fields.words(b"transfer-encoding"), self.fields.content_length()
        if not codings:
            return Sized(length or 0)
        if length is not None or self.minor == b"0" or codings[-1] != b"chunked" or b"chunked" in codings[:-1]:
            raise BadHead("a body whose end is said in two ways")
        return Chunked()

    def passed_on(self, via: bytes, host: bytes | None) -> bytes:
        """The head for the backend. `host` replaces the client's, None leaves it."""
        unwanted = self.fields.alone() if host is None else self.fields.alone() | {b"host"}
        lines = [b"%b %b HTTP/1.%b" % (self.method, self.target, self.minor)]
        if host is not None:
            lines.append(b"host: " + host)
        lines += self.fields.without(unwanted)
        if self.upgrades:
            lines += [b"connection: upgrade", b"upgrade: websocket"]
        lines.append(b"via: 1.%b %b" % (self.minor, via))
        return b"\r\n".join(lines) + END


@dataclass(frozen=True, slots=True)
class Answer:
    """What a backend answers, without the body."""

    minor: bytes
    status: int
    reason: bytes
    fields: Fields

    @property
    def interim(self) -> bool:
        """Whether the real answer is still to come: 100 Continue, 103 Early Hints. Not 101, which ends HTTP."""
        return 100 <= self.status < 200 and self.status != 101

    @property
    def persists(self) -> bool:
        """Whether the backend may be asked again on this connection."""
        return self.minor == b"1" and b"close" not in self.fields.words(b"connection")

    def body(self, method: bytes) -> Body:
        """Where its body ends, as an answer to `method`. Raises `BadHead`."""
        if self.status == 101:
            return UntilClose()
        if method == b"HEAD" or self.status < 200 or self.status in (204, 304):
            return Sized(0)
        codings = self.fields.words(b"transfer-encoding")
        if codings:
            return Chunked() if codings[-1] == b"chunked" else UntilClose()
        length = self.fields.content_length()
        return UntilClose() if length is None else Sized(length)

    def passed_on(self, minor: bytes, more: Iterable[bytes]) -> bytes:
        """The head for a client that speaks HTTP/1.`minor`, with `more` lines."""
        # An older backend does not make a client of today older; and an older client gets what it would have got.
        spoken = b"1" if minor == b"1" else self.minor
        unwanted = self.fields.alone()
        if b"transfer-encoding" in self.fields.names:
            unwanted |= {b"content-length"}  # RFC 9112, 6.3: the former overrides the latter, which must not go on
        lines = [b"HTTP/1.%b %d %b" % (spoken, self.status, self.reason), *self.fields.without(unwanted)]
        if self.status == 101:
            lines += [b"connection: upgrade", b"upgrade: websocket"]
        lines += more
        return b"\r\n".join(lines) + END


def read_request(head: bytes) -> Request:
    """A request from its head, the empty line included. Raises `BadHead`."""
    line, _, rest = head.partition(b"\r\n")
    found = REQUEST_LINE.fullmatch(line)
    if found is None:
        raise BadHead("no request line of HTTP/1")
    method, target, minor = found.groups()
    # Whoever takes this for a forward proxy writes the whole URL; the path is what the backend wants.
    begin = ABSOLUTE_TARGET.match(target)
    if begin is not None:
        path = target[begin.end() :]
        target = path if path.startswith(b"/") else b"/" + path
    if not target.startswith(b"/") and not (target == b"*" and method == b"OPTIONS"):
        raise BadHead("no path in the request line")
    return Request(method, target, minor, Fields(rest[:-2]))


def read_answer(head: bytes) -> Answer:
    """An answer from its head, the empty line included. Raises `BadHead`."""
    line, _, rest = head.partition(b"\r\n")
    found = STATUS_LINE.fullmatch(line)
    if found is None:
        raise BadHead("no status line of HTTP/1")
    minor, status, reason = found.groups()
    return Answer(minor, int(status), reason or b"", Fields(rest[:-2]))
