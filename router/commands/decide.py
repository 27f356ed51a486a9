"""`maek decide`: many messages, one decision a line; and how good the decisions are.

Rules of this file
- The order of the rows is the order of the answers, however many are asked at the same time. A row that cannot be read
  is reported with its number, and the rest goes on.
"""

import argparse
import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from router.app import running
from router.ask import Ask
from router.commands.options import add_config, config_path, load_or_explain
from router.config import Config
from router.decide.decision import Decision, SessionFacts
from router.decide.pipeline import decide_at_once
from router.decider import stages_of
from router.embedded import embedded_model
from router.journey import Journey
from router.judging.expectation import Expectation, expectation_of
from router.judging.page import report_page
from router.judging.report import Judged, judged, report
from router.judging.text import report_json, report_text
from router.language import language_of
from router.tools.registry import build as build_tools

ABSTAINED = "abstain"
OWNER = "decide"
"""Nobody's conversations: rows are decided one by one, without history."""
AT_ONCE = 8
"""Questions to the classifier at the same time: enough for a batching server, and no flood for a small one."""
PROGRESS_SECONDS = 1.0
"""Between two signs of life on a terminal."""


@dataclass(frozen=True, slots=True)
class Row:
    """One message of the file. `expected` is None where the row does not say what is right."""

    row_id: Any
    text: str
    expected: Expectation | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek decide` takes."""
    add_config(parser)
    parser.add_argument("file", metavar="FILE", type=Path, help='rows {"id", "text"} as JSONL; - reads standard input')
    parser.add_argument("--no-llm", action="store_true", help="keep to what needs no LLM; it may abstain")
    parser.add_argument(
        "--now",
        type=_moment,
        metavar="TIME",
        help="with --no-llm: what today means, as 2026-11-25T10:00 (default: now)",
    )
    parser.add_argument(
        "--eval", action="store_true", help='judge instead: rows say what is right, as "expect": "calendar.today"'
    )
    parser.add_argument("--html", metavar="PAGE", type=Path, help="with --eval: write a page with plots there too")
    parser.add_argument("--json", action="store_true", help="with --eval: print the figures as JSON")


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; wanted one as 2026-11-25T10:00") from None


def run(args: argparse.Namespace) -> int:
    """Print one decision a line, or what they are worth; 1 if a row could not be read."""
    if (args.html or args.json) and not args.eval:
        print("maek decide: --html and --json belong to --eval; decisions are JSON anyway.", file=sys.stderr)
        return 2
    if args.now and not args.no_llm:
        print("maek decide: --now belongs to --no-llm; the classifier goes by the clock.", file=sys.stderr)
        return 2
    config = load_or_explain(config_path(args))
    if config is None:
        return 1
    try:
        with sys.stdin.buffer if args.file == Path("-") else args.file.open("rb") as lines:
            reading = Reading(lines, wants_expectation=args.eval)
            work = _judge(config, reading, args) if args.eval else _print(config, reading, args)
            asyncio.run(work)
    except BrokenPipeError:
        # No trouble of the file: whoever read has enough (| head).
        raise
    except OSError as error:
        print(f"maek decide: {error.filename or args.file}: {error.strerror}", file=sys.stderr)
        return 1
    return 1 if reading.unread else 0


class Reading:
    """The rows of a file. `unread` counts the lines that could not be read; each was reported."""

    def __init__(self, lines: Iterable[bytes], *, wants_expectation: bool) -> None:
        self._lines = lines
        self._wants_expectation = wants_expectation
        self.unread = 0

    def __iter__(self) -> Iterator[Row]:
        wanted = '{"id": …, "text": "…"' + (', "expect": "…"}' if self._wants_expectation else "}")
        for number, line in enumerate(self._lines, start=1):
            if not line.strip():
                continue
            row = _row(line)
            if row is None or (self._wants_expectation and row.expected is None):
                print(f"maek decide: line {number}: wanted {wanted}", file=sys.stderr)
                self.unread += 1
                continue
            yield row


async def _print(config: Config, rows: Iterable[Row], args: argparse.Namespace) -> None:
    async for row, decision in _decided(config, rows, args):
        print(orjson.dumps(_answer(row.row_id, decision)).decode())


async def _judge(config: Config, rows: Iterable[Row], args: argparse.Namespace) -> None:
    judgements: list[Judged] = []
    started = time.perf_counter()
    async for row, decision in _decided(config, rows, args):
        if row.expected is not None:
            language = str(language_of(row.text, config.router.language))
            judgements.append(judged(str(row.row_id), row.text, language, row.expected, decision))
    rows_per_second = len(judgements) / max(time.perf_counter() - started, 1e-9)
    told = report(judgements)
    if args.html:
        args.html.write_text(report_page(told, args.file.name))
        print(f"maek decide: the page is {args.html}", file=sys.stderr)
    print(orjson.dumps(report_json(told)).decode() if args.json else report_text(told, rows_per_second))


async def _decided(
    config: Config, rows: Iterable[Row], args: argparse.Namespace
) -> AsyncIterator[tuple[Row, Decision | None]]:
    """Every row with its decision, in order."""
    done, told_at = 0, time.perf_counter()
    async with _at_once(config, args.now) if args.no_llm else _with_llm(config) as decide:
        async for row, decision in _in_order(rows, decide, config.router.language, 1 if args.no_llm else AT_ONCE):
            yield row, decision
            done += 1
            if sys.stderr.isatty() and time.perf_counter() - told_at > PROGRESS_SECONDS:
                told_at = time.perf_counter()
                print(f"\rmaek decide: {done:,} rows", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(f"\rmaek decide: {done:,} rows", file=sys.stderr)


DecideOne = Callable[[Ask], Awaitable[Decision | None]]
"""A message → its decision; None where those who were asked abstain."""


async def _in_order(
    rows: Iterable[Row], decide: DecideOne, language: str, at_once: int
) -> AsyncIterator[tuple[Row, Decision | None]]:
    """At most `at_once` are under way; each comes when all before it have come."""
    async with asyncio.TaskGroup() as group:
        coming: deque[tuple[Row, asyncio.Task[Decision | None]]] = deque()
        for row in rows:
            ask = Ask(row.text, OWNER, language_of(row.text, language))
            if at_once == 1:
                yield row, await decide(ask)
                continue
            coming.append((row, group.create_task(_awaited(decide(ask)))))
            if len(coming) >= at_once:
                first, task = coming.popleft()
                yield first, await task
        while coming:
            first, task = coming.popleft()
            yield first, await task


async def _awaited(decision: Awaitable[Decision | None]) -> Decision | None:
    return await decision


@asynccontextmanager
async def _at_once(config: Config, now: datetime | None) -> AsyncIterator[DecideOne]:
    zone = config.router.zone
    stages = stages_of(config, build_tools(), embedded_model(config))

    async def decide(ask: Ask) -> Decision | None:
        at = now or datetime.now(tz=UTC)
        facts = SessionFacts(
            at.replace(tzinfo=zone) if at.tzinfo is None and zone else at.astimezone(zone), ask.language
        )
        return decide_at_once(ask.message, facts, stages).decision

    yield decide


@asynccontextmanager
async def _with_llm(config: Config) -> AsyncIterator[DecideOne]:
    async with running(config) as house:
        decider = house.current.service.decider

        async def decide(ask: Ask) -> Decision | None:
            return await decider(ask, (), None, Journey())

        yield decide


def _row(line: bytes) -> Row | None:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    match row:
        case {"id": row_id, "text": str(text)}:
            return Row(row_id, text, expectation_of(row))
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
