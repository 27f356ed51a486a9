"""Ollama: says which models it has and which are in memory; nothing about its load.

Traps
- In memory is not busy: a model stays for `OLLAMA_KEEP_ALIVE` (5 minutes) after its last request.
- A full queue answers a chat with 503 "server busy, please try again": that is load, not failure.

API: https://docs.ollama.com/api
"""

from collections.abc import Mapping

from sidecar.engines.body import count, json_object, text
from sidecar.engines.engine import Answer, Ask, Engine, Liveness, Model, Unreadable
from sidecar.engines.names import kind_of, parameters_of

VERSION = Ask("/api/version")
INSTALLED = Ask("/api/tags")
LOADED = Ask("/api/ps")

ASSUMED_SLOTS = 1
"""`OLLAMA_NUM_PARALLEL`; it is not told over HTTP. Further requests wait (`OLLAMA_MAX_QUEUE`, 512)."""


def read_liveness(answer: Answer) -> Liveness:
    """OK if the answer tells a version."""
    if answer.status != 200:
        return Liveness.BAD_STATUS
    try:
        told = text(json_object(answer).get("version"))
    except Unreadable:
        return Liveness.BAD_BODY
    return Liveness.OK if told else Liveness.BAD_BODY


def read_models(answers: tuple[Answer | None, ...]) -> tuple[Model, ...]:
    """The installed models in the server's order (the last changed first), each with whether it is in memory."""
    installed, loaded = answers
    if installed is None:
        raise Unreadable("no answer to /api/tags")
    names = None if loaded is None else {str(entry["name"]) for entry in entries(loaded)}
    return tuple(model_of(entry, names) for entry in entries(installed))


def entries(answer: Answer) -> tuple[Mapping[str, object], ...]:
    """The `models` of an answer; each has a text as its `name`. Raises `Unreadable`."""
    value = json_object(answer)
    if "models" not in value:
        raise Unreadable("no models")
    models = value["models"] if value["models"] is not None else []
    if not isinstance(models, list):
        raise Unreadable("models is no list")
    if not all(isinstance(entry, dict) and text(entry.get("name")) for entry in models):
        raise Unreadable("models has an entry without a name")
    return tuple(models)


def model_of(entry: Mapping[str, object], loaded: set[str] | None) -> Model:
    """One installed model; `loaded` names those in memory, None if nobody knows."""
    name = str(entry["name"])
    details = entry.get("details")
    known: Mapping[str, object] = details if isinstance(details, dict) else {}
    told = text(known.get("parameter_size"))
    return Model(
        name,
        kind_of(name, text(known.get("family"))),
        (parameters_of(told) if told else None) or parameters_of(name),
        size_bytes=count(entry.get("size")),
        loaded=None if loaded is None else name in loaded,
    )


ENGINE = Engine(
    name="ollama",
    title="Ollama",
    liveness=VERSION,
    read_liveness=read_liveness,
    models=(INSTALLED, LOADED),
    read_models=read_models,
    assumed_slots=ASSUMED_SLOTS,
)
