"""`maek documents`.

Rules of this file
- It works on the index in the data folder, whether or not Maek runs, or asks the document server. Results go to
  standard output, progress to standard error, and only where somebody looks at it.
"""

import argparse
import asyncio
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import asdict

import aiohttp
import orjson

from router.commands.options import add_config, config_path, load_or_explain
from router.config import Config
from router.config_tools.documents import DocumentKind
from router.documents.local import local_archive
from router.documents.refreshing import Report
from router.terminal.cells import clean
from router.toolbox import archive_of
from router.tools.documents.archive import ArchiveFailed, Passage
from sidecar import probing_session

NO_FOLDER = "no folder is named; set router.tools.document.folder."
BAR_CELLS = 30
MOST_FOUND = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek documents` takes."""
    doing = parser.add_subparsers(title="what to do", metavar="WHAT", dest="what", required=True)
    index = doing.add_parser("index", help="read what is new or changed in the folder, and name what cannot be read")
    search = doing.add_parser("search", help="the passages nearest to some words")
    search.add_argument("words", metavar="WORDS", nargs="+", help="what to search for")
    for one in (index, search):
        add_config(one)
        one.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Index or search; 1 if it cannot be done."""
    config = load_or_explain(config_path(args))
    if config is None:
        return 1
    where = config.router.tools.document.url or config.router.tools.document.folder
    try:
        if args.what == "search":
            return asyncio.run(_search(config, " ".join(args.words), as_json=args.json))
        return _index(config, as_json=args.json)
    except BlockingIOError:
        return _trouble("another process is indexing; what it has done so far can be searched.")
    except (ArchiveFailed, OSError, sqlite3.Error, aiohttp.ClientError) as error:
        return _trouble(f"{where}: {error}")


def _index(config: Config, *, as_json: bool) -> int:
    archive = local_archive(config)
    if archive is None:
        if config.router.tools.document.kind is DocumentKind.REMOTE:
            return _trouble("the document server keeps its own index; there is nothing to do here.")
        return _trouble(NO_FOLDER)
    report = archive.refreshed_here(_bar if sys.stderr.isatty() else _silent)
    if as_json:
        print(orjson.dumps(_report_row(report), option=orjson.OPT_INDENT_2).decode())
        return 0
    for path, why in report.problems:
        print(f"{clean(path)}: {why}")
    readable = report.files - len(report.problems)
    print(
        f"{readable} of {report.files} files can be searched: {report.changed} new or changed, "
        f"{report.removed} removed, {len(report.problems)} not readable"
    )
    return 0


async def _search(config: Config, query: str, *, as_json: bool) -> int:
    async with probing_session() as http:
        archive = archive_of(config, lambda: http)
        if archive is None:
            return _trouble(NO_FOLDER)
        found = await archive.passages(query, MOST_FOUND)
        complete = (await archive.holdings()).complete
    if as_json:
        print(orjson.dumps([asdict(one) for one in found], option=orjson.OPT_INDENT_2).decode())
        return 0
    for one in found:
        print("\n".join(map(clean, _told(one))), end="\n\n")
    if not found:
        print(
            "nothing found" if complete else "nothing found; `maek documents index` has not gone through the folder yet"
        )
    return 0


def _told(passage: Passage) -> Sequence[str]:
    heading = f": {passage.heading}" if passage.heading else ""
    return f"{passage.document.path}{heading}", f"  {passage.snippet}"


def _report_row(report: Report) -> dict[str, object]:
    row = asdict(report)
    return {**row, "problems": [{"path": path, "why": why} for path, why in report.problems]}


def _bar(done: int, total: int) -> None:
    filled = BAR_CELLS * done // max(1, total)
    end = "\n" if done == total else ""
    print(f"\r[{'#' * filled}{'.' * (BAR_CELLS - filled)}] {done}/{total} files", end=end, file=sys.stderr, flush=True)


def _silent(_done: int, _total: int) -> None:
    """Nobody looks."""


def _trouble(text: str) -> int:
    print(f"maek documents: {text}", file=sys.stderr)
    return 1
