"""`maek check`.

Rules of this file
- A problem is what Maek cannot start with: exit 1. A warning is what will not do what its author expects: told, exit 0.
"""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from router.commands.options import add_config, config_path
from router.config_load import check, load
from router.config_tools.calendar_faults import calendar_warnings
from router.decide.shadowing import shadowed
from router.decider import rules_of
from router.tools.registry import build
from router.tracing_switch import EXTRA, installed
from sidecar import Problem
from sidecar.config import dotted, read

MCP_SERVERS = ("router", "tools", "mcp", "servers")
TRACING = ("router", "tracing", "endpoint")
MCP_EXTRA = "it installed: pip install 'maek[mcp]'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek check` takes."""
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="print the problems as JSON")


def run(args: argparse.Namespace) -> int:
    """Print every problem and every warning; 0 if there is no problem."""
    path = config_path(args)
    if path is None:
        print("maek check: there is no config.yaml here; name a file with -c FILE.", file=sys.stderr)
        return 1
    problems = check(path)
    warnings = () if problems else warnings_of(path)
    if args.json:
        rows = {"problems": [_row(one) for one in problems], "warnings": [_row(one) for one in warnings]}
        print(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
        return 1 if problems else 0
    for warning in warnings:
        print(f"warning: {warning}")
    print("\n".join(map(str, problems)) or f"{path}: all right")
    return 1 if problems else 0


def warnings_of(path: Path) -> tuple[Problem, ...]:
    """What in a configuration that is right will not do what it says: words that never decide, libraries not there."""
    document = read(path)
    config = load(path)
    found = [(one.loc, one.found, one.advice) for one in shadowed(rules_of(config, build()))]
    found += [(one.loc, one.found, one.wanted) for one in calendar_warnings(config.router.tools.calendar)]
    if config.router.tools.mcp.servers and find_spec("mcp") is None:
        found.append((MCP_SERVERS, "servers of others without the package mcp", MCP_EXTRA))
    if config.router.tracing.endpoint is not None and not installed():
        found.append((TRACING, "a collector without the libraries that send traces", f"them installed: {EXTRA}"))
    return tuple(Problem(document.file, document.line(loc), dotted(loc), what, wanted) for loc, what, wanted in found)


def _row(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "key": problem.key,
        "found": problem.found,
        "wanted": problem.wanted,
    }
