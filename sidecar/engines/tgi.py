"""Text Generation Inference (TGI): says how many requests it works on and how many wait, as Prometheus metrics.

Traps
- `/health` may run the model: whenever the last generation failed, or none has been yet. `/info` never does.
- A gauge appears with the first request; until then it is unknown.
- Above `--max-concurrent-requests` (128) it answers 429 "Model is overloaded": that is load, not failure.
- It runs one model, under whatever name it is asked for.

Source: https://github.com/huggingface/text-generation-inference/blob/main/router/src/server.rs;
https://huggingface.co/docs/text-generation-inference/reference/metrics
"""

from collections.abc import Mapping

from sidecar.engines import page
from sidecar.engines.body import count, json_object, text
from sidecar.engines.engine import Answer, Answers, Ask, Engine, Liveness, Model, Page, Selector, Unreadable
from sidecar.engines.names import kind_of, parameters_of

INFO = Ask("/info")

PAGE = Page(
    page.METRICS,
    running=(Selector("tgi_batch_current_size"),),
    waiting=(Selector("tgi_queue_size"),),
)

ASSUMED_SLOTS = 128
"""The default of `--max-concurrent-requests`; what the accelerator holds at once depends on the lengths."""


def read_liveness(answer: Answer) -> Liveness:
    """OK if the answer names the model."""
    if answer.status != 200:
        return Liveness.BAD_STATUS
    try:
        name_of(json_object(answer))
    except Unreadable:
        return Liveness.BAD_BODY
    return Liveness.OK


def read_models(answers: Answers) -> tuple[Model, ...]:
    """The one model, in memory for as long as the server runs."""
    answer = answers[0]
    if answer is None:
        raise Unreadable("no answer to /info")
    info = json_object(answer)
    name = name_of(info)
    context = count(info.get("max_total_tokens"))
    return (Model(name, kind_of(name), parameters_of(name), loaded=True, context_tokens=context or None),)


def name_of(info: Mapping[str, object]) -> str:
    """The model of an `/info`. Raises `Unreadable` if there is none."""
    name = text(info.get("model_id"))
    if name is None:
        raise Unreadable("no model_id in /info")
    return name


ENGINE = Engine(
    name="tgi",
    title="TGI",
    liveness=INFO,
    read_liveness=read_liveness,
    models=(INFO,),
    read_models=read_models,
    page=PAGE,
    plan=page.plan,
    reader=page.read,
    assumed_slots=ASSUMED_SLOTS,
)
