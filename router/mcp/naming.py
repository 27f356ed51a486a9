"""Names and texts of servers of others, made fit for a prompt.

Rules of this file
- Pure. What is made here stands on one line, is bounded, and can neither end a quotation nor forge a mark of the
  prompt: it reads the same to people and instructs nobody.
"""

import re
import unicodedata
from fnmatch import fnmatchcase

from router.decide.sheltering import sheltered

PREFIX = "mcp_"
CONFIRMED = "create_confirmed"
"""The operation by which the user's yes is carried out: Maek's own, and no name for a tool of others."""
MAX_NAME_CHARACTERS = 64

_PARAMETER = re.compile(r"[A-Za-z0-9_.$-]{1,64}")
_QUOTES = str.maketrans({"“": "'", "”": "'", '"': "'", "`": "'", "[": "(", "]": ")", "<": "‹", ">": "›"})


def tool_name(server: str) -> str:
    """What the tool of a server is called in Maek."""
    return f"{PREFIX}{server}"


def operation_name(name: str) -> str | None:
    """What a tool of others is called as an operation: small ASCII letters; None where nothing is left of it."""
    plain = re.sub(r"[^a-z0-9_-]+", "_", name.lower()).strip("_")[:MAX_NAME_CHARACTERS]
    return plain if re.search(r"[a-z0-9]", plain) and plain != CONFIRMED else None


def is_parameter_name(name: str) -> bool:
    """Whether a parameter may be called so."""
    return _PARAMETER.fullmatch(name) is not None


def allowed(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a tool of that name, as its server writes it, may be used."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def on_one_line(text: str, most: int) -> str:
    """The text on one line without invisible characters, cut to so many characters."""
    line = " ".join(sheltered(text[: most * 8]).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def quoted(text: str, most: int) -> str:
    """The text on one line in quotation marks that it cannot end; nothing for an empty one."""
    line = on_one_line(text, most).translate(_QUOTES)
    return f"“{line}”" if line else ""


def printable(text: str) -> str:
    """The text with line breaks, without what a terminal or a chat would obey."""
    return "".join(c for c in text if c in "\n\t" or c == "\u200d" or unicodedata.category(c) not in _UNSEEN)


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co"})
