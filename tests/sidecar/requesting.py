"""Requests to one backend, as facts, for tests of what they tell."""

from collections.abc import Sequence
from typing import Any

from sidecar.engines.engine import Model
from sidecar.facts import (
    BackendAdded,
    BackendSpec,
    Fact,
    FirstTokenCame,
    ModelsListed,
    Outcome,
    RequestFinished,
    RequestStarted,
)
from sidecar.predict import Forecast
from sidecar.state import BackendState
from sidecar.store import Store

MINI = BackendSpec("mini", "http://10.0.0.1:8080")
KNOWN = ModelsListed(0.0, "mini", (Model("gemma4", loaded=True), Model("qwen3", loaded=False)))


def sent(request: str, at: float, *, prompt: int = 1000, streamed: bool = True, model: str = "gemma4") -> Fact:
    return RequestStarted(at, "mini", request, model, "reasoner", prompt, streamed)


def first(request: str, at: float) -> Fact:
    return FirstTokenCame(at, "mini", request)


def done(request: str, at: float, tokens: int = 101, outcome: Outcome = Outcome.OK, **more: Any) -> Fact:
    return RequestFinished(at, "mini", request, outcome, tokens, **more)


def told(facts: Sequence[Fact], spec: BackendSpec = MINI) -> Store:
    store = Store()
    for fact in (BackendAdded(0.0, spec), KNOWN, *facts):
        store.apply(fact)
    return store


def mini(*facts: Fact, spec: BackendSpec = MINI) -> BackendState:
    return told(facts, spec).snapshot(0.0).backends["mini"]


def gemma(*facts: Fact, spec: BackendSpec = MINI) -> Forecast:
    return mini(*facts, spec=spec).forecast("gemma4")


def measured(many: int = 8, first_seconds: float = 0.3, start: float = 0.0) -> list[Fact]:
    """So many requests, one after the other, each with its first token after as long."""
    facts: list[Fact] = []
    for number in range(many):
        at, name = start + 10 * number, f"past{start}-{number}"
        facts += [sent(name, at), first(name, at + first_seconds), done(name, at + first_seconds + 2)]
    return facts
