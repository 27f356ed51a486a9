"""Says in the log when what is usual of a backend was learnt anew, because it had changed for good.

Rules of this file
- It sees the facts after the store has taken them in, and only remembers what it saw last.
"""

import logging

from sidecar.facts import BackendRemoved, Fact, HealthProbed, RequestFinished
from sidecar.state import BackendState
from sidecar.store import Store

log = logging.getLogger(__name__)


class ShiftLog:
    """A witness of `store`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[str, BackendState] = {}

    def see(self, fact: Fact) -> None:
        """Speak if a baseline is another one since the last fact that could have changed it."""
        match fact:
            case HealthProbed() | RequestFinished():
                state = self._store.snapshot(fact.at).backends.get(fact.backend)
                if state is not None:
                    self._compare(self._seen.get(fact.backend, state), state)
                    self._seen[fact.backend] = state
            case BackendRemoved():
                self._seen.pop(fact.backend, None)
            case _:
                pass

    def _compare(self, before: BackendState, state: BackendState) -> None:
        if state.idle_baseline.shifts > before.idle_baseline.shifts:
            log.info(
                "backend=%s baseline=health_latency was_ms=%.1f now_ms=%.1f shifts=%s",
                state.name,
                before.idle_baseline.median_ms,
                state.idle_baseline.median_ms,
                state.idle_baseline.shifts,
            )
        for model, usual in state.usual.items():
            known = before.usual_of(model)
            if usual.shifts > known.shifts:
                log.info(
                    "backend=%s baseline=slowdown model=%s was_seconds=%.2f shifts=%s; it is learnt anew",
                    state.name,
                    model,
                    known.alone_seconds,
                    usual.shifts,
                )
