"""A terminal that is drawn on and typed into, and left as it was found.

Rules of this file
- Plain ANSI (ECMA-48) and termios; nothing here knows what is shown.
- Only lines that have changed are sent, since the other end may be a slow line. Whatever ends the program, the
  terminal gets its cursor, its echo and its old contents back.
"""

import contextlib
import os
import signal
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from typing import Any

from router.terminal.cells import Line, ansi, plain
from router.terminal.view import Key

ENTER = "\033[?1049h\033[?25l\033[?7l\033[2J"
"""The alternate screen, no cursor, all blank. No wrapping either: a terminal that takes a bar for two cells then cuts
the line instead of spoiling the next."""
LEAVE = "\033[0m\033[?7h\033[?25h\033[?1049l"
MOST_TYPED_BYTES = 1024

KEYS = {
    b"q": Key.QUIT,
    b"Q": Key.QUIT,
    b"\x03": Key.QUIT,
    b"s": Key.SORT,
    b"p": Key.PAUSE,
    b" ": Key.PAUSE,
    b"h": Key.HISTORY,
    b"l": Key.LANGUAGE,
    b"k": Key.UP,
    b"j": Key.DOWN,
    b"g": Key.FIRST,
    b"G": Key.LAST,
    b"\033[A": Key.UP,
    b"\033[B": Key.DOWN,
    b"\033OA": Key.UP,
    b"\033OB": Key.DOWN,
    b"\033[5~": Key.PAGE_UP,
    b"\033[6~": Key.PAGE_DOWN,
    b"\033[H": Key.FIRST,
    b"\033[F": Key.LAST,
    b"\033[1~": Key.FIRST,
    b"\033[4~": Key.LAST,
}
ASCII_SIGNS = str.maketrans("▁▂▃▄▅▆▇█…↑↓“”", '_.:-=+*#~^v""')
"""What is drawn with where the terminal has no Unicode."""


def keys_in(typed: bytes) -> list[Key]:
    """The keys in what was typed; what means nothing is passed over."""
    found: list[Key] = []
    while typed:
        sequence = max((known for known in KEYS if typed.startswith(known)), key=len, default=None)
        if sequence is None:
            typed = typed[1:]
        else:
            found.append(KEYS[sequence])
            typed = typed[len(sequence) :]
    return found


def sayable(text: str) -> str:
    """The text as far as standard output can say it: without Unicode, signs become ASCII and all else a `?`."""
    encoding = sys.stdout.encoding or "ascii"
    if encoding.lower().replace("-", "").startswith("utf"):
        return text
    return text.translate(ASCII_SIGNS).encode(encoding, "replace").decode(encoding)


class Screen:
    """The terminal on standard input and output."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours
        self._drawn: list[str] = []
        self._size = (0, 0)
        self._before: list[Any] | None = None
        """How the terminal was set when we came."""

    @property
    def size(self) -> tuple[int, int]:
        """Cells across, and lines."""
        with contextlib.suppress(OSError):
            columns, lines = os.get_terminal_size(sys.stdout.fileno())
            if columns and lines:
                return columns, lines
        return 80, 24

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Draw and read single keys for as long as the context lasts."""
        self._before = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None
        try:
            self._take()
            yield
        finally:
            self._give_back()

    def suspend(self) -> None:
        """Stop, as Ctrl-Z wants it; when the shell goes on with us, take the terminal again."""
        self._give_back()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._take()

    def _take(self) -> None:
        if self._before is not None:
            tty.setcbreak(sys.stdin)
        self._write(ENTER)
        self._drawn = []

    def _give_back(self) -> None:
        self._write(LEAVE)
        if self._before is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    def draw(self, lines: Sequence[Line]) -> None:
        """Show these lines; only what changed is sent."""
        texts = [self._text(line) for line in lines]
        told: list[str] = []
        if self.size != self._size:
            self._size = self.size
            self._drawn = []
            told.append("\033[2J")
        for number, text in enumerate(texts):
            if number >= len(self._drawn) or self._drawn[number] != text:
                # Erased before it is written: after a line of full width the erasing would take its last character.
                told.append(f"\033[{number + 1};1H\033[2K{text}")
        if len(texts) < len(self._drawn):
            told.append(f"\033[{len(texts) + 1};1H\033[J")
        self._drawn = texts
        if told:
            self._write("".join(told))

    def typed(self) -> list[Key]:
        """The keys that have been pressed; an input that has ended is a wish to quit."""
        typed = os.read(sys.stdin.fileno(), MOST_TYPED_BYTES)
        return keys_in(typed) if typed else [Key.QUIT]

    def _text(self, line: Line) -> str:
        return sayable(ansi(line) if self._colours else plain(line))

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
