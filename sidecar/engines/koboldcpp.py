"""KoboldCpp: says whether it works and how many requests wait; it does one at a time.

Traps
- It speaks the APIs of Ollama and OpenAI too, with a version of Ollama's that is not its own.
- `idle` is 0 or 1; the one that runs is not in `queue`.
- With a full queue it answers 503 "Server is busy": that is load, not failure.
- The name of the model that it reports begins with `koboldcpp/`.

API: https://lite.koboldai.net/koboldcpp_api; source: https://github.com/LostRuins/koboldcpp/blob/concedo/koboldcpp.py
"""

from sidecar.engines.body import count, json_object, text
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
    Unreadable,
)
from sidecar.engines.names import kind_of, parameters_of

VERSION = Ask("/api/v1/info/version")
MODEL = Ask("/api/v1/model")
PERFORMANCE = Ask("/api/extra/perf")

NO_MODEL = frozenset({"inactive", "ReadOnly"})
"""What stands for the name while it has none that writes text."""

SLOTS = 1


def read_liveness(answer: Answer) -> Liveness:
    """OK if the answer tells a version."""
    if answer.status != 200:
        return Liveness.BAD_STATUS
    try:
        result_of(answer)
    except Unreadable:
        return Liveness.BAD_BODY
    return Liveness.OK


def read_models(answers: Answers) -> tuple[Model, ...]:
    """The model that it was started with; none where it has none that writes text."""
    answer = answers[0]
    if answer is None:
        raise Unreadable("no answer to /api/v1/model")
    name = result_of(answer)
    if name in NO_MODEL:
        return ()
    return (Model(name, kind_of(name), parameters_of(name), loaded=True),)


def result_of(answer: Answer) -> str:
    """The `result` of an answer, a text with something in it. Raises `Unreadable`."""
    result = text(json_object(answer).get("result"))
    if result is None:
        raise Unreadable("no result")
    return result


def plan(_page: Page | None, answers: Answers) -> tuple[Ask, ...]:
    """Its performance, and nothing after it."""
    return () if answers else (PERFORMANCE,)


def read_stats(_page: Page | None, answers: Answers) -> Reading:
    """Whether one runs, how many wait, and how many there were."""
    answer = answers[0]
    if answer is None:
        return NOTHING_READ
    told = json_object(answer)
    idle, queue = count(told.get("idle")), count(told.get("queue"))
    if idle is None or queue is None or idle > 1:
        raise Unreadable("no idle and queue in /api/extra/perf")
    return Reading(running=1 - idle, waiting=queue, slots=SLOTS, total_requests=count(told.get("total_gens")))


ENGINE = Engine(
    name="koboldcpp",
    title="KoboldCpp",
    liveness=VERSION,
    read_liveness=read_liveness,
    models=(MODEL,),
    read_models=read_models,
    plan=plan,
    reader=read_stats,
    assumed_slots=SLOTS,
)
