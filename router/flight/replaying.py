"""What was decided, decided again: by the same policy, which has to give the same, or by another one, to compare.

Rules of this file
- Pure: recorded choices in, figures out.
- Every choice is judged alone, by what was predicted at its moment. What another policy would have changed for the
  choices after it is not in the recording, and nobody here pretends to know it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, inf, isfinite
from typing import Any, NamedTuple

from router.balance.choice import Choice, choose_on
from router.balance.policies import POLICIES, PolicyName
from router.balance.pools import Candidate
from router.flight.choices import Recorded, RecordedShed, choice_of, shed_of
from router.flight.warmings import RecordedWarming, warming_of
from sidecar import Note

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


def shed_difference(recorded: RecordedShed) -> dict[str, Any] | None:
    """The same for a request that was told to come back."""
    if (found := difference(recorded.last)) is not None:
        return found
    again, last = recorded.again(), recorded.last
    if again is recorded.rejection:
        return None
    was, is_now = {"rejection": recorded.rejection}, {"rejection": again}
    return {"t": last.at, "decision": last.decision, "policy": last.policy, "recorded": was, "replayed": is_now}


def warming_difference(recorded: RecordedWarming) -> dict[str, Any] | None:
    """The same for a model that was loaded ahead."""
    again, chosen = recorded.again(), recorded.warming.chosen
    if again == chosen:
        return None
    return {"t": recorded.at, "role": recorded.role, "recorded": _told(chosen, None), "replayed": _told(again, None)}


@dataclass(slots=True)
class Remade:
    """What was decided again by the same rules, and how often that came out differently."""

    choices: int = 0
    sheds: int = 0
    warmings: int = 0
    differing: int = 0

    def take(self, note: Note) -> dict[str, Any] | None:
        """Decide again; what comes out differently, JSON-able. Raises TraceInvalid."""
        match note.kind:
            case "choice":
                found = difference(choice_of(note.at, note.body))
                self.choices += 1
            case "shed":
                found = shed_difference(shed_of(note.at, note.body))
                self.sheds += 1
            case "warming":
                found = warming_difference(warming_of(note.at, note.body))
                self.warmings += 1
            case _:
                return None
        self.differing += found is not None
        return found

    @property
    def made(self) -> int:
        """In all."""
        return self.choices + self.sheds + self.warmings

    def sentence(self) -> str:
        """How it went."""
        counted = (
            (self.choices, "choice of a backend", "choices of a backend"),
            (self.sheds, "refusal by the queue", "refusals by the queue"),
            (self.warmings, "load ahead of need", "loads ahead of need"),
        )
        parts = [f"{number:,} {one if number == 1 else many}" for number, one, many in counted if number]
        if not parts:
            return "Nothing in it was chosen."
        told = " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
        return f"{told} made again, {self.differing:,} came out differently."


class Predicted(NamedTuple):
    """What was predicted of one candidate. Seconds; infinity: never."""

    first_seconds: float
    whole_seconds: float


@dataclass(slots=True)
class Comparison:
    """One policy beside those that chose."""

    policy: PolicyName
    choices: int = 0
    policies: set[str] = field(default_factory=set)
    """By whom was chosen."""
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
    shed: int = 0
    """Requests that were told to come back."""
    shed_with_room: int = 0
    """Of these, for whom the other policy had somebody with room at that moment."""
    differences: list[dict[str, Any]] = field(default_factory=list)
    _turns: Counter[str] = field(default_factory=Counter)

    def take_note(self, note: Note) -> None:
        """Compare what a note tells of, if that is a choice or a refusal. Raises TraceInvalid."""
        if note.kind == "choice":
            self.take(choice_of(note.at, note.body))
        elif note.kind == "shed":
            other = self._chosen(shed_of(note.at, note.body).last)
            self.shed += 1
            self.shed_with_room += other.winner is not None and not other.full

    def take(self, recorded: Recorded) -> None:
        """Compare one choice."""
        self.choices += 1
        self.policies.add(recorded.policy)
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
        "refused": comparison.shed,
        "refused_with_room": comparison.shed_with_room,
        "recorded": _summary(comparison.recorded, comparison.backends),
        "other": _summary(comparison.other, comparison.backends_other),
        "differences": comparison.differences,
    }


def comparison_lines(comparison: Comparison) -> list[str]:
    """The same as a table for people."""
    told = comparison_json(comparison)
    was, would_be = told["recorded"], told["other"]
    rows = [("", "as recorded", str(comparison.policy), "difference")]
    rows += [(title, *_beside(was[key], would_be[key], comparison)) for key, title in _TITLES.items()]
    sent, sent_other = was["backends"], would_be["backends"]
    for name in sorted({*sent, *sent_other}):
        one, other = sent.get(name, 0), sent_other.get(name, 0)
        rows.append((f"sent to {name}", f"{one:,}", f"{other:,}", f"{other - one:+,}"))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    table = ["  ".join([f"{row[0]:{widths[0]}}", *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
    return [
        *_first_sentences(comparison),
        "",
        *table,
        "",
        "The times are those that were predicted at the moment of each choice, for the backend that was chosen and for",
        "the one that would have been. Each choice is judged alone: what the others would have changed for those after",
        "them is not in a recording.",
    ]


def _first_sentences(comparison: Comparison) -> Iterator[str]:
    decided = len(comparison.recorded)
    by = " and ".join(sorted(comparison.policies))
    elsewhere = decided - comparison.same
    part = f" ({elsewhere / decided:.0%})" if decided else ""
    yield (
        f"{_number(decided, 'choice')} made by {by or 'nobody'}: {comparison.policy} would have made "
        f"{elsewhere:,} of them{part} otherwise."
    )
    if comparison.nobody:
        yield f"For {_number(comparison.nobody, 'more request')} there was nobody to choose, by whatever policy."
    if comparison.shed:
        were = "was" if comparison.shed == 1 else "were"
        yield (
            f"{_number(comparison.shed, 'request')} {were} told to come back, as the queue was; for "
            f"{comparison.shed_with_room:,} of them {comparison.policy} would have had a backend with room."
        )


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _beside(one: float | None, other: float | None, comparison: Comparison) -> tuple[str, str, str]:
    nothing = "-" if not comparison.recorded else "never"
    if one is None or other is None:
        return _seconds(one, nothing), _seconds(other, nothing), "-"
    return _seconds(one, nothing), _seconds(other, nothing), f"{other - one:+.3f} s"


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


def _seconds(value: float | None, nothing: str) -> str:
    return nothing if value is None else f"{value:,.3f} s"


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
