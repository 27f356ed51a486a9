"""What a mail server is asked to look for.

Rules of this file
- Pure. A user's words are text in every server: what has a meaning in the protocol is taken out of them.
- A server is asked in windows of message numbers, the newest first, so that no answer is long and nobody waits for what
  is old.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

MOST_WORDS = 8
MOST_CHARACTERS = 100
"""Of a word."""
Criteria = list[str | date]
HEADERS = ("FROM", "TO", "CC", "SUBJECT")
EVERYWHERE = (*HEADERS, "BODY")

_SPECIAL = re.compile(r'[(){}%*"\\\x00-\x20\x7f]+')
_POLITE = re.compile(r"(?<=[가-힣]{2})님$")


def words_of(query: str) -> tuple[str, ...]:
    """The words of a query. 김부장님 is in his mails as 김부장."""
    plain = _SPECIAL.sub(" ", unicodedata.normalize("NFC", query))
    return tuple(_POLITE.sub("", word)[:MOST_CHARACTERS] for word in plain.split()[:MOST_WORDS])


def charset_of(words: Sequence[str]) -> str | None:
    """What the words must be told in; None where every server understands them."""
    return None if all(word.isascii() for word in words) else "UTF-8"


def windows(messages: int, size: int) -> Iterator[str]:
    """Ranges of message numbers, the newest first, that cover a folder of so many."""
    for last in range(messages, 0, -size):
        yield f"{max(1, last - size + 1)}:{last}"


def ranges(numbers: Sequence[int]) -> str:
    """Numbers that fall, as the protocol writes a set of them."""
    told: list[list[int]] = []
    for number in numbers:
        if told and told[-1][0] == number + 1:
            told[-1][0] = number
        else:
            told.append([number, number])
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in told)


def arrived_since(day: date) -> Criteria:
    """Messages of that day and later. One day more is asked for: a server counts days in a zone of its own."""
    return ["SINCE", day - timedelta(days=1)]


def anywhere(words: Sequence[str], fields: Sequence[str]) -> Criteria:
    """Messages that have every word in one of these fields."""
    asked: Criteria = []
    for word in words:
        for field in fields[:-1]:
            asked += ["OR", field, word]
        asked += [fields[-1], word]
    return asked
