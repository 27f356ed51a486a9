"""`maek decide`: many messages, one decision a line.

Rules of this file
- The order of the rows is the order of the answers. A row that cannot be read is reported with its number, and the
  rest goes on.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from router.app import running
from router.commands.options import add_config, config_path, load_or_explain
from router.config import Config
from router.decide.decision import Decision, SessionFacts
from router.decide.pipeline import decide_at_once
from router.decider import stages_of
from router.journey import Journey
from router.language import language_of
from router.tools.registry import build as build_tools
from router.turn import Ask

ABSTAINED = "abstain"
OWNER = "decide"
"""Nobody's conversations: rows are decided one by one, without history."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek decide` takes."""
    add_config(parser)
    parser.add_argument("file", metavar="FILE", type=Path, help='rows {"id", "text"} as JSONL; - reads standard input')
    parser.add_argument("--no-llm", action="store_true", help="keep to what needs no LLM; it may abstain")


def run(args: argparse.Namespace) -> int:
    """Print one decision a line; 1 if a row could not be read."""
    config = load_or_explain(config_path(args))
    if config is None:
        return 1
    try:
        with sys.stdin.buffer if args.file == Path("-") else args.file.open("rb") as lines:
            return asyncio.run(_decide_all(config, lines, no_llm=args.no_llm))
    except OSError as error:
        print(f"maek decide: {args.file}: {error.strerror}", file=sys.stderr)
        return 1


async def _decide_all(config: Config, lines: Iterable[bytes], *, no_llm: bool) -> int:
    exit_code = 0
    async with _at_once(config) if no_llm else _with_llm(config) as decide:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            row = _row(line)
            if row is None:
                print(f'maek decide: line {number}: wanted {{"id": …, "text": "…"}}', file=sys.stderr)
                exit_code = 1
                continue
            decision = await decide(Ask(row["text"], OWNER, language_of(row["text"], config.router.language)))
            print(orjson.dumps(_answer(row["id"], decision)).decode())
    return exit_code


DecideOne = Callable[[Ask], Awaitable[Decision | None]]
"""A message → its decision; None where those who were asked abstain."""


@asynccontextmanager
async def _at_once(config: Config) -> AsyncIterator[DecideOne]:
    stages = stages_of(config, build_tools())

    async def decide(ask: Ask) -> Decision | None:
        facts = SessionFacts(datetime.now(tz=UTC).astimezone(config.router.zone), ask.language)
        return decide_at_once(ask.message, facts, stages).decision

    yield decide


@asynccontextmanager
async def _with_llm(config: Config) -> AsyncIterator[DecideOne]:
    async with running(config) as house:
        decider = house.current.service.decider

        async def decide(ask: Ask) -> Decision | None:
            return await decider(ask, (), None, Journey())

        yield decide


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    match row:
        case {"id": _, "text": str()}:
            return dict(row)
        case _:
            return None


def _answer(row_id: Any, decision: Decision | None) -> dict[str, Any]:
    if decision is None:
        return {"id": row_id, "action": None, "source": ABSTAINED}
    return {
        "id": row_id,
        "action": str(decision.action),
        "tool": decision.tool,
        "operation": decision.operation,
        "params": dict(decision.params),
        "source": str(decision.source),
        "confidence": decision.confidence,
        "reason": decision.reason,
    }
