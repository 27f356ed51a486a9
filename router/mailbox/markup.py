"""A mail that is a web page, as text.

Rules of this file
- Pure. Only what a reader would see: no scripts, no styles, no comments, nothing that is hidden.
- Where a link leads is told beside it, short: what is written on it may be a lie.
- The page is a stranger's: it is gone through once, and no sign in it makes that longer. (The standard library's parser
  takes minutes over 200 kB of `<a `.)
"""

import html
import re
from urllib.parse import urlsplit

MOST_CHARACTERS = 200_000
"""Of a page that is read; newsletters have half of that."""
MOST_LINK_CHARACTERS = 60

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]{0,30})([^<>]{0,2000})>")
_ATTRIBUTE = re.compile(r"([A-Za-z-]{1,30})(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")
_RAW = {tag: re.compile(f"</{tag}", re.IGNORECASE) for tag in ("script", "style", "title", "textarea", "xmp")}
"""What stands in these is no markup, and nothing to read."""
_UNSEEN = frozenset({"template", "noscript", "svg", "object", "iframe"})
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
    reader = _Reader(page[:MOST_CHARACTERS].replace(_LINE, "").replace(_PARAGRAPH, ""))
    reader.read()
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

    def __init__(self, page: str) -> None:
        self._page = page
        self.told: list[str] = []
        self._unseen: list[str] = []
        """The element that hides what is in it, once for itself and once for each of its kind inside."""
        self._link = ""
        self._label = 0

    def read(self) -> None:
        """Go through the page once."""
        at = 0
        while (opens := self._page.find("<", at)) >= 0:
            self._text(self._page[at:opens])
            tag = _TAG.match(self._page, opens)
            if tag is not None:
                at = self._tag(tag)
            elif self._page.startswith("<!--", opens):
                at = self._after("-->", opens)
            elif self._page.startswith(("<!", "<?"), opens):
                at = self._after(">", opens)
            else:
                self._text("<")
                at = opens + 1
        self._text(self._page[at:])

    def _after(self, end: str, at: int) -> int:
        """What never ends goes on to the end of the page."""
        found = self._page.find(end, at)
        return len(self._page) if found < 0 else found + len(end)

    def _text(self, text: str) -> None:
        if text and not self._unseen:
            self.told.append(re.sub(r"\s+", " ", html.unescape(text)))

    def _tag(self, tag: re.Match[str]) -> int:
        """Where to read on."""
        name = tag[2].lower()
        if tag[1]:
            self._closed(name)
        elif name in _RAW:
            ends = _RAW[name].search(self._page, tag.end())
            return len(self._page) if ends is None else self._after(">", ends.end())
        else:
            self._opened(name, tag[3])
        return tag.end()

    def _opened(self, name: str, written: str) -> None:
        given = {
            one[1].lower(): html.unescape(one[2] or one[3] or one[4] or "") for one in _ATTRIBUTE.finditer(written)
        }
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

    def _closed(self, name: str) -> None:
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
