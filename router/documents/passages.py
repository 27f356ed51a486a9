"""A text cut into passages: some 800 characters each, under the headings that they stand under.

Rules of this file
- Pure. A passage is a span of the text: `text[start:start + len(passage.text)]` is the passage, so that the text can be
  put together again from its passages.
- A passage never goes over a heading. Within a section neighbours overlap, so that a sentence at a cut is whole in one.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PASSAGE_CHARACTERS = 800
"""A Korean page has some 1,500: half a page is enough to answer from, and short enough to quote."""
OVERLAP_CHARACTERS = 120
"""Two or three Korean sentences."""
TRAIL = " › "

_MARKED = re.compile(r"(#{1,6})\s+(?P<title>\S.{0,199})$")
_NUMBERED = re.compile(r"제\s?\d+\s?(?P<kind>[편장절관])(?:의\s?\d+)?(?:[\s.:(].{0,79})?$")
_ARTICLE = re.compile(r"(?P<title>제\s?\d+\s?조(?:의\s?\d+)?\s?\([^)]{1,60}\))")
_ENGLISH = re.compile(r"(?P<kind>part|chapter|section|article)\s+[0-9IVXLC]+\b.{0,79}$", re.IGNORECASE)
# Below the levels of Markdown, because a law inside a marked page is inside its headings.
_KINDS = {"편": 7, "part": 7, "장": 8, "chapter": 8, "절": 9, "section": 9, "관": 10}
_ARTICLE_LEVEL = 11
_CUTS = ("\n\n", "\n", ". ", "? ", "! ", " ")
"""Where a passage may end, the best place first."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One passage and where it begins."""

    start: int
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class _Heading:
    start: int
    end: int
    """Of the words of the heading: an article goes on in the same line."""
    level: int
    title: str


def pieces(text: str) -> tuple[Piece, ...]:
    """The passages of a text, in its order."""
    return tuple(_pieces(text))


def first_title(text: str) -> str | None:
    """What a text calls itself: its first heading of the highest level of Markdown; None where it has none."""
    for heading in _headings(text):
        if heading.level == 1:
            return heading.title
    return None


def joined(parts: Iterable[tuple[int, str]]) -> str:
    """The text of which these are the passages (start and text), in order; what was between sections is a line end."""
    text, end = "", 0
    for start, part in parts:
        if start > end and text:
            text += "\n"
        text += part[max(0, end - start) :]
        end = max(end, start + len(part))
    return text


def _pieces(text: str) -> Iterator[Piece]:
    above: list[_Heading] = []
    headings = [_Heading(0, 0, 0, ""), *_headings(text)]
    ends = [heading.start for heading in headings[1:]] + [len(text)]
    for number, (heading, end) in enumerate(zip(headings, ends, strict=True)):
        above = [one for one in above if one.level < heading.level] + ([heading] if heading.level else [])
        goes_deeper = number + 1 < len(headings) and headings[number + 1].level > heading.level
        if goes_deeper and not text[heading.end : end].strip():
            continue  # a chapter's name alone answers nothing; it stands above its articles
        trail = TRAIL.join(one.title for one in above)
        for start, stop in _spans(text, heading.start, end):
            yield Piece(start, trail, text[start:stop])


def _headings(text: str) -> Iterator[_Heading]:
    start = 0
    for line in text.splitlines(keepends=True):
        found = _heading(line.strip())
        if found is not None:
            level, title, whole = found
            end = start + (len(line) if whole else line.index(title) + len(title))
            yield _Heading(start, end, level, title)
        start += len(line)


def _heading(line: str) -> tuple[int, str, bool] | None:
    """Level, title, and whether the line is nothing else."""
    if marked := _MARKED.match(line):
        return len(marked[1]), marked["title"].rstrip("# "), True
    if article := _ARTICLE.match(line):
        return _ARTICLE_LEVEL, article["title"], False
    if numbered := _NUMBERED.match(line) or _ENGLISH.match(line):
        kind = numbered["kind"].lower()
        return _KINDS.get(kind, _ARTICLE_LEVEL), line, True
    return None


def _spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of at most PASSAGE_CHARACTERS without white space at their ends."""
    while True:
        while start < end and text[start].isspace():
            start += 1
        while end > start and text[end - 1].isspace():
            end -= 1
        if start == end:
            return
        if end - start <= PASSAGE_CHARACTERS:
            yield start, end
            return
        cut = _cut(text, start + PASSAGE_CHARACTERS // 2, start + PASSAGE_CHARACTERS)
        yield start, start + len(text[start:cut].rstrip())
        start = _cut(text, cut - OVERLAP_CHARACTERS, cut - OVERLAP_CHARACTERS // 2)


def _cut(text: str, earliest: int, latest: int) -> int:
    """The best place to cut between the two: after a paragraph, a line, a sentence, a word; else the latest."""
    for sign in _CUTS:
        found = text.rfind(sign, earliest, latest)
        if found >= 0:
            return found + len(sign)
    return latest
