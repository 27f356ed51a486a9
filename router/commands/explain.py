"""`maek explain`: one decision, in sentences: of a running Maek, or of what its flight recorder has kept.

Rules of this file
- The recording is read where the data folder can be: by whoever runs Maek, to whom all of it belongs.
- The sentences are `router.terminal.explanation`'s; here they are only asked for and printed.
"""

import argparse
import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson

from router.commands.options import (
    add_config,
    add_language,
    add_url,
    config_path,
    load_or_explain,
    terminal_language,
    url_or_explain,
)
from router.flight.files import FOLDER, decision_in
from router.language import pick
from router.terminal.cells import ansi, plain
from router.terminal.explanation import explanation
from router.terminal.remote import Remote, Unanswered, remote
from router.terminal.screen import sayable

WIDTH_IN_PIPES = 100
NARROWEST = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek explain` takes."""
    add_config(parser)
    add_url(parser)
    add_language(parser)
    parser.add_argument(
        "id", metavar="ID", nargs="?", help="of the header x-maek-decision or of /decisions; without it, the newest"
    )
    parser.add_argument("--json", action="store_true", help="print the decision as JSON")


def run(args: argparse.Namespace) -> int:
    """Print one decision; 1 if there is none."""
    language = terminal_language(args)
    url = url_or_explain(args)
    if url is None:
        return 1
    try:
        record = asyncio.run(_fetched(url, args.id, language))
    except Unanswered as problem:
        kept = None if args.id is None else _kept(args)
        if kept is None:
            print(f"maek explain: {problem}", file=sys.stderr)
            return 1
        record = kept
    if args.json:
        print(orjson.dumps(record, option=orjson.OPT_INDENT_2).decode())
        return 0
    colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    width = max(NARROWEST, shutil.get_terminal_size((WIDTH_IN_PIPES, 0)).columns)
    for line in explanation(record, language, width):
        print(sayable(ansi(line) if colours else plain(line)))
    return 0


def _kept(args: argparse.Namespace) -> Mapping[str, Any] | None:
    """The decision as it was recorded on this machine, once nobody remembers it."""
    config = load_or_explain(config_path(args))
    if config is None:
        return None
    try:
        return decision_in(config.router.data_folder() / FOLDER, args.id)
    except FileNotFoundError:
        return None  # nothing was ever recorded here
    except OSError as error:
        print(f"maek explain: {error.filename}: {error.strerror}", file=sys.stderr)
        return None


async def _fetched(url: str, record_id: str | None, language: str) -> Mapping[str, Any]:
    async with remote(url, language) as maek:
        return await (_newest(maek, language) if record_id is None else _of_id(maek, record_id, language))


async def _newest(maek: Remote, language: str) -> Mapping[str, Any]:
    answer = await maek.get("/decisions?limit=1")
    if not isinstance(answer, dict) or not isinstance(answer.get("decisions"), list):
        raise Unanswered(maek.not_maek())
    records = answer["decisions"]
    if not records:
        raise Unanswered(
            pick(
                language,
                ko="아직 결정이 없습니다. `maek ask 안녕`처럼 무엇이든 물어본 다음 다시 해 보세요.",
                en="there are no decisions yet. Ask something, such as `maek ask hello`, and try again.",
            )
        )
    newest: Mapping[str, Any] = records[0]
    return newest


async def _of_id(maek: Remote, record_id: str, language: str) -> Mapping[str, Any]:
    try:
        record: Mapping[str, Any] = await maek.get("/decisions/" + quote(record_id, safe=""))
    except Unanswered as problem:
        if problem.status != 404:
            raise
        raise Unanswered(
            pick(
                language,
                ko="그런 결정이 없습니다. Maek은 다시 시작할 때까지 최근 1000개를 기억하고, 각 키에는 그 키의 결정만 "
                "보여 줍니다. 이 컴퓨터의 비행 기록에도 없습니다. ID 없이 `maek explain`이라고만 하면 가장 최근 결정을 "
                "보여 줍니다.",
                en="there is no such decision. Maek remembers the last 1000 until it is restarted, and shows a key "
                "only its own. The flight recording on this machine has none either. `maek explain` without an ID "
                "tells the newest.",
            ),
            problem.status,
        ) from None
    return record
