"""Going through a web page once: its text and its tags, in their order.

Rules of this file
- Pure. The page is a stranger's: no sign in it makes the way longer. (The standard library's parser takes minutes over
  200 kB of `<a `.)
- What stands in scripts and styles is no markup, and nobody's text.
"""

import html
import re
from typing import Protocol

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]{0,30})([^<>]{0,2000})>")
_ATTRIBUTE = re.compile(r"([A-Za-z-]{1,30})(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")
_RAW = {tag: re.compile(f"</{tag}", re.IGNORECASE) for tag in ("script", "style", "textarea", "xmp")}
"""What stands in these is no markup, and nothing to read."""


class Reader(Protocol):
    """Who is told what is met."""

    def text(self, text: str) -> None:
        """Text as it is meant, without references to characters; white space is one space."""
        ...

    def opened(self, name: str, written: str) -> None:
        """An element begins; `written` are its attributes, for `attributes`."""
        ...

    def closed(self, name: str) -> None:
        """An element ends."""
        ...


def walk(page: str, reader: Reader) -> None:
    """Tell the reader of everything, from the beginning to the end."""
    at = 0
    while (opens := page.find("<", at)) >= 0:
        _tell(page[at:opens], reader)
        tag = _TAG.match(page, opens)
        if tag is not None:
            at = _tag(page, tag, reader)
        elif page.startswith("<!--", opens):
            at = _after(page, "-->", opens)
        elif page.startswith(("<!", "<?"), opens):
            at = _after(page, ">", opens)
        else:
            reader.text("<")
            at = opens + 1
    _tell(page[at:], reader)


def attributes(written: str) -> dict[str, str]:
    """What stands in a tag behind its name, by small names; of one without a value, the empty text."""
    found = _ATTRIBUTE.finditer(written)
    return {one[1].lower(): html.unescape(one[2] or one[3] or one[4] or "") for one in found}


def _tell(text: str, reader: Reader) -> None:
    if text:
        reader.text(re.sub(r"\s+", " ", html.unescape(text)))


def _tag(page: str, tag: re.Match[str], reader: Reader) -> int:
    """Where to read on."""
    name = tag[2].lower()
    if tag[1]:
        reader.closed(name)
    elif name in _RAW:
        ends = _RAW[name].search(page, tag.end())
        return len(page) if ends is None else _after(page, ">", ends.end())
    else:
        reader.opened(name, tag[3])
    return tag.end()


def _after(page: str, end: str, at: int) -> int:
    """What never ends goes on to the end of the page."""
    found = page.find(end, at)
    return len(page) if found < 0 else found + len(end)
