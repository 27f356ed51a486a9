# ruff: noqa: E501, SIM905 - word lists
"""A question turned into terms, and passages weighed and marked by them.

Rules of this file
- Pure. Nothing that a user types reaches SQL or FTS5 as syntax: a term is letters, digits, dots and hyphens, and it is
  quoted all the same.
- A Korean word counts without its particles (함수를 is 함수), as long as two syllables stay: 회의 is no 회. The bare
  form is the beginning of the whole one, so whatever contains the word contains its term.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

from router.decide.folding import PARTICLES, fold

MOST_TERMS = 16
"""Of one question; a pasted page is searched by its first words."""
GRAM = 3
"""Characters that FTS5's trigram tokenizer needs; what is shorter is looked for by LIKE."""
SNIPPET_CHARACTERS = 240
MARK = "**"

_WORDS = re.compile(r"\w+(?:[-.]\w+)*")
_APART = re.compile(r"제\s*(\d+)\s*([편장절관조항호])")
_TAIL = re.compile("(?:" + "|".join(sorted(PARTICLES, key=len, reverse=True)) + ")$")
_INFLECTED = re.compile(
    r"(?:하|해|한|할|합|했|되|돼|된|될|됩|됐)(?:다|요|야|여|여야|나|나요|는|는지|던|면|도|고|며|지|려면|니|니까|기|까|까요)?$"
)
"""하다 and 되다 after a noun: 보관해, 보관하나요 and 보관되는 are 보관."""
_HANGUL_END = re.compile("[가-힣]$")
_SATURATION, _LENGTH_SHARE = 1.2, 0.5
"""k1 and b of BM25 (Robertson and Zaragoza 2009); b is low because passages are of much the same length."""
_WHOLE_BONUS, _PART_SHARE = 0.3, 0.5
UNHEARD_SHARE = 0.5
_LEAST_PART = 0.5
"""Half of a word's pairs of letters must be there before it counts as nearly said."""
_TITLE_WEIGHT, _HEADING_WEIGHT = 1.5, 2.0

# fmt: off
ASKING = frozenset(
    "뭐 뭐야 뭔가 뭔지 뭔데 뭐지 뭐예요 뭔가요 무엇 무엇인가 무엇인지 무슨 어떤 어떻게 어디 언제 누가 왜 얼마 얼마나 몇 알려 알려줘 알려주세요 말해줘 "
    "보여줘 보여주세요 찾아 찾아줘 찾아주세요 검색 검색해 검색해줘 설명 설명해 설명해줘 설명해주세요 관련 관련된 관련한 대한 대해 대해서 관한 있어 "
    "며칠 동안 언제까지 누구 가능 가능해 그리고 또는 어디야 있나 있나요 있는 있는지 해줘 줘 주세요 좀 그 이 저 것 수 내용 자료 문서 하나 하나요 되나 되나요 해야 하는 한다 경우 때 무엇을 무엇이 "
    "a an the of in on at to for from by with about and or is are was were be do does did what which who when where why how can could should "
    "would me my i you we it this that tell show find search please documents document materials material related".split()
)
# fmt: on
"""What a question consists of besides its subject. They count only where there is nothing else."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word to look for, in lower case: without its particles, and as it was written."""

    text: str
    whole: str

    @property
    def pairs(self) -> tuple[str, ...]:
        """Its neighbouring letters as it was written (in 산소농도, 도 is no particle), where it may be several words."""
        size = len(self.whole)
        return tuple(dict.fromkeys(self.whole[at : at + 2] for at in range(size - 1))) if size > GRAM else ()

    @property
    def grams(self) -> tuple[str, ...]:
        """Its pieces of three, where it is long enough to have several: a compound may be written apart."""
        size = len(self.text)
        return tuple(self.text[at : at + GRAM] for at in range(size - GRAM + 1)) if size > GRAM else ()


@dataclass(frozen=True, slots=True)
class Weighed:
    """How near a passage is: `coverage` is the share 0..1 of the question that it speaks of."""

    score: float
    coverage: float


def terms_of(query: str) -> tuple[Term, ...]:
    """The terms of a question, without asking words and doubles, in its order."""
    words = [word.casefold() for word in _WORDS.findall(_APART.sub(r"제\1\2", fold(query)))]
    terms = {term.text: term for term in map(_term, words)}
    told = {text: term for text, term in terms.items() if text not in ASKING and term.whole not in ASKING}
    long = {text: term for text, term in told.items() if len(text) > 1}
    return tuple((long or told or terms).values())[:MOST_TERMS]


def fts_expression(terms: Sequence[Term]) -> str | None:
    """The FTS5 query for the terms that trigrams can find, and for their pieces; None where none is long enough."""
    found = [text for term in terms for text in (term.text, *term.grams) if len(text) >= GRAM]
    return " OR ".join(map(quoted, dict.fromkeys(found))) or None


def quoted(text: str) -> str:
    """A string of FTS5, whatever the text."""
    return '"' + text.replace('"', '""') + '"'


def like_pattern(text: str) -> str:
    """For LIKE with ESCAPE '\\'."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"


def weigh(
    terms: Sequence[Term], rarity: Mapping[str, float], title: str, heading: str, text: str, usual_length: float
) -> Weighed:
    """BM25 over a passage and its headings, times the share of the question that is met."""
    title, heading, text = title.casefold(), heading.casefold(), text.casefold()
    stretch = _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * len(text) / max(usual_length, 1.0))
    score = met = 0.0
    for term in terms:
        often = text.count(term.text) + _TITLE_WEIGHT * (term.text in title) + _HEADING_WEIGHT * (term.text in heading)
        often = often or apart(term, text)
        if often:
            share = 1.0
        else:
            share = often = _PART_SHARE * _nearly(term.pairs, f"{title}\n{heading}\n{text}")
        bonus = _WHOLE_BONUS if term.whole != term.text and term.whole in text else 0.0
        score += rarity[term.text] * (often * (_SATURATION + 1) / (often + stretch) + bonus)
        met += rarity[term.text] * share
    coverage = met / (sum(rarity[term.text] for term in terms) or 1.0)
    return Weighed(score * coverage, coverage)


def apart(term: Term, text: str) -> int:
    """How often a compound is in a text in lower case with spaces inside: 산소 농도 for 산소농도."""
    return text.replace(" ", "").count(term.whole) if term.pairs else 0


def rarity(passages: int, containing: int) -> float:
    """BM25's weight of a term: how much it tells that a passage contains it. Never below zero.

    What no passage contains is more often a word for asking than the subject: it counts half.
    """
    return log(1 + (passages - containing + 0.5) / (containing + 0.5)) * (1.0 if containing else UNHEARD_SHARE)


def snippet(text: str, terms: Sequence[Term]) -> str:
    """The part of the text that says most of the terms, with marks around them."""
    spots = _spots(text, terms)
    start = max(spots, key=lambda spot: _told(spots, spot[0]), default=(0, 0))[0]
    begin = text.rfind(" ", 0, max(0, start - SNIPPET_CHARACTERS // 4)) + 1
    end = begin + SNIPPET_CHARACTERS
    if end < len(text):
        end = max(text.rfind(" ", start, end), begin + SNIPPET_CHARACTERS // 2)
    cut, at = "…" if begin else "", begin
    for first, last in spots:
        if at <= first and last <= end:
            cut += f"{text[at:first]}{MARK}{text[first:last]}{MARK}"
            at = last
    return " ".join(f"{cut}{text[at:end]}{'…' if end < len(text) else ''}".split())


def _spots(text: str, terms: Sequence[Term]) -> list[tuple[int, int]]:
    """Where terms are, without overlaps, the longest term first where several begin."""
    words = sorted({word for term in terms for word in (term.text, term.whole) if word}, key=len, reverse=True)
    if not words:
        return []
    return [found.span() for found in re.finditer("|".join(map(re.escape, words)), text, re.IGNORECASE)]


def _told(spots: Sequence[tuple[int, int]], start: int) -> int:
    reach = start + SNIPPET_CHARACTERS * 3 // 4
    return sum(last - first for first, last in spots if start <= first and last <= reach)


def _nearly(pairs: Sequence[str], text: str) -> float:
    """The share of a long word's neighbouring letters that are there, if it is half of them; else nothing."""
    share = sum(pair in text for pair in pairs) / (len(pairs) or 1)
    return share if share >= _LEAST_PART else 0.0


def _term(word: str) -> Term:
    bare = word
    for _ in range(2):  # two particles may follow each other (에서는)
        tail = _TAIL.search(bare)
        if not _HANGUL_END.search(bare) or tail is None or tail.start() < 2:
            break
        bare = bare[: tail.start()]
    for form in (word, bare):
        inflected = _INFLECTED.search(form)
        if inflected is not None and inflected.start() >= 2:
            bare = form[: inflected.start()]
            break
    return Term(bare, word)
