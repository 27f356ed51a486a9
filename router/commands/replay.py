"""`maek replay`: a flight recording, played again.

Rules of this file
- Answers, differences and tables go to standard output; everything that is said about them goes to standard error.
- By the seed's rules a recording is read as it always was: every line has to be whole.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from router.balance.policies import PolicyName
from router.flight.choices import choice_of
from router.flight.files import recordings, whole_lines
from router.flight.replaying import Comparison, comparison_json, comparison_lines, difference
from sidecar import Note, Rules, TraceInvalid, answers

STANDARD_INPUT = Path("-")


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
    """Play a recording; 1 if it cannot be read, or a choice comes out differently."""
    rules = Rules(args.rules)
    if args.policy is None:
        checked = _Checked()
        code = _played(args.trace, rules, checked.take, _print)
        checked.tell()
        return 1 if checked.differing else code
    comparison = Comparison(PolicyName(args.policy))

    def compare(note: Note) -> None:
        if note.kind == "choice":
            comparison.take(choice_of(note.at, note.body))

    code = _played(args.trace, Rules.DEFAULT, compare, _nothing)
    if args.json:
        _print(comparison_json(comparison))
    else:
        print("\n".join(comparison_lines(comparison)))
    return code


@dataclass(slots=True)
class _Checked:
    """Choices that were made again."""

    same: int = 0
    differing: int = 0

    def take(self, note: Note) -> None:
        """Make a choice again, and print what comes out differently."""
        if note.kind != "choice":
            return
        found = difference(choice_of(note.at, note.body))
        self.same += found is None
        self.differing += found is not None
        if found is not None:
            _print(found)

    def tell(self) -> None:
        """How it went, where there were choices."""
        if self.same + self.differing:
            text = (
                f"{self.same + self.differing} choices of a backend made again, {self.differing} came out differently"
            )
            print(f"maek replay: {text}.", file=sys.stderr)


def _played(trace: Path, rules: Rules, heard: Callable[[Note], None], answered: Callable[[Any], None]) -> int:
    """Play every file of a recording. 1 if one cannot be read."""
    if rules is Rules.SEED:
        heard = _nothing
    path = trace
    try:
        for path in [trace] if trace == STANDARD_INPUT else recordings(trace):
            with _opened(path) as lines:
                for answer in answers(_lines(lines, path, rules), rules, heard):
                    answered(answer)
    except OSError as error:
        print(f"maek replay: {path}: {error.strerror}", file=sys.stderr)
        return 1
    except TraceInvalid as error:
        print(f"maek replay: {path}: {error}", file=sys.stderr)
        return 1
    return 0


def _opened(path: Path) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if path == STANDARD_INPUT else path.open("rb")


def _lines(lines: Iterable[bytes], path: Path, rules: Rules) -> Iterator[bytes]:
    if rules is Rules.SEED:
        return iter(lines)

    def torn() -> None:
        print(f"maek replay: {path}: the last line was cut short, and is left out", file=sys.stderr)

    return whole_lines(lines, torn)


def _print(value: Any) -> None:
    print(orjson.dumps(value).decode())


def _nothing(_value: Any) -> None:
    """Nobody wants to hear it."""
