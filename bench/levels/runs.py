"""One run: a situation with a seed, all judges on the same traffic.

Rules of this file
- A task is all that goes to another process; what is large is made there.
- Judges are asked once a second; behind an onset ten times a second until they have noticed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from bench.balance.fleets import capacity_per_second
from bench.balance.scenarios import WARM_UP_SECONDS
from bench.balance.traces import read_trace, window
from bench.balance.workload import CONVERSATIONS, Ask, Traffic
from bench.balance.world import Simulation
from bench.levels.judges import JUDGES, MAEK, Judge
from bench.levels.observer import Observer
from bench.levels.oracle import Coming, Oracle, Truth
from bench.levels.scores import Tally
from bench.levels.situations import SECONDS, Situation
from sidecar.levels import Level

_SAMPLE_SECONDS = 1.0
_OTHER_TRUTHS_EVERY = 5
"""Of so many samples one is also held against the other truths: they cost as much each."""
_LOOK_SECONDS = 0.1
_LONGEST_LOOK_SECONDS = 60.0
"""Behind an onset; what is noticed later is noticed at a sample."""


@dataclass(frozen=True, slots=True)
class Task:
    """One situation with one seed."""

    situation: Situation
    seed: int
    trace: Path | None = None


@dataclass(slots=True)
class Result:
    """What came of it."""

    task: Task
    tallies: dict[str, Tally]
    """Judge → against the truth."""
    others: dict[Truth, Tally]
    """Maek against other truths."""
    noticed: dict[str, list[float | None]] = field(default_factory=dict)
    """Judge → for each onset the seconds until it said busy; None if it did not. Those at which it had said so before
    are left out."""


def run(task: Task) -> Result:
    """All judges in one situation."""
    return _Run(task).result()


class _Run:
    def __init__(self, task: Task) -> None:
        situation = task.situation
        self._judges: Mapping[str, Judge] = {name: make() for name, make in JUDGES.items()}
        self._result = Result(
            task,
            {name: Tally() for name in JUDGES},
            {truth: Tally() for truth in Truth if truth is not Truth.STAYS},
            {name: [] for name in JUDGES},
        )
        traffic = _traffic(task)
        self._world = Simulation(situation.scenario(), traffic, task.seed)
        self._oracle = Oracle(self._world.sites[0], situation.host.profile, _everybody(traffic, situation, task.seed))
        self._watches = [_Watch(onset, situation.kind.lasts_seconds) for onset in situation.kind.onsets]
        self._samples = 0
        self._next_sample = WARM_UP_SECONDS

    def result(self) -> Result:
        """Let it run."""
        task = self._result.task
        judges, noise = list(self._judges.values()), task.situation.kind.noise
        moments = _moments(self._watches)
        self._world.run(lambda world: Observer(world, judges, noise, moments, self._look))
        for watch in self._watches:
            for name, seconds in watch.seconds_of(self._judges).items():
                self._result.noticed[name].append(seconds)
        return self._result

    def _look(self, observer: Observer) -> None:
        now = self._world.now
        said = {name: judge.level(now) for name, judge in self._judges.items()}
        for watch in self._watches:
            watch.see(now, observer.streams, said)
        if now >= self._next_sample - _LOOK_SECONDS / 2:
            self._next_sample += _SAMPLE_SECONDS
            self._sample(now, said)

    def _sample(self, now: float, said: Mapping[str, Level | None]) -> None:
        others = list(self._result.others) if self._samples % _OTHER_TRUTHS_EVERY == 0 else []
        self._samples += 1
        truth, *rest = self._oracle.levels(now, [Truth.STAYS, *others])
        for name, level in said.items():
            self._result.tallies[name].add(truth, level)
        for other, level in zip(others, rest, strict=True):
            self._result.others[other].add(level, said[MAEK])


class _Watch:
    """Who notices what began at `onset` before it is over. Time counts while there are streams: without any, there is
    nothing to notice."""

    def __init__(self, onset: float, lasts_seconds: float) -> None:
        self.onset = onset
        self._over = onset + lasts_seconds
        self._seen_seconds = 0.0
        self._last: float | None = None
        self._knew: set[str] = set()
        self._noticed: dict[str, float] = {}

    def see(self, now: float, streams: int, said: Mapping[str, Level | None]) -> None:
        """What everybody says at a moment."""
        busy = {name for name, level in said.items() if level is not None and level >= Level.BUSY}
        if now < self.onset:
            self._knew = busy
            return
        if now > self._over:
            return
        if self._last is not None and streams:
            self._seen_seconds += now - self._last
        self._last = now
        for name in busy - self._noticed.keys():
            self._noticed[name] = self._seen_seconds

    def seconds_of(self, judges: Mapping[str, Judge]) -> dict[str, float | None]:
        """For each judge that did not say busy before: when it did."""
        return {name: self._noticed.get(name) for name in judges if name not in self._knew}


def _moments(watches: Sequence[_Watch]) -> list[float]:
    samples = {WARM_UP_SECONDS + _SAMPLE_SECONDS * number for number in range(int(SECONDS - WARM_UP_SECONDS))}
    looks = {
        round(watch.onset + _LOOK_SECONDS * number, 3)
        for watch in watches
        for number in range(-2, int(_LONGEST_LOOK_SECONDS / _LOOK_SECONDS))
    }
    return sorted(samples | looks)


def _traffic(task: Task) -> Traffic:
    kind, host = task.situation.kind, task.situation.host
    if task.trace is None:
        capacity = capacity_per_second((host,), CONVERSATIONS.mean_prompt_tokens, CONVERSATIONS.mean_output_tokens)
        return CONVERSATIONS.generate(kind.load_ratio * capacity, SECONDS, task.seed)
    asks = _asks(task.trace)
    prompt = sum(ask.prompt_tokens for ask in asks) / len(asks)
    output = sum(ask.output_tokens for ask in asks) / len(asks)
    return window(asks, kind.load_ratio * capacity_per_second((host,), prompt, output), SECONDS, task.seed)


@lru_cache(maxsize=1)
def _asks(path: Path) -> list[Ask]:
    return read_trace(path)


def _everybody(traffic: Traffic, situation: Situation, seed: int) -> list[Coming]:
    found = [Coming(demand.request.at, demand.prompt_tokens, demand.output_tokens) for demand in traffic]
    if situation.outside is not None and traffic:
        found += [Coming(*one) for one in situation.outside.requests(traffic[-1].request.at, seed, 0)]
    return sorted(found)
