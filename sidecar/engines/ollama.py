"""Ollama: says which models it has and which are in memory, until when; nothing about its load.

Traps
- In memory is not busy: a model stays for `OLLAMA_KEEP_ALIVE` (5 minutes) after its last request. None of the questions
  here counts as one: they neither load a model nor keep it.
- A full queue answers a chat with 503 "server busy, please try again": that is load, not failure.
- The end of a stay is told as a moment of the server's clock, which may be wrong: it is compared with the `Date` of the
  same answer.
- `/api/ps` also lists a model that is still being loaded, and does not say so.
- A request without a prompt loads a model and answers once it is there. As `keep_alive` is not named, it stays for as
  long as the server's own setting says. A model for vectors is refused there, and has a path of its own.

API: https://docs.ollama.com/api; https://github.com/ollama/ollama/blob/main/docs/faq.mdx
"""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import orjson

from sidecar.engines.body import count, json_object, text
from sidecar.engines.engine import Answer, Answers, Ask, Engine, Liveness, Model, ModelKind, Unreadable
from sidecar.engines.names import kind_of, parameters_of

VERSION = Ask("/api/version")
INSTALLED = Ask("/api/tags")
LOADED = Ask("/api/ps")

ASSUMED_SLOTS = 1
"""`OLLAMA_NUM_PARALLEL`, which each model in memory has for itself; it is not told over HTTP. Further requests wait
(`OLLAMA_MAX_QUEUE`, 512)."""

Entry = Mapping[str, object]


def read_liveness(answer: Answer) -> Liveness:
    """OK if the answer tells a version."""
    if answer.status != 200:
        return Liveness.BAD_STATUS
    try:
        told = text(json_object(answer).get("version"))
    except Unreadable:
        return Liveness.BAD_BODY
    return Liveness.OK if told else Liveness.BAD_BODY


def read_models(answers: Answers) -> tuple[Model, ...]:
    """The installed models in the server's order (the last changed first), each with whether it is in memory."""
    installed, loaded = answers
    if installed is None:
        raise Unreadable("no answer to /api/tags")
    now = None if loaded is None else moment_of(loaded)
    staying = None if loaded is None else {str(entry["name"]): entry for entry in entries(loaded)}
    return tuple(model_of(entry, staying, now) for entry in entries(installed))


def entries(answer: Answer) -> tuple[Entry, ...]:
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


def model_of(entry: Entry, staying: Mapping[str, Entry] | None, now: datetime | None) -> Model:
    """One installed model; `staying` are those in memory, None if nobody knows; `now` by the server's clock."""
    name = str(entry["name"])
    details = entry.get("details")
    known: Entry = details if isinstance(details, dict) else {}
    told = text(known.get("parameter_size"))
    stay = (staying or {}).get(name, {})
    return Model(
        name,
        kind_of(name, text(known.get("family"))),
        (parameters_of(told) if told else None) or parameters_of(name),
        size_bytes=count(entry.get("size")),
        loaded=None if staying is None else name in staying,
        memory_bytes=count(stay.get("size")),
        accelerator_bytes=count(stay.get("size_vram")),
        context_tokens=count(stay.get("context_length")) or None,
        expires_in_seconds=seconds_until(stay.get("expires_at"), now),
    )


def moment_of(answer: Answer) -> datetime | None:
    """When the server says that it gave this answer; None if it does not say."""
    try:
        return parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None


def seconds_until(moment: object, now: datetime | None) -> float | None:
    """Seconds from `now` to a moment as Ollama writes it, never below 0; None if either is not known."""
    if now is None or not isinstance(moment, str):
        return None
    try:
        return max(0.0, (datetime.fromisoformat(moment) - now).total_seconds())
    except (TypeError, ValueError, OverflowError):  # TypeError: one of the two has no time zone
        return None


def load(model: Model) -> Ask:
    """A request that wants nothing of the model."""
    path = "/api/embed" if model.kind is ModelKind.EMBEDDING else "/api/generate"
    return Ask(path, "POST", orjson.dumps({"model": model.name}), {"content-type": "application/json"})


ENGINE = Engine(
    name="ollama",
    title="Ollama",
    liveness=VERSION,
    read_liveness=read_liveness,
    models=(INSTALLED, LOADED),
    read_models=read_models,
    load=load,
    assumed_slots=ASSUMED_SLOTS,
    slots_per_model=True,
)
