"""`maek check`."""

import argparse
import sys

import orjson

from router.commands.options import add_config, config_path
from router.config_load import check


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek check` takes."""
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="print the problems as JSON")


def run(args: argparse.Namespace) -> int:
    """Print every problem; 0 if there is none."""
    path = config_path(args)
    if path is None:
        print("maek check: there is no config.yaml here; name a file with -c FILE.", file=sys.stderr)
        return 1
    problems = check(path)
    if args.json:
        rows = [{"file": p.file, "line": p.line, "key": p.key, "found": p.found, "wanted": p.wanted} for p in problems]
        print(orjson.dumps({"problems": rows}, option=orjson.OPT_INDENT_2).decode())
    else:
        print("\n".join(map(str, problems)) or f"{path}: all right")
    return 1 if problems else 0
