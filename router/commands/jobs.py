"""`maek jobs`: the jobs of a running Maek.

Rules of this file
- It asks over HTTP, with the key of the environment: what it shows and does is what the owner of that key may.
- Results go to standard output. Without a terminal nothing is drawn.
"""

import argparse
import asyncio
import shutil
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import orjson

from router.commands.options import add_config, add_language, add_url, terminal_language, url_or_explain
from router.jobs.job import State
from router.terminal.cells import clean, clipped
from router.terminal.remote import Remote, Unanswered, remote

WATCH_SECONDS = 1.0
LEAST_MESSAGE_CELLS = 24
"""Of a message in a list, also where the terminal is too narrow: what it was about is worth a second line."""
WIDTH_IN_PIPES = 120
ABOVE = "\033[H\033[J"
"""To the top of the screen, which is emptied."""

Doing = Callable[[Remote, argparse.Namespace], Coroutine[Any, Any, None]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek jobs` takes."""
    parser.add_argument(
        "what", nargs="?", choices=list(DOINGS), default="list", help="what to do (default: %(default)s)"
    )
    parser.add_argument("id", nargs="?", metavar="ID", help="which job, for all but list")
    parser.add_argument("--dead", action="store_true", help="list those that were given up")
    parser.add_argument("--state", metavar="STATE", help=f"list those in this state: {', '.join(State)}")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="list so many (default: %(default)s)")
    parser.add_argument("--watch", action="store_true", help="look again every second, until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_config(parser)
    add_url(parser)
    add_language(parser)


def run(args: argparse.Namespace) -> int:
    """Ask once, or again and again; 1 if it cannot be done."""
    if (args.id is None) is not (args.what == "list"):
        print(f"maek jobs: {args.what} takes {'no id' if args.id else 'the id of a job'}.", file=sys.stderr)
        return 2
    url = url_or_explain(args)
    if url is None:
        return 1
    try:
        asyncio.run(_asked(url, args))
    except Unanswered as problem:
        print(f"maek jobs: {problem}", file=sys.stderr)
        return 1
    return 0


async def _asked(url: str, args: argparse.Namespace) -> None:
    async with remote(url, terminal_language(args)) as maek:
        await DOINGS[args.what](maek, args)
        while args.watch and args.what in ("list", "show"):
            await asyncio.sleep(WATCH_SECONDS)
            if sys.stdout.isatty():
                print(ABOVE, end="")
            await DOINGS[args.what](maek, args)


async def _list(maek: Remote, args: argparse.Namespace) -> None:
    state = State.DEAD if args.dead else args.state
    chosen = "" if state is None else f"&state={quote(state)}"
    answer = await maek.get(f"/jobs?limit={args.limit}{chosen}")
    if args.json:
        _print_json(answer)
    else:
        print("\n".join(_table(answer["jobs"])), flush=True)


async def _show(maek: Remote, args: argparse.Namespace) -> None:
    _print_job(await maek.get(_path(args)), args)


async def _cancel(maek: Remote, args: argparse.Namespace) -> None:
    _print_job(await maek.delete(_path(args)), args)


async def _retry(maek: Remote, args: argparse.Namespace) -> None:
    _print_job(await maek.post(f"{_path(args)}/retry"), args)


DOINGS: Mapping[str, Doing] = {"list": _list, "show": _show, "cancel": _cancel, "retry": _retry}


def _path(args: argparse.Namespace) -> str:
    return f"/jobs/{quote(args.id, safe='')}"


def _table(jobs: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    width = max(80, shutil.get_terminal_size((WIDTH_IN_PIPES, 0)).columns)
    if not jobs:
        return ("no jobs",)
    lines = [f"{'id':<24}  {'state':<9}  {'tries':>5}  {'accepted':<19}  message, and why it waits or was given up"]
    for job in jobs:
        why = "" if job["error"] is None else f"  [{job['error']['code']}]"
        head = f"{job['id']:<24}  {job['state']:<9}  {job['attempts']:>5}  {job['accepted_at'][:19]}  "
        lines.append(
            head + clipped(clean(job["message"]), max(LEAST_MESSAGE_CELLS, width - len(head) - len(why))) + why
        )
    return lines


def _print_job(job: Mapping[str, Any], args: argparse.Namespace) -> None:
    if args.json:
        _print_json(job)
        return
    told = ("id", "state", "session", "role", "priority", "attempts", "accepted_at", "started_at", "ended_at")
    lines = [f"{key:<16}{job[key]}" for key in (*told, "next_attempt_at", "deadline_at") if job[key] is not None]
    if job["error"] is not None:
        lines.append(f"{'error':<16}{job['error']['code']}: {job['error']['message']}")
    lines += [f"{'wrote':<16}{step['tool']}.{step['operation']}: {step['outcome']}" for step in job["writes"]]
    if (hook := job["webhook"]) is not None:
        trouble = f" ({hook['error']})" if hook["error"] else ""
        lines.append(
            f"{'webhook':<16}{hook['delivery'] or 'not yet'}, {hook['attempts']} tries{trouble}: {hook['url']}"
        )
    lines.append(f"{'message':<16}{job['message']}")
    print("\n".join(map(clean, lines)))
    if job["result"] is not None:
        print()
        print("\n".join(map(clean, str(job["result"].get("text", "")).splitlines())), flush=True)


def _print_json(value: Any) -> None:
    print(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode(), flush=True)
