"""Phrases of time in a text: the words of time that belong together, and what they mean by themselves.

Rules of this file
- Pure. The rows of `dates` and `clock` are one grammar; of the rows that fit at a place the first wins, and no word is
  in two phrases.
- A phrase has with it the prepositions before and the particles after, which say how it goes with the next one.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Generic, NamedTuple, TypeVar, cast

from router.decide.calendar_days import Span
from router.decide.clock import TIMES, Part, Timely
from router.decide.dates import DAYS
from router.decide.patterns import lazy
from router.decide.time_scan import scan
from router.decide.time_words import KIND, YEARS, Token


def kinds_of(names: str) -> frozenset[str]:
    """The characters of these kinds."""
    return frozenset(KIND[name] for name in names.split())


class Days(NamedTuple):
    """Words that name days. `span` None: there are none such."""

    span: Span | None
    any_year: bool = False
    """A month or a day of one, of whichever year."""
    any_month: bool = False
    """A day of whichever month."""


M = TypeVar("M")


class Found(NamedTuple, Generic[M]):
    """A phrase: where it stands, and what it means."""

    start: int
    end: int
    meaning: M
    first: int
    """Of its tokens."""
    after: int
    """The token after its last."""
    is_read: bool
    """Whether it is taken out of the text; a part of the day alone may be a part of a Korean title."""


Phrase = Found[Days | Timely]


def _sentence(row: str) -> str:
    return re.sub(r"[a-z_]+", lambda found: KIND[found[0]], row).replace(" ", "")


_GRAMMAR = lazy("|".join(f"({_sentence(row)})" for row, _ in (*DAYS, *TIMES)))
_HEADS = kinds_of("on from until for in of the at before by")
_TAILS = kinds_of("from until of plain between")
_MONTHS = kinds_of("month maybe_month slash")
_YEAR_SAID = kinds_of("year bare_year year_or_count away_year away lunar moon_day")
_BARE_DAY = kinds_of("day weak_day ordinal range on the until from")
_RANGES = kinds_of("range from until")
_AND, _BETWEEN, _FROM = KIND["and"], KIND["between"], KIND["from"]
_JOINTS = _RANGES | _TAILS | _HEADS | {_AND}


def find(text: str, today: date) -> tuple[str, list[Phrase]]:
    """The words of time in folded `text` as a sentence of kinds, and the phrases in it, in their order."""
    kinds, tokens = scan(text)
    found: list[Phrase] = []
    for match in _GRAMMAR.finditer(kinds):
        first, after = match.span()
        meaning = _meaning((match.lastindex or 0) - 1, tokens[first:after], today)
        if meaning is not None:
            found.append(_placed(text, kinds, tokens, meaning, first, after))
    return kinds, found


def those(found: Iterable[Phrase], kind: type[M]) -> list[Found[M]]:
    """The phrases with that kind of meaning."""
    return [cast("Found[M]", each) for each in found if isinstance(each.meaning, kind)]


def joined(kinds: str, first: Found[M], second: Found[M]) -> bool:
    """Whether the two are the ends of one range."""
    between = kinds[first.after : second.first]
    if not set(between) <= _JOINTS:
        return False
    if _AND in between:
        return _BETWEEN in kinds[first.first : second.after + 1] or _FROM in kinds[first.first : first.after]
    return bool(set(kinds[first.after - 1 : second.first + 1]) & _RANGES)


def _meaning(row: int, tokens: Sequence[Token], today: date) -> Days | Timely | None:
    if row >= len(DAYS):
        return TIMES[row - len(DAYS)][1](tokens)
    try:
        span = DAYS[row][1](tokens, today)
    except (ValueError, OverflowError):
        return Days(None)
    if span is None:
        return None
    kinds = {token.kind for token in tokens}
    any_year = bool(kinds & _MONTHS) and not kinds & _YEAR_SAID
    return Days(span if span[0].year in YEARS and span[1].year in YEARS else None, any_year, kinds <= _BARE_DAY)


def _placed(text: str, kinds: str, tokens: list[Token], meaning: Days | Timely, first: int, after: int) -> Phrase:
    """With the prepositions before and the particles after it."""
    start, end = tokens[first].start, tokens[after - 1].end
    is_latin = text[start].isascii()
    while first > 0 and kinds[first - 1] in _HEADS and text[tokens[first - 1].start].isascii():
        first -= 1
        start = tokens[first].start
    while after < len(kinds) and kinds[after] in _TAILS and not text[tokens[after].start].isascii():
        end = tokens[after].end
        after += 1
    return Found(start, end, meaning, first, after, is_latin or not isinstance(meaning, Part))
