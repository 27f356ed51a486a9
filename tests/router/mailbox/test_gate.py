"""Nothing that is not on the list goes out, in whatever pieces it comes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.mailbox.gate import ALLOWED, Gate, NotAllowed

READING = [
    b"AB1 CAPABILITY\r\n",
    b"AB2 STARTTLS\r\n",
    b'AB3 LOGIN ada "se cret"\r\n',
    b'AB4 EXAMINE "INBOX"\r\n',
    b"AB5 UID SEARCH 1:20 SINCE 21-Nov-2026 OR FROM a SUBJECT a\r\n",
    b"AB6 UID FETCH 1,3:5 (FLAGS INTERNALDATE BODY.PEEK[HEADER.FIELDS (FROM DATE)]<0.100>)\r\n",
    b"AB7 UID FETCH 7 (BODY.PEEK[1.2]<0.400000>)\r\n",
    b"AB8 UID FETCH 7 (RFC822.SIZE BODYSTRUCTURE)\r\n",
    b"AB9 LOGOUT\r\n",
]
CHANGING = [
    b"A1 SELECT INBOX\r\n",
    b"A1 STORE 1 +FLAGS (\\Seen)\r\n",
    b"A1 UID STORE 1 +FLAGS (\\Deleted)\r\n",
    b"A1 COPY 1 Trash\r\n",
    b"A1 UID COPY 1 Trash\r\n",
    b"A1 MOVE 1 Trash\r\n",
    b"A1 UID MOVE 1 Trash\r\n",
    b"A1 EXPUNGE\r\n",
    b"A1 UID EXPUNGE 1\r\n",
    b"A1 CLOSE\r\n",
    b"A1 APPEND INBOX {5}\r\n",
    b"A1 CREATE x\r\n",
    b"A1 DELETE x\r\n",
    b"A1 RENAME x y\r\n",
    b"A1 SUBSCRIBE x\r\n",
    b"A1 SETACL x y lrs\r\n",
    b"A1 SETMETADATA x (/private/comment z)\r\n",
    b"A1 ENABLE UTF8=ACCEPT\r\n",
    b"A1 AUTHENTICATE PLAIN\r\n",
    b"A1 IDLE\r\n",
    b"A1 FETCH 1 (FLAGS)\r\n",
    b"A1 UID FETCH 1 (BODY[])\r\n",
    b"A1 UID FETCH 1 (RFC822)\r\n",
    b"A1 UID FETCH 1 (RFC822.TEXT)\r\n",
    b"A1 UID FETCH 1 (BODY.PEEK[])\r\n",
    b"A1 UID FETCH 1 (BODY.PEEK[1])\r\n",
    b"A1 UID FETCH 1 (FLAGS BODY[1]<0.5>)\r\n",
    b"A1 UID FETCH 1 (FLAGS)\r\nA2 EXPUNGE\r\n",
    b"A1 LOGIN ada x\r\nA2 EXPUNGE\r\n",
    b"A1 EXAMINE INBOX\nA2 EXPUNGE\r\n",
    b"A1 LOGIN ada {6}\r\n",
    b"A1 NOOP",
    b"UID SEARCH ALL\r\n",
    b"EHLO example.com\r\n",
    b"MAIL FROM:<ada@example.com>\r\n",
    b"",
]


@pytest.mark.parametrize("piece", READING)
def test_a_command_that_reads_passes(piece: bytes) -> None:
    Gate().check(piece)


@pytest.mark.parametrize("piece", CHANGING)
def test_anything_else_does_not(piece: bytes) -> None:
    with pytest.raises(NotAllowed):
        Gate().check(piece)


@pytest.mark.parametrize(
    "pieces",
    [
        (b"A1 UID SEARCH CHARSET UTF-8 OR FROM", b" {6+}\r\n\xea\xb9\x80\xeb\xb6\x80", b" ", b"SUBJECT x", b"\r\n"),
        (b"A1 UID SEARCH CHARSET UTF-8 FROM", b" {3}\r\n", b"\xea\xb9\x80", b"\r\n"),
    ],
)
def test_a_search_may_come_in_pieces_with_literals_and_then_the_next_command(pieces: tuple[bytes, ...]) -> None:
    gate = Gate()
    for piece in pieces:
        gate.check(piece)
    gate.check(b"A2 LOGOUT\r\n")


@pytest.mark.parametrize(
    "pieces",
    [
        (b"A1 UID SEARCH FROM x\r\nA2 EXPUNGE\r\n",),
        (b"A1 UID SEARCH FROM", b" x\r\nA2 EXPUNGE", b"\r\n"),
        (b"A1 UID SEARCH FROM", b" {3+}\r\nabc\r\nA2 EXPUNGE\r\n"),
        (b"A1 UID SEARCH FROM", b" {14+}\r\n\r\nA2 EXPUNGE\r\n"),
        (b"A1 UID SEARCH FROM", b" {14}\r\n", b"\r\nA2 EXPUNGE\r\n"),
        (b"A1 UID SEARCH FROM x\0",),
        (b"A1 UID SEARCH ALL", b"\r\n", b"A2 EXPUNGE\r\n"),
    ],
)
def test_no_second_command_hides_in_a_search(pieces: tuple[bytes, ...]) -> None:
    assert not _all_pass(pieces)


def _all_pass(pieces: tuple[bytes, ...]) -> bool:
    gate = Gate()
    try:
        for piece in pieces:
            gate.check(piece)
    except NotAllowed:
        return False
    return True


@given(st.lists(st.sampled_from([*READING, *CHANGING, b"A9 UID SEARCH FROM ", b"x", b"\r\n", b" {3}\r\n"]), max_size=6))
def test_whatever_passes_is_commands_of_the_list(pieces: list[bytes]) -> None:
    gate, sent = Gate(), b""
    for piece in pieces:
        try:
            gate.check(piece)
        except NotAllowed:
            break
        sent += piece
    # An announced literal does not end its line.
    for line in re.sub(rb"\{\d+\}\r\n", b"", sent).splitlines():
        assert line.partition(b" ")[2].startswith(tuple(name.encode() for name in ALLOWED)), sent
