"""Facts ⇄ lines of a flight recording (JSONL).

Rules of this file
- Pure: a line in, an entry out, and back. Files are the recorder's.
- `health status inference queue query` are the format that the seed's replay reads. The other kinds carry what the
  default rules need besides; replay by the seed's rules takes them in and does not mind them.
- No line holds text that a user wrote, or a secret. Where a backend is stands in it as the recorder words it: not as an
  address.
- What whoever chooses among the backends has to say (`NOTES`) is carried here and understood elsewhere.
- A kind that is not known is an error: a recording that is half understood proves nothing. A key that is not known
  is passed over, so that a newer recorder may say more.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from math import inf
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from sidecar.errors import TraceInvalid
from sidecar.facts import (
    BackendAdded,
    BackendRemoved,
    DrainSwitched,
    EngineIdentified,
    Fact,
    FirstTokenCame,
    HealthProbed,
    InferenceProbed,
    LoadAsked,
    LoadEnded,
    LoadRead,
    ModelsListed,
    MonitorFailed,
    ProbeOutcome,
    QueueChanged,
    RequestFinished,
    RequestStarted,
    StatusRead,
)
from sidecar.load import LoadRules
from sidecar.progress import Rhythm


@dataclass(frozen=True, slots=True)
class Query:
    """Somebody asked how busy a backend is."""

    at: int | float
    """Kept as written, so that the answer can repeat it."""
    backend: str
    rhythm: Rhythm = Rhythm()  # noqa: RUF009 - frozen, and the same for all
    """What the backend's cells said then: tokens are no facts, but levels may rest on them."""


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """The rules of the process that recorded, from here on."""

    at: float
    failures_to_down: int
    rules: LoadRules


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody else than the store has to say: one of `NOTES`. The load of a backend does not rest on it."""

    at: float
    kind: str
    body: Mapping[str, Any]
    """JSON-able."""


Entry = Fact | Query | RulesInForce | Note

NOTES = ("choice", "decision", "shed", "warming")
"""A choice among backends; what became of a request, once it has ended; a request that was told to come back; and a
backend that was asked to load a model ahead."""
KINDS: Mapping[str, type[Entry]] = {  # a note's kind it says itself
    "health": HealthProbed,
    "status": StatusRead,
    "inference": InferenceProbed,
    "queue": QueueChanged,
    "query": Query,
    "rules": RulesInForce,
    "backend_added": BackendAdded,
    "backend_removed": BackendRemoved,
    "engine": EngineIdentified,
    "models": ModelsListed,
    "reading": LoadRead,
    "started": RequestStarted,
    "first_token": FirstTokenCame,
    "finished": RequestFinished,
    "drain": DrainSwitched,
    "load_asked": LoadAsked,
    "load_ended": LoadEnded,
    "monitor_failed": MonitorFailed,
}
_KNOWN = frozenset((*KINDS, *NOTES))
KIND_OF = {entry: kind for kind, entry in KINDS.items()}
FIELDS = {entry: tuple(one.name for one in fields(entry) if one.name != "at") for entry in KIND_OF}
ADAPTERS: Mapping[str, TypeAdapter[Entry]] = {kind: TypeAdapter(entry) for kind, entry in KINDS.items()}
LINE_KEYS = {"name": "backend", "url": "place"}
"""Fields of a spec → the keys that stand for them in a line."""


def write(entry: Entry) -> bytes:
    """One line, with its newline."""
    if isinstance(entry, Note):
        return orjson.dumps({"t": entry.at, "event": entry.kind} | dict(entry.body), option=orjson.OPT_APPEND_NEWLINE)
    kind = type(entry)
    # Not `asdict`, which copies everything deeply: this runs for every fact, and every request is three.
    line: dict[str, Any] = {"t": entry.at, "event": KIND_OF[kind]}
    for name in FIELDS[kind]:
        line[name] = getattr(entry, name)
    if (more := _MORE.get(kind)) is not None:
        more(line, entry)
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _health(line: dict[str, Any], entry: Any) -> None:
    line["ok"] = entry.outcome is ProbeOutcome.OK


def _added(line: dict[str, Any], _entry: Any) -> None:
    spec = line.pop("spec")
    line.update((one.name, getattr(spec, one.name)) for one in fields(spec))
    line |= {"models": dict(spec.models), "metrics": dict(spec.metrics)}
    for name, key in LINE_KEYS.items():
        line[key] = line.pop(name)
    # A recording is shared more freely than a configuration.
    del line["api_key"]


def _query(line: dict[str, Any], entry: Any) -> None:
    # Most questions are about a backend without streams, and a hand-written one never says.
    if entry.rhythm == Rhythm():
        del line["rhythm"]


def _rules(line: dict[str, Any], entry: Any) -> None:
    rules = entry.rules
    line["rules"] = {one.name: _without_infinity(getattr(rules, one.name)) for one in fields(rules)}


_MORE: Mapping[type[Entry], Callable[[dict[str, Any], Any], None]] = {
    HealthProbed: _health,
    BackendAdded: _added,
    Query: _query,
    RulesInForce: _rules,
}
"""What a line says otherwise than its fact."""


def read(line: bytes) -> Entry:
    """The entry of one line.

    Raises TraceInvalid, whose text says what was found and what was wanted; the caller adds the number of the line.
    """
    record = _record(line)
    kind = _kind(record)
    at = _moment(record.pop("t", None))
    if kind in NOTES:
        return Note(at, kind, record)
    record["at"] = at
    try:
        return ADAPTERS[kind].validate_json(_fields(kind, record), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(LINE_KEYS.get(str(part), str(part)) for part in first["loc"] if part != "spec")
        raise TraceInvalid(f"{where}: {first['msg']}, found {first['input']!r:.60}") from None
    except (orjson.JSONEncodeError, RecursionError):
        raise TraceInvalid("found brackets within brackets within brackets; wanted a line of a recording") from None


def note_in(line: bytes) -> Note | str | None:
    """The note of a line; None if it is a fact, which is not looked at any closer; what is wrong if it is neither."""
    try:
        record = _record(line)
        kind = _kind(record)
        return Note(_moment(record.pop("t", None)), kind, record) if kind in NOTES else None
    except TraceInvalid as error:
        return str(error)


def _record(line: bytes) -> dict[str, Any]:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise TraceInvalid(f"not JSON: {error}") from None
    if not isinstance(record, dict):
        raise TraceInvalid("wanted a JSON object, one a line")
    return record


def _kind(record: dict[str, Any]) -> str:
    kind = record.pop("event", None)
    if not isinstance(kind, str) or kind not in _KNOWN:
        raise TraceInvalid(f"event: found {kind!r:.60}; wanted one of {', '.join((*KINDS, *NOTES))}")
    return kind


def _moment(t: Any) -> int | float:
    if isinstance(t, bool) or not isinstance(t, int | float):
        raise TraceInvalid(f"t: found {t!r:.60}; wanted seconds")
    return t


def _fields(kind: str, record: dict[str, Any]) -> str | bytes:
    """The record as JSON with the fields of its fact, where the line's keys differ."""
    match kind:
        case "health":
            return orjson.dumps(record | {"outcome": _outcome(record)})
        case "backend_added":
            renamed = {"name": record.get("backend"), "url": record.get("place", ""), "api_key": None}
            return orjson.dumps({"at": record["at"], "spec": record | renamed})
        case "rules" if isinstance(record.get("rules"), dict):
            rules = {key: _with_infinity(value) for key, value in record["rules"].items()}
            # The standard library's JSON has an infinity, and pydantic's reads it.
            return json.dumps(record | {"rules": rules})
        case _:
            return orjson.dumps(record)


def _outcome(record: Mapping[str, Any]) -> Any:
    """The seed's format only knows good and bad; which of the bad ones it was makes no difference to its rules."""
    ok = record.get("ok")
    if not isinstance(ok, bool):
        raise TraceInvalid(f"ok: found {ok!r:.60}; wanted true or false")
    outcome = record.get("outcome", ProbeOutcome.OK if ok else ProbeOutcome.READ_TIMEOUT)
    if ok is not (outcome == ProbeOutcome.OK):
        raise TraceInvalid(f"ok: found {ok} beside the outcome {outcome!r:.60}; wanted the two to agree")
    return outcome


def _without_infinity(value: Any) -> Any:
    """JSON has no infinity; null stands for "this level is never reached"."""
    return [None if step == inf else step for step in value] if isinstance(value, tuple) else value


def _with_infinity(value: Any) -> Any:
    return [inf if step is None else step for step in value] if isinstance(value, list) else value
