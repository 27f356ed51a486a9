"""A snapshot, told as JSON for people and programs.

Rules of this file
- A projection, like `sidecar.exposition`: it holds nothing and measures nothing. Unknown is null, never 0.
- Never a key. Keys of the JSON carry their unit.
"""

from collections.abc import Iterator
from math import isinf
from typing import Any

from sidecar.first_tokens import FirstTokens
from sidecar.levels import Steps
from sidecar.load import (
    Load,
    LoadRules,
    classify,
    fresh_active_jobs,
    fresh_inference_seconds,
    fresh_reading,
    fresh_status,
)
from sidecar.residency import is_resident, leaves_in, load_seconds_left
from sidecar.seed import HYBRID, STATUS_API
from sidecar.slots import known_slots, told_slots
from sidecar.standing import standing, typical
from sidecar.state import BackendState, Failure, Snapshot


def backends_json(snapshot: Snapshot, rules: LoadRules) -> list[dict[str, Any]]:
    """Every backend of a snapshot, in the order of the configuration."""
    return list(each_backend_json(snapshot, rules))


def each_backend_json(snapshot: Snapshot, rules: LoadRules) -> Iterator[dict[str, Any]]:
    """The same, one by one: many take long."""
    for state in snapshot.backends.values():
        yield backend_json(state, classify(state, snapshot, rules), snapshot, rules)


def backend_json(state: BackendState, load: Load, snapshot: Snapshot, rules: LoadRules) -> dict[str, Any]:
    """One backend: who it is, how it feels, how busy it is and why."""
    return {
        "name": state.name,
        "url": state.spec.url,
        "engine": state.engine,
        "engine_version": state.engine_version,
        "roles": dict(state.spec.models),
        "models": [model.name for model in state.models or ()],
        "memory": memory_json(state, snapshot.now),
        "discovered": state.spec.discovered,
        "simulated": state.spec.simulated,
        "state": None if (stands := standing(state)) is None else str(stands),
        "verdict": str(state.health.verdict),
        "healthy": None if load.level is None else state.health.available,
        "loading": state.health.loading,
        "sleeping": state.health.sleeping,
        "suspended": state.health.suspended,
        "latency_ms": state.health_ms,
        "load": load_json(state, load, snapshot.now, rules),
        "draining": state.draining,
        "circuit": state.breaker.circuit(snapshot.now).name.lower(),
        "resting_seconds": _rest_seconds(state, snapshot.now),
        "predicted": predicted_json(state, snapshot),
        "outside": outside_json(state, snapshot.now),
        "in_flight": state.work.in_flight,
        "started": state.work.started,
        "finished": {str(outcome): count for outcome, count in state.work.finished.items()},
        "last_failure": None if state.last_failure is None else failure_json(state.last_failure, snapshot.now),
        "first_token": first_token_json(state.first_tokens, snapshot.now),
        "tokens": snapshot.tokens_from(state.name),
        "last_token_seconds_ago": _ago(snapshot.last_token_at(state.name), snapshot.now),
        "probe_outcome": None if state.probe_outcome is None else str(state.probe_outcome),
        "probe_seconds_ago": _ago(state.health_at, snapshot.now),
    }


def memory_json(state: BackendState, now: float) -> list[dict[str, Any]]:
    """The models of which it is known whether they are in memory, or that are on their way there."""
    return [
        {
            "model": model.name,
            "loaded": resident,
            "loading_seconds": _rounded(load_seconds_left(state, model.name, now)),
            "expires_in_seconds": _rounded(leaves_in(state, model.name, now)) if resident else None,
        }
        for model in state.models or ()
        if (resident := is_resident(state, model.name, now)) is not None
    ]


def failure_json(failure: Failure, now: float) -> dict[str, Any]:
    """How a request failed, and when."""
    return {"outcome": str(failure.outcome), "seconds_ago": _ago(failure.at, now)}


def first_token_json(seen: FirstTokens, now: float) -> dict[str, Any]:
    """First tokens lately: as they were predicted, and as they came."""
    return {
        "predicted_ms": _ms(seen.predicted_seconds),
        "measured_ms": _ms(seen.measured_seconds),
        "seconds_ago": _ago(seen.at, now),
    }


def predicted_json(state: BackendState, snapshot: Snapshot) -> dict[str, Any]:
    """What a typical request would meet, and how many requests the backend is held to work on at once."""
    found = typical(state, snapshot)
    return {
        "model": state.last_model,
        "ttft_ms": None if found is None else _ms(found.ttft_seconds),
        "slowdown": None if found is None or found.slowdown_ratio is None else round(found.slowdown_ratio, 3),
        "slots": known_slots(state),
        "inferred": told_slots(state) is None and state.inferred_slots is not None,
    }


def outside_json(state: BackendState, now: float) -> dict[str, Any]:
    """Requests of other clients, as far as the backend tells of them."""
    outside = state.fresh_outside(now)
    return {
        "running": None if outside is None else outside.running,
        "waiting": None if outside is None else outside.waiting,
    }


def load_json(state: BackendState, load: Load, now: float, rules: LoadRules) -> dict[str, Any]:
    """The level with everything that it was computed from."""
    reading = fresh_reading(state, now, rules)
    inference_seconds = fresh_inference_seconds(state, now, rules)
    return {
        "level": None if load.level is None else load.level.label,
        "level_ko": None if load.level is None else load.level.korean,
        "set_by": None if load.set_by is None else str(load.set_by),
        "source": HYBRID if fresh_status(state, now, rules) is None else STATUS_API,
        "active_jobs": fresh_active_jobs(state, now, rules),
        "total_requests": _total_requests(state, now, rules),
        "waiting": reading.waiting,
        "kv_usage_ratio": reading.kv_usage_ratio,
        "slots": known_slots(state),
        "health_ms": state.health_ms,
        "health_baseline_ms": round(state.usual_health_ms, 1) if state.baseline.samples else None,
        "inference_ms": None if inference_seconds is None else round(inference_seconds * 1000, 1),
        "measured": inference_seconds is not None,
        "signals": {str(signal): value for signal, value in load.signals.items()},
        "thresholds": {str(signal): steps_json(load.thresholds[signal]) for signal in load.signals},
    }


def steps_json(steps: Steps) -> list[float | None]:
    """From where on a signal says normal, busy and very busy; null: never by itself."""
    return [None if isinf(step) else step for step in steps]


def _total_requests(state: BackendState, now: float, rules: LoadRules) -> int | None:
    status = fresh_status(state, now, rules)
    return fresh_reading(state, now, rules).total_requests if status is None else status.total_requests


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _rest_seconds(state: BackendState, now: float) -> float | None:
    until = state.breaker.full_until
    return None if until is None or until <= now else round(until - now, 3)


def _ago(moment: float | None, now: float) -> float | None:
    return None if moment is None else round(now - moment, 3)


def status_json(snapshot: Snapshot, rules: LoadRules) -> dict[str, int | None]:
    """The seed's `/status` for all backends together; null where one of them does not say."""
    states = snapshot.backends.values()
    active = [fresh_active_jobs(state, snapshot.now, rules) for state in states]
    total = [_total_requests(state, snapshot.now, rules) for state in states]
    return {"active_jobs": _sum(active), "total_requests": _sum(total)}


def _sum(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if counts and len(known) == len(counts) else None
