"""Texts made comparable, and terms found in them whatever particle hangs on.

Rules of this file
- Pure. Folding keeps letters' case and order, because titles and queries are cut out of the folded text; matching
  ignores case instead.
- A term is found as a word: English between word boundaries, Korean with its particles (함수 is in 함수를,
  not in 함수율).
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_WIDTHS = ("<wide>", "<narrow>")
_SIGNS = str.maketrans(
    {
        **dict.fromkeys("〜∼˜", "~"),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("‘’`´", "'"),
        **dict.fromkeys("“”„", '"'),
        # Invisible: zero-width characters, the soft hyphen and the byte order mark.
        **dict.fromkeys("\u200b\u200c\u200d\u2060\u00ad\ufeff"),
    }
)

# fmt: off
PARTICLES = (
    "은", "는", "이", "가", "을", "를", "의", "에", "에서", "에게", "에게서",
    "한테", "한테서", "께", "께서", "와", "과", "랑", "이랑", "하고", "로", "으로",
    "로서", "으로서", "로써", "으로써", "도", "만", "까지", "부터", "보다", "처럼", "같은",
    "마다", "밖에", "조차", "라도", "이라도", "나", "이나", "든지", "이든지", "요", "이요",
    "야", "이야", "예요", "이에요", "입니다", "인가", "인가요", "인지", "란", "이란", "라는",
    "이라는", "이고", "이며", "들", "들이", "들을", "들은", "들의", "좀",
)
# fmt: on
"""Particles and forms of the copula that hang on a noun. Two may follow each other (에서는, 까지의)."""

_PARTICLE = "(?:" + "|".join(sorted(PARTICLES, key=len, reverse=True)) + ")"
PARTICLE_TAIL = f"(?:{_PARTICLE}{{1,2}})?(?!(?-i:[0-9A-Za-z가-힣]))"
"""Regular expression: at most two particles, then the end of the word."""

SPACED_FROM_SYLLABLES = 4
"""Compounds from this length on are also found when written apart (산업 안전 보건법); others would meet by chance."""


def fold(text: str) -> str:
    """`text` in NFC with full-width and half-width forms, dashes, quotes and white space made plain. Idempotent."""
    plain = "".join(_narrowed(character) for character in unicodedata.normalize("NFC", text))
    return " ".join(unicodedata.normalize("NFC", plain.translate(_SIGNS)).split())


def terms_pattern(terms: Iterable[str]) -> re.Pattern[str]:
    """Finds any of `terms` in a folded text, as words of their own and whatever particle hangs on.

    One pattern for all of them: a hundred searches would take ten times as long.
    """
    folded = sorted({fold(term) for term in terms if re.search(r"\w", term)}, key=len, reverse=True)
    if not folded:
        return re.compile("(?!)")
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(term_pattern, folded))}){PARTICLE_TAIL}", re.IGNORECASE)


def term_pattern(term: str) -> str:
    """Regular expression for a term itself: spaces and hyphens are one to it, long Korean may be written apart."""
    gap = r"\s?" if len(re.findall("[가-힣]", term)) >= SPACED_FROM_SYLLABLES else ""
    words = [word for word in re.split(r"[\s\-_]+", term) if word]
    return r"[\s\-_]?".join(gap.join(map(re.escape, word)) for word in words)


@lru_cache(maxsize=8192)  # more than the letters of any text; whole documents are folded
def _narrowed(character: str) -> str:
    decomposition = unicodedata.decomposition(character)
    if not decomposition.startswith(_WIDTHS):
        return character
    return "".join(chr(int(code, 16)) for code in decomposition.split()[1:])
