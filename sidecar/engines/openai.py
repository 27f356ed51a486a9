"""Any server that speaks OpenAI's API and nothing else that is known: it lists its models, and that is all it tells.

Rules of this file
- The engines that speak this API as well read their lists of models with the functions of this file.

API: https://platform.openai.com/docs/api-reference/models/list
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from sidecar.engines.body import count, json_object, json_value, text
from sidecar.engines.engine import Answer, Answers, Ask, Engine, Liveness, Model, Unreadable
from sidecar.engines.names import kind_of, parameters_of

MODELS = Ask("/v1/models")

LOADING_WORDS = b"loading model"
"""What llama.cpp says while it reads its weights, and the servers built on it; in lower case."""


def read_liveness(answer: Answer) -> Liveness:
    """OK if the answer lists models, even none; LOADING for a 503 that says so."""
    return _health(answer, listing)


def read_json_health(answer: Answer) -> Liveness:
    """OK for any JSON object with status 200; LOADING for a 503 that says so."""
    return _health(answer, json_object)


def _health(answer: Answer, read: Callable[[Answer], object]) -> Liveness:
    if answer.status == 503 and LOADING_WORDS in answer.body[:1000].lower():
        return Liveness.LOADING
    if answer.status != 200:
        return Liveness.BAD_STATUS
    try:
        read(answer)
    except Unreadable:
        return Liveness.BAD_BODY
    return Liveness.OK


def read_models(answers: Answers) -> tuple[Model, ...]:
    """The models of a `/v1/models`, in its order; kind and size are guessed from the names."""
    answer = answers[0]
    if answer is None:
        raise Unreadable("no answer to /v1/models")
    return tuple(model_of(entry) for entry in listing(answer))


def read_loaded_models(answers: Answers) -> tuple[Model, ...]:
    """The models of the `/v1/models` of a server that lists nothing but what it has in memory."""
    return tuple(replace(model, loaded=True) for model in read_models(answers))


def model_of(entry: Mapping[str, object]) -> Model:
    """The model of an entry that `listing` gave. `max_model_len` is vLLM's word, which SGLang and others say too."""
    name = str(entry["id"])
    return Model(name, kind_of(name), parameters_of(name), context_tokens=count(entry.get("max_model_len")) or None)


def listing(answer: Answer) -> tuple[Mapping[str, object], ...]:
    """The entries of a list of models; each has a text as its `id`.

    `{"object": "list", "data": null}` is an empty list: servers written in Go say it so.

    Raises:
        Unreadable: anything else, such as the JSON of a service that happens to have this path.
    """
    value = json_value(answer)
    if not isinstance(value, dict) or value.get("object") != "list" or "data" not in value:
        raise Unreadable("no list of models")
    data = value["data"] if value["data"] is not None else []
    if not isinstance(data, list):
        raise Unreadable("no list of models")
    if not all(isinstance(entry, dict) and text(entry.get("id")) for entry in data):
        raise Unreadable("a list of models with an entry that has no id")
    return tuple(data)


ENGINE = Engine(
    name="openai",
    title="OpenAI-compatible",
    liveness=MODELS,
    read_liveness=read_liveness,
    models=(MODELS,),
    read_models=read_models,
)
