"""The two languages that Maek speaks to users.

Rules of this file
- Pure. Every sentence for a user exists in both; the one that is not Korean is English.
"""

from enum import StrEnum


class Language(StrEnum):
    """A language that Maek answers in."""

    KO = "ko"
    EN = "en"


def pick(language: str, *, ko: str, en: str) -> str:
    """The sentence in that language: `ko` for Korean, `en` for anything else."""
    return ko if language == Language.KO else en


def language_of(text: str, default: str) -> str:
    """The language that a text is in: Korean if it has Hangul, English if it has Latin letters, else `default`."""
    if any("가" <= character <= "힣" or "ㄱ" <= character <= "ㅣ" for character in text):
        return Language.KO
    return Language.EN if any(c.isascii() and c.isalpha() for c in text) else default
