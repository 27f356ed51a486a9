"""llama-server of llama.cpp: says how many requests run and wait, if asked with care.

Traps
- While it loads, every path is 503 "Loading model". That is a state, not a failure.
- `/metrics` is 501 unless started with `--metrics`, `/slots` unless with slots (the default); `/props` says which.
- `/slots`, and `/metrics` of older builds, wake a model that sleeps (`--sleep-idle-seconds`). `/props` does not, and
  says whether it sleeps: so it comes first. `/slots` also counts as use and so puts sleep off: whoever wants sleep
  starts the server with `--metrics` as well.
- A router of several models (`"role": "router"`) loads the model that a question names, unless `autoload=false`.
- The router's `/models/load` answers at once; its list says `loading` until the model is there.
- Asleep, `/health` is 200 and the model stays listed; the next request wakes it, and waits while it loads.
- Both pages wait for the step being computed: no answer in time means busy, not dead.

Source: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from urllib.parse import quote

import orjson

from sidecar.engines import openai
from sidecar.engines.body import count, json_object, json_value, text
from sidecar.engines.engine import (
    NOTHING_READ,
    Answer,
    Answers,
    Ask,
    Engine,
    Liveness,
    Model,
    Page,
    Reading,
    Selector,
    Unreadable,
)
from sidecar.engines.page import METRICS, reading_of

HEALTH = Ask("/health")
PROPS = Ask("/props")
SLOTS = Ask("/slots")

PAGE = Page(
    METRICS,
    running=(Selector("llamacpp:requests_processing"),),
    waiting=(Selector("llamacpp:requests_deferred"),),
    kv_usage=(Selector("llamacpp:kv_cache_usage_ratio"),),  # of older builds
)

SAYS_METRICS = b"--metrics"
"""In the 501 of `/metrics`; that of `/slots` names its own option."""

MOST_MODELS_ASKED = 16
"""Models of a router whose metrics are asked in one round; four are loaded at once by default."""

ASSUMED_SLOTS = 1
"""Only until `/props` has told `total_slots`: four by default now, one in older builds."""


def read_models(answers: Answers) -> tuple[Model, ...]:
    """The models listed; a router says of each whether it is loaded.

    A server of one model has that one loaded, unless `/props` says that it sleeps.
    """
    answer = answers[0]
    if answer is None:
        raise Unreadable("no answer to /v1/models")
    asleep = is_asleep(props_of(answers[1:]))
    models = tuple(model_of(entry) for entry in openai.listing(answer))
    return tuple(replace(model, loaded=False) for model in models) if asleep else models


def read_condition(answer: Answer) -> Liveness:
    """SLEEPING if `/props` says so: the next request wakes it."""
    return Liveness.SLEEPING if is_asleep(props_of((answer,))) else Liveness.OK


def is_asleep(props: Mapping[str, object] | None) -> bool:
    """Whether `/props` says that the model has been put out of memory for want of requests."""
    return props is not None and props.get("is_sleeping") is True


def model_of(entry: Mapping[str, object]) -> Model:
    """One model, with what its metadata tells."""
    name = str(entry["id"])
    meta = entry.get("meta")
    known: Mapping[str, object] = meta if isinstance(meta, dict) else {}
    guessed = openai.model_of(entry)
    parameters = count(known.get("n_params"))
    return Model(
        name,
        guessed.kind,
        float(parameters) if parameters else guessed.parameters,
        size_bytes=count(known.get("size")),
        loaded=state_of(entry) in (None, "loaded"),
        loading=state_of(entry) == "loading",
        context_tokens=count(known.get("n_ctx")) or None,
    )


def state_of(entry: Mapping[str, object]) -> str | None:
    """What a router says of a model: loaded, loading, unloaded, sleeping, …; None from a server of one model."""
    status = entry.get("status")
    return text(status.get("value")) if isinstance(status, dict) else None


def plan(page: Page | None, answers: Answers) -> tuple[Ask, ...]:
    """`/props`; then the page that is there and wakes nobody; after a `/metrics` that is not there, `/slots`."""
    if not answers:
        return (PROPS,)
    props = props_of(answers)
    if props is None or page is None or is_asleep(props):
        return ()
    if props.get("role") == "router":
        return more_of_router(page, answers[1:])
    slots = (SLOTS,) if props.get("endpoint_slots") is not False else ()
    match answers[1:]:
        case ():
            return slots if props.get("endpoint_metrics") is False else (page.ask,)
        case (metrics,) if metrics is not None and metrics.status == 501 and SAYS_METRICS in metrics.body:
            return slots
        case _:
            return ()


def more_of_router(page: Page, answers: Answers) -> tuple[Ask, ...]:
    """After `/props`: which models it has. After those: the metrics of the loaded ones."""
    match answers:
        case ():
            return (openai.MODELS,)
        case (listed,) if listed is not None:
            try:
                return metrics_of_loaded(page, openai.listing(listed))
            except Unreadable:
                return ()
        case _:
            return ()


def metrics_of_loaded(page: Page, entries: Iterable[Mapping[str, object]]) -> tuple[Ask, ...]:
    """One question for each model that a router has loaded, none of which may load another."""
    names = [str(entry["id"]) for entry in entries if state_of(entry) == "loaded"]
    queries = [f"?model={quote(name, safe='')}&autoload=false" for name in names[:MOST_MODELS_ASKED]]
    return tuple(replace(page.ask, path=page.ask.path + query) for query in queries)


def props_of(answers: Answers) -> Mapping[str, object] | None:
    """What `/props` said, or None if it did not answer sensibly."""
    if not answers or answers[0] is None:
        return None
    try:
        return json_object(answers[0])
    except Unreadable:
        return None


def read_stats(page: Page | None, answers: Answers) -> Reading:
    """Running, waiting and slots, from whichever pages were asked."""
    if not answers or answers[0] is None or page is None:
        return NOTHING_READ
    props = json_object(answers[0])
    total_slots = count(props.get("total_slots"))
    if is_asleep(props):
        return Reading(running=0, waiting=0, slots=total_slots)
    if props.get("role") == "router":
        return router_reading(page, answers)
    for answer in reversed(answers[1:]):
        if answer is not None:
            is_list = answer.body.lstrip()[:1] == b"["
            return slots_reading(answer) if is_list else metrics_reading(page, answer, total_slots)
    return Reading(slots=total_slots)


def metrics_reading(page: Page, answer: Answer | None, slots: int | None = None) -> Reading:
    """One page of metrics; a model that went away meanwhile (400), or has no such page, tells nothing."""
    if answer is None or answer.status == 400:
        return Reading(slots=slots)
    told = reading_of(page, answer)
    return replace(told, slots=told.slots or slots)


def slots_reading(answer: Answer) -> Reading:
    """The slots at work. How many requests wait is not told there."""
    slots = json_value(answer)
    if not isinstance(slots, list) or not all(isinstance(slot, dict) for slot in slots):
        raise Unreadable("no list of slots")
    told = [slot.get("is_processing") for slot in slots]
    if not all(isinstance(at_work, bool) for at_work in told):
        raise Unreadable("slots that do not say whether they work")
    return Reading(running=told.count(True), slots=len(slots))


def router_reading(page: Page, answers: Answers) -> Reading:
    """The load of a router: the sum over its loaded models, unknown where one of them is."""
    if len(answers) < 2 or answers[1] is None:
        return NOTHING_READ
    asked = metrics_of_loaded(page, openai.listing(answers[1]))
    readings = [metrics_reading(page, answer) for answer in answers[2:]]
    running = [reading.running for reading in readings if reading.running is not None]
    waiting = [reading.waiting for reading in readings if reading.waiting is not None]
    return Reading(
        running=sum(running) if len(running) == len(asked) else None,
        waiting=sum(waiting) if len(waiting) == len(asked) else None,
    )


def load(model: Model) -> Ask:
    """What a router loads; a server of one model has it loaded, or sleeps."""
    return Ask("/models/load", "POST", orjson.dumps({"model": model.name}), {"content-type": "application/json"})


ENGINE = Engine(
    name="llamacpp",
    title="llama.cpp",
    liveness=HEALTH,
    read_liveness=openai.read_json_health,
    condition=PROPS,
    read_condition=read_condition,
    models=(openai.MODELS, PROPS),
    read_models=read_models,
    load=load,
    page=PAGE,
    plan=plan,
    reader=read_stats,
    stats_hint="start it with --metrics",
    assumed_slots=ASSUMED_SLOTS,
)
