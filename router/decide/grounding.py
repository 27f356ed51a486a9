"""Whether a day was said at all, before somebody else's reading of it is believed.

Rules of this file
- Pure. It does not find out which day: a model may read what the grammar cannot ("the Friday after the holidays"). It
  only tells a text in which nothing could be a day, so that one that a model names must be made up.
"""

import re
from collections.abc import Iterable
from datetime import datetime

from router.decide.folding import fold
from router.decide.lexicon import TIME_LIKE
from router.decide.patterns import lazy
from router.decide.when import read_when

MAX_CHARACTERS = 2000
"""Of one text that is looked at."""

_DAY_LIKE = lazy(
    r"\d|오늘|내일|낼|모레|글피|어제|그제|주말|평일|금주|차주|익일|당일|이번|담주|담달|[월화수목금토일]욜|[월화수목금토일]요일|"
    r"월말|월초|연말|연초|설날|추석|명절|연휴|성탄|크리스마스|생일|"
    r"\b(?:today|tonight|tomorrow|tmr|yesterday|weekend|weekday|this|coming|mon|tue|wed|thu|fri|sat|sun|christmas|easter|"
    r"thanksgiving|holiday|birthday|first|second|third|fourth|fifth)s?\b",
    re.IGNORECASE,
)


def may_name_day(texts: Iterable[str], now: datetime) -> bool:
    """Whether any of these could speak of a day; hours do not count."""
    return any(_may_name_day(fold(text[:MAX_CHARACTERS]), now) for text in texts)


def _may_name_day(text: str, now: datetime) -> bool:
    when = read_when(text, now)
    if when.day is not None or when.several or when.impossible:
        return True
    return _DAY_LIKE.search(when.rest) is not None or TIME_LIKE.search(when.rest) is not None
