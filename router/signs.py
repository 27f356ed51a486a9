"""What the bytes of an OpenAI-style answer say, without parsing more of them than needed.

Rules of this file
- Pure, and indifferent to where the bytes were cut.
- In JSON a quotation mark inside of a text is escaped, and a text has no line ends: nothing that a model says can look
  like a key or like an event.
"""

import re
from enum import Enum, auto
from typing import Any, NamedTuple

import orjson

LONGEST_SIGN_BYTES = 64
"""A sign cut in two is found if this much of the part before is looked at again."""


class Sign(Enum):
    """The first thing in a stream that is more than a greeting."""

    TOKEN = auto()
    """Something generated, or the end of a stream in which nothing was."""
    ERROR = auto()


class Usage(NamedTuple):
    """Tokens of one request by the backend's own count; None where it does not count them."""

    input_tokens: int | None
    output_tokens: int | None


NO_USAGE = Usage(None, None)


def first_sign(stream: bytes) -> Sign | None:
    """What a stream begins with; None while it has only said that it begins, as many servers do."""
    found = _SIGN.search(stream)
    if found is None:
        return None
    return Sign.ERROR if found["error"] else Sign.TOKEN


def told_refusal(stream: bytes) -> tuple[int, bytes] | None:
    """Status and JSON of an error event that has a status: some servers look at a request only while streaming."""
    for data in _EVENT_DATA.findall(stream):
        match _json(data):
            case {"error": {"code": int(code)}} if 400 <= code < 600:
                return code, data
    return None


def usage_of(tail: bytes) -> Usage:
    """How many tokens were read and written, by the end of what the backend sent.

    The last count is the whole one: some servers tell it with every event.
    """
    counts = {b"prompt": 0, b"completion": 0}
    for which, count in _TOKEN_COUNT.findall(tail, max(0, len(tail) - _TAIL_BYTES)):
        counts[which] = int(count)
    return Usage(counts[b"prompt"] or None, counts[b"completion"] or None)


def is_error_body(body: bytes) -> bool:
    """Whether a JSON is an error and no answer, whatever the status says."""
    return _ERROR_BODY.match(body) is not None


def _json(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def ends_event(tail: bytes | bytearray) -> bool:
    """Whether a stream stands between two events, or at its beginning, by its last `BOUNDARY_BYTES` or more."""
    return not tail or tail.endswith((b"\n\n", b"\r\n\r\n", b"\r\r"))


BOUNDARY_BYTES = 4
"""The longest end of an event."""


class EndMarker:
    """Whether an OpenAI-style stream ended as such a stream ends. Sees every chunk, looks only at the end.

    Good ends are the `[DONE]` event or, for servers that send none, a last choice with a `finish_reason`; in both cases
    nothing half said after it, and no error told.
    """

    def __init__(self) -> None:
        self._tail = bytearray()
        self._finished_before = False
        self._error_before = False

    def feed(self, chunk: bytes) -> None:
        """Remember the end of the stream so far. Costs a copy of the chunk, no parsing."""
        self._tail += chunk
        if len(self._tail) > 4 * _TAIL_BYTES:
            self._finished_before, self._error_before = self._finished, self.told_error
            del self._tail[:-_TAIL_BYTES]

    @property
    def at_event_boundary(self) -> bool:
        """Whether nothing, or whole events only, have passed: the only place where a comment may be put in."""
        return ends_event(self._tail)

    @property
    def done(self) -> bool:
        """Whether the last thing was `[DONE]`: nothing may follow. Cheap enough to be asked at every chunk."""
        return b"[DONE]" in self._tail[-_DONE_BYTES:] and _DONE_LINE.search(self._tail) is not None

    @property
    def told_error(self) -> bool:
        """Whether an event reported an error instead of a part of the answer."""
        # The plain look comes first: it is a hundred times as fast as the pattern, and all that most streams need.
        return self._error_before or (b'"error"' in self._tail and _ERROR_EVENT.search(self._tail) is not None)

    @property
    def usage(self) -> Usage:
        """How many tokens were read and written, as far as the backend has said."""
        return usage_of(bytes(self._tail))

    @property
    def seen(self) -> bool:
        """Whether the stream, if it ended now, had ended well."""
        whole = self.done or (self._finished and self._tail.endswith((b"\n", b"\r")))
        return whole and not self.told_error

    @property
    def _finished(self) -> bool:
        """Whether the last choice that told of its finish had finished. With several choices at once, others go on."""
        finished = self._finished_before
        for found in _FINISH_REASON.finditer(self._tail):
            finished = found[1] == b'"'
        return finished


_TAIL_BYTES = 4096
"""The start of an event, a usage chunk and `[DONE]` together are shorter, by far."""
_DONE_BYTES = 16
"""`[DONE]` and the line ends after it."""
_DONE_LINE = re.compile(rb"(?:^|[\r\n])data: ?\[DONE\]\s*$")
_FINISH_REASON = re.compile(rb'"finish_reason"\s*:\s*("|null)')
_ERROR_EVENT = re.compile(rb'(?:^|[\r\n])data: ?\{\s*"error"\s*:\s*[^n\s]')
_SIGN = re.compile(
    rb'"(?:content|text|reasoning_content|reasoning|arguments)"\s*:\s*"[^"]|"tool_calls"\s*:\s*\[\s*\{|\[DONE\]'
    rb'|(?P<error>"error"\s*:\s*[^n\s])'
)
_TOKEN_COUNT = re.compile(rb'"(prompt|completion)_tokens"\s*:\s*(\d{1,9})\b')
_ERROR_BODY = re.compile(rb'\s*\{\s*"error"\s*:\s*[^n\s]')
_EVENT_DATA = re.compile(rb"(?:^|[\r\n])data: ?([^\r\n]*)")
