"""Whether a model is in a backend's memory, and how long it takes until it is.

Rules of this file
- Pure. None is unknown: a backend that does not say is taken at its word when it answers.
- The listing says what was in memory at its moment; `sidecar.memory`, what has come and gone since.
"""

from dataclasses import replace
from math import inf

from sidecar.engines.engine import Model
from sidecar.facts import LoadEnded
from sidecar.memory import LATEST, NOTHING_REMEMBERED, plain
from sidecar.state import BackendState


def is_resident(state: BackendState, model: str, now: float) -> bool | None:
    """Whether `model` is in memory, as far as was told or seen."""
    if state.health.sleeping:
        return False
    if state.memory is not NOTHING_REMEMBERED:
        if plain(model) in state.memory.loading_since:
            return False
        if now > _leaves_at(state, model):
            return False
    listed = listed_as(state, model)
    return None if listed is None else listed.loaded


def cold_seconds(state: BackendState, model: str, now: float) -> float:
    """What a request would wait for `model` to be loaded: the rest of a load that has begun; 0 where it is there."""
    left_seconds = load_seconds_left(state, model, now)
    if left_seconds is not None:
        return left_seconds
    return state.forecast(model).cold_seconds if is_resident(state, model, now) is False else 0.0


def load_seconds_left(state: BackendState, model: str, now: float) -> float | None:
    """What is left of a load that has begun, as long as is usual; None where none has."""
    since = state.memory.loading_since.get(plain(model))
    return None if since is None else max(0.0, since + state.forecast(model).cold_seconds - now)


def leaves_in(state: BackendState, model: str, now: float) -> float | None:
    """Seconds until a model leaves memory unless it is asked again; None where nobody knows, or while it works."""
    leaves_at = _leaves_at(state, model)
    return None if leaves_at == inf else max(0.0, leaves_at - now)


def holds_until(state: BackendState, model: str, now: float) -> float:
    """Until when that stays as it is, if nothing happens: a load goes on with every moment, a stay ends at one."""
    memory = state.memory
    if memory is NOTHING_REMEMBERED:
        return inf
    if memory.loading_since:
        return now
    leaves_at = _leaves_at(state, model)
    return leaves_at if now <= leaves_at else inf


def loaded_by(state: BackendState) -> float | None:
    """When everything that is being loaded should be there; None while nothing is."""
    since = state.memory.loading_since
    return max((at + state.forecast(name).cold_seconds for name, at in since.items()), default=None)


def listed_as(state: BackendState, model: str) -> Model | None:
    """What the backend says of a model; None if it does not list it."""
    models = state.models or ()
    for one in models:
        if one.name == model:
            return one
    return next((one for one in models if one.name == model + LATEST), None)


def with_resident(models: tuple[Model, ...] | None, name: str) -> tuple[Model, ...] | None:
    """The models once one of them has answered: it is in memory now."""
    if models is None:
        return None
    names = (name, name + LATEST)
    return tuple(replace(model, loaded=True, loading=False) if model.name in names else model for model in models)


def with_load_ended(state: BackendState, fact: LoadEnded) -> BackendState:
    """Once Maek no longer waits for a model that it wanted to be loaded: if it is there now, so long does it take."""
    since = state.memory.loading_since.get(plain(fact.model))
    memory = state.memory.after_load_ended(fact.model)
    listed = listed_as(state, fact.model)
    if listed is not None and listed.loading:
        # This server answers before it has loaded; the listings tell when it has.
        return state.changed(memory=replace(state.memory, asked=None))
    if since is None or listed is None or not listed.loaded:
        return state.changed(memory=memory)
    forecast = state.forecast(fact.model).after_cold_start(fact.at - since, 0)
    return state.changed(memory=memory, forecasts={**state.forecasts, fact.model: forecast})


def _leaves_at(state: BackendState, model: str) -> float:
    """When its stay ends. As long as requests of ours run on it, never."""
    leaves_at = state.memory.leaves_at.get(plain(model), inf)
    at_work = state.work.in_flight and state.last_model is not None and plain(state.last_model) == plain(model)
    return inf if at_work else leaves_at
