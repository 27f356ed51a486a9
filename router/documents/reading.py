"""A file's bytes turned into text.

Rules of this file
- Bytes in, text out: no file is opened here. What cannot be read is raised with one of the reasons of `Why`.
- Files are strangers' work. Whatever goes wrong inside a library while it reads one is the file's own fault.
"""

import logging
import zipfile
from collections.abc import Callable, Mapping
from enum import StrEnum
from importlib.util import find_spec
from io import BytesIO

from router.decide.folding import fold
from router.markup import walk

MOST_CHARACTERS = 10_000_000
"""Of one document: some ten thousand pages."""
MOST_UNPACKED_BYTES = 500_000_000
"""Of a packed document: more is a trap, not a text."""
_DOCTYPES = tuple("<!DOCTYPE".encode(code) for code in ("ascii", "utf-16-le", "utf-16-be"))
_MANIFEST, _ENCRYPTION = "META-INF/manifest.xml", b"encryption-data"
"""Where a hwpx says that it wants a password."""
_ENCODINGS = ("utf-8-sig", "cp949")
"""What Korean files are in. cp949 has EUC-KR in it, and refuses most of what is neither."""


class Why(StrEnum):
    """Why a file is not in the archive."""

    LINK = "a link, which is not followed"
    KIND = "not a kind that is read (txt, md, html, pdf, docx, hwpx)"
    SIZE = "larger than router.tools.document.max_file_bytes, or unpacked too large"
    LIBRARY = "needs pip install 'maek[documents]'"
    PASSWORD = "protected by a password"  # noqa: S105 - a sentence
    ENCODING = "neither UTF-8, UTF-16 nor EUC-KR"
    EMPTY = "no text in it (a scan, perhaps)"
    BROKEN = "broken"
    NAME = "its name is not UTF-8 text"
    DENIED = "not readable by the user that runs Maek"


class Unreadable(Exception):
    """A file that has no text for us."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


def text_of(suffix: str, content: bytes) -> str:
    """The text of a file whose name ends so, line by line made plain. Raises Unreadable."""
    reader = READERS.get(suffix.lower())
    if reader is None:
        raise Unreadable(Why.KIND)
    try:
        text = reader(content)
    except (Unreadable, MemoryError):
        raise
    except ImportError as error:
        raise Unreadable(Why.LIBRARY) from error
    except Exception as error:
        raise Unreadable(Why.BROKEN) from error
    plain = "\n".join(map(fold, text[:MOST_CHARACTERS].replace("\0", "").splitlines())).strip()
    if not plain:
        raise Unreadable(Why.EMPTY)
    return plain


def libraries() -> str:
    """Which of the libraries are here. When it changes, files that needed one are worth another look."""
    return " ".join(name for name in ("docx", "hwpx", "pypdf") if find_spec(name) is not None)


def _plain(content: bytes) -> str:
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return content.decode("utf-16")
    for encoding in _ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable(Why.ENCODING)


def _html(content: bytes) -> str:
    page = _Page()
    walk(_plain(content), page)
    return "".join(page.told)


def _pdf(content: bytes) -> str:
    from pypdf import PdfReader  # noqa: PLC0415 - an extra

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it tells every oddity of every file; we tell what is lost
    reader = PdfReader(BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable(Why.PASSWORD)
    return "\n\n".join(page.extract_text() for page in reader.pages)


def _docx(content: bytes) -> str:
    from docx import Document  # noqa: PLC0415 - an extra
    from docx.table import Table  # noqa: PLC0415

    with zipfile.ZipFile(BytesIO(content)) as packed:
        _check_size(packed)
    told = []
    for block in Document(BytesIO(content)).iter_inner_content():
        if isinstance(block, Table):
            told.append("\n".join(" | ".join(cell.text for cell in row.cells) for row in block.rows))
            continue
        style = (block.style.name if block.style is not None else "") or ""
        level = style.removeprefix("Heading ").removeprefix("제목 ")
        told.append(f"{'#' * int(level)} {block.text}" if level in set("123456") else block.text)
    return "\n\n".join(told)


def _hwpx(content: bytes) -> str:
    from hwpx.opc.security import read_member  # noqa: PLC0415 - an extra
    from hwpx.tools.text_extractor import TextExtractor  # noqa: PLC0415

    with zipfile.ZipFile(BytesIO(content)) as packed:
        _check_size(packed)
        with TextExtractor(packed) as extractor:
            for entry in packed.infolist():
                # The library looks for entities in the beginning of a part alone; they could unpack to gigabytes.
                if entry.filename.endswith((".xml", ".hpf")) and _is_trap(read_member(packed, entry)):
                    raise Unreadable(Why.BROKEN)
            if _ENCRYPTION in read_member(packed, _MANIFEST):
                raise Unreadable(Why.PASSWORD)
            return extractor.extract_text()


def _is_trap(part: bytes) -> bool:
    return any(doctype in part for doctype in _DOCTYPES)


def _check_size(packed: zipfile.ZipFile) -> None:
    if sum(entry.file_size for entry in packed.infolist()) > MOST_UNPACKED_BYTES:
        raise Unreadable(Why.SIZE)


READERS: Mapping[str, Callable[[bytes], str]] = {
    ".txt": _plain,
    ".md": _plain,
    ".markdown": _plain,
    ".html": _html,
    ".htm": _html,
    ".pdf": _pdf,
    ".docx": _docx,
    ".hwpx": _hwpx,
}
"""Suffix → reader. A kind of its own is a function and a line."""

_UNSEEN = frozenset({"template", "noscript", "svg"})
_BLOCKS = frozenset(
    {"address", "article", "blockquote", "br", "dd", "div", "dl", "dt", "footer", "header", "hr", "li", "main", "ol",
     "p", "pre", "section", "table", "title", "tr", "ul"}
)  # fmt: skip
_CELLS = frozenset({"td", "th"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}


class _Page:
    """What a reader of the page would see, with headings marked as in Markdown."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._unseen = 0

    def opened(self, tag: str, _written: str) -> None:
        """Blocks begin lines."""
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag in _HEADINGS:
            self.told.append(f"\n\n{'#' * _HEADINGS[tag]} ")
        elif tag in _BLOCKS:
            self.told.append("\n")
        elif tag in _CELLS:
            self.told.append(" ")

    def closed(self, tag: str) -> None:
        """Blocks end lines."""
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in _HEADINGS or tag == "p":
            self.told.append("\n\n")
        elif tag in _BLOCKS:
            self.told.append("\n")

    def text(self, text: str) -> None:
        """What stands where it can be seen."""
        if not self._unseen:
            self.told.append(text)
