"""The command: scrapes a Maek of every size in every format, then looks at its status page, and prints the tables.

    python -m bench.scrape [--backends 1,10,100] [--models 20,100] [--scrapes 20] [--json FILE]

Rules of this file
- CPU time of the process, its threads included: what else the machine does takes nothing.
- How long the event loop is held is measured in scrapes of their own: looking costs CPU.
"""

import argparse
import asyncio
import gzip
import sys
import tempfile
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import orjson

from bench.scrape.world import Host, Size, hosting

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
TEXT = "text/plain;version=0.0.4"
WAYS = ((OPENMETRICS, "identity"), (OPENMETRICS, "gzip"), (TEXT, "identity"), (TEXT, "gzip"))
UNTIMED = 3
LOOK_SECONDS = 5.0
TARGET_HELD_SECONDS = 0.010
TARGET_CPU_SECONDS = 0.012
TARGET_SIZE = Size(10, 20)


@dataclass(frozen=True, slots=True)
class Row:
    """One size and one way to ask."""

    size: Size
    what: str
    cpu_seconds: float
    """For each scrape; of the page for each second that one listener looks."""
    held_cpu_seconds: float
    held_real_seconds: float
    samples: int = 0
    bytes: int = 0


async def _scrape(host: Host, accept: str, encoding: str) -> tuple[bytes, bool]:
    async with host.client.get(host.url + "/metrics", headers={"accept": accept, "accept-encoding": encoding}) as said:
        assert said.status == 200
        return await said.read(), said.headers.get("content-encoding") == "gzip"


async def _scraped(host: Host, size: Size, accept: str, encoding: str, scrapes: int) -> Row:
    for _ in range(UNTIMED):
        await _scrape(host, accept, encoding)
    before = await host.cpu_seconds()
    for _ in range(scrapes):
        await _scrape(host, accept, encoding)
    cpu = (await host.cpu_seconds() - before) / scrapes
    await host.watch()
    for _ in range(scrapes):
        body, packed = await _scrape(host, accept, encoding)
    held_cpu, held_real = await host.held()
    text = (gzip.decompress(body) if packed else body).decode()
    lines = sum(not line.startswith("#") for line in text.splitlines())
    what = ("OpenMetrics" if accept is OPENMETRICS else "text") + (", gzip" if packed else "")
    return Row(size, what, cpu, held_cpu, held_real, lines, len(body))


async def _looked_at(host: Host, size: Size) -> Row:
    """The status page, as one listener is told of it."""
    async with host.client.get(host.url + "/live") as told:
        await told.content.readany()
        before = await host.cpu_seconds()
        await asyncio.sleep(LOOK_SECONDS)
        cpu = (await host.cpu_seconds() - before) / LOOK_SECONDS
        await host.watch()
        await asyncio.sleep(LOOK_SECONDS)
        held_cpu, held_real = await host.held()
    return Row(size, "page", cpu, held_cpu, held_real)


async def _measured(sizes: list[Size], scrapes: int) -> list[Row]:
    rows = []
    for size in sizes:
        print(f"{size.backends} backends, {size.models} models", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="scrape-") as folder:
            async with hosting(size, Path(folder)) as host:
                rows += [await _scraped(host, size, *way, scrapes) for way in WAYS]
                rows.append(await _looked_at(host, size))
    return rows


def _table(rows: list[Row]) -> str:
    lines = [
        "| backends | models | what | CPU ms | samples | bytes | loop held, CPU ms | real ms |",
        "|---:|---:|---|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        cells = (
            row.size.backends,
            row.size.models,
            row.what,
            _ms(row.cpu_seconds),
            row.samples or "-",
            row.bytes or "-",
        )
        lines.append(f"| {' | '.join(map(str, cells))} | {_ms(row.held_cpu_seconds)} | {_ms(row.held_real_seconds)} |")
    return "\n".join(lines)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"


def _missed(rows: list[Row]) -> list[str]:
    """Targets that were not reached, in words."""
    late = [row for row in rows if row.held_cpu_seconds > TARGET_HELD_SECONDS]
    dear = [row for row in rows if row.size == TARGET_SIZE and row.samples and row.cpu_seconds > TARGET_CPU_SECONDS]
    named = "{0.size.backends} backends, {0.size.models} models, {0.what}: {1}"
    return [named.format(row, "the loop was held for more than 10 ms") for row in late] + [
        named.format(row, "more than 12 ms") for row in dear
    ]


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def main() -> int:
    """Returns the exit status: 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.scrape", description=__doc__.partition("\n")[0])
    parser.add_argument("--backends", type=_numbers, default=[1, 10, 100], help="numbers of backends (1,10,100)")
    parser.add_argument("--models", type=_numbers, default=[20, 100], help="numbers of models (20,100)")
    parser.add_argument("--scrapes", type=int, default=20, help="of each kind (20)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures too")
    arguments = parser.parse_args()
    sizes = [Size(backends, models) for backends, models in product(arguments.backends, arguments.models)]
    rows = asyncio.run(_measured(sizes, arguments.scrapes))
    print(_table(rows))
    if arguments.json:
        arguments.json.write_bytes(orjson.dumps([asdict(row) for row in rows], option=orjson.OPT_INDENT_2))
    missed = _missed(rows)
    print("\n".join(["", "Missed:", *missed]) if missed else "\nEvery target was reached.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
