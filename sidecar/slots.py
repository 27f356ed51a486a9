"""How many requests a backend works on at once.

Rules of this file
- Pure. The operator's word, then the backend's, then what waiting has shown, then the engine's own default.
- A backend that says so many run while others wait has said how many fit, as long as its reading is fresh.
"""

from math import inf

from sidecar.ceiling import Ceiling
from sidecar.memory import plain
from sidecar.state import BackendState
from sidecar.work import Share


def told_slots(state: BackendState) -> int | None:
    """Requests at once by the operator's word, then the backend's; None where neither said, since none is no number."""
    return state.spec.slots or state.reading.slots or None


def known_slots(state: BackendState) -> int | None:
    """Requests at once as far as is known; None where all is dark."""
    inferred = None if state.inferred_slots is None else max(1, round(state.inferred_slots))
    return told_slots(state) or inferred or state.assumed_slots


def sharing(state: BackendState, model: str) -> Share:
    """Our requests that share their slots with one to `model`: all, or only its own where each model has its own."""
    work = state.work
    if state.slots_per_model:
        return work.share(plain(model))
    return Share(work.in_flight, work.running, work.streaming)


def sure_slots(state: BackendState, now: float) -> float | None:
    """Requests at once, where the operator or the backend itself says so: also by saying that others wait."""
    ceiling = ceiling_of(state, now)
    return told_slots(state) or (None if ceiling is None else ceiling.requests)


def likely_slots(state: BackendState, now: float) -> float:
    """The same for arithmetic: also inferred or assumed, unrounded, and infinity where all is dark."""
    return sure_slots(state, now) or state.inferred_slots or state.assumed_slots or inf


def spare_slots(state: BackendState, now: float) -> float:
    """How many more are sent than are thought to fit, at least.

    A limit that nobody told is tried by one more, else nobody would ever find it too low.
    """
    if told_slots(state) is not None:
        return 0.0
    ceiling = ceiling_of(state, now)
    return 1.0 if ceiling is None else 1.0 + ceiling.spare


def ceiling_of(state: BackendState, now: float) -> Ceiling | None:
    """What its statistics have shown, while they are fresh and where nothing was told; None while they show nothing."""
    ceiling = state.ceiling
    if ceiling is None or ceiling.requests is None or told_slots(state) or state.fresh_outside(now) is None:
        return None
    return ceiling
