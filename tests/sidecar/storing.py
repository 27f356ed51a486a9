"""A store and facts about one backend, for tests of what it makes of them."""

from sidecar.facts import (
    BackendAdded,
    BackendSpec,
    Fact,
    FirstTokenCame,
    HealthProbed,
    Outcome,
    ProbeOutcome,
    RequestFinished,
    RequestStarted,
)
from sidecar.state import BackendState
from sidecar.store import Store
from sidecar.work import Work

MINI = BackendSpec("mini", "http://10.0.0.1:8080")


def after(*facts: Fact, failures_to_down: int = 3) -> Store:
    store = Store(failures_to_down)
    for fact in facts:
        store.apply(fact)
    return store


def mini(*facts: Fact, failures_to_down: int = 3) -> BackendState:
    return after(BackendAdded(0.0, MINI), *facts, failures_to_down=failures_to_down).snapshot(0.0).backends["mini"]


def probed(at: float, outcome: ProbeOutcome = ProbeOutcome.OK, latency_ms: float = 20.0) -> HealthProbed:
    return HealthProbed(at, "mini", outcome, latency_ms)


def started(request: str = "1", at: float = 1.0, *, streamed: bool = False) -> RequestStarted:
    return RequestStarted(at, "mini", request, streamed=streamed)


def first(request: str = "1", at: float = 1.5) -> FirstTokenCame:
    return FirstTokenCame(at, "mini", request)


def counts(work: Work) -> tuple[int, int, dict[Outcome, int]]:
    """Started, in flight, finished."""
    return work.started, work.in_flight, dict(work.finished)


def finished(outcome: Outcome = Outcome.OK, request: str = "1", at: float = 2.0) -> RequestFinished:
    return RequestFinished(at, "mini", request, outcome)
