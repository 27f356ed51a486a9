"""A flight recording, played again: the same facts, the same questions, and so the same answers.

Rules of this file
- Pure: lines in, answers out, under a store of its own. No clock: the recording's moments are the clock.
- Under the default rules the answers are those that the recording process gave, because the recording also holds
  the rules that were in force.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import Any

from sidecar import load, seed
from sidecar.errors import TraceInvalid
from sidecar.facts import BackendAdded, BackendSpec, Fact, QueueChanged
from sidecar.load import LoadRules
from sidecar.recording import Note, Query, RulesInForce, read
from sidecar.state import BackendState, Snapshot
from sidecar.store import Store


class Rules(StrEnum):
    """Which rules answer."""

    SEED = "seed"
    DEFAULT = "default"


def _nothing(_note: Note) -> None:
    """Notes say nothing of a backend."""


def answers(lines: Iterable[bytes], rules: Rules, heard: Callable[[Note], None] = _nothing) -> Iterator[dict[str, Any]]:
    """One JSON-able answer for each `query` of a recording, in its order. `heard` gets its notes.

    Raises TraceInvalid with the number of the first line that cannot be read, goes back in time, or makes `heard` raise
    one.
    """
    replay = _Replay(Store(), load.DEFAULT_RULES)
    last = -inf
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = read(line)
            if entry.at < last:
                raise TraceInvalid(f"t: {entry.at} is before the line above, {last}; lines stand in the order of time")
            last = entry.at
            if isinstance(entry, Note):
                heard(entry)
        except TraceInvalid as error:
            raise TraceInvalid(f"line {number}: {error}") from None
        if isinstance(entry, Query):
            yield replay.answer(entry, rules)
        elif not isinstance(entry, Note):
            replay.take(entry)


@dataclass(slots=True)
class _Replay:
    store: Store
    rules: LoadRules
    announced: set[str] = field(default_factory=set)
    """Backends whose coming and going the recording tells, or that the first line about them has made known."""

    def take(self, entry: Fact | RulesInForce) -> None:
        match entry:
            case RulesInForce():
                self.rules = entry.rules
                self.store.failures_to_down = entry.failures_to_down
                self.store.rules = entry.rules
            case QueueChanged():
                self.store.apply(entry)
            case BackendAdded(spec=spec):
                self.announced.add(spec.name)
                self.store.apply(entry)
            case _:
                self._announce(entry.backend, entry.at)
                self.store.apply(entry)

    def answer(self, query: Query, rules: Rules) -> dict[str, Any]:
        self.store.recall(query.backend, query.rhythm)
        snapshot = self.store.snapshot(query.at)
        state = snapshot.backends.get(query.backend) or BackendState(BackendSpec(query.backend, ""))
        if rules is Rules.SEED:
            return seed_answer(query, state, snapshot.queue_active)
        return default_answer(query, state, snapshot, self.rules)

    def _announce(self, backend: str, at: float) -> None:
        """The seed's format does not say that a backend exists: the first fact about it does."""
        if backend not in self.announced:
            self.announced.add(backend)
            self.store.apply(BackendAdded(at, BackendSpec(backend, "")))


def seed_answer(query: Query, state: BackendState, queue_active: int) -> dict[str, Any]:
    """The keys of one replayed answer, by the seed's rules."""
    said = seed.answer(state, queue_active, query.at)
    return {
        "t": query.at,
        "backend": query.backend,
        "load": said.load.label,
        "source": said.source,
        "active_jobs": said.active_jobs,
        "health_ms": said.health_ms,
        "health_baseline_ms": said.health_baseline_ms,
        "inference_ms": said.inference_ms,
        "wants_probe": said.wants_probe,
    }


def default_answer(query: Query, state: BackendState, snapshot: Snapshot, rules: LoadRules) -> dict[str, Any]:
    """The same keys by the default rules: what is unknown is null."""
    said = load.classify(state, snapshot, rules)
    inference_seconds = load.fresh_inference_seconds(state, query.at, rules)
    return {
        "t": query.at,
        "backend": query.backend,
        "load": None if said.level is None else said.level.label,
        "source": seed.STATUS_API if load.fresh_status(state, query.at, rules) is not None else seed.HYBRID,
        "active_jobs": load.fresh_active_jobs(state, query.at, rules),
        "health_ms": state.health_ms,
        "health_baseline_ms": round(state.usual_health_ms, 1) if state.baseline.samples else None,
        "inference_ms": None if inference_seconds is None else inference_seconds * 1000,
        "wants_probe": load.wants_inference_probe(state, query.at, rules),
    }
