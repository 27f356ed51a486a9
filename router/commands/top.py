"""`maek top`: the fleet of a running Maek, live in the terminal.

Rules of this file
- Without a terminal it prints one frame as plain text and ends, so that it can be piped and logged.
"""

import argparse
import asyncio
import os
import shutil
import sys
from datetime import datetime
from typing import Any

import orjson

from router.commands.options import add_config, add_language, add_url, terminal_language, url_or_explain
from router.language import Language
from router.terminal.cells import plain
from router.terminal.fleet import Fleet, Row
from router.terminal.frame import Scene, frame
from router.terminal.live import Live, Watch
from router.terminal.remote import Unanswered, remote
from router.terminal.screen import Screen, sayable
from router.terminal.view import View

INTERVAL_SECONDS = 1.0
SHORTEST_INTERVAL_SECONDS = 0.1
WIDTH_IN_PIPES = 120
NARROWEST = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek top` takes."""
    add_config(parser)
    add_url(parser)
    add_language(parser)
    parser.add_argument("--once", action="store_true", help="print one frame as plain text, and end")
    parser.add_argument("--json", action="store_true", help="print one frame as JSON, and end")
    parser.add_argument(
        "--interval",
        metavar="SECONDS",
        type=_read_interval,
        default=INTERVAL_SECONDS,
        help="between two looks, and over which one frame counts its rates (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Watch until somebody quits, or print one frame."""
    language = Language(terminal_language(args))
    url = url_or_explain(args)
    if url is None:
        return 1
    try:
        if args.once or args.json or not _is_terminal():
            fleet = asyncio.run(_twice(url, language, args.interval))
            print(sayable(_as_json(fleet, url) if args.json else _as_text(fleet, url, language)))
        else:
            asyncio.run(_live(url, language, args.interval))
    except Unanswered as problem:
        print(f"maek top: {problem}", file=sys.stderr)
        return 1
    return 0


def _is_terminal() -> bool:
    """Whether there is one that can be drawn on; `dumb` is what editors and build servers call theirs."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _read_interval(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not SHORTEST_INTERVAL_SECONDS <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"found {text!r}; wanted seconds from {SHORTEST_INTERVAL_SECONDS} to 3600")
    return seconds


async def _live(url: str, language: Language, interval_seconds: float) -> None:
    async with remote(url, language) as maek:
        watch = Watch(maek, asyncio.get_running_loop().time)
        await Live(watch, Screen(colours="NO_COLOR" not in os.environ), maek.url, language, interval_seconds).run()


async def _twice(url: str, language: Language, interval_seconds: float) -> Fleet:
    """Two looks, since a rate needs two."""
    async with remote(url, language) as maek:
        watch = Watch(maek, asyncio.get_running_loop().time)
        await watch.look()
        await asyncio.sleep(interval_seconds)
        return await watch.look()


def _as_text(fleet: Fleet, url: str, language: Language) -> str:
    width = max(NARROWEST, shutil.get_terminal_size((WIDTH_IN_PIPES, 0)).columns)
    scene = Scene(url, f"{datetime.now().astimezone():%H:%M:%S}")
    return "\n".join(map(plain, frame(fleet, View(language), scene, width, None)))


def _as_json(fleet: Fleet, url: str) -> str:
    told = {
        "url": url,
        "active": fleet.active,
        "queued": fleet.queued,
        "requests_per_second": fleet.requests_per_second,
        "errors_per_second": fleet.errors_per_second,
        "tokens_per_second": fleet.tokens_per_second,
        "backends": [_row_json(row) for row in fleet.rows],
    }
    return orjson.dumps(told).decode()


def _row_json(row: Row) -> dict[str, Any]:
    """What the server says of a backend, with what was made of it."""
    return {**row.told, "tokens_per_second": row.tokens_per_second}
