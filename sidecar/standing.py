"""How a backend stands, in one word, and what a typical request would meet there.

Rules of this file
- Pure: projections of a snapshot, for `/metrics` and JSON alike. None is unknown.
"""

from enum import StrEnum
from typing import NamedTuple

from sidecar.health import Verdict
from sidecar.outlook import outlook_on
from sidecar.predict import TYPICAL_PROMPT_TOKENS
from sidecar.state import BackendState, Snapshot
from sidecar.strain import slowdown


class Standing(StrEnum):
    """The values of the label `state`."""

    READY = "ready"
    LOADING = "loading"
    """It still reads its weights."""
    SLEEPING = "sleeping"
    """The next request wakes it."""
    SUSPENDED = "suspended"
    """Its operator put it to sleep; a request would not wake it."""
    DRAINING = "draining"
    """Its operator wants it to get no new requests."""
    DOWN = "down"


def standing(state: BackendState) -> Standing | None:
    """The one word for a backend; None before the first verdict. Whatever keeps requests away most comes first."""
    health = state.health
    if health.verdict is Verdict.UNKNOWN:
        return None
    ranked = (
        (Standing.DOWN, health.verdict is Verdict.DOWN),
        (Standing.DRAINING, state.draining),
        (Standing.SUSPENDED, health.suspended),
        (Standing.LOADING, health.loading),
        (Standing.SLEEPING, health.sleeping),
    )
    return next((word for word, holds in ranked if holds), Standing.READY)


class Typical(NamedTuple):
    """A typical request, sent to a backend now for the model that was asked for last there."""

    ttft_seconds: float
    slowdown_ratio: float | None
    """How many times as long as is usual on the idle backend it would take; 1 or more. None while nothing is usual."""


def typical(state: BackendState, snapshot: Snapshot) -> Typical | None:
    """What it would meet; None where nothing would be served, or too little was measured to say."""
    model = state.last_model
    if model is None or not state.health.available or not state.forecast(model).trusted:
        return None
    seen = outlook_on(state, model, state.last_role, snapshot)
    return Typical(seen.ttft(TYPICAL_PROMPT_TOKENS, snapshot.lengths_of(state.last_role)), slowdown(state, snapshot))
