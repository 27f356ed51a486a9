"""`maek replay`: a flight recording, played again.

Rules of this file
- Answers, differences and tables go to standard output; everything that is said about them goes to standard error, and
  how far it is only where somebody looks at it.
- By the seed's rules a recording is read as it always was: every line has to be whole. A file has to be readable to its
  end, because a gap would change the answers after it; of a folder what can be read is.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from router.balance.policies import PolicyName
from router.flight.files import notes_in, recordings, whole_lines
from router.flight.replaying import Comparison, Remade, comparison_json, comparison_lines
from sidecar import Note, Rules, TraceInvalid, answers

STANDARD_INPUT = Path("-")
PROGRESS_SECONDS = 0.5
BLANK_CELLS = 24
MOST_TOLD = 3
"""Lines that cannot be read are told one by one up to here, and counted from there on."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek replay` takes."""
    parser.add_argument(
        "trace",
        metavar="TRACE",
        type=Path,
        help="a flight recording (JSONL), or the folder where Maek keeps its own; - reads standard input",
    )
    parser.add_argument(
        "--rules",
        choices=[rules.value for rules in Rules],
        default=Rules.DEFAULT.value,
        help="whose rules answer the recording's questions (default: %(default)s)",
    )
    parser.add_argument(
        "--policy",
        choices=[policy.value for policy in PolicyName],
        help="tell what this policy would have chosen instead, and at what predicted cost",
    )
    parser.add_argument("--json", action="store_true", help="with --policy: as JSON instead of a table")


def run(args: argparse.Namespace) -> int:
    """Play a recording; 1 if it cannot be read, or something comes out differently."""
    if args.policy is None:
        return _again(args.trace, Rules(args.rules))
    comparison = Comparison(PolicyName(args.policy))
    code = _played(args.trace, Rules.DEFAULT, comparison.take_note, _nothing)
    if args.json:
        _print(comparison_json(comparison))
    elif comparison.choices or comparison.shed:
        print("\n".join(comparison_lines(comparison)))
    else:
        _say("there is no choice of a backend in it to compare.")
    return code


def _again(trace: Path, rules: Rules) -> int:
    remade = Remade()

    def take(note: Note) -> None:
        if (found := remade.take(note)) is not None:
            _print(found)

    code = _played(trace, rules, take, _print)
    if remade.made or (code == 0 and trace.is_dir()):
        _say(remade.sentence())
    return 1 if remade.differing else code


def _played(trace: Path, rules: Rules, heard: Callable[[Note], None], answered: Callable[[Any], None]) -> int:
    """Play every file of a recording. 1 if something of it cannot be read."""
    if rules is Rules.SEED:
        heard = _nothing
    path = trace
    try:
        if trace.is_dir():
            return _ring_played(trace, heard)
        with _opened(path) as lines:
            for answer in answers(_lines(lines, path, rules), rules, heard):
                answered(answer)
    except OSError as error:
        _say(f"{error.filename or path}: {error.strerror}")
        return 1
    except TraceInvalid as error:
        _say(f"{path}: {error}")
        return 1
    return 0


def _ring_played(folder: Path, heard: Callable[[Note], None]) -> int:
    """Play what can be read of a ring."""
    paths = recordings(folder)
    if not paths:
        _say(f"{folder} holds no flight recording (flight-*.jsonl). It is in the data folder of Maek.")
        return 1
    left_out = _LeftOut()
    progress = _Progress(len(paths))
    for path in paths:
        with suppress(FileNotFoundError), path.open("rb") as lines:  # it has made way in the meantime
            counted = progress.counting(lines, os.fstat(lines.fileno()).st_size)
            for number, note in notes_in(_lines(counted, path, Rules.DEFAULT), left_out.of(path)):
                try:
                    heard(note)
                except TraceInvalid as error:
                    left_out.of(path)(number, str(error))
    progress.end()
    return left_out.told()


class _LeftOut:
    """Lines of a ring that cannot be read."""

    def __init__(self) -> None:
        self._whys: Counter[str] = Counter()

    def of(self, path: Path) -> Callable[[int, str], None]:
        """Hears of those of a file."""

        def hear(number: int, why: str) -> None:
            # The same everywhere: lines that another version wrote. One by one: what the disk has spoilt.
            self._whys[why] += 1
            if self._whys[why] == 1 and len(self._whys) <= MOST_TOLD:
                _say(f"{path}: line {number} is left out: {why}")

        return hear

    def told(self) -> int:
        """Say how many there are; the exit status."""
        if not self._whys:
            return 0
        count = self._whys.total()
        _say("1 line could not be read." if count == 1 else f"{count:,} lines could not be read.")
        return 1


class _Progress:
    """How far it is, where somebody looks at it."""

    def __init__(self, files: int) -> None:
        self._files = files
        self._begun = 0
        self._tells_at = time.monotonic() + PROGRESS_SECONDS
        self._told = False

    def counting(self, lines: Iterable[bytes], size_bytes: int) -> Iterator[bytes]:
        """The lines of the next file, counted."""
        self._begun += 1
        read_bytes = 0
        for line in lines:
            read_bytes += len(line)
            if (now := time.monotonic()) >= self._tells_at:
                self._tells_at = now + PROGRESS_SECONDS
                self._tell((self._begun - 1 + min(1.0, read_bytes / size_bytes)) / self._files)
            yield line

    def _tell(self, part: float) -> None:
        if sys.stderr.isatty():
            self._told = True
            print(f"\rmaek replay: {part:.0%} read", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """It is through: the line is wiped."""
        if self._told:
            print(f"\r{' ' * BLANK_CELLS}\r", end="", file=sys.stderr, flush=True)


def _opened(path: Path) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if path == STANDARD_INPUT else path.open("rb")


def _lines(lines: Iterable[bytes], path: Path, rules: Rules) -> Iterator[bytes]:
    if rules is Rules.SEED:
        return iter(lines)
    return whole_lines(lines, lambda: _say(f"{path}: the last line was cut short, and is left out"))


def _say(text: str) -> None:
    print(f"maek replay: {text}", file=sys.stderr)


def _print(value: Any) -> None:
    print(orjson.dumps(value).decode())


def _nothing(_value: Any) -> None:
    """Nobody wants to hear it."""
