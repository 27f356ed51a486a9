"""The command: runs every judge in every situation, prints the tables.

    python -m bench.levels [--kinds stall,slow] [--seeds 3] [--trace FILE] [--fleet FILE] [--json FILE]

Rules of this file
- Tables go to standard output, progress to standard error.
- All judges see the same traffic. Time is virtual: the figures do not depend on the machine.
"""

import argparse
import sys
import time
from pathlib import Path

import orjson

from bench.balance.fleets import FleetUnreadable, read_fleet
from bench.balance.plan import in_parallel
from bench.balance.traces import TraceUnreadable, read_trace
from bench.levels.runs import Result, Task, run
from bench.levels.scores import false_busy, macro_f1, missed_busy
from bench.levels.situations import KINDS, machines, situations
from bench.levels.table import report, targets


def main() -> int:
    """Returns the exit status: 1 when a target was missed, 2 when a file cannot be used."""
    arguments = _arguments()
    try:
        fleet = read_fleet(arguments.fleet) if arguments.fleet else machines()
        if arguments.trace:
            read_trace(arguments.trace)
    except (FleetUnreadable, TraceUnreadable) as error:
        print(error, file=sys.stderr)
        return 2
    found = situations(arguments.kinds or tuple(KINDS), fleet)
    tasks = [Task(one, seed, arguments.trace) for seed in range(arguments.seeds) for one in found]
    # The longest first, so that no core waits for the last of them alone.
    tasks.sort(key=lambda task: -task.situation.kind.load_ratio * task.situation.host.weight)
    results = _run(tasks, arguments.processes)
    print(report(results))
    if arguments.json:
        arguments.json.write_bytes(_as_json(results))
    return 0 if all(targets(results).values()) else 1


def _run(tasks: list[Task], processes: int | None) -> list[Result]:
    began, results = time.monotonic(), []
    for done, result in enumerate(in_parallel(run, tasks, processes), start=1):
        results.append(result)
        print(f"\r{done} of {len(tasks)}, {time.monotonic() - began:.0f} s", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    kinds = list(KINDS)
    return sorted(results, key=lambda one: (kinds.index(one.task.situation.name), one.task.situation.host.name))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.levels", description=__doc__.partition("\n")[0])
    parser.add_argument("--kinds", type=_kinds, help=f"all, or some of {', '.join(KINDS)}")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each situation (1)")
    parser.add_argument("--trace", type=Path, metavar="FILE", help="an Azure CSV or a Mooncake JSONL for conversations")
    parser.add_argument("--fleet", type=Path, metavar="FILE", help="a YAML file of other machines")
    parser.add_argument("--processes", type=int, help="as many as there are cores")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures too")
    return parser.parse_args()


def _kinds(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in KINDS]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(KINDS)}")
    return names


def _as_json(results: list[Result]) -> bytes:
    rows = [
        {
            "situation": one.task.situation.name,
            "machine": one.task.situation.host.name,
            "seed": one.task.seed,
            "judge": judge,
            "macro_f1": macro_f1(tally),
            "missed_busy": missed_busy(tally),
            "false_busy": false_busy(tally),
            "noticed_seconds": one.noticed[judge],
            "counts": {f"{truth.label} {said.label}": many for (truth, said), many in tally.counts.items()},
        }
        for one in results
        for judge, tally in one.tallies.items()
    ]
    return orjson.dumps(rows, option=orjson.OPT_INDENT_2)


if __name__ == "__main__":
    sys.exit(main())
