"""Events of a turn as names and JSON, as `/chat` and the events of a job have them.

Rules of this file
- Values in, values out. What an event says stands under the keys that the JSON answer of `/chat` has too.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from router.decisions import decision_json, step_json
from router.events import (
    Decided,
    Done,
    Drafted,
    Event,
    Loading,
    Notice,
    Quiet,
    Resumed,
    Token,
    ToolStarted,
    ToolUsed,
    Waiting,
)
from router.fleet import Fleet

EVENT_NAME: Mapping[type[Event], str] = {
    Decided: "decision",
    Notice: "notice",
    Waiting: "notice",
    Loading: "notice",
    Resumed: "notice",
    ToolStarted: "notice",
    ToolUsed: "tool",
    Drafted: "draft",
    Token: "token",
    Done: "done",
}


def event_json(event: Event, fleet: Fleet) -> dict[str, Any]:
    """What an event says, under the keys that the JSON answer has too."""
    match event:
        case Decided(record, session, decision):
            what = {"action": "route" if decision is None else str(decision.action)}
            why = None if decision is None else decision_json(decision)
            return {"id": record.id, "session": session, **what, "decision": why}
        case Notice(text):
            return {"notice": text}
        case Waiting(text, position, expected_seconds):
            return {"notice": text, "position": position, "expected_seconds": expected_seconds}
        case Loading(text, expected_seconds):
            return {"notice": text, "loading": True, "expected_seconds": expected_seconds}
        case Resumed(text, resumption):
            return {"notice": text, "resumed": asdict(resumption)}
        case ToolStarted(text, tool, operation, params):
            return {"notice": text, "tool": tool, "operation": operation, "params": dict(params)}
        case ToolUsed():
            return {"tool": event.tool, "operation": event.operation, "data": dict(event.data)}
        case Drafted(draft):
            return {"draft": asdict(draft)}
        case Token(text):
            return {"text": text}
        case Done():
            return _ending(event, fleet)
        case Quiet():
            return {}


def _ending(done: Done, fleet: Fleet) -> dict[str, Any]:
    last = done.journey.last
    backend = None if last is None else last.candidate.backend
    state = fleet.snapshot().backends.get(backend or "")
    return {
        "text": done.text,
        "backend": backend,
        "model": None if last is None else last.candidate.model,
        "simulated": state is not None and state.spec.simulated,
        "load": None if last is None or last.level is None else last.level.label,
        "usage": done.usage,
        "finish_reason": done.finish_reason,
        "tools": [step_json(step) for step in done.steps],
        "resumes": done.journey.resumes,
        "timings": {"first_token_ms": done.journey.first_token_ms, "total_ms": done.journey.total_ms},
    }


def answer_json(event: Event, fleet: Fleet) -> dict[str, Any]:
    """What an event adds to the answer of one who waits for the whole of it."""
    # When the answer is there, these are over.
    return {} if isinstance(event, Waiting | Loading | Resumed | ToolStarted) else event_json(event, fleet)
