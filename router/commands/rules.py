"""`maek rules`: what Prometheus is to compute and of what it is to warn, from the tables that Maek itself goes by.

Rules of this file
- Nothing is asked of anybody: the rules are the same for every configuration, whose limits are exported as thresholds.
- What an operator may choose is an option here and stands in `router.prometheus.chosen`.
"""

import argparse
import sys
from pathlib import Path
from urllib.parse import urlsplit

from router.prometheus.chosen import FIRST_TOKEN_SECONDS, RUNBOOKS, Chosen
from router.prometheus.files import differing, texts, write


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek rules` takes."""
    parser.add_argument("file", nargs="?", choices=[*texts()], help="print this file alone (default: all of them)")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--write", metavar="FOLDER", type=Path, help="write the files there instead of printing them")
    ways.add_argument("--check", metavar="FOLDER", type=Path, help="exit with 1 unless the files there are the same")
    parser.add_argument(
        "--runbooks",
        metavar="URL",
        type=_address,
        default=RUNBOOKS,
        help="where docs/runbooks.md can be read, such as on your wiki: alerts link to it (default: %(default)s)",
    )
    parser.add_argument(
        "--first-token-seconds",
        metavar="SECONDS",
        type=float,
        default=FIRST_TOKEN_SECONDS,
        help="a later first token is late, for MaekTTFTBudgetBurn (default: %(default)s)",
    )
    parser.add_argument(
        "--faster",
        metavar="TIMES",
        type=int,
        default=1,
        help="for rehearsals: windows and waiting times so many times as short, such as 60",
    )


def run(args: argparse.Namespace) -> int:
    """Print, write or compare the rules; 1 if something differs or cannot be written, 2 if it cannot be chosen."""
    try:
        chosen = Chosen(args.runbooks, args.first_token_seconds, args.faster)
    except ValueError as problem:
        print(f"maek rules: {problem}", file=sys.stderr)
        return 2
    if args.check is not None:
        return _compare(args.check, chosen)
    if args.write is not None:
        return _write(args.write, chosen)
    told = texts(chosen)
    picked = told.values() if args.file is None else [told[args.file]]
    # Each is a document of its own: a file of rules has one key at its top.
    print("---\n".join(picked), end="")
    return 0


def _address(text: str) -> str:
    """An address that leads somewhere from a chat, where an alert may be read."""
    parts = urlsplit(text)
    if text == RUNBOOKS:
        return text
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise argparse.ArgumentTypeError(f"{text!r} is no address such as https://wiki.example/maek/runbooks")
    return text


def _compare(folder: Path, chosen: Chosen) -> int:
    wrong = differing(folder, chosen)
    for name in wrong:
        print(f"{folder / name} is not what Maek would write; run `maek rules --write {folder}`", file=sys.stderr)
    return 1 if wrong else 0


def _write(folder: Path, chosen: Chosen) -> int:
    try:
        write(folder, chosen)
    except OSError as problem:
        print(f"maek rules: cannot write to {folder}: {problem.strerror}", file=sys.stderr)
        return 1
    if chosen.runbooks == RUNBOOKS:
        print("Alerts do not link to a page yet: `--runbooks URL` says where yours is.", file=sys.stderr)
    return 0
