"""How much each policy can be asked until one answer in twenty is not good any more.

Rules of this file
- The rate is found by halving, with the same seeds for all policies. Goodput does not quite fall steadily with the
  rate, so the figure is good to a few per cent.
- Routers only: what sees everything bears what it bears.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from bench.balance.agent import Knowledge
from bench.balance.plan import Settings, Task, in_parallel, prepared, score_of
from bench.balance.policies import POLICIES

WANTED_GOODPUT = 0.95
FLEET_SCENARIOS = ("hetero-x1.5", "homelab-x0.35")
"""One for each kind of fleet; of the load only the kind of traffic counts."""
_SEEDS = 2
_SECONDS = 240.0
_STEPS = 6
_MOST = 1.3
"""Nothing bears much more than the profiles would let expect."""


@dataclass(frozen=True, slots=True)
class CapacityTask:
    """One policy on one fleet."""

    scenario: str
    policy: str
    settings: Settings


@dataclass(frozen=True, slots=True)
class Capacity:
    """What it came to."""

    scenario: str
    policy: str
    requests_per_second: float


def capacity_tasks(settings: Settings) -> list[CapacityTask]:
    """All that is to be done."""
    shorter = replace(settings, seeds=_SEEDS, seconds=min(_SECONDS, settings.seconds))
    names = [name for name in FLEET_SCENARIOS if name in settings.scenarios]
    routers = [name for name in settings.policies if POLICIES[name].knowledge is not Knowledge.EVERYTHING]
    return [CapacityTask(name, policy, shorter) for name in names for policy in routers]


def capacities(work: Sequence[CapacityTask], processes: int | None = None) -> Iterator[Capacity]:
    """The results as they come."""
    return in_parallel(measured, work, processes)


def measured(task: CapacityTask) -> Capacity:
    """The highest rate with enough good answers."""
    ratio = highest(lambda asked: _bears(task, asked), _MOST, _STEPS)
    _, _, rate = prepared(Task(task.scenario, 0, replace(task.settings, seconds=1.0)), ratio)
    return Capacity(task.scenario, task.policy, rate)


def highest(holds: Callable[[float], bool], most: float, steps: int) -> float:
    """The largest value up to `most` for which `holds`, found by halving; 0 when it holds for none that was tried."""
    low, high = 0.0, most
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _bears(task: CapacityTask, load_ratio: float) -> bool:
    """Whether the mean of the seeds is good enough. Seeds that could not save it any more are not run."""
    bad, allowed = 0.0, (1 - WANTED_GOODPUT) * task.settings.seeds
    for seed in range(task.settings.seeds):
        one = Task(task.scenario, seed, task.settings)
        scenario, traffic, _ = prepared(one, load_ratio)
        bad += 1 - score_of(task.policy, scenario, traffic, one).goodput_ratio
        if bad > allowed:
            return False
    return True
