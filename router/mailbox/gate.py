"""What may be sent to a mail server: a closed list of commands that read.

Rules of this file
- Pure. Every byte on its way to the server passes here, whichever library made it; what is not on the list is not sent.
- Nothing on the list changes a mailbox: a folder is opened by EXAMINE, and parts of a message are fetched by BODY.PEEK,
  which leaves it unread. There is no command that sends mail in this protocol.
"""

import re

ALLOWED = ("CAPABILITY", "STARTTLS", "LOGIN", "EXAMINE", "UID SEARCH", "UID FETCH", "LOGOUT")
"""The commands, all of them."""

_TAG = rb"[A-Za-z0-9]+ "
_PART = rb"BODY\.PEEK\[(?:[1-9][0-9.]*|HEADER\.FIELDS \([A-Z -]+\))\]<0\.[0-9]+>"
_ITEM = rb"(?:FLAGS|INTERNALDATE|RFC822\.SIZE|BODYSTRUCTURE|" + _PART + rb")"
_HEADS = tuple(
    re.compile(_TAG + pattern)
    for pattern in (
        rb"(?:CAPABILITY|STARTTLS|LOGOUT)\r\n\Z",
        rb"(?:LOGIN|EXAMINE) [^\r\n]*[^\r\n}]\r\n\Z",
        rb"UID FETCH [0-9,:]+ \(" + _ITEM + rb"(?: " + _ITEM + rb")*\)\r\n\Z",
    )
)
_SEARCH = re.compile(_TAG + rb"UID SEARCH ")
_LITERAL = re.compile(rb"\{([0-9]{1,9})\+?\}\r\n")


class NotAllowed(Exception):
    """Something that is not on the list was about to be sent. Nothing of it was."""


class Gate:
    """Lets a client's bytes pass, in the pieces in which they come, as long as they are commands of the list."""

    def __init__(self) -> None:
        self._searching = False
        """A search was begun and its line has not ended: the only command that comes in pieces."""

    def check(self, piece: bytes) -> None:
        """Raises NotAllowed for a piece that may not be sent; afterwards nothing may."""
        rest = piece
        if not self._searching:
            if any(head.match(piece) for head in _HEADS):
                return
            begun = _SEARCH.match(piece)
            if begun is None:
                raise NotAllowed("not a command of the list")
            rest = piece[begun.end() :]
            self._searching = True
        self._go_on(rest)

    def _go_on(self, rest: bytes) -> None:
        """A line of a search: text, perhaps a literal at its end. A literal's content must not look like a line."""
        literal = _LITERAL.search(rest)
        if literal is not None:
            content = rest[literal.end() :]
            if len(content) not in {0, int(literal[1])}:
                raise NotAllowed("a literal of another length than announced")
            rest = rest[: literal.start()] + content
        ended = literal is None and rest.endswith(b"\r\n")
        if ended:
            rest = rest[:-2]
            self._searching = False
        if b"\r" in rest or b"\n" in rest or b"\0" in rest:
            raise NotAllowed("a line break inside of a search")
