"""What goes wrong, and when: each fault a row of numbers that unfolds into changes of a site.

Rules of this file
- Pure: the same fault gives the same changes in every run, whoever routes.
- Which backend is hit is said by its rank, so that a scenario means the same on any fleet.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Protocol

from bench.balance.agent import Engine, FailureKind
from bench.balance.backend import Site
from bench.balance.fleets import Fleet
from bench.balance.workload import CONVERSATION

Change = Callable[[Site, float], Sequence[int] | None]
"""Something that happens to a site at a time; it may return the keys of the requests that were dropped."""


class Whom(Enum):
    """Which backends of a fleet."""

    FASTEST = "fastest"
    SECOND = "second"
    THIRD = "third"
    ALL = "all"
    OLLAMA = "without stats"


def resolved(whom: Whom, fleet: Fleet) -> list[int]:
    """The numbers of these backends; of a short fleet the slowest it has."""
    ranked = sorted(range(len(fleet)), key=lambda number: -fleet[number].weight)
    match whom:
        case Whom.FASTEST:
            return ranked[:1]
        case Whom.SECOND:
            return ranked[:2][-1:]
        case Whom.THIRD:
            return ranked[:3][-1:]
        case Whom.ALL:
            return ranked
        case Whom.OLLAMA:
            return [number for number in ranked if fleet[number].engine is Engine.OLLAMA]


class Fault(Protocol):
    """One thing that goes wrong on one site."""

    def changes(self, until: float) -> Iterator[tuple[float, Change]]:
        """When what happens; nothing behind `until`, except what ends what began before."""


@dataclass(frozen=True, slots=True)
class Stall:
    """For `seconds` nothing moves, with all connections open."""

    at: float
    seconds: float

    def changes(self, until: float) -> Iterator[tuple[float, Change]]:
        """A stall and its end."""
        if self.at < until:
            yield self.at, lambda site, now: site.stall(now, self.seconds)
            yield self.at + self.seconds, lambda site, now: site.go_on(now)


@dataclass(frozen=True, slots=True)
class Slow:
    """For `seconds` everything takes `factor` times as long."""

    at: float
    seconds: float
    factor: float

    def changes(self, until: float) -> Iterator[tuple[float, Change]]:
        """Slow, and well again."""
        if self.at < until:
            yield self.at, lambda site, now: site.slow_down(now, self.factor)
            yield self.at + self.seconds, lambda site, now: site.slow_down(now, 1.0)


@dataclass(frozen=True, slots=True)
class Flap:
    """Gone for `down_seconds`, there for `up_seconds`, and so on. While it is gone errors come fast, and whatever ran
    is lost."""

    at: float
    down_seconds: float
    up_seconds: float

    def changes(self, until: float) -> Iterator[tuple[float, Change]]:
        """Crashes and returns."""
        at = self.at
        while at < until:
            yield at, lambda site, now: site.crash(FailureKind.ERROR)
            yield at + self.down_seconds, lambda site, now: site.come_back()
            at += self.down_seconds + self.up_seconds


@dataclass(frozen=True, slots=True)
class Cuts:
    """So many streams break off on the way."""

    at: float
    ratio: float

    def changes(self, until: float) -> Iterator[tuple[float, Change]]:
        """From `at` to the end."""
        if self.at < until:
            yield self.at, lambda site, now: site.cut_streams(self.ratio)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """More than so many requests a second are answered by 429 with Retry-After."""

    at: float
    per_second: float
    burst: float

    def changes(self, until: float) -> Iterator[tuple[float, Change]]:
        """From `at` to the end."""
        if self.at < until:
            yield self.at, lambda site, now: site.limit(now, self.per_second, self.burst)


@dataclass(frozen=True, slots=True)
class Lies:
    """The stats endpoint says that nothing runs."""

    at: float

    def changes(self, until: float) -> Iterator[tuple[float, Change]]:
        """From `at` to the end."""
        if self.at < until:
            yield self.at, lambda site, now: site.lie()


@dataclass(frozen=True, slots=True)
class Heat:
    """A machine that has long been full is slowed down by its temperature."""

    every_seconds: float = 5.0

    def changes(self, until: float) -> Iterator[tuple[float, Change]]:
        """Its temperature, time and again."""
        for count in range(1, int(until / self.every_seconds)):
            yield count * self.every_seconds, lambda site, now: site.warm_up(now, self.every_seconds)


@dataclass(frozen=True, slots=True)
class Outside:
    """Other clients use the backend too, of whom the router knows nothing: chats, in waves of `wave_seconds`."""

    per_second: float
    wave_seconds: float = 40.0

    def requests(self, until: float, seed: int, backend: int) -> Iterator[tuple[float, int, int]]:
        """When, prompt tokens, output tokens. In every second wave they are silent."""
        rng = Random(f"outside {seed} {backend}")
        at = rng.uniform(0, self.wave_seconds)
        while (at := at + rng.expovariate(2 * self.per_second)) < until:
            if int(at / self.wave_seconds) % 2 == 0:
                yield at, *CONVERSATION.draw(rng)
