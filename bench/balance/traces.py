"""Recorded traffic: the Azure LLM inference traces (CSV) and the Mooncake traces (JSON lines).

Rules of this file
- A line that cannot be read is an error that names it: a trace with holes would be other traffic than was meant.
"""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson

from bench.balance.agent import BLOCK_TOKENS
from bench.balance.workload import Ask, Traffic, as_traffic

_MOONCAKE_BLOCK_TOKENS = 512


class TraceUnreadable(Exception):
    """A file is no trace of a known kind. The message names the line."""


def read_trace(path: Path) -> list[Ask]:
    """All requests of a file, in the order of time, from second 0 on. Raises TraceUnreadable."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            asks = list(_asks(path, lines))
    except (OSError, UnicodeDecodeError) as error:
        raise TraceUnreadable(f"{path} cannot be read: {error}") from error
    if not asks:
        raise TraceUnreadable(f"{path} has no requests.")
    first = min(ask.at for ask in asks)
    return sorted((ask._replace(at=ask.at - first) for ask in asks), key=lambda ask: ask.at)


def _asks(path: Path, lines: Iterable[str]) -> Iterator[Ask]:
    read = None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if read is None:
            read = _mooncake if line.lstrip().startswith("{") else _azure
            if read is _azure:
                if line.strip().split(",")[:3] != ["TIMESTAMP", "ContextTokens", "GeneratedTokens"]:
                    raise TraceUnreadable(f"{path}, line 1: neither an Azure header nor a Mooncake object.")
                continue
        try:
            yield read(line)
        except (ValueError, KeyError, TypeError) as error:
            raise TraceUnreadable(f"{path}, line {number}: {error!r}") from error


def _azure(line: str) -> Ask:
    at, prompt, output, *_ = next(csv.reader([line]))
    # Only differences of times count, so any zone will do.
    seconds = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
    return Ask(seconds, max(1, int(prompt)), max(1, int(output)))


def _mooncake(line: str) -> Ask:
    record = orjson.loads(line)
    parts = _MOONCAKE_BLOCK_TOKENS // BLOCK_TOKENS
    prompt = max(1, int(record["input_length"]))
    blocks = tuple(int(block) * parts + part for block in record["hash_ids"] for part in range(parts))
    return Ask(
        record["timestamp"] / 1000, prompt, max(1, int(record["output_length"])), None, blocks[: prompt // BLOCK_TOKENS]
    )


def window(asks: list[Ask], rate_per_second: float, seconds: float, seed: int) -> Traffic:
    """A stretch of a trace, faster or slower so that its mean rate is this. Each seed begins elsewhere; a trace that
    is too short goes round."""
    length = asks[-1].at + asks[-1].at / max(1, len(asks) - 1)
    pace = len(asks) / length / rate_per_second
    begin = (seed * _GOLDEN % 1) * length
    chosen: list[Ask] = []
    turn = 0
    while True:
        for ask in asks:
            at = (ask.at + turn * length - begin) * pace
            if at >= seconds:
                return as_traffic(chosen, seed)
            if at >= 0:
                chosen.append(ask._replace(at=at))
        turn += 1


_GOLDEN = 0.6180339887498949
"""Multiples of it, modulo one, spread evenly however many there are."""
