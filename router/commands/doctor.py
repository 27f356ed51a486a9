"""`maek doctor`: everything that Maek needs, looked at once, with what to do where it is not well.

Rules of this file
- Nothing is changed, and no secret is shown. It costs a few tokens for each role, unless `--no-chat`.
- Bounded in time: whoever does not answer is told of, not waited for.
"""

import argparse
import asyncio
import logging
import os
import shutil
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson

from router.commands.check import warnings_of
from router.commands.options import add_config, add_language, add_url, config_path, running_url, terminal_language
from router.config import Config
from router.config_load import check, defaults, load
from router.doctor.finding import Area, Finding, Grade, as_json, broken, count, doubtful, in_order, same, well
from router.doctor.report import report
from router.doctor.rounds import Wanted, examined
from router.language import pick
from router.terminal.cells import clipped
from router.terminal.screen import sayable
from router.terminal.words import Word
from sidecar import Problem

NARROWEST, WIDTH_IN_PIPES = 40, 100
THREADS = "doctor"
THREAD_SECONDS = 1.0
"""For a thread to end by itself."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek doctor` takes."""
    add_config(parser)
    add_url(parser)
    add_language(parser)
    parser.add_argument("--no-chat", action="store_true", help="no test chats: then it costs no tokens")
    parser.add_argument(
        "--seconds", type=float, default=60.0, metavar="N", help="longest wait for a test chat (default: 60)"
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(args: argparse.Namespace) -> int:
    """Print what was found; 1 if something that is configured does not work."""
    logging.getLogger().addHandler(logging.NullHandler())  # what fails is in the report
    language = terminal_language(args)
    path = config_path(args)
    found, config = _configured(path)
    if config is not None:
        wanted = Wanted((args.url or running_url(config)).rstrip("/"), not args.no_chat, args.seconds)
        found += _examined(config, wanted, language)
    if args.json:
        counts = {grade.value: count(found, grade) for grade in Grade}
        rows: dict[str, Any] = {"findings": [as_json(one, language) for one in in_order(found)], **counts}
        print(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
    else:
        width = max(NARROWEST, shutil.get_terminal_size((WIDTH_IN_PIPES, 24)).columns)
        print("\n".join(sayable(line) for line in report(found, language, width)))
    return _ended(1 if count(found, Grade.PROBLEM) else 0)


def _configured(path: Path | None) -> tuple[list[Finding], Config | None]:
    """What `maek check` says, and the configuration if it can be used."""
    if path is None:
        said = Word("config.yaml이 없어 기본값을 씁니다", "there is no config.yaml here: the defaults are used")
        return [well(Area.CONFIG, "", said)], defaults()
    if problems := check(path):
        return [broken(Area.CONFIG, _place(one), same(one.found), _wanted(one)) for one in problems], None
    warnings = warnings_of(path)
    found = [doubtful(Area.CONFIG, _place(one), same(one.found), _wanted(one)) for one in warnings]
    return found or [well(Area.CONFIG, str(path), Word("문제 없음", "all right"))], load(path)


def _place(problem: Problem) -> str:
    place = problem.file if problem.line is None else f"{problem.file}:{problem.line}"
    return f"{place} {problem.key}".strip()


def _wanted(problem: Problem) -> Word:
    return Word(f"필요한 값: {problem.wanted}", f"wanted: {problem.wanted}")


def _examined(config: Config, wanted: Wanted, language: str) -> list[Finding]:
    def progress(done: int, of: int, waiting: Sequence[str]) -> None:
        if not sys.stderr.isatty():
            return
        looking = pick(language, ko="확인 중", en="looking")
        line = f"{looking} {done}/{of} {', '.join(waiting)}" if waiting else ""
        print(f"\r\033[K{clipped(line, shutil.get_terminal_size().columns - 1)}", end="", file=sys.stderr, flush=True)

    # Not `asyncio.run`: it would wait for threads that ask a dead name server, for as long as those take.
    loop = asyncio.new_event_loop()
    threads = ThreadPoolExecutor(thread_name_prefix=THREADS)
    loop.set_default_executor(threads)
    try:
        return loop.run_until_complete(examined(config, wanted, progress))
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        loop.close()


def _ended(exit_code: int) -> int:
    """The exit code; ends the process here if a thread would hold it up."""
    sys.stdout.flush()
    for thread in threading.enumerate():
        if thread.name.startswith(THREADS):
            thread.join(THREAD_SECONDS)
            if thread.is_alive():
                os._exit(exit_code)
    return exit_code
