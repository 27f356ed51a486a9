"""Bodies of answers as values. What is not what was asked for raises `Unreadable`, and nothing else.

Rules of this file
- A body may be anything: a login page, half an answer, ten thousand brackets. None of it may get past here as an
  exception of another kind, or as a number that nobody meant.
- A boolean is no number, and neither is a text that looks like one.
"""

import math
from collections.abc import Mapping

import orjson

from sidecar.engines.engine import Answer, Unreadable

SHOWN_CHARACTERS = 60
"""Of a body that makes no sense, enough to recognise a login page or a proxy's error."""


def json_value(answer: Answer) -> object:
    """The JSON of a 200 answer.

    Raises:
        Unreadable: another status, an empty body, or no JSON.
    """
    if answer.status != 200:
        raise Unreadable(refusal(answer))
    if not answer.body.strip():
        raise Unreadable("HTTP 200 with an empty body")
    try:
        value: object = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"no JSON: {shown(answer.body)}") from error
    return value


def refusal(answer: Answer) -> str:
    """What a status other than 200 says, for a message."""
    if answer.status in (401, 403):
        return f"HTTP {answer.status}: it wants a key; set api_key of this backend"
    return f"HTTP {answer.status}: {shown(answer.body)}"


def json_object(answer: Answer) -> Mapping[str, object]:
    """The JSON object of a 200 answer. Raises `Unreadable` as `json_value` does, and for any other JSON."""
    value = json_value(answer)
    if not isinstance(value, dict):
        raise Unreadable(f"no JSON object: {shown(answer.body)}")
    return value


def count(value: object) -> int | None:
    """A whole number of things, 0 or more; None if `value` is not one."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value


def whole(value: float | None, what: str) -> int | None:
    """A count that came as a floating-point number; None stays None. Raises `Unreadable` below 0 or at infinity."""
    if value is None:
        return None
    if not math.isfinite(value) or value < 0:
        raise Unreadable(f"{what} is {value}")
    return int(value)


def ratio(value: float | None, what: str) -> float | None:
    """A part of a whole, 0..1; None stays None. A hair above 1 is rounding and counts as 1. Raises `Unreadable`."""
    if value is None:
        return None
    if not 0 <= value <= 1.01:
        raise Unreadable(f"{what} is {value}, not within 0..1")
    return min(value, 1.0)


def text(value: object) -> str | None:
    """A text with something in it, else None."""
    return value if isinstance(value, str) and value.strip() else None


def shown(body: bytes) -> str:
    """The beginning of a body, on one line, for a message."""
    beginning = body[: 4 * SHOWN_CHARACTERS].decode("utf-8", "replace")
    line = " ".join("".join(c if c.isprintable() else " " for c in beginning).split())
    return repr(line[:SHOWN_CHARACTERS])
