"""An OpenAI-compatible server that also says how busy it is on `/status`, as Maek itself does.

`{"active_jobs": n, "total_requests": n}`: requests begun or waiting now, and requests since the start.
`maek sidecar` in front of a server adds `"backend": {"name", "url", "engine"}`: whose jobs these are.
"""

from sidecar.engines import openai
from sidecar.engines.body import count, json_object, text
from sidecar.engines.engine import NOTHING_READ, Answer, Answers, Ask, Engine, Page, Reading, Unreadable

STATUS = Ask("/status")


def read_status(answer: Answer) -> Reading:
    """The two counts. Raises `Unreadable` unless `active_jobs` is one; `total_requests` may be missing."""
    value = json_object(answer)
    active_jobs = count(value.get("active_jobs"))
    if active_jobs is None:
        raise Unreadable("no active_jobs in /status")
    return Reading(running=active_jobs, total_requests=count(value.get("total_requests")))


def fronted(answer: Answer | None) -> str | None:
    """The URL of the server behind, where `/status` is that of a `maek sidecar` which stands before it; else None."""
    try:
        behind = None if answer is None else json_object(answer).get("backend")
    except Unreadable:
        return None
    return text(behind.get("url")) if isinstance(behind, dict) else None


def plan(_page: Page | None, answers: Answers) -> tuple[Ask, ...]:
    """`/status`, and nothing after it."""
    return () if answers else (STATUS,)


def read_stats(_page: Page | None, answers: Answers) -> Reading:
    """What `/status` said; nothing if it was not answered in time."""
    answer = answers[0]
    return NOTHING_READ if answer is None else read_status(answer)


ENGINE = Engine(
    name="status",
    title="OpenAI-compatible with /status",
    liveness=openai.MODELS,
    read_liveness=openai.read_liveness,
    models=(openai.MODELS,),
    read_models=openai.read_models,
    plan=plan,
    reader=read_stats,
)
