"""The examples of docs/runbooks.md: which there are, running them, and whether they show what the page shows.

Rules of this file
- A line that the page shows has to be among those that the command prints. `…` stands for anything; so do larger
  numbers and fractions, for they differ each time. A small whole number is what the page is about, and is the same.
"""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).resolve().parents[2] / "docs" / "runbooks.md"
URL = "http://127.0.0.1:8484"
"""Where Maek listens in the examples."""
SMALL = 10


class Example(NamedTuple):
    """A command of a section, as it is written, and what it is to show."""

    alert: str
    line: str
    shown: tuple[str, ...]

    def words(self) -> list[str]:
        """The first command, without what it is filtered by."""
        words = shlex.split(self.line)
        return words[: words.index("|")] if "|" in words else words

    def sought(self) -> list[str]:
        """What every line has to have, by `| grep WORD`."""
        return re.findall(r"\| grep (\S+)", self.line)

    def missing(self, printed: str) -> list[str]:
        """The lines that are shown and were not printed."""
        lines = [line for line in printed.splitlines() if all(word in line for word in self.sought())]
        return [line for line in self.shown if not any(pattern(line).match(real) for real in lines)]


def sections() -> dict[str, str]:
    """What stands under the heading of every alert."""
    text = PAGE.read_text("utf-8")
    return dict(re.findall(r"^## (Maek\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))


def examples() -> list[Example]:
    """Every command of a console block, in the order of the page."""
    return [
        Example(alert, command.splitlines()[0], tuple(command.splitlines()[1:]))
        for alert, section in sections().items()
        for block in re.findall(r"^```console\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        for command in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    ]


def pattern(shown: str) -> re.Pattern[str]:
    """What fits a line of the page."""
    parts = re.split(r"(\d+(?:\.\d+)?|\s+|…)", shown)
    return re.compile("".join(_fitting(part) for part in parts))


def _fitting(part: str) -> str:
    if part == "…":
        return ".*"
    if part.isspace():
        return r"\s+"
    if re.fullmatch(r"\d+(?:\.\d+)?", part):
        small = float(part) < SMALL and float(part).is_integer()
        return re.escape(part) if small else r"[\d.]+"
    return re.escape(part)
