"""Facts ⇄ lines of a flight recording (JSONL).

Rules of this file
- Pure: a line in, an entry out, and back. Files are the recorder's.
- `health status inference queue query` are the format that the seed's replay reads. The other kinds carry what the
  default rules need besides; replay by the seed's rules takes them in and does not mind them.
- No line holds text that a user wrote, a secret, or an address.
- A kind that is not known is an error: a recording that is half understood proves nothing. A key that is not known
  is passed over, so that a newer recorder may say more.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from sidecar.errors import TraceInvalid
from sidecar.facts import (
    BackendAdded,
    BackendRemoved,
    EngineIdentified,
    Fact,
    HealthProbed,
    InferenceProbed,
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


@dataclass(frozen=True, slots=True)
class Query:
    """Somebody asked how busy a backend is."""

    at: int | float
    """Kept as written, so that the answer can repeat it."""
    backend: str


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """The rules of the process that recorded, from here on."""

    at: float
    failures_to_down: int
    rules: LoadRules


Entry = Fact | Query | RulesInForce

KINDS: Mapping[str, type[Entry]] = {
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
    "finished": RequestFinished,
    "monitor_failed": MonitorFailed,
}
KIND_OF = {entry: kind for kind, entry in KINDS.items()}
ADAPTERS: Mapping[str, TypeAdapter[Entry]] = {kind: TypeAdapter(entry) for kind, entry in KINDS.items()}


def write(entry: Entry) -> bytes:
    """One line, with its newline."""
    record = asdict(entry)
    line: dict[str, Any] = {"t": record.pop("at"), "event": KIND_OF[type(entry)]}
    match entry:
        case HealthProbed():
            line["ok"] = entry.outcome is ProbeOutcome.OK
        case BackendAdded(spec=spec):
            # Without the key and the address: a recording is shared more freely than a configuration.
            record = {
                "backend": spec.name,
                "engine": spec.engine,
                "slots": spec.slots,
                "models": dict(spec.models),
            }
        case RulesInForce():
            record["rules"] = {key: _without_infinity(value) for key, value in record["rules"].items()}
    return orjson.dumps(line | record, option=orjson.OPT_APPEND_NEWLINE)


def read(line: bytes) -> Entry:
    """The entry of one line.

    Raises TraceInvalid, whose text says what was found and what was wanted; the caller adds the number of the line.
    """
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise TraceInvalid(f"not JSON: {error}") from None
    if not isinstance(record, dict):
        raise TraceInvalid("wanted a JSON object, one a line")
    kind = record.pop("event", None)
    if kind not in KINDS:
        raise TraceInvalid(f"event {kind!r} is not known; known are {', '.join(KINDS)}")
    record["at"] = record.pop("t", None)
    try:
        return ADAPTERS[kind].validate_json(orjson.dumps(_as_fields(kind, record)), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join("t" if part == "at" else str(part) for part in first["loc"])
        raise TraceInvalid(f"{where}: {first['msg']}, found {first['input']!r:.60}") from None


def _as_fields(kind: str, record: dict[str, Any]) -> dict[str, Any]:
    """The record with the keys of its fact, where the line's differ."""
    match kind:
        case "health":
            return record | {"outcome": _outcome(record)}
        case "backend_added":
            spec = {key: record[key] for key in ("engine", "slots", "models") if key in record}
            return {"at": record["at"], "spec": spec | {"name": record.get("backend"), "url": ""}}
        case "rules" if isinstance(record.get("rules"), dict):
            return record | {"rules": {key: _with_infinity(value) for key, value in record["rules"].items()}}
        case _:
            return record


def _outcome(record: Mapping[str, Any]) -> Any:
    """The seed's format only knows good and bad; which of the bad ones it was makes no difference to its rules."""
    match record.get("ok"):
        case True:
            return record.get("outcome", ProbeOutcome.OK)
        case False:
            return record.get("outcome", ProbeOutcome.READ_TIMEOUT)
        case found:
            raise TraceInvalid(f"ok: wanted true or false, found {found!r:.60}")


def _without_infinity(value: Any) -> Any:
    """JSON has no infinity; null stands for "this level is never reached"."""
    return [None if step == inf else step for step in value] if isinstance(value, tuple) else value


def _with_infinity(value: Any) -> Any:
    return [inf if step is None else step for step in value] if isinstance(value, list) else value
