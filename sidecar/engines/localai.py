"""LocalAI: says that it is ready, which models it has, and which of them run; nothing about its load.

Traps
- It loads a model that a request names; neither list does.
- `/readyz` is 200 once its own start is over, whatever its models do: each of them runs as a process of its own.
- Its list of models has no owners, and names models of all kinds: speech and pictures too.

Source: https://github.com/mudler/LocalAI/blob/master/core/http/endpoints/localai/system.go;
https://localai.io/features/backend-monitor/
"""

from dataclasses import replace

from sidecar.engines import openai, vllm
from sidecar.engines.body import json_object, text
from sidecar.engines.engine import Answer, Answers, Ask, Engine, Model, Unreadable

READY = Ask("/readyz")
SYSTEM = Ask("/system")


def read_models(answers: Answers) -> tuple[Model, ...]:
    """The models listed, each with whether it runs, where the server says so."""
    listed, system = answers
    models = openai.read_models((listed,))
    running = None if system is None else running_in(system)
    return tuple(replace(model, loaded=None if running is None else model.name in running) for model in models)


def running_in(system: Answer) -> frozenset[str] | None:
    """The names of the models that a `/system` says run; None if it does not say."""
    try:
        loaded = json_object(system).get("loaded_models", ())
    except Unreadable:
        return None
    rows = loaded if isinstance(loaded, list) else []
    return frozenset(name for row in rows if isinstance(row, dict) and (name := text(row.get("id"))))


ENGINE = Engine(
    name="localai",
    title="LocalAI",
    liveness=READY,
    read_liveness=vllm.read_liveness,
    models=(openai.MODELS, SYSTEM),
    read_models=read_models,
)
