"""`maek replay`."""

import argparse
import sys
from pathlib import Path

import orjson

from sidecar import Rules, TraceInvalid, answers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek replay` takes."""
    parser.add_argument("trace", metavar="TRACE", type=Path, help="a flight recording (JSONL); - reads standard input")
    parser.add_argument(
        "--rules",
        choices=[rules.value for rules in Rules],
        default=Rules.DEFAULT.value,
        help="whose rules answer the recording's questions (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Print one JSON line for each question of the recording."""
    try:
        with sys.stdin.buffer if args.trace == Path("-") else args.trace.open("rb") as lines:
            for answer in answers(lines, Rules(args.rules)):
                print(orjson.dumps(answer).decode())
    except OSError as error:
        print(f"maek replay: {args.trace}: {error.strerror}", file=sys.stderr)
        return 1
    except TraceInvalid as error:
        print(f"maek replay: {args.trace}: {error}", file=sys.stderr)
        return 1
    return 0
