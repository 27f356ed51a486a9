"""Server-sent events, decoded and encoded.

Rules of this file
- Pure. Decoding is indifferent to where the bytes were cut.
- As the HTML standard says: lines end with CR, LF or CRLF, a line that begins with a colon is a comment, several
  `data:` lines are one event. https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import re
from dataclasses import dataclass

import orjson

COMMENT_KEEPALIVE = b": keep-alive\n\n"
DONE = "[DONE]"
"""The data of the event that ends an OpenAI-style stream."""

MOST_PENDING_BYTES = 8 * 1024 * 1024
"""A single event larger than this is no event of a chat."""

_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `name` is "message" where the stream gave none."""

    data: str
    name: str = "message"
    id: str | None = None


class Overlong(ValueError):
    """An event without an end."""


class Decoder:
    """Bytes in, whole events out. What is not yet whole waits inside."""

    def __init__(self) -> None:
        self._pending = b""
        self._data: list[str] = []
        self._name = ""
        self._id: str | None = None

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completed. Raises Overlong for one that never ends."""
        self._pending += chunk
        events: list[Event] = []
        start = 0
        for end in _LINE_END.finditer(self._pending):
            # A CR at the very end may be half of a CRLF: it waits for the next byte.
            if end.group() == b"\r" and end.end() == len(self._pending):
                break
            self._line(self._pending[start : end.start()], events)
            start = end.end()
        self._pending = self._pending[start:]
        if len(self._pending) > MOST_PENDING_BYTES:
            raise Overlong(f"an event of more than {MOST_PENDING_BYTES} bytes")
        return events

    def _line(self, line: bytes, events: list[Event]) -> None:
        if not line:
            if self._data:
                events.append(Event("\n".join(self._data), self._name or "message", self._id))
            self._data, self._name = [], ""
            return
        key, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        match key:
            case "data":
                self._data.append(value)
            case "event":
                self._name = value
            case "id":
                self._id = value
            case _:
                pass  # A comment (empty key), `retry`, or a field that nobody knows.


def encode(data: object, name: str | None = None, event_id: str | None = None) -> bytes:
    """One event that carries `data` as JSON."""
    head = (f"id: {event_id}\n" if event_id else "") + (f"event: {name}\n" if name else "")
    return head.encode() + b"data: " + orjson.dumps(data) + b"\n\n"


class EndMarker:
    """Whether an OpenAI-style stream ended as such a stream ends. Sees every chunk, looks only at the end.

    Good ends are the `[DONE]` event or, for servers that send none, a last chunk with a `finish_reason`.
    """

    def __init__(self) -> None:
        self._tail = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Remember the end of the stream so far. Costs a copy of the chunk, no parsing."""
        self._tail += chunk
        if len(self._tail) > 4 * _TAIL_BYTES:
            del self._tail[:-_TAIL_BYTES]

    @property
    def at_event_boundary(self) -> bool:
        """Whether nothing, or whole events only, have passed: the only place where a comment may be put in."""
        return not self._tail or self._tail.endswith((b"\n\n", b"\r\n\r\n", b"\r\r"))

    @property
    def seen(self) -> bool:
        """Whether the stream, if it ended now, had ended well."""
        tail = bytes(self._tail)
        return bool(_DONE_LINE.search(tail) or _FINISH_REASON.search(tail))


_TAIL_BYTES = 4096
"""A last content chunk, a usage chunk and `[DONE]` together are shorter, by far."""
_DONE_LINE = re.compile(rb"(?:^|[\r\n])data: ?\[DONE\]\s*$")
_FINISH_REASON = re.compile(rb'"finish_reason"\s*:\s*"')
