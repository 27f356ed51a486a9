"""`python -m bench.balance --http`: every router in every scenario over HTTP, and in virtual time beside it.

Rules of this file
- One run after the other: nothing else of the bench works while one is measured.
- A scenario that cannot be played and a run that failed are named with the reason; a run that failed makes status 1.
- Interrupted or told to stop, it ends what it started before it ends.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson
import uvloop

from bench.balance.agent import Knowledge
from bench.balance.live.processes import Ended
from bench.balance.live.stage import SERVE, played
from bench.balance.live.table import LEGEND, Compared, Terms, scenario_table, warnings
from bench.balance.live.troubles import Unplayable, check, compressed
from bench.balance.plan import Settings, Task, prepared
from bench.balance.policies import MAEK, POLICIES
from bench.balance.scenarios import WARM_UP_SECONDS, Scenario
from bench.balance.scoring import scored
from bench.balance.workload import Traffic
from bench.balance.world import Run, Simulation

VIRTUAL_SECONDS = 300.0
"""Of traffic, for which the scenarios' times are written."""
USUAL_SCENARIOS = ("hetero-x1.5", "slow")
USUAL_POLICIES = (SERVE, MAEK, "least_request", "llmd")
USUAL_SECONDS = 30.0
"""So that everything usual takes less than ten minutes: the answers of slow machines go on for long after it."""
USUAL_SEEDS = 1
HTTP_POLICIES = (SERVE, *(name for name, policy in POLICIES.items() if policy.knowledge is not Knowledge.EVERYTHING))
"""Who sees everything looks into machines, and those of other processes cannot be looked into."""
_INTERRUPTED = 130
_STARTING_SECONDS = 5.0
"""About; for what is said beforehand."""


@dataclass(slots=True)
class _Findings:
    terms: dict[str, Terms] = field(default_factory=dict)
    found: list[Compared] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    """Scenario → why it cannot be played."""
    missing: dict[str, str] = field(default_factory=dict)
    """A run → why it gave nothing."""


def main(settings: Settings, json_path: Path | None) -> int:
    """Returns the exit status: 1 when a run failed, 2 when nothing can be played."""
    findings = _Findings()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_play_all(settings, findings))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("Interrupted; what was started has been ended.", file=sys.stderr)
        return _INTERRUPTED
    _print(findings)
    if json_path:
        json_path.write_bytes(_as_json(settings, findings))
    return 1 if findings.missing else 0 if findings.found else 2


async def _play_all(settings: Settings, findings: _Findings) -> None:
    this = asyncio.current_task()
    assert this is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    began = time.monotonic()
    ratio = settings.seconds / VIRTUAL_SECONDS
    work: list[_Work] = []
    for name in settings.scenarios:
        for seed in range(settings.seeds):
            scenario, traffic, rate = prepared(Task(name, seed, settings))
            try:
                check(scenario, traffic)
            except Unplayable as reason:
                findings.left_out[name] = str(reason)
                break
            findings.terms[name] = Terms(settings.seconds, WARM_UP_SECONDS * ratio, ratio, rate)
            short = compressed(scenario, ratio)
            work += [_in_virtual_time(name, policy, seed, short, traffic) for policy in settings.policies]
    if not work:
        return
    _progress(began, f"{len(work)} runs over HTTP take about {sum(one.seconds for one in work) / 60:.0f} minutes")
    for number, one in enumerate(work, start=1):
        words = f"{number} of {len(work)}: {one.name}, seed {one.seed}, {one.policy}: about {one.seconds:.0f} s"
        _progress(began, words)
        await _play(one, findings)
    _progress(began, "in all")


def _progress(began: float, words: str) -> None:
    print(f"{time.monotonic() - began:5.0f} s  {words}", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class _Work:
    """One router on one traffic, that has been played in virtual time and is to be over HTTP."""

    name: str
    policy: str
    seed: int
    scenario: Scenario
    traffic: Traffic
    virtual: Run

    @property
    def seconds(self) -> float:
        """About how long it will take, if virtual time tells the truth."""
        return _STARTING_SECONDS + max((one.at + one.end_seconds for one in self.virtual.records), default=0.0)


def _in_virtual_time(name: str, policy: str, seed: int, scenario: Scenario, traffic: Traffic) -> _Work:
    make = POLICIES[MAEK if policy == SERVE else policy].make
    return _Work(name, policy, seed, scenario, traffic, Simulation(scenario, traffic, seed).run(make))


async def _play(one: _Work, findings: _Findings) -> None:
    warm_up_seconds = findings.terms[one.name].warm_up_seconds
    try:
        real = await played(one.policy, one.scenario, one.traffic, one.seed)
    except Ended as reason:
        findings.missing[f"{one.name}, {one.policy}, seed {one.seed}"] = str(reason)
        return
    scores = scored(real.run, warm_up_seconds), scored(one.virtual, warm_up_seconds)
    findings.found.append(Compared(one.name, one.policy, one.seed, *scores, real.noise))


def _print(findings: _Findings) -> None:
    for name, terms in findings.terms.items():
        if rows := [one for one in findings.found if one.scenario == name]:
            print(scenario_table(name, rows, terms) + "\n")
    if findings.found:
        print(LEGEND)
    for line in _remarks(findings):
        print(line)


def _remarks(findings: _Findings) -> Sequence[str]:
    return [
        *warnings(findings.found),
        *(f"{name} is left out: {reason}." for name, reason in findings.left_out.items()),
        *(f"{run} gave nothing: {reason}" for run, reason in findings.missing.items()),
    ]


def _as_json(settings: Settings, findings: _Findings) -> bytes:
    document = {"settings": asdict(settings), **asdict(findings)}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2, default=str)
