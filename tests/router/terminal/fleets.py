"""Fleets as `/backends` tells of them, for the tests of what `maek top` makes of them."""

from collections.abc import Mapping
from typing import Any

from router.terminal.fleet import Fleet, Memory, Sighting


def backend(name: str, **keys: Any) -> dict[str, Any]:
    """A backend that is up and idle; `level`, `set_by`, `slots`, `waiting`, `active_jobs` go into its load."""
    load = {"level": "free", "set_by": None, "slots": 4, "waiting": 0, "active_jobs": None, "signals": {}}
    load |= {key: keys.pop(key) for key in list(keys) if key in {*load, "total_requests"}}
    told: dict[str, Any] = {
        "name": name,
        "url": f"http://{name}:8080",
        "engine": "vllm",
        "engine_version": "0.11.0",
        "roles": {"reasoner": "gemma4"},
        "verdict": "up",
        "healthy": True,
        "loading": False,
        "sleeping": False,
        "suspended": False,
        "draining": False,
        "circuit": "closed",
        "resting_seconds": None,
        "probe_outcome": "ok",
        "load": load,
        "outside": {"running": None, "waiting": None},
        "in_flight": 0,
        "started": 0,
        "finished": {},
        "last_failure": None,
        "first_token": {"predicted_ms": None, "measured_ms": None, "seconds_ago": None},
        "tokens": 0,
    }
    return told | keys


def first_token(measured_ms: float, predicted_ms: float | None, seconds_ago: float = 0.5) -> dict[str, Any]:
    """What is known of first tokens."""
    return {"predicted_ms": predicted_ms, "measured_ms": measured_ms, "seconds_ago": seconds_ago}


def sighting(at: float, *backends: Mapping[str, Any], is_router: bool = True, **keys: Any) -> Sighting:
    """One round of answers."""
    return Sighting(at, list(backends), is_router, **keys)


def fleet_of(*backends: Mapping[str, Any], **keys: Any) -> Fleet:
    """What is known after one look."""
    return Memory().see(sighting(1000.0, *backends, **keys))


MIXED = (
    backend(
        "h100", slots=256, in_flight=12, outside={"running": 3, "waiting": 1}, level="normal", set_by="in_flight",
        started=1204, finished={"ok": 1190, "timeout": 2}, first_token=first_token(212.4, 198.0), waiting=1,
        last_failure={"outcome": "timeout", "seconds_ago": 4000.0},
    ),
    backend(
        "rtx4090", in_flight=4, level="very_busy", set_by="in_flight", first_token=first_token(1530.0, 912.0),
        finished={"backend_error": 3}, last_failure={"outcome": "backend_error", "seconds_ago": 12.0},
    ),
    backend("mac-studio", slots=2, first_token=first_token(388.0, 410.0, seconds_ago=80.0)),
    backend("nas", verdict="down", healthy=False, probe_outcome="refused", level="unavailable", slots=None),
    backend("맥미니", draining=True, in_flight=1, level="normal", set_by="in_flight", slots=None),
)  # fmt: skip
"""One of each kind: well, very busy with a failure just now, idle, down, drained."""
RATES = (100, 40, 0, 0, 7)
"""Tokens a second of each."""


def mixed_fleet() -> Fleet:
    """`MIXED`, watched for a while: with rates and histories."""
    memory = Memory()
    for second in range(0, 170, 2):
        busy = [dict(one) for one in MIXED]
        busy[0]["in_flight"] = second // 12
        busy[1]["in_flight"] = 4 if second % 60 > 20 else 1
        for number, one in enumerate(busy):
            one["tokens"] = second * RATES[number]
        memory.see(sighting(1000.0 + second, *busy, active=5, total=second * 3, queued=2, errors=second * 0.1))
    final = [one | {"tokens": 170 * rate} for one, rate in zip(MIXED, RATES, strict=True)]
    return memory.see(sighting(1170.0, *final, active=5, total=510, queued=2, errors=17.0))
