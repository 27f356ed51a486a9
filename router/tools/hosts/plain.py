"""Text that other machines wrote, before it stands in one of our lines.

Rules of this file
- Pure. What comes out is one line of printable characters: no escape codes, no line breaks, nothing that turns the
  direction of writing or is not to be seen.
"""

MOST_CHARACTERS = 80
"""Of a name: the longest names of containers and peers fit, a novel does not."""


def plain(value: object, most_characters: int = MOST_CHARACTERS) -> str:
    """`value` as it may be shown; the empty text where it is no text."""
    if not isinstance(value, str):
        return ""
    shown = "".join(c if c.isprintable() else "?" for c in value[: most_characters + 1]).strip()
    return shown if len(shown) <= most_characters else shown[: most_characters - 1] + "…"
