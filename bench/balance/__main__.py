"""The command: runs every policy in every scenario, prints the tables.

    python -m bench.balance [--policies llmd,weighted] [--scenarios stall] [--seeds 5] [--trace FILE] [--fleet FILE]
    python -m bench.balance --http [--policies serve,llmd] [--scenarios stall] [--seconds 30]

Rules of this file
- Tables go to standard output, progress to standard error.
- All policies of a table ran in one run on the same traffic. Figures of two runs compare when their settings are the
  same: time is virtual, and only the column of microseconds depends on the machine.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import orjson

from bench.balance.capacity import Capacity, capacities, capacity_tasks
from bench.balance.comparison import grouped, row, targets
from bench.balance.fleets import FleetUnreadable, read_fleet
from bench.balance.live import command
from bench.balance.live.stage import SERVE
from bench.balance.plan import Result, Settings, fleet_scenarios, results, tasks
from bench.balance.policies import MAEK, POLICIES, REFERENCE
from bench.balance.scenarios import SCENARIOS
from bench.balance.table import LEGEND, capacity_table, overview, scenario_table, summary_table, target_lines
from bench.balance.traces import TraceUnreadable, read_trace


def main() -> int:
    """Returns the exit status: 2 when a file cannot be used."""
    arguments = _arguments()
    try:
        settings = _http_settings(arguments) if arguments.http else _settings(arguments)
    except (FleetUnreadable, TraceUnreadable) as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.http:
        return command.main(settings, arguments.json)
    began = time.monotonic()
    found = _run(settings, arguments.processes, began)
    borne = _run_capacity(settings, arguments.processes, began) if arguments.capacity else []
    policy = _looked_at(settings.policies)
    _print(found, borne, policy, settings)
    if arguments.json:
        arguments.json.write_bytes(_as_json(found, borne, policy, settings))
    print(f"{time.monotonic() - began:.0f} s in all.", file=sys.stderr)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.balance", description=__doc__.partition("\n")[0])
    parser.add_argument("--http", action="store_true", help="over real HTTP, with virtual time beside it")
    known = f"all, or some of {', '.join(POLICIES)}; with --http also {SERVE}"
    parser.add_argument("--policies", metavar="NAMES", help=known)
    parser.add_argument("--scenarios", type=_names(SCENARIOS), help=", ".join(SCENARIOS))
    parser.add_argument("--seeds", type=_count, help="paired runs of each scenario (5; with --http 1)")
    parser.add_argument("--seconds", type=_amount, help="of traffic a run (300; with --http 30)")
    parser.add_argument("--rate", type=_amount, default=1.0, help="multiplies how much is asked (1)")
    parser.add_argument("--trace", type=Path, metavar="FILE", help="an Azure CSV or a Mooncake JSONL for conversations")
    parser.add_argument("--fleet", type=Path, metavar="FILE", help="a YAML file of other backends")
    parser.add_argument("--capacity", action=argparse.BooleanOptionalAction, default=True, help="search capacities")
    parser.add_argument("--processes", type=_count, help="as many as there are cores")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every score there")
    arguments = parser.parse_args()
    if arguments.policies:
        try:
            arguments.policies = _names(command.HTTP_POLICIES if arguments.http else POLICIES)(arguments.policies)
        except argparse.ArgumentTypeError as error:
            parser.error(f"argument --policies: {error}")
    return arguments


def _names(known: Iterable[str]) -> Callable[[str], tuple[str, ...]]:
    """A parser of `a,b` or `all` that accepts these names only, and gives them in their own order."""

    def parsed(text: str) -> tuple[str, ...]:
        chosen = list(known) if text == "all" else text.split(",")
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name} is not one of {', '.join(known)}")
        return tuple(name for name in known if name in chosen)

    return parsed


def _count(text: str) -> int:
    """A parser of whole numbers from 1 on."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _amount(text: str) -> float:
    """A parser of numbers above 0."""
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _settings(arguments: argparse.Namespace) -> Settings:
    usual = tuple(name for name, policy in POLICIES.items() if policy.usual)
    names = arguments.scenarios or tuple(SCENARIOS)
    fleet = read_fleet(arguments.fleet) if arguments.fleet else None
    if arguments.trace:
        read_trace(arguments.trace)
    return Settings(
        arguments.policies or usual,
        names if fleet is None or arguments.scenarios else fleet_scenarios(names),
        arguments.seeds or 5,
        arguments.seconds or 300.0,
        arguments.rate,
        arguments.trace,
        fleet,
    )


def _http_settings(arguments: argparse.Namespace) -> Settings:
    """The same with what is usual where time is real."""
    return replace(
        _settings(arguments),
        policies=arguments.policies or command.USUAL_POLICIES,
        scenarios=arguments.scenarios or command.USUAL_SCENARIOS,
        seeds=arguments.seeds or command.USUAL_SEEDS,
        seconds=arguments.seconds or command.USUAL_SECONDS,
    )


def _run(settings: Settings, processes: int | None, began: float) -> list[Result]:
    work = tasks(settings)
    found: list[Result] = []
    for number, part in enumerate(results(work, processes), 1):
        found += part
        _progress(f"{number} of {len(work)}: {part[0].scenario}, seed {part[0].seed}", began)
    return found


def _run_capacity(settings: Settings, processes: int | None, began: float) -> list[Capacity]:
    work = capacity_tasks(settings)
    found: list[Capacity] = []
    for number, one in enumerate(capacities(work, processes), 1):
        found.append(one)
        _progress(f"{number} of {len(work)}: capacity of {one.scenario} with {one.policy}", began)
    return found


def _progress(words: str, began: float) -> None:
    print(f"{time.monotonic() - began:5.0f} s  {words}", file=sys.stderr, flush=True)


def _looked_at(policies: Sequence[str]) -> str:
    """Whom the others are compared with: Maek, else the first of them."""
    return next((name for name in (MAEK, REFERENCE) if name in policies), policies[0])


def _print(found: Sequence[Result], borne: Sequence[Capacity], policy: str, settings: Settings) -> None:
    groups = {name: group for name in SCENARIOS if (group := grouped(found).get(name))}
    for name, scores in groups.items():
        print(scenario_table(name, scores, policy) + "\n")
    print(LEGEND.format(policy=policy) + "\n")
    print(overview(groups, settings.policies) + "\n")
    rows = [row(name, scores, policy) for name, scores in groups.items()]
    print(summary_table(rows, policy) + "\n")
    if borne:
        print(capacity_table(borne) + "\n")
    print(target_lines(targets(rows, borne, policy)))


def _as_json(found: Sequence[Result], borne: Sequence[Capacity], policy: str, settings: Settings) -> bytes:
    rows = [row(name, scores, policy) for name, scores in grouped(found).items()]
    document = {
        "settings": asdict(settings),
        "policies": {name: {"about": POLICIES[name].about, "knows": POLICIES[name].knowledge} for name in POLICIES},
        "results": [asdict(one) for one in found],
        "capacities": [asdict(one) for one in borne],
        "looked_at": policy,
        "rows": [asdict(one) for one in rows],
        "targets": [asdict(one) | {"is_met": one.is_met} for one in targets(rows, borne, policy)],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2, default=str)


if __name__ == "__main__":
    sys.exit(main())
