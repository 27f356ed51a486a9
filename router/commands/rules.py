"""`maek rules`: what Prometheus is to compute and of what it is to warn, from the tables that Maek itself goes by.

Rules of this file
- Nothing is asked of anybody: the rules are the same for every configuration, whose limits are exported as thresholds.
"""

import argparse
import sys
from pathlib import Path

from router.prometheus.files import differing, texts, write
from router.prometheus.text import RUNBOOKS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek rules` takes."""
    parser.add_argument("file", nargs="?", choices=[*texts()], help="print this file alone (default: all of them)")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--write", metavar="FOLDER", type=Path, help="write the files there instead of printing them")
    ways.add_argument("--check", metavar="FOLDER", type=Path, help="exit with 1 unless the files there are the same")
    parser.add_argument(
        "--runbooks",
        metavar="URL",
        default=RUNBOOKS,
        help="where alerts say that their runbooks are, such as that page on your own server (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Print, write or compare the rules; 1 if something differs or cannot be written."""
    if args.check is not None:
        return _compare(args.check, args.runbooks)
    if args.write is not None:
        return _write(args.write, args.runbooks)
    told = texts(args.runbooks)
    chosen = told.values() if args.file is None else [told[args.file]]
    # Each is a document of its own: a file of rules has one key at its top.
    print("---\n".join(chosen), end="")
    return 0


def _compare(folder: Path, runbooks: str) -> int:
    wrong = differing(folder, runbooks)
    for name in wrong:
        print(f"{folder / name} is not what Maek would write; run `maek rules --write {folder}`", file=sys.stderr)
    return 1 if wrong else 0


def _write(folder: Path, runbooks: str) -> int:
    try:
        write(folder, runbooks)
    except OSError as problem:
        print(f"maek rules: cannot write to {folder}: {problem.strerror}", file=sys.stderr)
        return 1
    return 0
