"""LM Studio: says which models it has and which are in memory, and since 0.4 how many requests each of them takes.

Traps
- It loads a model that a request names (just-in-time loading), and unloads it when idle. No question here is such a
  request, or counts as use.
- `/v1/models` lists every downloaded model while just-in-time loading is on, else the loaded ones.
- Nothing tells how busy it is.
- `/api/v1/models/load` (0.4) takes no time to live: a model that it has loaded stays until somebody unloads it, and the
  automatic eviction passes it over. Asked for a model that is there, or that a request is loading at that moment, it
  loads it a second time. So it is not used, and models are not loaded ahead here: what a request loads just in time
  leaves again when idle.
- Paths that it does not have are answered with 200 and `{"error": "Unexpected endpoint or method. …"}`.
- It may want a token (`api_key` of this backend).

API: https://lmstudio.ai/docs/developer/rest/list (0.4); https://lmstudio.ai/docs/developer/rest/endpoints (before);
https://lmstudio.ai/docs/developer/rest/load; https://lmstudio.ai/docs/developer/core/ttl-and-auto-evict
"""

from collections.abc import Mapping
from dataclasses import replace

from sidecar.engines import openai
from sidecar.engines.body import count, json_object, text
from sidecar.engines.engine import (
    NOTHING_READ,
    Answer,
    Answers,
    Ask,
    Engine,
    Model,
    ModelKind,
    Page,
    Reading,
    Unreadable,
)
from sidecar.engines.names import kind_of, parameters_of

CATALOG = Ask("/api/v1/models")
"""Since 0.4.0."""
OLDER_CATALOG = Ask("/api/v0/models")

ASSUMED_SLOTS = 1
"""Before 0.4.0 it did one thing at a time."""

VECTORS = frozenset({"embedding", "embeddings"})

Entry = Mapping[str, object]


def read_models(answers: Answers) -> tuple[Model, ...]:
    """The models of whichever list the server has; the plain one tells nothing of memory."""
    catalog, older, plain = answers
    newest = None if catalog is None else listed(catalog, "models", "key")
    if newest is not None:
        return tuple(model_of(entry) for entry in newest)
    states = None if older is None else listed(older, "data", "id")
    if states is not None:
        return tuple(older_model_of(entry) for entry in states)
    return openai.read_models((plain,))


def listed(answer: Answer, key: str, name: str) -> tuple[Entry, ...] | None:
    """The entries of a list with their names; None if this version of LM Studio does not have it.

    Raises `Unreadable` for a refused key, and for what no LM Studio answers.
    """
    if answer.status == 404:
        return None
    value = json_object(answer)
    if key not in value and "error" in value:
        return None
    found = value.get(key)
    if not isinstance(found, list) or not all(isinstance(entry, dict) and text(entry.get(name)) for entry in found):
        raise Unreadable(f"no list of {key}")
    return tuple(found)


def model_of(entry: Entry) -> Model:
    """One model of the list of 0.4; it may run several times, and counts as loaded if it runs at all."""
    name = str(entry["key"])
    told = text(entry.get("params_string"))
    running = instances(entry)
    contexts = [tokens for one in running if (tokens := count(one.get("context_length")))]
    return Model(
        name,
        kind_from(entry, name),
        (parameters_of(told) if told else None) or parameters_of(name),
        size_bytes=count(entry.get("size_bytes")),
        loaded=bool(running),
        context_tokens=max(contexts, default=None),
    )


def instances(entry: Entry) -> list[Entry]:
    """The settings of each running instance of a model."""
    found = entry.get("loaded_instances")
    running = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    settings = [one.get("config") for one in running]
    return [one if isinstance(one, dict) else {} for one in settings]


def older_model_of(entry: Entry) -> Model:
    """One model of the list before 0.4."""
    name = str(entry["id"])
    state = entry.get("state")
    known = Model(name, kind_from(entry, name), parameters_of(name))
    return replace(
        known,
        loaded=None if text(state) is None else state == "loaded",
        loading=state == "loading",
        context_tokens=count(entry.get("loaded_context_length")) or None,
    )


def kind_from(entry: Entry, name: str) -> ModelKind:
    """What the server says of a model, else what its name does."""
    return ModelKind.EMBEDDING if entry.get("type") in VECTORS else kind_of(name)


def plan(_page: Page | None, answers: Answers) -> tuple[Ask, ...]:
    """The list of models, for the requests that each takes."""
    return () if answers else (CATALOG,)


def read_stats(_page: Page | None, answers: Answers) -> Reading:
    """How many requests the loaded models take at once; nothing where it does not say."""
    answer = answers[0]
    newest = None if answer is None else listed(answer, "models", "key")
    if newest is None:
        return NOTHING_READ
    parallel = [count(one.get("parallel")) for entry in newest for one in instances(entry)]
    return Reading(slots=sum(slots or 0 for slots in parallel) or None)


ENGINE = Engine(
    name="lmstudio",
    title="LM Studio",
    liveness=openai.MODELS,
    read_liveness=openai.read_liveness,
    models=(CATALOG, OLDER_CATALOG, openai.MODELS),
    read_models=read_models,
    plan=plan,
    reader=read_stats,
    assumed_slots=ASSUMED_SLOTS,
)
