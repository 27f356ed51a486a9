"""Decisions as `/decisions/{id}` tells them, for the tests of what is made of them."""

from datetime import UTC, datetime
from typing import Any

from router.balance.why import Why
from router.decide.decision import Action, Decision, Source
from router.decisions import Record, record_json
from router.journey import Attempt, Journey
from sidecar import Level, Outcome

AT = datetime(2026, 2, 1, 12, 0, 0, 123456, UTC)
ROUTED = Decision(Action.ROUTE, Source.RULE, "explanation")


def attempt(chosen: Why, level: Level | None = Level.NORMAL, **fields: Any) -> Attempt:
    """A try on whoever won."""
    assert chosen.won is not None
    return Attempt(chosen, chosen.won.candidate, level, **fields)


def journey(*attempts: tuple[Attempt, Outcome | None, float | None, float], nobody: Why | None = None) -> Journey:
    """Attempts one after the other: with how each ended, when its first token came, and when it was over."""
    made = Journey(nobody=nobody)
    now = 100.0
    for one, outcome, first_seconds, total_seconds in attempts:
        made.begin(one, now)
        if outcome is not None:
            first_at = None if first_seconds is None else now + first_seconds
            made.end(one, outcome, first_at, now + total_seconds, 42 if outcome is Outcome.OK else 0)
        now += total_seconds
    return made


def record(
    answering: Journey | None = None,
    *,
    decision: Decision | None = ROUTED,
    deciding: Journey | None = None,
    error: str | None = None,
    asked_for: str = "auto",
) -> dict[str, Any]:
    """What the server says of it."""
    kept = Record(
        "8f9184dcac19a133", AT, "anna", asked_for, decision, deciding or Journey(), answering or Journey(), error=error
    )
    return record_json(kept)
