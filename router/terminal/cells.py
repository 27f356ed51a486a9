"""Text in the cells of a terminal: how wide it is, how it is cut to fit, and which colours it has.

Rules of this file
- Pure. A line is a sequence of spans; what a terminal is told is made of it last, in `ansi` or `plain`.
- Hangul and other wide characters take two cells, combining ones none (Unicode Standard Annex 11). What would move the
  cursor is never passed on: a name on the screen must not be able to paint elsewhere.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from math import ceil
from typing import NamedTuple

ELLIPSIS = "…"
BARS = "▁▂▃▄▅▆▇█"


class Style(StrEnum):
    """How a span looks; the values are those of SGR, ECMA-48."""

    PLAIN = ""
    BOLD = "1"
    DIM = "2"
    REVERSED = "7"
    GOOD = "32"
    NOTE = "36"
    WARN = "33"
    BAD = "31"
    WORST = "1;31"


class Span(NamedTuple):
    """A piece of a line."""

    text: str
    style: Style = Style.PLAIN


Line = tuple[Span, ...]


def cells(text: str) -> int:
    """How many cells a text takes."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


@lru_cache(maxsize=4096)
def _cells_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf") or "\u1160" <= character <= "\u11ff":
        return 0  # combining, invisible, or the rest of a syllable that is written in letters
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def clean(text: str) -> str:
    """The text with a question mark for whatever is not to be printed."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def clipped(text: str, most: int) -> str:
    """At most so many cells of a text, with an ellipsis where something is missing."""
    if cells(text) <= most:
        return text
    if most <= 0:
        return ""
    kept: list[str] = []
    room = most - 1
    for character in text:
        room -= _cells_of(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + ELLIPSIS


def left(text: str, width: int) -> str:
    """The text in exactly `width` cells, filled up on the right."""
    kept = clipped(text, width)
    return kept + " " * (width - cells(kept))


def right(text: str, width: int) -> str:
    """The text in exactly `width` cells, filled up on the left."""
    kept = clipped(text, width)
    return " " * (width - cells(kept)) + kept


def fitted(line: Iterable[Span], width: int) -> Line:
    """A line that takes at most `width` cells."""
    kept: list[Span] = []
    room = width
    for text, style in line:
        piece = clipped(text, room)
        if piece:
            kept.append(Span(piece, style))
        if piece != text:
            break
        room -= cells(piece)
    return tuple(kept)


def wrapped(text: str, width: int) -> list[str]:
    """The words of a text in lines of at most `width` cells; a word that is longer than a line is cut."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if cells(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        line = clipped(word, width)
    return [*lines, line] if line else lines


def plain(line: Line) -> str:
    """The line for a pipe."""
    return "".join(span.text for span in line).rstrip()


def ansi(line: Line) -> str:
    """The line for a terminal."""
    return "".join(f"\033[{style}m{text}\033[0m" if style else text for text, style in line)


def sparkline(values: Sequence[float | None], top: float) -> str:
    """One bar for each value, the highest for `top` and above; a blank where nothing is known."""
    return "".join(" " if value is None else _bar(value, top) for value in values)


def _bar(value: float, top: float) -> str:
    if value <= 0 or top <= 0:
        return BARS[0]
    # Whatever is more than nothing shows as more than nothing.
    return BARS[min(len(BARS) - 1, max(1, ceil(value / top * len(BARS)) - 1))]
