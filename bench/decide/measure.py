"""How right the intent model is on labelled sentences: `python -m bench.decide.measure --data DIR`.

Rules of this file
- Nothing but the project is needed. What is measured is what decides: gates, slots and, for "together", the keyword
  rules before them.
- A label that came with a corpus is what is right, however odd; sentences labelled "unclear" by hand are left out.
"""

import argparse
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.decide.corpus import corpus_rows
from bench.decide.row import Row
from bench.decide.silver import FILE as NATURAL_FILE
from bench.decide.silver import natural_labels
from router.decide.decision import Action, Decision, Persona, SessionFacts
from router.decide.intent.deciding import decided_as
from router.decide.intent.labels import ACCEPTED, Label
from router.decide.intent.model import Guess, IntentModel, packaged_model
from router.decide.request import Request, Rules
from router.decide.rules import decide_by_rules
from router.tools.infra import InfraSettings
from router.tools.registry import ToolSettings, build

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=ZoneInfo("Asia/Seoul"))
RULES = Rules(tools=build(ToolSettings(InfraSettings({}))), persona=Persona("Maek", "담백해요.", "Plain."))
UNCLEAR = "unclear"
CLOCK = frozenset(("time", "date"))
"""Reasons of rules that look at the clock: right, but the corpora do not file such questions under small talk."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One sentence: what the rules say, what the model guesses, and whether that guess passes the gates."""

    row: Row
    by_rules: str | None
    guess: Guess
    passed: bool

    @property
    def group(self) -> str:
        """`ko`, `en`, or `natural` for what was labelled by hand."""
        return "natural" if self.row.source == "sae4k" else self.row.language

    @property
    def by_model(self) -> str | None:
        """The accepted label; None where the model leaves the sentence to others."""
        return str(self.guess.label) if self.passed and self.guess.sure else None


def measured(model: IntentModel, data: Path, split: str = "dev") -> list[Measured]:
    """Every sentence of that split with the label it came with, and those labelled by hand."""
    return [_measured(model, row) for row in (*corpus_rows(data, split, proposed=True), *_natural_rows(data))]


def main() -> None:
    """Print precision, Wilson's lower bound and coverage by corpus, for the rules, the model, and both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="dev")
    parser.add_argument("--mistakes", action="store_true", help="list them")
    given = parser.parse_args()
    seen = measured(packaged_model(), given.data, given.split)
    print(f"model {packaged_model().version}")
    groups: dict[str, Callable[[Measured], bool]] = {
        "pooled": lambda one: one.group != "natural",
        "ko": lambda one: one.group == "ko",
        "en": lambda one: one.group == "en",
    }
    for source in sorted({one.row.source for one in seen}):
        groups[source] = lambda one, source=source: one.row.source == source  # type: ignore[misc]
    for name, belongs in groups.items():
        some = [one for one in seen if belongs(one)]
        for who, answer in (("rules", _rules), ("model", _model), ("both", _both)):
            print(f"{name:12}{who:7}{_figures(some, answer)}")
    outside = [one for one in seen if one.row.intent == "oos"]
    print(f"out of scope: {sum(_both(one) is not None for one in outside)} of {len(outside)} accepted")
    if given.mistakes:
        for one in seen:
            if _both(one) not in {None, one.row.label}:
                print(f"  {_both(one)} for {one.row.label}: {one.row.text} ({'rules' if one.by_rules else 'model'})")


def wilson_low(right: int, of: int) -> float:
    """The lower bound of Wilson's 95 % interval."""
    if not of:
        return 0.0
    z, share = 1.96, right / of
    centre = share + z * z / (2 * of)
    return (centre - z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))) / (1 + z * z / of)


def _figures(some: Sequence[Measured], answer: Callable[[Measured], str | None]) -> str:
    inside = [one for one in some if one.row.label in ACCEPTED]
    taken = [one for one in some if answer(one) is not None]
    right = sum(answer(one) == one.row.label for one in taken)
    covered = sum(answer(one) is not None for one in inside)
    return (
        f"precision {right}/{len(taken)} = {right / max(len(taken), 1):.4f} (low {wilson_low(right, len(taken)):.4f}), "
        f"coverage {covered}/{len(inside)} = {covered / max(len(inside), 1):.3f}"
    )


def _rules(one: Measured) -> str | None:
    return one.by_rules


def _model(one: Measured) -> str | None:
    return one.by_model


def _both(one: Measured) -> str | None:
    return one.by_rules or one.by_model


def _measured(model: IntentModel, row: Row) -> Measured:
    guess = model.guess(row.text)
    request = Request(row.text, SessionFacts(NOW, row.language), RULES)
    by_rules = _label(decide_by_rules(request))
    return Measured(row, by_rules, guess, decided_as(request, guess.label) is not None)


def _natural_rows(data: Path) -> list[Row]:
    labels = natural_labels()
    path = data / NATURAL_FILE
    raws = map(json.loads, path.read_text(encoding="utf-8").splitlines()) if path.exists() else ()
    return [
        Row(raw["id"], raw["text"], labels[raw["id"]], "sae4k")
        for raw in raws
        if labels.get(raw["id"], UNCLEAR) != UNCLEAR
    ]


def _label(decision: Decision | None) -> str | None:
    """The decision as a label. Leaving it to the reasoner accepts nothing, and telling the time is none of them."""
    if decision is None or decision.action is Action.ROUTE or decision.reason in CLOCK:
        return None
    match decision.tool, decision.operation:
        case "calendar", "create_draft":
            return Label.CALENDAR_CREATE
        case "calendar", _:
            return Label.CALENDAR_QUERY
        case "email", _:
            return Label.MAIL_QUERY
        case None, _:
            pass
        case tool, _:
            return tool
    if decision.action is Action.CLARIFY:
        return Label.CALENDAR_CREATE
    return Label.MAIL_SEND if decision.reason == "mail_sending_refused" else Label.DIRECT


if __name__ == "__main__":
    main()
