"""What was said, held against what was so. Pure.

Rules of this file
- A level that is not said (None) counts as free: that is how somebody who looks would take it.
- Levels that neither the truth nor the judge ever had are left out of the mean.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sidecar.levels import Level


@dataclass(slots=True)
class Tally:
    """How often which truth was called what."""

    counts: Counter[tuple[Level, Level]] = field(default_factory=Counter)

    def add(self, truth: Level, said: Level | None) -> None:
        """One look."""
        self.counts[truth, Level.FREE if said is None else said] += 1

    def of(self, truth: Level) -> int:
        """How often that was the truth."""
        return sum(many for (level, _), many in self.counts.items() if level is truth)


def sum_of(tallies: Iterable[Tally]) -> Tally:
    """All of them as one."""
    total = Tally()
    for tally in tallies:
        total.counts.update(tally.counts)
    return total


def macro_f1(tally: Tally) -> float:
    """The mean over levels of the harmonic mean of precision and recall."""
    scores = []
    for level in Level:
        said = sum(many for (_, word), many in tally.counts.items() if word is level)
        if said or tally.of(level):
            scores.append(2 * tally.counts[level, level] / (said + tally.of(level)))
    return sum(scores) / len(scores) if scores else 1.0


def missed_busy(tally: Tally) -> float | None:
    """Of the times that it was busy or worse, the part that was called free or normal; None if it never was."""
    return _part(tally, lambda truth: truth >= Level.BUSY, lambda said: said < Level.BUSY)


def false_busy(tally: Tally) -> float | None:
    """Of the times that it was free or normal, the part that was called busy or worse; None if it never was."""
    return _part(tally, lambda truth: truth < Level.BUSY, lambda said: said >= Level.BUSY)


def _part(tally: Tally, which: Callable[[Level], bool], wrong: Callable[[Level], bool]) -> float | None:
    looks = [(said, many) for (truth, said), many in tally.counts.items() if which(truth)]
    total = sum(many for _, many in looks)
    return sum(many for said, many in looks if wrong(said)) / total if total else None
