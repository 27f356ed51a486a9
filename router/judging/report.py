"""The figures of many judged decisions.

Rules of this file
- Pure. Precision is of what was accepted (decided, and not left to others); coverage is the part of the messages in
  scope that was accepted. Who accepts little can be precise, so that neither is told without the other.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from router.decide.decision import Decision
from router.judging.expectation import LEFT_TO_OTHERS, Expectation, is_right, outcome_of

MOST_MISTAKES = 50
"""Of the worst, in a report."""
_Z_95 = 1.959964
"""Standard deviations around a normal mean that hold 95 %."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One row with what was decided. `confidence` is 0 where everybody abstained."""

    row_id: str
    text: str
    language: str
    expected: Expectation
    outcome: str
    source: str
    confidence: float
    reason: str
    right: bool

    @property
    def accepted(self) -> bool:
        """Whether it was decided, and not left to others."""
        return self.outcome not in LEFT_TO_OTHERS


@dataclass(frozen=True, slots=True)
class Score:
    """Of some rows."""

    rows: int
    in_scope: int
    accepted: int
    """Of all rows."""
    accepted_in_scope: int
    right: int
    """Of those accepted."""
    false_accepts: int
    """Accepted and wrong, of those that were to be left to others."""

    @property
    def precision(self) -> float | None:
        """0..1; None where nothing was accepted."""
        return self.right / self.accepted if self.accepted else None

    @property
    def precision_at_least(self) -> float | None:
        """The lower end of Wilson's 95 % interval of the precision (Wilson 1927, JASA 22:209)."""
        return wilson_lower(self.right, self.accepted) if self.accepted else None

    @property
    def coverage(self) -> float | None:
        """0..1; None where nothing is in scope."""
        return self.accepted_in_scope / self.in_scope if self.in_scope else None


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What would be accepted if less than `confidence` were left to others."""

    confidence: float
    coverage: float
    precision: float


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is told of a run."""

    total: Score
    by_language: Mapping[str, Score]
    by_source: Mapping[str, Score]
    """In scope of a source is what it decided: its coverage says nothing."""
    by_expected: Mapping[str, Score]
    confusion: Mapping[tuple[str, str], int]
    """(expected, outcome) → rows."""
    curve: Sequence[CurvePoint]
    mistakes: Sequence[Judged]
    """Accepted and wrong, the surest first."""
    missed: Sequence[Judged]
    """In scope and left to others, the first of them."""


def judged(row_id: str, text: str, language: str, expected: Expectation, decision: Decision | None) -> Judged:
    """A row with its verdict."""
    return Judged(
        row_id,
        text,
        language,
        expected,
        outcome_of(decision),
        str(decision.source) if decision else "",
        decision.confidence if decision else 0.0,
        decision.reason if decision else "",
        is_right(expected, decision),
    )


def report(rows: Sequence[Judged]) -> Report:
    """The figures."""
    mistakes = sorted((row for row in rows if row.accepted and not row.right), key=lambda row: -row.confidence)
    missed = [row for row in rows if row.expected.in_scope and not row.accepted]
    return Report(
        total=score(rows),
        by_language=_by(rows, lambda row: row.language),
        by_source=_by([row for row in rows if row.accepted], lambda row: row.source),
        by_expected=_by(rows, lambda row: row.expected.name),
        confusion=Counter((row.expected.name, row.outcome) for row in rows),
        curve=curve(rows),
        mistakes=mistakes[:MOST_MISTAKES],
        missed=missed[:MOST_MISTAKES],
    )


def score(rows: Iterable[Judged]) -> Score:
    """Of these rows."""
    rows = tuple(rows)
    accepted = [row for row in rows if row.accepted]
    return Score(
        rows=len(rows),
        in_scope=sum(row.expected.in_scope for row in rows),
        accepted=len(accepted),
        accepted_in_scope=sum(row.expected.in_scope for row in accepted),
        right=sum(row.right for row in accepted),
        false_accepts=sum(not row.right and not row.expected.in_scope for row in accepted),
    )


def curve(rows: Sequence[Judged]) -> tuple[CurvePoint, ...]:
    """Precision and coverage for every confidence that occurs, the surest first."""
    in_scope = sum(row.expected.in_scope for row in rows)
    surest_first = sorted((row for row in rows if row.accepted), key=lambda row: -row.confidence)
    points: list[CurvePoint] = []
    covered = right = 0
    for number, row in enumerate(surest_first, start=1):
        covered += row.expected.in_scope
        right += row.right
        last_of_its_kind = number == len(surest_first) or surest_first[number].confidence < row.confidence
        if last_of_its_kind and in_scope:
            points.append(CurvePoint(row.confidence, covered / in_scope, right / number))
    return tuple(points)


def wilson_lower(right: int, of: int) -> float:
    """The lower end of the 95 % interval of a proportion; `of` > 0."""
    proportion, z2 = right / of, _Z_95**2
    middle = proportion + z2 / (2 * of)
    margin = _Z_95 * sqrt(proportion * (1 - proportion) / of + z2 / (4 * of * of))
    return max(0.0, (middle - margin) / (1 + z2 / of))


def _by(rows: Sequence[Judged], key: Callable[[Judged], str]) -> dict[str, Score]:
    names = sorted({key(row) for row in rows})
    return {name: score(row for row in rows if key(row) == name) for name in names}
