"""`maek tools`: what Maek can do besides chatting.

Rules of this file
- A running Maek is asked, because it knows what its servers offer now; without one, the configuration tells what it
  would begin with.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import orjson

from router.commands.options import (
    add_config,
    add_language,
    add_url,
    config_path,
    load_or_explain,
    running_url,
    terminal_language,
)
from router.config import Config
from router.language import pick
from router.terminal.cells import cells, clean, left
from router.terminal.remote import Unanswered, remote
from router.terminal.screen import sayable
from router.toolbox import toolbox
from router.tools.describe import tool_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek tools` takes."""
    add_config(parser)
    add_url(parser)
    add_language(parser)
    parser.add_argument("--json", action="store_true", help="print the tools as JSON, with the schemas of parameters")


def run(args: argparse.Namespace) -> int:
    """Print every tool with its operations; 1 if neither a running Maek nor the configuration can be read."""
    language = terminal_language(args)
    config = load_or_explain(config_path(args))
    if config is None:
        return 1
    try:
        tools = asyncio.run(_running(args.url or running_url(config), language))
    except Unanswered as problem:
        if args.url is not None or problem.status is not None:
            print(f"maek tools: {problem}", file=sys.stderr)
            return 1
        tools = _configured(config)
        _tell_that_none_runs(language)
    if args.json:
        print(orjson.dumps({"tools": tools}, option=orjson.OPT_INDENT_2).decode())
        return 0
    for line in lines(tools, language):
        print(sayable(line))
    return 0


async def _running(url: str, language: str) -> list[dict[str, Any]]:
    async with remote(url, language) as maek:
        answer = await maek.get("/tools")
        if not isinstance(answer, dict) or not isinstance(answer.get("tools"), list):
            raise Unanswered(maek.not_maek(), 200)
        tools: list[dict[str, Any]] = answer["tools"]
        return tools


def _configured(config: Config) -> list[dict[str, Any]]:
    def nobody() -> aiohttp.ClientSession:
        raise RuntimeError("a list of tools asks no server")

    return [tool_json(tool) for tool in toolbox(config, nobody).values()]


def _tell_that_none_runs(language: str) -> None:
    told = pick(
        language,
        ko="실행 중인 Maek이 없어서 설정 파일대로 보여 줍니다.",
        en="no Maek is running; this is what the configuration says.",
    )
    print(f"maek tools: {told}", file=sys.stderr)


def lines(tools: Sequence[Mapping[str, Any]], language: str) -> list[str]:
    """For people: a tool with its title, and below it one line an operation. Texts may be of other servers."""
    told: list[str] = []
    for tool in tools:
        told.append(clean(f"{tool['name']}  {_title(tool, language)}{_state(tool, language)}"))
        rows = [(_called(operation), _title(operation, language)) for operation in tool["operations"]]
        width = max((cells(called) for called, _ in rows), default=0)
        told += [f"  {left(called, width)}  {title}" for called, title in rows]
    return told


def _title(row: Mapping[str, Any], language: str) -> str:
    return clean(pick(language, ko=str(row["title_ko"]), en=str(row["title_en"])))


def _state(tool: Mapping[str, Any], language: str) -> str:
    return "" if tool["configured"] else pick(language, ko="  (설정되지 않음)", en="  (not set up)")


def _called(operation: Mapping[str, Any]) -> str:
    """`search(query, days?)`, where a question mark follows what may be left out."""
    schema = operation["params"]
    required = schema.get("required", ())
    names = (name if name in required else f"{name}?" for name in schema.get("properties", {}))
    return clean(f"{operation['name']}({', '.join(names)})")
