"""What was decided lately, and why: the log behind `/decisions`.

Rules of this file
- Bounded, in memory. Never a text that a user wrote or a model said: a record names actions, tools and backends.
- A record belongs to the owner of the request; nobody sees another's.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import Any

from router.balance.choice import Considered
from router.balance.why import Why
from router.decide.decision import Decision, Silent
from router.errors import ToolOutcome
from router.journey import Attempt, Journey
from router.tracing import Value, trace_id

MOST_RECORDS = 1000
"""Enough to look into what just happened; the flight recorder keeps more."""


@dataclass(frozen=True, slots=True)
class ToolStep:
    """One call of a tool, by names that the registry knows. Nothing of what was asked or found."""

    tool: str
    operation: str
    outcome: ToolOutcome
    seconds: float


@dataclass(slots=True)
class Record:
    """One request: it fills while the request runs."""

    id: str
    at: datetime
    owner: str
    asked_for: str
    """`auto`, a role or a model; `tool` where one was called without any decision."""
    decision: Decision | None = None
    """None where the caller had decided already, by naming a role or a model."""
    deciding: Journey = field(default_factory=Journey)
    """Where the classifier was asked."""
    answering: Journey = field(default_factory=Journey)
    earlier: list[Journey] = field(default_factory=list)
    """Rounds of the answer in which the model called tools, before the one that is `answering`."""
    steps: list[ToolStep] = field(default_factory=list)
    """The tools that were used, in the order in which they ended."""
    error: str | None = None
    """The stable code of the error that ended it."""
    trace_id: str = ""
    """Under which somebody keeps its trace; empty: nobody does."""

    def begin_round(self) -> None:
        """The model has called tools, and is asked again."""
        self.earlier.append(self.answering)
        self.answering = Journey(self.id)

    @property
    def journey(self) -> Journey:
        """Where the answer came from, or, where nobody was asked for one, the decision."""
        return self.answering if self.answering.attempts or self.answering.nobody else self.deciding


class DecisionLog:
    """The last `MOST_RECORDS` records, newest last. `ended` hears of every request that has ended."""

    def __init__(self, most: int = MOST_RECORDS, ended: Callable[[Record], None] = lambda _record: None) -> None:
        self._most = most
        self._ended = ended
        self._records: OrderedDict[str, Record] = OrderedDict()

    def begin(self, at: datetime, owner: str, asked_for: str) -> Record:
        """A new record."""
        record_id = secrets.token_hex(8)
        record = Record(
            record_id,
            at,
            owner,
            asked_for,
            deciding=Journey(record_id),
            answering=Journey(record_id),
            trace_id=trace_id(),
        )
        self._records[record_id] = record
        if len(self._records) > self._most:
            self._records.popitem(last=False)
        return record

    def end(self, record: Record) -> None:
        """Its request has ended, whatever became of it."""
        self._ended(record)

    @contextmanager
    def during(self, at: datetime, owner: str, asked_for: str) -> Iterator[Record]:
        """A new record, whose request lasts as long as the context."""
        record = self.begin(at, owner, asked_for)
        try:
            yield record
        finally:
            self.end(record)

    def get(self, record_id: str, owner: str) -> Record | None:
        """The record of this id, if it is this owner's and not yet forgotten."""
        record = self._records.get(record_id)
        return record if record is not None and record.owner == owner else None

    def latest(self, owner: str, most: int) -> list[Record]:
        """This owner's newest records, newest first."""
        mine = [record for record in self._records.values() if record.owner == owner]
        return mine[: -most - 1 : -1]


def record_json(record: Record) -> dict[str, Any]:
    """A record for programs. Latencies in ms."""
    return {
        "id": record.id,
        "at": record.at.isoformat(timespec="milliseconds"),
        "asked_for": record.asked_for,
        "decision": None if record.decision is None else decision_summary(record.decision),
        "deciding": journey_json(record.deciding),
        "answering": journey_json(record.answering),
        "earlier_rounds": [journey_json(journey) for journey in record.earlier],
        "tools": [step_json(step) for step in record.steps],
        "error": record.error,
        "trace_id": record.trace_id or None,
    }


def record_attributes(record: Record) -> dict[str, Value | None]:
    """A record for the span of its request."""
    last = record.journey.last
    attributes: dict[str, Value | None] = {
        "maek.decision.id": record.id,
        "maek.asked_for": record.asked_for,
        "maek.attempts": len(record.journey.attempts) or None,
    }
    if record.decision is not None:
        attributes |= decision_attributes(record.decision)
    if last is not None:
        attributes |= {
            "maek.backend": last.candidate.backend,
            "maek.load.level": None if last.level is None else last.level.label,
        }
    return attributes


def decision_attributes(decision: Decision) -> dict[str, Value | None]:
    """A decision for a span, without any text of the user or the model."""
    return {
        "maek.decision.action": str(decision.action),
        "maek.decision.source": str(decision.source),
        "maek.decision.reason": decision.reason,
    }


def step_json(step: ToolStep) -> dict[str, Any]:
    """A call of a tool for programs. Latencies in ms."""
    return {
        "tool": step.tool,
        "operation": step.operation,
        "outcome": str(step.outcome),
        "total_ms": _ms(step.seconds),
    }


def decision_summary(decision: Decision) -> dict[str, Any]:
    """A decision without any text of the user or the model."""
    return {
        "action": str(decision.action),
        "source": str(decision.source),
        "reason": decision.reason,
        "confidence": decision.confidence,
        "tool": decision.tool,
        "operation": decision.operation,
        "missing": None if decision.asks is None else str(decision.asks.slot),
        "fallbacks": list(decision.fallbacks),
        "versions": {str(stage): stage_version for stage, stage_version in decision.versions.items()},
        "silent": [_silent_json(silent) for silent in decision.silent],
    }


def _silent_json(silent: Silent) -> dict[str, Any]:
    return {
        "source": str(silent.source),
        "action": str(silent.action),
        "tool": silent.tool,
        "operation": silent.operation,
        "reason": silent.reason,
        "confidence": silent.confidence,
        "agrees": silent.agrees,
    }


def decision_json(decision: Decision) -> dict[str, Any]:
    """A whole decision, for the one who asked."""
    choices = list(decision.asks.choices) if decision.asks else []
    texts = {
        "response": decision.response,
        "prompt": decision.prompt,
        "params": dict(decision.params),
        "choices": choices,
    }
    return decision_summary(decision) | texts


def journey_json(journey: Journey) -> dict[str, Any]:
    """Where a call went: every attempt with everybody who was considered, and what it predicted and what came."""
    return {
        "attempts": [_attempt_json(attempt) for attempt in journey.attempts],
        "nobody": None if journey.nobody is None else _why_json(journey.nobody),
        "first_token_ms": journey.first_token_ms,
        "total_ms": journey.total_ms,
    }


def _attempt_json(attempt: Attempt) -> dict[str, Any]:
    won = attempt.why.won
    return {
        "backend": attempt.candidate.backend,
        "model": attempt.candidate.model,
        "load": None if attempt.level is None else attempt.level.label,
        "outcome": None if attempt.outcome is None else str(attempt.outcome),
        "hedge": attempt.hedge,
        "beaten": attempt.beaten,
        "continues_characters": attempt.continues_characters,
        "waited_ms": _ms(attempt.waited_seconds),
        "predicted_ttft_ms": None if won is None else _ms(won.ttft_seconds),
        "first_token_ms": attempt.first_token_ms,
        "predicted_e2e_ms": None if won is None else _ms(won.e2e_seconds),
        "total_ms": attempt.total_ms,
        "output_tokens": attempt.output_tokens,
        **_why_json(attempt.why),
    }


def _why_json(why: Why) -> dict[str, Any]:
    asked = why.asked
    return {
        "policy": str(why.policy),
        "reason": why.reason,
        "panic": why.panic,
        "demand": {
            "role": asked.role,
            "prompt_tokens": asked.prompt_tokens,
            "max_tokens": asked.max_tokens,
            "stream": asked.stream,
            "priority": asked.priority.name.lower(),
            "session": asked.session,
            "prefix_blocks": asked.prefix_blocks,
        },
        "considered": [_considered_json(one) for one in why.best_first],
        "not_shown": dict(why.not_shown),
    }


def _considered_json(one: Considered) -> dict[str, Any]:
    return {
        "backend": one.candidate.backend,
        "in_flight": one.in_flight,
        "slots": _finite(one.slots),
        "predicted_ttft_ms": _ms(one.ttft_seconds),
        "predicted_e2e_ms": _ms(one.e2e_seconds),
        "cost": _finite(one.cost),
        "cold_ms": _ms(one.cold_seconds),
        "silent_ms": _ms(one.silent_seconds),
        "measured": None if one.excluded is not None else one.trusted,
        "excluded": None if one.excluded is None else str(one.excluded),
    }


def _ms(seconds: float | None) -> float | None:
    if not seconds:  # of every candidate several are 0, and rounding takes longest of all that is done here
        return seconds
    return round(seconds * 1000, 1) if isfinite(seconds) else None


def _finite(value: float | None) -> float | None:
    """The value; None where it is unknown or infinite, for which JSON has no number."""
    return None if value is None or not isfinite(value) else value
