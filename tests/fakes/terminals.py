"""A terminal: `maek` runs in it as in a user's window, and what stands on the screen can be read.

Rules of this file
- A real pseudo-terminal of the operating system. What is written to it is understood by the few sequences of ECMA-48
  that Maek needs; any other is an error, since a real terminal would show it as garbage.
"""

import asyncio
import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from router.terminal.cells import cells
from tests.fakes.processes import STARTED_SECONDS
from tests.fakes.waiting import until

SEQUENCE = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])")


class Garbage(AssertionError):
    """Something was written that a terminal would not understand."""


@dataclass
class Grid:
    """What stands on a screen of so many cells across and lines."""

    columns: int
    lines: int
    shown: list[str] = field(default_factory=list)
    """Lines, without the blanks at their ends."""
    modes: set[str] = field(default_factory=set)
    """Private modes that were switched on and not off again, or off and not on: `?25l` is a hidden cursor."""
    ever: set[str] = field(default_factory=set)
    """Private modes that were ever switched."""
    coloured: bool = False
    """Whether it was ever told of a colour or of bold."""
    _line: int = 0
    _text: str = ""

    def feed(self, text: str) -> None:
        """Take in whole output."""
        for piece in re.split(r"(\x1b\[\??[\d;]*[A-Za-z]|\r|\n)", text):
            if found := SEQUENCE.fullmatch(piece):
                self._told(found[1], found[2])
            elif piece == "\n":
                self._put(self._line + 1, "")
            elif piece not in ("", "\r"):
                self._written(piece)

    def _told(self, numbers: str, command: str) -> None:
        match command, numbers:
            case "h" | "l", mode if mode.startswith("?"):
                self.ever.add(mode + command)
                (self.modes.discard if mode + _OTHER[command] in self.modes else self.modes.add)(
                    mode + (_OTHER[command] if mode + _OTHER[command] in self.modes else command)
                )
            case "H", place:
                line, _, column = (place or "1;1").partition(";")
                if column not in ("", "1"):
                    raise Garbage(f"the cursor was put into column {column}")
                self._line, self._text = int(line) - 1, ""
            case "J", "2":
                self.shown = []
            case "J", "" | "0":
                self.shown = self.shown[: self._line]
            case "K", "2":
                self._put(self._line, "")
            case "m", _:
                self.coloured = True
            case _:
                raise Garbage(f"ESC [ {numbers} {command}")

    def _written(self, text: str) -> None:
        if not text.isprintable():
            raise Garbage(repr(text))
        whole = self._text + text
        if cells(whole) > self.columns:
            raise Garbage(f"wider than {self.columns} cells: {whole}")
        self._put(self._line, whole)

    def _put(self, line: int, text: str) -> None:
        if line >= self.lines and "?1049h" in self.modes:
            raise Garbage(f"line {line + 1} of {self.lines}: {text}")
        self.shown += [""] * (line + 1 - len(self.shown))
        self.shown[line] = text
        self._line, self._text = line, text


_OTHER = {"h": "l", "l": "h"}


@dataclass
class Terminal:
    """A process in a terminal."""

    process: asyncio.subprocess.Process
    grid: Grid
    _fd: int

    @property
    def screen(self) -> str:
        """Everything that is to be seen."""
        return "\n".join(line.rstrip() for line in self.grid.shown)

    def type(self, keys: str) -> None:
        """As if pressed on the keyboard."""
        os.write(self._fd, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """As if the window was dragged."""
        self.grid.columns, self.grid.lines = columns, lines
        _set_size(self._fd, columns, lines)
        self.process.send_signal(signal.SIGWINCH)

    async def shows(self, condition: Callable[[str], object]) -> str:
        """The screen, once it is as wanted; AssertionError with the screen if it never is."""
        try:
            await until(lambda: condition(self.screen), STARTED_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"the screen never came to it:\n{self.screen}") from error
        return self.screen

    def settings(self) -> list[object]:
        """How the terminal is set: echo, line by line, and so on."""
        return list(termios.tcgetattr(self._fd))


@asynccontextmanager
async def terminal(
    *arguments: str, columns: int = 80, lines: int = 24, environ: Mapping[str, str] | None = None, cwd: Path
) -> AsyncIterator[Terminal]:
    """`maek` with these arguments in a terminal, until the context ends."""
    ours, theirs = pty.openpty()
    _set_size(theirs, columns, lines)
    loop = asyncio.get_running_loop()
    grid = Grid(columns, lines)
    pending = ""

    def read() -> None:
        nonlocal pending
        try:
            pending += os.read(ours, 65536).decode()
        except OSError:
            loop.remove_reader(ours)
            return
        # A sequence may be cut by the end of a read.
        whole, escape, rest = pending.rpartition("\x1b")
        cut = bool(escape) and SEQUENCE.match(escape + rest) is None
        grid.feed(whole if cut else pending)
        pending = escape + rest if cut else ""

    environment = {**os.environ, "TERM": "xterm-256color", "LANG": "en_US.UTF-8", "PYTHONUTF8": "1", **(environ or {})}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "router", *arguments,
        stdin=theirs, stdout=theirs, stderr=asyncio.subprocess.PIPE, env=environment, cwd=cwd,
        start_new_session=True,
    )  # fmt: skip
    loop.add_reader(ours, read)
    try:
        yield Terminal(process, grid, ours)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
        loop.remove_reader(ours)
        os.close(ours)
        os.close(theirs)


def _set_size(fd: int, columns: int, lines: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
