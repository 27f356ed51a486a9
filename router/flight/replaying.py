"""Recorded choices, made again: by the same policy, which has to give the same, or by another one, to compare.

Rules of this file
- Pure: recorded choices in, figures out.
- Every choice is judged alone, by what was predicted at its moment. What another policy would have changed for the
  choices after it is not in the recording, and nobody here pretends to know it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil, inf, isfinite
from typing import Any, NamedTuple

from router.balance.choice import Choice, choose_on
from router.balance.policies import POLICIES, PolicyName
from router.balance.pools import Candidate
from router.flight.choices import Recorded

MOST_DIFFERENCES = 1000
"""Shown of one comparison; all are counted."""


def difference(recorded: Recorded) -> dict[str, Any] | None:
    """What comes out differently when the same policy chooses again, JSON-able; None: nothing does."""
    again = recorded.again()
    winner = None if again.winner is None else again.winner.candidate
    cost = None if again.place is None else _finite(again.costs[again.place])
    if winner == recorded.winner and cost == recorded.cost:
        return None
    return {
        "t": recorded.at,
        "decision": recorded.decision,
        "policy": recorded.policy,
        "recorded": _told(recorded.winner, recorded.cost),
        "replayed": _told(winner, cost),
    }


class Predicted(NamedTuple):
    """What was predicted of one candidate. Seconds; infinity: never."""

    first_seconds: float
    whole_seconds: float


@dataclass(slots=True)
class Comparison:
    """One policy beside those that chose."""

    policy: PolicyName
    choices: int = 0
    same: int = 0
    nobody: int = 0
    """Choices that nobody could win, by whatever policy."""
    recorded: list[Predicted] = field(default_factory=list)
    """Of those who won."""
    other: list[Predicted] = field(default_factory=list)
    """Of those whom the other policy would have chosen, in the same order."""
    backends: Counter[str] = field(default_factory=Counter)
    """Backend → how often it won."""
    backends_other: Counter[str] = field(default_factory=Counter)
    differences: list[dict[str, Any]] = field(default_factory=list)
    _turns: Counter[str] = field(default_factory=Counter)

    def take(self, recorded: Recorded) -> None:
        """Compare one choice."""
        self.choices += 1
        other = self._chosen(recorded)
        if recorded.winner is None or other.winner is None or other.place is None:
            self.nobody += 1
            return
        scene = recorded.scene
        place = next((at for at, one in enumerate(scene.able) if one.candidate == recorded.winner), other.place)
        was = _predicted(other, place)
        would_be = _predicted(other, other.place)
        self.recorded.append(was)
        self.other.append(would_be)
        self.backends[recorded.winner.backend] += 1
        self.backends_other[other.winner.candidate.backend] += 1
        if other.winner.candidate == recorded.winner:
            self.same += 1
        elif len(self.differences) < MOST_DIFFERENCES:
            self.differences.append(
                {
                    "t": recorded.at,
                    "decision": recorded.decision,
                    "recorded": _shown(recorded.winner, was),
                    "other": _shown(other.winner.candidate, would_be),
                }
            )

    def _chosen(self, recorded: Recorded) -> Choice:
        scene, role = recorded.scene, recorded.scene.demand.role
        if self.policy is PolicyName.ROUND_ROBIN and recorded.policy is not self.policy:
            # Only those who went round in turn were counted.
            scene = scene._replace(demand=replace(scene.demand, number=self._turns[role]))
            self._turns[role] += 1
        return choose_on(scene, recorded.view, POLICIES[self.policy])


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison for programs. Seconds; null: never, or nothing to tell of."""
    return {
        "policy": comparison.policy,
        "choices": comparison.choices,
        "same": comparison.same,
        "nobody": comparison.nobody,
        "recorded": _summary(comparison.recorded, comparison.backends),
        "other": _summary(comparison.other, comparison.backends_other),
        "differences": comparison.differences,
    }


def comparison_lines(comparison: Comparison) -> list[str]:
    """The same as a table for people."""
    told = comparison_json(comparison)
    was, would_be = told["recorded"], told["other"]
    decided = len(comparison.recorded)
    rows = [("", "as recorded", str(comparison.policy))]
    rows += [(title, _seconds(was[key]), _seconds(would_be[key])) for key, title in _TITLES.items()]
    sent, sent_other = was["backends"], would_be["backends"]
    backends = sorted({*sent, *sent_other})
    rows += [(f"sent to {name}", str(sent.get(name, 0)), str(sent_other.get(name, 0))) for name in backends]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    table = [f"{row[0]:{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}".rstrip() for row in rows]
    nobody = f" Nobody could serve {comparison.nobody} more." if comparison.nobody else ""
    return [
        f"{comparison.policy} would have chosen the same backend {comparison.same} times of {decided}.{nobody}",
        "",
        *table,
        "",
        "Each choice alone, by what was predicted at its moment: what it would have changed later is not known.",
    ]


_TITLES = {
    "first_token_mean_seconds": "first token, mean",
    "first_token_p95_seconds": "first token, 95th percentile",
    "whole_mean_seconds": "whole answer, mean",
    "whole_p95_seconds": "whole answer, 95th percentile",
}


def _summary(predicted: Sequence[Predicted], backends: Counter[str]) -> dict[str, Any]:
    firsts = sorted(one.first_seconds for one in predicted)
    wholes = sorted(one.whole_seconds for one in predicted)
    return {
        "first_token_mean_seconds": _mean(firsts),
        "first_token_p95_seconds": _p95(firsts),
        "whole_mean_seconds": _mean(wholes),
        "whole_p95_seconds": _p95(wholes),
        "backends": dict(backends),
    }


def _mean(seconds: Sequence[float]) -> float | None:
    return _finite(sum(seconds) / len(seconds)) if seconds else None


def _p95(ordered: Sequence[float]) -> float | None:
    return _finite(ordered[ceil(0.95 * len(ordered)) - 1]) if ordered else None


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f} s"


def _predicted(choice: Choice, place: int) -> Predicted:
    row = choice.row(place)
    first, whole = row.ttft_seconds, row.e2e_seconds
    return Predicted(inf if first is None else first, inf if whole is None else whole)


def _shown(candidate: Candidate, predicted: Predicted) -> dict[str, Any]:
    return {
        "backend": candidate.backend,
        "model": candidate.model,
        "first_token_seconds": _finite(predicted.first_seconds),
        "whole_seconds": _finite(predicted.whole_seconds),
    }


def _told(winner: Candidate | None, cost: float | None) -> dict[str, Any] | None:
    return None if winner is None else {"backend": winner.backend, "model": winner.model, "cost": cost}


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
