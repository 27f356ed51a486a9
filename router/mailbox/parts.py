"""Which part of a message is its text, and what is attached: read from the structure that the server tells.

Rules of this file
- Pure. Nothing of a message is needed for it; what is attached is never fetched.
- A structure is a stranger's work: depth and number of parts are bounded, and what is of the wrong kind is nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import decode_rfc2231
from typing import Any
from urllib.parse import unquote_to_bytes

from router.mailbox.charsets import decoded, header, on_one_line

MOST_DEPTH = 20
MOST_PARTS = 100
MOST_NAME_CHARACTERS = 120
BYTES_OF_BASE64 = 57 / 78
"""A line of 76 letters and its end carries 57 bytes."""


@dataclass(frozen=True, slots=True)
class TextPart:
    """A part that is shown. `section` is what the server calls it."""

    section: str
    html: bool
    charset: str | None
    encoding: str


@dataclass(frozen=True, slots=True)
class FilePart:
    """A part that is only listed."""

    name: str
    """Empty where it has none."""
    kind: str
    size_bytes: int
    """Near enough: the server tells the size on the way."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a message is made of."""

    texts: tuple[TextPart, ...] = ()
    files: tuple[FilePart, ...] = ()


def contents_of(structure: Any) -> Contents:
    """The parts of a BODYSTRUCTURE as IMAPClient reads it."""
    return _walked(structure, "", 0)


def _walked(node: Any, section: str, depth: int) -> Contents:
    if not isinstance(node, tuple) or not node or depth > MOST_DEPTH:
        return Contents()
    if not isinstance(node[0], list):
        return _leaf(node, section or "1")
    prefix = f"{section}." if section else ""
    inside = [_walked(part, f"{prefix}{number}", depth + 1) for number, part in enumerate(node[0][:MOST_PARTS], 1)]
    files = tuple(file for one in inside for file in one.files)[:MOST_PARTS]
    if _word(node, 1) == "alternative":
        return Contents(_preferred([one.texts for one in inside]), files)
    return Contents(tuple(text for one in inside for text in one.texts)[:MOST_PARTS], files)


def _preferred(versions: Sequence[tuple[TextPart, ...]]) -> tuple[TextPart, ...]:
    """Of several versions of the same text the plain one, else the last, which is the richest."""
    filled = [texts for texts in versions if texts]
    plain = (texts for texts in filled if not any(text.html for text in texts))
    return next(plain, filled[-1] if filled else ())


def _leaf(node: tuple[Any, ...], section: str) -> Contents:
    kind, subtype = _word(node, 0), _word(node, 1)
    parameters = _parameters(node[2] if len(node) > 2 else None)
    disposition, disposed = _disposition(node, kind, subtype)
    encoding, size = _word(node, 5), _number(node, 6)
    name = _file_name(disposed, "filename") or _file_name(parameters, "name")
    shown = kind == "text" and subtype in {"plain", "html"} and disposition != "attachment" and not name
    if shown:
        return Contents(texts=(TextPart(section, subtype == "html", parameters.get("charset"), encoding),))
    if encoding == "base64":
        size = int(size * BYTES_OF_BASE64)
    return Contents(files=(FilePart(name, on_one_line(f"{kind}/{subtype}")[:MOST_NAME_CHARACTERS], size),))


def _disposition(node: tuple[Any, ...], kind: str, subtype: str) -> tuple[str, dict[str, str]]:
    """How the part is meant to be shown, and its parameters. Where it stands depends on the kind."""
    at = 9 if kind == "text" else 11 if (kind, subtype) == ("message", "rfc822") else 8
    told = node[at] if len(node) > at else None
    if not isinstance(told, tuple) or not told:
        return "", {}
    return _word(told, 0), _parameters(told[1] if len(told) > 1 else None)


def _parameters(told: Any) -> dict[str, str]:
    """Names and values that alternate in a list. Values keep their bytes, as Latin-1."""
    if not isinstance(told, tuple):
        return {}
    values = [_raw(value) for value in told[: 2 * MOST_PARTS]]
    return {name.lower(): value for name, value in zip(values[::2], values[1::2], strict=False)}


def _file_name(parameters: dict[str, str], key: str) -> str:
    """A file's name, however it is written: plain, in MIME words, or in pieces after RFC 2231."""
    told = header(parameters[key].encode("latin-1")) if key in parameters else _in_pieces(parameters, key)
    return on_one_line(told.replace("/", "_").replace("\\", "_"))[:MOST_NAME_CHARACTERS]


def _in_pieces(parameters: dict[str, str], key: str) -> str:
    numbered = (f"{key}*{number}" for number in range(MOST_PARTS))
    whole = parameters.get(f"{key}*")
    pieces = [whole] if whole is not None else []
    for name in () if pieces else numbered:
        piece = parameters.get(f"{name}*", parameters.get(name))
        if piece is None:
            break
        pieces.append(piece)
    charset, _language, value = decode_rfc2231("".join(pieces))
    return decoded(unquote_to_bytes(value.encode("latin-1")), charset)


def _raw(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else "" if value is None else str(value)[:200]


def _word(node: tuple[Any, ...], at: int) -> str:
    return _raw(node[at]).lower() if len(node) > at and isinstance(node[at], bytes) else ""


def _number(node: tuple[Any, ...], at: int) -> int:
    return node[at] if len(node) > at and isinstance(node[at], int) else 0
