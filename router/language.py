"""The two languages that Maek speaks to users.

Rules of this file
- Pure. Every sentence for a user exists in both; the one that is not Korean is English.
"""

import re
from enum import StrEnum


class Language(StrEnum):
    """A language that Maek answers in."""

    KO = "ko"
    EN = "en"


_WORD = re.compile(r"(?<![^\s\"'(])[A-Za-z]?[a-z']+(?![^\s.,;:!?\"')…])")
"""A word as people write it in a sentence; not GPU, README.md, or a name with digits in it."""
_QUALITY = re.compile(r"q\s*=\s*([01](?:\.[0-9]{0,3})?)")
WORDS_OF_A_SENTENCE = 3
"""So many say what language somebody speaks; "ok", "thanks" and names are said in every language."""


def pick(language: str, *, ko: str, en: str) -> str:
    """The sentence in that language: `ko` for Korean, `en` for anything else."""
    return ko if language == Language.KO else en


def language_of(text: str, default: str) -> str:
    """The language that a text is in: Korean if it has Hangul, English if it has Latin letters, else `default`."""
    if any("가" <= character <= "힣" or "ㄱ" <= character <= "ㅣ" for character in text):
        return Language.KO
    return Language.EN if any(c.isascii() and c.isalpha() for c in text) else default


def accepted_language(header: str) -> Language:
    """What a browser's `Accept-Language` wants most of the two; English where it names neither."""
    wanted = {Language.KO: 0.0, Language.EN: 0.0}
    for item in header.split(","):
        tag, _, weight = item.partition(";")
        name = tag.strip().lower().partition("-")[0]
        if name in wanted:
            found = _QUALITY.fullmatch(weight.strip())
            quality = float(found[1]) if found else 0.0 if weight.strip() else 1.0
            wanted[Language(name)] = max(wanted[Language(name)], quality)
    return Language.KO if wanted[Language.KO] > wanted[Language.EN] else Language.EN


def language_within(text: str, conversation: str) -> str:
    """The language of a message in a conversation that is held in one: Korean if it has Hangul, English if it has a few
    English words, else the conversation's.
    """
    if language_of(text, "") == Language.KO:
        return Language.KO
    return Language.EN if len(_WORD.findall(text)) >= WORDS_OF_A_SENTENCE else conversation


def closed(word: str) -> bool:
    """Whether a Korean word ends with a consonant, so that 이에요 and not 예요 follows it. Other scripts: no."""
    last = ord(word[-1]) - ord("가") if word else -1
    return 0 <= last <= ord("힣") - ord("가") and last % 28 != 0


def is_ko(word: str) -> str:
    """The word with "is" after it: 이드예요, 일정이에요."""
    return f"{word}이에요" if closed(word) else f"{word}예요"
