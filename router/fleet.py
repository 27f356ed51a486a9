"""The backends, as the router sees them: one snapshot at a time, and who serves what.

Rules of this file
- It holds nothing about a backend. Pools are remembered only as long as the store says that nobody offers anything
  else than before.
- Whoever asks for a load level here is noted by the flight recorder, so that replay can answer the same question.
"""

from collections.abc import Callable, Mapping

from router.balance.pools import Pool, offered, pool_of_model, pools
from sidecar import ENGINES, BackendState, Level, Load, LoadRules, Snapshot, StructuredOutput, classify


class Fleet:
    """A view of the store. `snapshot` takes one now; `note_query(at, backend)` tells the flight recorder."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        roles: tuple[str, ...],
        load_rules: LoadRules,
        note_query: Callable[[float, str], None],
    ) -> None:
        self.roles = roles
        self.load_rules = load_rules
        self.snapshot = snapshot
        self._note_query = note_query
        self._inventory = -1
        self._pools: Mapping[str, Pool] = {}
        self._pools_of_models: Mapping[str, Pool] = {}

    def pool_of_role(self, role: str) -> Pool:
        """The candidates of a role; empty where nobody serves it."""
        return self.pools().get(role, ())

    def pools(self) -> Mapping[str, Pool]:
        """Every role's candidates."""
        self._look()
        return self._pools

    def pool_of_model(self, model: str) -> Pool:
        """Every backend that has a model of this name; empty where none has."""
        self._look()
        return self._pools_of_models.get(model, ())

    def _look(self) -> None:
        """See to it that what is remembered still holds."""
        snapshot = self.snapshot()
        if snapshot.inventory != self._inventory:
            self._pools = pools(snapshot.backends, self.roles)
            names = {name for state in snapshot.backends.values() for name in offered(state)}
            self._pools_of_models = {name: pool_of_model(snapshot.backends, name) for name in names}
            self._inventory = snapshot.inventory

    def models(self) -> dict[str, list[str]]:
        """Every model's name → the backends that offer it, in the order of the backends."""
        found: dict[str, list[str]] = {}
        for state in self.snapshot().backends.values():
            for model in offered(state):
                found.setdefault(model, []).append(state.name)
        return found

    def level_at(self, state: BackendState, snapshot: Snapshot) -> Level | None:
        """How busy a backend is; None while unknown."""
        return self.load_at(state, snapshot).level

    def load_at(self, state: BackendState, snapshot: Snapshot) -> Load:
        """The same, with everything that it was computed from."""
        self._note_query(snapshot.now, state.name)
        return classify(state, snapshot, self.load_rules)


def takes_schema(state: BackendState) -> bool:
    """Whether a backend's engine can be held to a JSON schema."""
    engine = ENGINES.get(state.engine or "")
    return engine is not None and engine.structured_output is StructuredOutput.RESPONSE_FORMAT
