"""Says each change of a verdict in the log, once, whoever brought it about: a probe or a request.

Rules of this file
- It sees the facts after the store has taken them in, and only remembers what it said last.
"""

import logging

from sidecar.facts import BackendAdded, BackendRemoved, Fact, HealthProbed, RequestFinished
from sidecar.health import Health, Verdict
from sidecar.store import Store

log = logging.getLogger(__name__)


class VerdictLog:
    """A witness of `store`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._said: dict[str, str] = {}

    def see(self, fact: Fact) -> None:
        """Speak if this fact changed what the backend is held to be."""
        match fact:
            case HealthProbed():
                self._compare(fact, f"{fact.latency_ms}")
            case RequestFinished():
                self._compare(fact, "-")
            case BackendAdded(spec=spec):
                if self._health(spec.name, fact.at) == Health():  # new, or moved: nothing is known of the new place
                    self._said.pop(spec.name, None)
            case BackendRemoved():
                self._said.pop(fact.backend, None)
            case _:
                pass

    def _compare(self, fact: HealthProbed | RequestFinished, latency_ms: str) -> None:
        state = self._store.snapshot(fact.at).backends.get(fact.backend)
        if state is None:
            return
        word = word_for(state.health)
        if word == self._said.get(fact.backend, Verdict.UNKNOWN.upper()):
            return
        self._said[fact.backend] = word
        log.info(
            "backend=%s roles=%s verdict=%s latency_ms=%s outcome=%s",
            fact.backend,
            ",".join(state.spec.models) or "-",
            word,
            latency_ms,
            fact.outcome,
        )

    def _health(self, backend: str, at: float) -> Health:
        return self._store.snapshot(at).backends[backend].health


def word_for(health: Health) -> str:
    """UP, DOWN or UNKNOWN; for a server that is up and not quite there LOADING, SLEEPING or SUSPENDED."""
    said = {"LOADING": health.loading, "SLEEPING": health.sleeping, "SUSPENDED": health.suspended}
    return next((word for word, holds in said.items() if holds), health.verdict.upper())
