"""What the status page is told of backends and decisions: the JSON of `/backends` and `/decisions`, shortened.

Rules of this file
- Pure. A projection of a projection: whatever stands here says the same under `/backends`, by the same code.
- What changes at every look (ages, seconds that are left) is left out, so that whoever was told need not be told again.
- Nothing that a user wrote. Unknown is null.
"""

from collections.abc import Mapping
from typing import Any

from router.balance.why import header
from router.decisions import Record, decision_summary, step_json
from router.fleet import Fleet
from router.web.choices import choice_glimpse
from router.web.history import Look
from sidecar import Level, Snapshot

MOST_MODELS = 12
"""Of one backend; an Ollama may have hundreds."""
AGEING = "probe_age"
"""The signal that is another one at every look."""


def backend_glimpse(backend: Mapping[str, Any]) -> dict[str, Any]:
    """One backend of `/backends`, as the page shows it."""
    load, failed = backend["load"], backend["last_failure"]
    set_by = load["set_by"]
    signals = {name: _short(value) for name, value in load["signals"].items() if name != AGEING or set_by == AGEING}
    kept = ("name", "url", "engine", "engine_version", "roles", "simulated", "state", "verdict", "latency_ms")
    return {
        **{key: backend[key] for key in kept},
        "draining": backend["draining"],
        "models": backend["models"][:MOST_MODELS],
        "more_models": max(0, len(backend["models"]) - MOST_MODELS),
        "in_memory": [model["model"] for model in backend["memory"] if model["loaded"]],
        "level": load["level"],
        "set_by": set_by,
        "signals": signals,
        "thresholds": {name: load["thresholds"].get(name) for name in signals},
        "in_flight": backend["in_flight"],
        "waiting": load["waiting"],
        "slots": load["slots"],
        "circuit": backend["circuit"],
        "resting": backend["resting_seconds"] is not None,
        "predicted_ttft_ms": backend["predicted"]["ttft_ms"],
        "measured_ttft_ms": backend["first_token"]["measured_ms"],
        "last_failure": None if failed is None else failed["outcome"],
        "probe_outcome": backend["probe_outcome"],
    }


def look_at(backend: Mapping[str, Any]) -> Look:
    """The same backend, as the history keeps it."""
    level = backend["load"]["level"]
    number = None if level is None else int(Level[level.upper()])
    return Look(backend["name"], number, backend["in_flight"], backend["first_token"]["measured_ms"])


def roles_glimpse(fleet: Fleet, snapshot: Snapshot) -> dict[str, list[dict[str, Any]]]:
    """Who serves which role, and whether it can now."""
    return {
        role: [
            {"backend": candidate.backend, "able": state.health.available and not state.draining}
            for candidate in fleet.pool_of_role(role)
            if (state := snapshot.backends.get(candidate.backend)) is not None
        ]
        for role in fleet.roles
    }


def decision_glimpse(record: Record) -> dict[str, Any]:
    """One decision in a line, with the backend that it led to and why that one. Latencies in ms."""
    journey = record.journey
    last, why = journey.last, journey.why
    decision = None if record.decision is None else decision_summary(record.decision)
    kept = ("action", "source", "reason", "confidence", "tool", "operation")
    won = None if last is None else last.why.won
    return {
        "id": record.id,
        "at": record.at.isoformat(timespec="milliseconds"),
        "asked_for": record.asked_for,
        **{key: None if decision is None else decision[key] for key in kept},
        "backend": None if last is None else last.candidate.backend,
        "model": None if last is None else last.candidate.model,
        "load": None if last is None or last.level is None else last.level.label,
        "outcome": None if last is None or last.outcome is None else str(last.outcome),
        "running": last is not None and last.outcome is None,
        "attempts": len(journey.attempts),
        "queued_ms": journey.queued_ms,
        "predicted_ttft_ms": None if won is None or won.ttft_seconds is None else round(won.ttft_seconds * 1000, 1),
        "first_token_ms": journey.first_token_ms,
        "total_ms": journey.total_ms,
        "why": None if why is None else header(why),
        "choice": None if why is None else choice_glimpse(why),
        "tools": [step_json(step) for step in record.steps],
        "error": record.error,
    }


def _short(value: float) -> float:
    """Four digits tell people enough."""
    return float(f"{value:.4g}")
