"""Which candidates serve a role or a model.

Rules of this file
- Pure: a function of what the backends offer. Whether a candidate is healthy or busy is no question of this file.
- The operator's word wins. Where a role has none, the backends that were given no role fill it: the smallest chat
  model decides, the largest reasons. Where there are no such backends either, the simulator stands in.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from router.config import CLASSIFIER
from sidecar import BackendState, Model, ModelKind

EMBEDDER = "embedder"
FIRST_MODEL = "auto"
"""The model name that means: whichever the backend lists first."""


class Candidate(NamedTuple):
    """A backend with the model that it would run."""

    backend: str
    model: str


Pool = tuple[Candidate, ...]
Backends = Mapping[str, BackendState]


def pools(backends: Backends, roles: Iterable[str]) -> Mapping[str, Pool]:
    """The pool of every role, in the order of the backends; empty where nobody serves it."""
    return {role: pool_of_role(backends, role) for role in roles}


def pool_of_role(backends: Backends, role: str) -> Pool:
    """The candidates of one role."""
    named = [state for state in backends.values() if role in state.spec.models]
    if named:
        resolved = ((state, _resolved(state, state.spec.models[role])) for state in named)
        return tuple(Candidate(state.name, model) for state, model in resolved if model is not None)
    open_to_all = [state for state in backends.values() if not state.spec.models]
    real = [state for state in open_to_all if not state.spec.simulated]
    return _best_model(real, role) or _best_model([s for s in open_to_all if s.spec.simulated], role)


def pool_of_model(backends: Backends, model: str) -> Pool:
    """Every backend that offers `model` or is configured to run it."""
    return tuple(Candidate(state.name, model) for state in backends.values() if model in offered(state))


def offered(state: BackendState) -> tuple[str, ...]:
    """Names of the models that a backend lists or is configured to run, without repeats."""
    listed = (model.name for model in state.models or ())
    configured = (model for model in state.spec.models.values() if model != FIRST_MODEL)
    return tuple(dict.fromkeys((*listed, *configured)))


def _resolved(state: BackendState, model: str) -> str | None:
    if model != FIRST_MODEL:
        return model
    return state.models[0].name if state.models else None


def _best_model(states: list[BackendState], role: str) -> Pool:
    """Every one of `states` that offers the model which suits the role best."""
    kind = ModelKind.EMBEDDING if role == EMBEDDER else ModelKind.CHAT
    models = [model for state in states for model in state.models or () if model.kind is kind]
    if not models:
        return ()
    best = _PICK.get(role, max)(models, key=_size).name
    return tuple(Candidate(s.name, best) for s in states if any(m.name == best for m in s.models or ()))


def _size(model: Model) -> tuple[float, int]:
    """Parameters, then bytes. A model of unknown size counts as small: it may serve, not reason, by default."""
    return (model.parameters or 0.0, model.size_bytes or 0)


_PICK: Mapping[str, Callable[..., Model]] = {CLASSIFIER: min}
