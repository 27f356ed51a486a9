"""The seed's rules once more, written from their description alone and sharing nothing with the product.

Rules of this file
- No import from the product. Dictionaries and literal numbers, so that a mistake there cannot repeat itself here.
- Slow and plain on purpose.
"""

import json
from collections.abc import Iterable
from typing import Any


def answers(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    """One answer for each query of a recording in the seed's format."""
    known: dict[str, dict[str, Any]] = {}
    queue = 0
    found = []
    for line in lines:
        said = json.loads(line)
        if said["event"] == "queue":
            queue = said["active"]
            continue
        about = known.setdefault(
            said["backend"],
            {"health": 0.0, "baseline": 50.0, "samples": 0, "jobs": None, "inference": None, "inferred_at": None},
        )
        if said["event"] == "health":
            take_health(about, said)
        elif said["event"] == "status":
            about["jobs"] = said["active_jobs"]
        elif said["event"] == "inference":
            if said["latency_ms"] >= 0:
                about["inference"] = said["latency_ms"]
                about["inferred_at"] = said["t"]
        elif said["event"] == "query":
            found.append(answer(about, queue, said))
    return found


def take_health(about: dict[str, Any], said: dict[str, Any]) -> None:
    """Latency rounded to 0.1; only a good probe feeds the baseline: max for four samples, then 0.9 and 0.1."""
    latency = round(said["latency_ms"], 1)
    about["health"] = latency
    if said["ok"]:
        about["samples"] += 1
        if about["samples"] == 1:
            fed = latency
        elif about["samples"] <= 4:
            fed = max(about["baseline"], latency)
        else:
            fed = 0.9 * about["baseline"] + 0.1 * latency
        about["baseline"] = max(10.0, fed)


def answer(about: dict[str, Any], queue: int, query: dict[str, Any]) -> dict[str, Any]:
    """`/status` first, else hybrid."""
    common = {"t": query["t"], "backend": query["backend"]}
    shown = {"health_ms": about["health"], "health_baseline_ms": round(about["baseline"], 1)}
    jobs = about["jobs"]
    if jobs is not None:
        load = "very_busy" if jobs >= 4 else "busy" if jobs >= 2 else "normal" if jobs == 1 else "free"
        told = {"load": load, "source": "status_api", "active_jobs": jobs}
        return common | told | shown | {"inference_ms": None, "wants_probe": False}

    age = None if about["inferred_at"] is None else query["t"] - about["inferred_at"]
    cached = about["inference"] if age is not None and age < 30 else None
    health, baseline = about["health"], about["baseline"]
    if cached is not None and cached > 8000:
        load = "very_busy"
    elif (cached is not None and cached > 4000) or health > 5 * baseline:
        load = "busy"
    elif health > 2 * baseline:
        load = "normal"
    else:
        load = "free"
    if queue > 1:
        load = {"free": "normal", "normal": "busy"}.get(load, load)
    wants = (age is None or age > 30) and health > 3 * baseline
    told = {"load": load, "source": "hybrid", "active_jobs": None}
    return common | told | shown | {"inference_ms": cached, "wants_probe": wants}
