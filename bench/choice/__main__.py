"""The command: measures every case in turns, prints the table.

    python -m bench.choice [--candidates 16,256] [--policies predicted] [--rounds 7] [--json FILE]

Rules of this file
- A case is measured in one go, all its rounds: a fleet of 256 has to be brought up once only.
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

import orjson

from bench.choice.measure import Case, measured
from bench.choice.table import dearer, table, verdicts
from router.balance.policies import POLICIES, PolicyName

CANDIDATES = (1, 4, 16, 64, 256)


def main() -> int:
    """Returns the exit status: 1 when a target was missed."""
    arguments = _arguments()
    costs = {}
    for case in _cases(arguments.policies, arguments.candidates):
        print(f"\r{case.policy} {case.candidates}   ", end="", file=sys.stderr, flush=True)
        costs[case] = measured(case, arguments.rounds)
    print(file=sys.stderr)
    print(table(costs))
    print("\nWhat costs less than the default policy (the default's time over its own):")
    print("\n".join(f"  - {line}" for line in dearer(costs)) or "  nothing")
    for target, met in verdicts(costs).items():
        print(f"{'met' if met else 'MISSED'}: {target}")
    if arguments.json:
        rows = [asdict(case) | asdict(cost) for case, cost in costs.items()]
        arguments.json.write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
    return 0 if all(verdicts(costs).values()) else 1


def _cases(policies: list[PolicyName], candidates: list[int]) -> list[Case]:
    cases = [Case(policy, many) for policy in policies for many in candidates]
    if PolicyName.PREDICTED in policies:
        cases += [Case(PolicyName.PREDICTED, many, prefix=True) for many in candidates]
    return cases


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.choice", description=__doc__.partition("\n")[0])
    parser.add_argument("--candidates", type=_numbers, default=list(CANDIDATES), help="how many, as 16,256")
    parser.add_argument("--policies", type=_policies, default=list(POLICIES), help=", ".join(POLICIES))
    parser.add_argument("--rounds", type=int, default=7, help="how often each case is measured (7)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures too")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _policies(text: str) -> list[PolicyName]:
    return [PolicyName(name) for name in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
