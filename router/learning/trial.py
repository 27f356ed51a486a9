"""Whether an overlay is better than what was there, on messages that it has not seen.

Rules of this file
- Pure. Every lesson is judged once by an overlay that was fitted without it (five folds), and once by the model as it
  is shipped. An overlay that is wrong more often is refused, whatever else it gains: trust is lost faster than won.
- The folds depend on the texts alone, so that the same lessons always give the same verdict.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from router.decide.intent.labels import ACCEPTED, Label
from router.decide.intent.model import IntentModel
from router.learning.fitting import fit
from router.learning.lessons import Lesson

FOLDS = 5
FEWEST = 40
"""Lessons: with fewer, a fold has too few to tell anything."""
SURE_ENOUGH = 0.97
"""Precision that is asked of an overlay where the model as it is decides nothing: there is no other to compare with."""

Accept = Callable[[IntentModel, str], Label | None]
"""What a model decides of a text, with everything that stands around it; None where it abstains."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Decisions on some lessons."""

    lessons: int
    in_scope: int
    accepted: int
    right: int

    @property
    def precision(self) -> float | None:
        """0..1; None where nothing was accepted."""
        return self.right / self.accepted if self.accepted else None

    @property
    def wrong(self) -> int:
        """Of those accepted."""
        return self.accepted - self.right


@dataclass(frozen=True, slots=True)
class Trial:
    """The model as it is shipped, and with an overlay, on what neither was fitted to."""

    before: Tally
    after: Tally
    anchors_before: Tally
    """On everyday messages that come with Maek."""
    anchors_after: Tally

    @property
    def objection(self) -> str | None:
        """Why the overlay must not be used; None where it may be."""
        if self.after.lessons < FEWEST:
            return (
                f"there are {self.after.lessons} confirmed messages; it takes {FEWEST} to tell whether it gets better"
            )
        if self.anchors_after.wrong > self.anchors_before.wrong:
            return "it would be wrong on everyday messages that the shipped model gets right"
        before, after = self.before.precision, self.after.precision
        if after is not None and after < (SURE_ENOUGH if before is None else before):
            return f"it would be right in {after:.1%} of what it decides, and the shipped model is in {_told(before)}"
        if self.after.right <= self.before.right and self.after.wrong >= self.before.wrong:
            return "it would decide no better than the shipped model"
        return None


def tried(
    lessons: Sequence[Lesson], anchors: Sequence[Lesson], model: IntentModel, accept: Accept
) -> Iterator[Trial | None]:
    """The trial, as the last thing; None before it as a sign of life, once a fold."""
    base = model.with_overlay(None)
    held: list[tuple[Lesson, Label | None]] = []
    for number in range(FOLDS):
        rest = [lesson for lesson in lessons if _fold(lesson) != number]
        learned = base.with_overlay(fit(rest, base))
        held += [(lesson, accept(learned, lesson.text)) for lesson in lessons if _fold(lesson) == number]
        yield None
    learned = base.with_overlay(fit(lessons, base))
    yield Trial(
        _tally((lesson, accept(base, lesson.text)) for lesson in lessons),
        _tally(held),
        _tally((anchor, accept(base, anchor.text)) for anchor in anchors),
        _tally((anchor, accept(learned, anchor.text)) for anchor in anchors),
    )


def _fold(lesson: Lesson) -> int:
    return sha256(lesson.text.encode()).digest()[0] % FOLDS


def _tally(judged: Iterator[tuple[Lesson, Label | None]] | Sequence[tuple[Lesson, Label | None]]) -> Tally:
    judged = list(judged)
    accepted = [(lesson, label) for lesson, label in judged if label is not None]
    return Tally(
        len(judged),
        sum(lesson.label in ACCEPTED for lesson, _ in judged),
        len(accepted),
        sum(lesson.label is label for lesson, label in accepted),
    )


def _told(precision: float | None) -> str:
    return "none" if precision is None else f"{precision:.1%}"
