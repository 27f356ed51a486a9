"""What a row of a test file expects, and whether a decision is that.

Rules of this file
- Pure. An outcome is a word: `direct`, `route`, `clarify`, `refuse` (mail cannot be sent), `TOOL.OPERATION`, or
  `abstain`. A row may allow several.
- Leaving a message to a later stage (`abstain`) and leaving it to the reasoner (`route`) are the same for the one who
  judges: nobody did anything that was not wanted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from router.decide.decision import REFUSED_SENDING, Action, Decision, Source

ABSTAIN = "abstain"
ROUTE = "route"
REFUSE = "refuse"
LEFT_TO_OTHERS = frozenset((ABSTAIN, ROUTE))

LABELS: Mapping[str, tuple[str, ...]] = {
    "direct": ("direct",),
    "cal_query": ("calendar.search", "calendar.today"),
    "cal_create": ("calendar.create_draft", "clarify"),
    "cal_update_mixed": ("calendar.create_draft", "clarify", "calendar.search", "calendar.today", ABSTAIN),
    "mail_query": ("email.search",),
    "mail_send": (REFUSE,),
}
"""What the labels of test sets of utterances allow; a message with any other label is to be left to others."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """The outcomes that are right for one row; `name` is theirs in the table."""

    name: str
    outcomes: frozenset[str]

    @property
    def in_scope(self) -> bool:
        """Whether it must be decided; leaving it to others may be as right, or the only right thing."""
        return not self.outcomes & LEFT_TO_OTHERS


def expectation_of(row: Mapping[str, Any]) -> Expectation | None:
    """What a row expects: its `expect` (an outcome or a list of them), else its `label`, else the decision that it
    carries as `maek decide` prints one; None where it has none of these, or nonsense."""
    match row:
        case {"expect": str(outcome)}:
            return _expected((outcome,))
        case {"expect": [*outcomes]} if outcomes and all(isinstance(one, str) for one in outcomes):
            return _expected(tuple(outcomes))
        case {"label": str(label)}:
            return Expectation(label, frozenset(LABELS.get(label, LEFT_TO_OTHERS)))
        case {"action": None}:
            return _expected((ABSTAIN,))
        case {"action": "tools", "tool": str(tool), "operation": str(operation)}:
            return _expected((f"{tool}.{operation}",))
        case {"action": "direct" | "route" | "clarify" as action}:
            return _expected((REFUSE if row.get("reason") == REFUSED_SENDING else action,))
        case _:
            return None


def outcome_of(decision: Decision | None) -> str:
    """The outcome that a decision is; None is `abstain`."""
    if decision is None:
        return ABSTAIN
    if decision.action is Action.TOOLS:
        return f"{decision.tool}.{decision.operation}"
    return REFUSE if decision.reason == REFUSED_SENDING else str(decision.action)


def is_right(expected: Expectation, decision: Decision | None) -> bool:
    """Whether a decision is one of those expected."""
    outcome = outcome_of(decision)
    if outcome in expected.outcomes or (outcome in LEFT_TO_OTHERS and not expected.in_scope):
        return True
    # A model refuses in its own words, and nothing tells a refusal from another answer.
    by_model = decision is not None and decision.source is Source.LLM and decision.action is Action.DIRECT
    return by_model and REFUSE in expected.outcomes


def _expected(outcomes: tuple[str, ...]) -> Expectation:
    return Expectation(" or ".join(outcomes), frozenset(outcomes))
