"""Backends of which much is known, and how busy they are said to be."""

from dataclasses import replace

from sidecar.baseline import Baseline
from sidecar.engines.engine import Reading
from sidecar.facts import BackendSpec
from sidecar.health import Health, Verdict
from sidecar.levels import Level
from sidecar.load import DEFAULT_RULES, Load, LoadRules, classify
from sidecar.progress import Pulse, Rhythm
from sidecar.state import BackendState, Snapshot
from tests.states import NOW

UP = BackendState(
    BackendSpec("mini", ""),
    health=Health(Verdict.UP),
    health_ms=5.0,
    health_at=NOW,
    baseline=Baseline(10.0, 9),
)


def seen(state: BackendState, queue: int = 0) -> Snapshot:
    return Snapshot(NOW, {state.name: state}, queue, 1)


def said(state: BackendState, queue: int = 0, rules: LoadRules = DEFAULT_RULES) -> Load:
    return classify(state, seen(state, queue), rules)


def level(state: BackendState, queue: int = 0, rules: LoadRules = DEFAULT_RULES) -> Level | None:
    return said(state, queue, rules).level


def reading(**values: float) -> BackendState:
    return replace(UP, reading=Reading(**values), reading_at=NOW)  # type: ignore[arg-type]


def inferred(seconds: float, age_seconds: float = 0.0) -> BackendState:
    return replace(UP, inference_ms=seconds * 1000, inference_at=NOW - age_seconds)


def beating(rhythm: Rhythm) -> Pulse:
    pulse = Pulse()
    pulse.recall(rhythm)
    return pulse
