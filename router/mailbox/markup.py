"""A mail that is a web page, as text.

Rules of this file
- Pure. Only what a reader would see: no scripts, no styles, no comments, nothing that is hidden.
- Where a link leads is told beside it, short: what is written on it may be a lie.
"""

import re
from urllib.parse import urlsplit

from router.markup import attributes, walk

MOST_CHARACTERS = 200_000
"""Of a page that is read; newsletters have half of that."""
MOST_LINK_CHARACTERS = 60

_UNSEEN = frozenset({"title", "template", "noscript", "svg", "object", "iframe"})
_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
_BLOCKS = frozenset(
    {"address", "article", "blockquote", "center", "dd", "div", "dl", "dt", "footer", "form", "header", "hr", "li",
     "main", "ol", "pre", "section", "table", "tr", "ul"}
)  # fmt: skip
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6"})
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?:px|pt|em)?\s*(?:;|$)", re.IGNORECASE
)
_LINE, _PARAGRAPH = "\0", "\1"
"""Where a block and where a paragraph begins or ends: however many meet, it is one line end, or one empty line."""
_MEETING = re.compile(rf"[ {_LINE}{_PARAGRAPH}]+")


def text_of(page: str) -> str:
    """What the page says, line by line."""
    reader = _Reader()
    walk(page[:MOST_CHARACTERS].replace(_LINE, "").replace(_PARAGRAPH, ""), reader)
    laid_out = _MEETING.sub(_white_space, "".join(reader.told))
    lines = (" ".join(line.split()) for line in laid_out.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _white_space(met: re.Match[str]) -> str:
    return "\n\n" if _PARAGRAPH in met[0] else "\n" if _LINE in met[0] else " "


def short(link: str) -> str:
    """A link in brackets, without what follows the path, cut; empty for what leads nowhere."""
    try:
        parts = urlsplit(link.strip())
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return ""
    # What stands before an @ is no host, though it may look like one.
    told = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")
    return f"[{told}]" if len(told) <= MOST_LINK_CHARACTERS else f"[{told[:MOST_LINK_CHARACTERS]}…]"


class _Reader:
    """What a reader of the page would see."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._unseen: list[str] = []
        """The element that hides what is in it, once for itself and once for each of its kind inside."""
        self._link = ""
        self._label = 0

    def text(self, text: str) -> None:
        """See `Reader`."""
        if not self._unseen:
            self.told.append(text)

    def opened(self, name: str, written: str) -> None:
        """See `Reader`."""
        given = attributes(written)
        hides = name in _UNSEEN or "hidden" in given or _HIDDEN.search(given.get("style", "")) is not None
        if self._unseen or hides:
            if name not in _VOID and (not self._unseen or name == self._unseen[-1]):
                self._unseen.append(name)
            return
        if name == "br":
            self.told.append("\n")
        elif name in _BLOCKS or name in _PARAGRAPHS:
            self.told.append(_LINE if name in _BLOCKS else _PARAGRAPH)
        elif name in {"td", "th"}:
            self.told.append(" ")
        elif name == "a":
            self._link, self._label = short(given.get("href", "")), len(self.told)
        elif name == "img" and given.get("alt", "").strip():
            self.told.append(f" {given['alt']} ")

    def closed(self, name: str) -> None:
        """See `Reader`."""
        if self._unseen:
            if name == self._unseen[-1]:
                self._unseen.pop()
        elif name in _BLOCKS or name in _PARAGRAPHS:
            self.told.append(_LINE if name in _BLOCKS else _PARAGRAPH)
        elif name == "a" and self._link:
            label = "".join(self.told[self._label :]).strip()
            if label and label.rstrip("/") != self._link[1:-1]:
                self.told.append(f" {self._link}")
            self._link = ""
