"""What shall run, and running it: scenarios × seeds, each with all policies on the same traffic.

Rules of this file
- A task is one scenario with one seed. Its policies meet the same requests, faults and noise, so that they are paired.
- A task is all that goes to another process; what is large is made there.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from bench.balance.fleets import Fleet, capacity_per_second
from bench.balance.oracle import alone
from bench.balance.policies import ALONE, POLICIES
from bench.balance.scenarios import SCENARIOS, WARM_UP_SECONDS, Scenario
from bench.balance.scoring import Score, mean, scored
from bench.balance.traces import read_trace, window
from bench.balance.workload import CONVERSATIONS, Ask, Traffic
from bench.balance.world import Simulation

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for all of a run."""

    policies: tuple[str, ...]
    scenarios: tuple[str, ...]
    seeds: int = 5
    seconds: float = 300.0
    rate: float = 1.0
    """Multiplies how much every scenario asks."""
    trace: Path | None = None
    """Stands in for generated conversations."""
    fleet: Fleet | None = None
    """Stands in for the fleets of the scenarios."""


@dataclass(frozen=True, slots=True)
class Task:
    """One scenario with one seed."""

    scenario: str
    seed: int
    settings: Settings


@dataclass(frozen=True, slots=True)
class Result:
    """One cell of the table, of one seed."""

    scenario: str
    policy: str
    seed: int
    score: Score


def tasks(settings: Settings) -> list[Task]:
    """All that is to be done."""
    return [Task(name, seed, settings) for name in settings.scenarios for seed in range(settings.seeds)]


def fleet_scenarios(names: Sequence[str]) -> tuple[str, ...]:
    """Those that have a point with another fleet."""
    return tuple(name for name in names if not SCENARIOS[name].fleet_matters)


def results(work: Sequence[Task], processes: int | None = None) -> Iterator[list[Result]]:
    """The results, task by task as they end."""
    return in_parallel(run, work, processes)


def in_parallel(do: Callable[[T], R], work: Sequence[T], processes: int | None = None) -> Iterator[R]:
    """What `do` makes of each, in any order, on all cores."""
    count = min(len(work), processes or len(os.sched_getaffinity(0)))
    if count <= 1:
        yield from map(do, work)
        return
    with get_context("spawn").Pool(count) as pool:
        yield from pool.imap_unordered(do, work)


def run(task: Task) -> list[Result]:
    """Every policy on the traffic of one task, and the bound of all."""
    scenario, traffic, _ = prepared(task)
    names = (*task.settings.policies, ALONE)
    return [Result(task.scenario, name, task.seed, score_of(name, scenario, traffic, task)) for name in names]


def score_of(policy: str, scenario: Scenario, traffic: Traffic, task: Task) -> Score:
    """One policy on one traffic."""
    if policy == ALONE:
        done = alone(scenario.fleet, traffic)
    else:
        done = Simulation(scenario, traffic, task.seed).run(POLICIES[policy].make)
    return scored(done, min(WARM_UP_SECONDS, task.settings.seconds / 2))


def prepared(task: Task, load_ratio: float | None = None) -> tuple[Scenario, Traffic, float]:
    """The situation, who comes, and how many a second; `load_ratio` other than the scenario's if given."""
    settings, scenario = task.settings, SCENARIOS[task.scenario]
    fleet = scenario.altered(settings.fleet or scenario.fleet)
    kind = scenario.traffic
    asks = _trace(settings.trace) if settings.trace and kind is CONVERSATIONS else []
    prompt, output = kind.mean_prompt_tokens, kind.mean_output_tokens
    if asks:
        prompt = mean([ask.prompt_tokens for ask in asks])
        output = mean([ask.output_tokens for ask in asks])
    load = scenario.load_ratio if load_ratio is None else load_ratio
    rate = settings.rate * load * capacity_per_second(fleet, prompt, output)
    if asks:
        traffic = window(asks, rate, settings.seconds, task.seed)
    else:
        traffic = kind.generate(rate, settings.seconds, task.seed)
    return replace(scenario, fleet=fleet), traffic, rate


@lru_cache(maxsize=1)
def _trace(path: Path) -> list[Ask]:
    return read_trace(path)
