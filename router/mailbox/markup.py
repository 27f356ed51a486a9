"""A mail that is a web page, as text.

Rules of this file
- Pure. Only what a reader would see: no scripts, no styles, no comments, nothing that is hidden.
- Where a link leads is told beside it, short: what is written on it may be a lie.
"""

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

MOST_CHARACTERS = 200_000
"""Of a page that is read; newsletters have half of that."""
MOST_LINK_CHARACTERS = 60

_UNSEEN = frozenset({"script", "style", "template", "noscript", "svg", "title", "object", "iframe"})
_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
_BLOCKS = frozenset(
    {"address", "article", "blockquote", "br", "center", "dd", "div", "dl", "dt", "footer", "form", "header", "hr",
     "li", "main", "ol", "p", "pre", "section", "table", "tr", "ul", "h1", "h2", "h3", "h4", "h5", "h6"}
)  # fmt: skip
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?:px|pt|em)?\s*(?:;|$)", re.IGNORECASE
)


def text_of(page: str) -> str:
    """What the page says, line by line."""
    reader = _Reader()
    reader.feed(page[:MOST_CHARACTERS])
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.told).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


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


class _Reader(HTMLParser):
    """What a reader of the page would see."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self._unseen: list[str] = []
        """The elements that hide what is in them, from the outermost in, and those of the same kind inside."""
        self._link = ""
        self._label = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Blocks begin lines; hidden ones hide everything in them."""
        given = {name: value or "" for name, value in attrs}
        hides = tag in _UNSEEN or "hidden" in given or _HIDDEN.search(given.get("style", "")) is not None
        if self._unseen or hides:
            if tag not in _VOID and (not self._unseen or tag == self._unseen[-1]):
                self._unseen.append(tag)
            return
        if tag in _BLOCKS:
            self.told.append("\n")
        elif tag in {"td", "th"}:
            self.told.append(" ")
        elif tag == "a":
            self._link, self._label = short(given.get("href", "")), len(self.told)
        elif tag == "img" and given.get("alt", "").strip():
            self.told.append(f" {given['alt']} ")

    def handle_endtag(self, tag: str) -> None:
        """Blocks end lines; a link is told after what is written on it."""
        if self._unseen:
            if tag == self._unseen[-1]:
                self._unseen.pop()
        elif tag in _BLOCKS:
            self.told.append("\n\n" if tag == "p" else "\n")
        elif tag == "a" and self._link:
            label = "".join(self.told[self._label :]).strip()
            if label and label.rstrip("/") != self._link[1:-1]:
                self.told.append(f" {self._link}")
            self._link = ""

    def handle_data(self, data: str) -> None:
        """Line ends inside of a paragraph are white space."""
        if not self._unseen:
            self.told.append(re.sub(r"\s+", " ", data))
