"""Whether a model is in a backend's memory.

Rules of this file
- Pure. None is unknown: a backend that does not say is taken at its word when it answers.
- An answer proves residency from its moment on, until the backend says otherwise.
"""

from dataclasses import replace

from sidecar.engines.engine import Model
from sidecar.state import BackendState


def is_resident(state: BackendState, model: str) -> bool | None:
    """Whether `model` is in memory, as far as was told or seen."""
    if state.health.sleeping:
        return False
    for listed in state.models or ():
        if listed.name == model:
            return listed.loaded
    return None


def with_resident(models: tuple[Model, ...] | None, name: str) -> tuple[Model, ...] | None:
    """The models once one of them has answered: it is in memory now."""
    if models is None:
        return None
    return tuple(replace(model, loaded=True, loading=False) if model.name == name else model for model in models)
