"""How many requests a backend works on at once.

Rules of this file
- Pure. The operator's word, then the backend's, then what waiting has shown, then the engine's own default.
"""

from math import inf

from sidecar.state import BackendState


def told_slots(state: BackendState) -> int | None:
    """Requests at once by the operator's word, then the backend's; None where neither said, since none is no number."""
    return state.spec.slots or state.reading.slots or None


def known_slots(state: BackendState) -> int | None:
    """Requests at once as far as is known; None where all is dark."""
    inferred = None if state.inferred_slots is None else max(1, round(state.inferred_slots))
    return told_slots(state) or inferred or state.assumed_slots


def likely_slots(state: BackendState) -> float:
    """The same for arithmetic: an inferred number unrounded, infinity where all is dark."""
    return told_slots(state) or state.inferred_slots or state.assumed_slots or inf
