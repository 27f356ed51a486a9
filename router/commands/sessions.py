"""`maek sessions`: the conversations that Maek keeps, listed, shown, exported, deleted.

Rules of this file
- It asks the running Maek, which shows a key its own conversations. With `--offline` it opens the file in the data
  folder itself, which is the operator's way: every key's, and Maek need not run.
- Results go to standard output, what goes wrong to standard error. An export is JSON lines, one conversation each.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

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
from router.commands.sessions_offline import offline
from router.language import pick
from router.sessions.store import SessionStoreFailed
from router.terminal.cells import clean
from router.terminal.kept_sessions import KeptSessions, Unclear, over_http
from router.terminal.remote import Unanswered, remote

MOST_LISTED = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek sessions` takes."""
    doing = parser.add_subparsers(title="what to do", metavar="WHAT", dest="what", required=True)
    listing = doing.add_parser("list", help="the conversations, the last used first")
    listing.add_argument("--limit", type=int, default=MOST_LISTED, metavar="N", help="how many (default: %(default)s)")
    listing.add_argument("--json", action="store_true", help="print JSON lines")
    show = doing.add_parser("show", help="what was said in one")
    show.add_argument("--json", action="store_true", help="print JSON")
    export = doing.add_parser("export", help="everything that is kept of some, or of all, as JSON lines")
    delete = doing.add_parser("delete", help="forget some, and everything in them")
    show.add_argument("ids", metavar="ID", nargs=1, help="of the conversation")
    export.add_argument("ids", metavar="ID", nargs="*", help="of the conversations; without any, all")
    delete.add_argument("ids", metavar="ID", nargs="+", help="of the conversations")
    for one in (listing, show, export, delete):
        add_config(one)
        add_url(one)
        add_language(one)
        one.add_argument("--offline", action="store_true", help="open the file in the data folder: every key's")
        one.add_argument("--owner", metavar="KEY", help="with --offline: only what belongs to this key, as listed")


def run(args: argparse.Namespace) -> int:
    """Do it; 1 if it cannot be done."""
    if args.owner is not None and not args.offline:
        return _trouble("--owner goes with --offline; a running Maek shows what belongs to the key in MAEK_KEY.")
    try:
        if args.offline:
            config = load_or_explain(config_path(args))
            return 1 if config is None else asyncio.run(_offline(args, config))
        url = url_or_explain(args)
        return 1 if url is None else asyncio.run(_online(args, url))
    except (Unanswered, Unclear, SessionStoreFailed) as problem:
        return _trouble(str(problem))


async def _online(args: argparse.Namespace, url: str) -> int:
    async with remote(url, terminal_language(args)) as maek:
        return await _done(args, over_http(maek))


async def _offline(args: argparse.Namespace, config: Any) -> int:
    async with offline(config, args.owner) as kept:
        return await _done(args, kept)


async def _done(args: argparse.Namespace, kept: KeptSessions) -> int:
    language = terminal_language(args)
    match args.what:
        case "list":
            return await _list(kept, args.limit, language, as_json=args.json)
        case "show":
            await _show(await kept.one(args.ids[0]), language, as_json=args.json)
        case "export":
            async for one in _whole(kept, args.ids):
                print(orjson.dumps(one).decode())
        case "delete":
            for session_id in args.ids:
                await kept.delete(session_id)
                print(clean(session_id))
    return 0


async def _whole(kept: KeptSessions, ids: Sequence[str]) -> AsyncIterator[Mapping[str, Any]]:
    if not ids:
        async for one in kept.all():
            yield one
    for session_id in ids:
        yield await kept.one(session_id)


async def _list(kept: KeptSessions, limit: int, language: str, *, as_json: bool) -> int:
    number = 0
    async for row in kept.rows():
        if number >= limit:
            more = pick(language, ko="더 있습니다. --limit으로 더 보세요.", en="there are more; --limit shows them")
            print(f"maek sessions: {more}", file=sys.stderr)
            break
        number += 1
        print(orjson.dumps(row).decode() if as_json else _line(row, language))
    if not number and not as_json:
        print(pick(language, ko="대화가 없습니다.", en="no conversations"))
    return 0


def _line(row: Mapping[str, Any], language: str) -> str:
    notes = [pick(language, ko=f"메시지 {row['messages']}개", en=f"{row['messages']} messages")]
    if row["summarised"]:
        notes.append(pick(language, ko="요약 있음", en="summarised"))
    if row["draft"] is not None and not row["draft"]["expired"]:
        notes.append(pick(language, ko="초안 대기", en="a draft waits"))
    if row["question"] is not None:
        notes.append(pick(language, ko="되물음", en="a question waits"))
    whose = f"  {row['owner']}" if "owner" in row else ""
    return clean(f"{row['used_at'][:16].replace('T', ' ')}  {row['id']}{whose}  {', '.join(notes)}")


async def _show(one: Mapping[str, Any], language: str, *, as_json: bool) -> None:
    if as_json:
        print(orjson.dumps(one, option=orjson.OPT_INDENT_2).decode())
        return
    if one["summary"] is not None:
        print(f"[{pick(language, ko='앞의 요약', en='in short, before')}] {_text(one['summary']['text'])}\n")
    names = {"user": pick(language, ko="나", en="you"), "assistant": "maek"}
    for said in (*one["dropped"], *one["messages"]):
        print(f"{said['at'][:16].replace('T', ' ')}  {names[said['role']]}: {_text(said['text'])}")
    draft = one["draft"]
    if draft is not None:
        state = (
            pick(language, ko="시간이 지난 초안", en="a draft whose time is over")
            if draft["expired"]
            else pick(language, ko="승낙을 기다리는 초안", en="a draft that waits for a yes")
        )
        print(f"\n[{state}] {_text(draft['summary'])}")


def _text(text: str) -> str:
    """As it was said, without what would steer the terminal."""
    return "\n".join(clean(line) for line in text.splitlines())


def _trouble(text: str) -> int:
    print(f"maek sessions: {text}", file=sys.stderr)
    return 1
