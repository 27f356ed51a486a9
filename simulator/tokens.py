"""Cutting text into tokens.

Rules of this file
- Pure. `"".join(split_tokens(text)) == text`, always: nothing is lost between a stream and its text.
- Real tokenizers differ; what matters here is that lengths are of the right order: about four letters of
  English and one and a half syllables of Korean to a token.
"""

import re

_TOKEN = re.compile(r"\s*[A-Za-z]{1,6}|\s*\d{1,3}|\s*[가-힣]{1,2}|\s*[^\s]|\s+")


def split_tokens(text: str) -> list[str]:
    """Return the tokens of `text`; joined they are the text."""
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    """Return how many tokens `text` has."""
    return len(_TOKEN.findall(text))
