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

MOST_EVENT_BYTES = 8 * 1024 * 1024
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
        self._line_so_far: list[bytes] = []
        self._held_bytes = 0
        self._after_cr = False
        self._data: list[str] = []
        self._name = ""
        self._id: str | None = None

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completed. Raises Overlong for one that never ends."""
        if not chunk:
            return []
        if self._after_cr:
            # The CR has ended a line already; the LF that follows it is the other half of that end.
            chunk = chunk.removeprefix(b"\n")
        self._after_cr = chunk.endswith(b"\r")
        events: list[Event] = []
        *ended, begun = _LINE_END.split(chunk)
        for part in ended:
            self._hold(part)
            line = b"".join(self._line_so_far)
            self._line_so_far.clear()
            self._line(line, events)
        self._hold(begun)
        return events

    def _hold(self, part: bytes) -> None:
        self._line_so_far.append(part)
        self._held_bytes += len(part)
        if self._held_bytes > MOST_EVENT_BYTES:
            raise Overlong(f"an event of more than {MOST_EVENT_BYTES} bytes")

    def _line(self, line: bytes, events: list[Event]) -> None:
        if not line:
            if self._data:
                events.append(Event("\n".join(self._data), self._name or "message", self._id))
            self._data, self._name, self._held_bytes = [], "", 0
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


def comment(text: str) -> bytes:
    """A comment of one line, which clients skip."""
    return f": {text}\n\n".encode()
