"""A text as pieces: its words, its pairs of neighbouring words, and every run of two to four characters.

Rules of this file
- Pure, and the same for whoever trains and whoever decides: the trainer imports this file. A change of anything here
  needs a new artefact, so `FEATURES_VERSION` is raised with it; an artefact of another version is refused.
- What a user does not mean is not seen: case, punctuation, the width of letters, which digit it is, and how Korean
  words are spaced.
"""

from itertools import pairwise
from unicodedata import normalize

from router.decide.folding import fold

FEATURES_VERSION = 1
MAX_CHARACTERS = 400
"""Of the text that is looked at: bounds the time for a pasted book, which the gates refuse anyway."""

_LENGTHS = (2, 3, 4)


def features(text: str) -> set[str]:
    """The pieces of `text`; none where it has neither a letter nor a digit. Total: any text has an answer.

    The signs before words cannot stand in a text, so that a word, a pair, a first and a last word and a run of
    characters are never taken for one another.
    """
    words = plain(text).split()
    if not words:
        return set()
    pieces = {f"={word}" for word in words}
    pieces.update([f"={first} {second}" for first, second in pairwise(words)])
    pieces.add(f"<{words[0]}")
    pieces.add(f">{words[-1]}")
    # Korean is spaced as everyone likes; English words end where they end.
    line = f"^{''.join(words)}$" if any("가" <= word[-1] <= "힣" for word in words) else f"^{' '.join(words)}$"
    for length in _LENGTHS:
        pieces.update([line[at : at + length] for at in range(len(line) - length + 1)])
    return pieces


def plain(text: str) -> str:
    """`text` in NFC and in lower case, of one width, with letters and digits only, and every digit the same."""
    return normalize("NFC", normalize("NFC", text[:MAX_CHARACTERS]).translate(_SEEN))


class _Seen(dict[int, str]):
    """A table for `str.translate` that works out a character when it first meets it: folding one by one costs more
    than everything else here.
    """

    def __missing__(self, code: int) -> str:
        character = chr(code)
        folded = fold(character)
        self[code] = "".join(map(_seen, folded.lower())) if folded else "" if character in _INVISIBLE else " "
        return self[code]


def _seen(character: str) -> str:
    if character.isalpha():
        return character
    if character.isdigit():
        return "0"
    return "" if character == "'" else " "


_INVISIBLE = "\u200b\u200c\u200d\u2060\u00ad\ufeff"
"""Folding takes these away; the other characters that it leaves nothing of are white space."""
_SEEN = _Seen()
