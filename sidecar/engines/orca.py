"""Load told in the headers of an answer (ORCA): read where a backend sends it, written where nobody else tells.

A caller that wants it sends `endpoint-load-metrics-format: JSON` (or `TEXT`) with its request. The answer then carries
`endpoint-load-metrics: JSON {"named_metrics": {…}}` or `TEXT named_metrics.a=1,named_metrics.b=2`: from vLLM, from
Triton, and from `maek sidecar` in front of a server that has nothing of the kind.

Rules of this file
- Pure, and never an exception: a header that makes no sense must not spoil the answer that it came with.
- All or nothing: where one of the numbers is no such number, none of them is believed.
- The numbers are of the moment at which the answer began.

Format: https://github.com/cncf/xds/blob/main/xds/data/orca/v3/orca_load_report.proto;
https://github.com/vllm-project/vllm/blob/main/vllm/entrypoints/serve/utils/orca_metrics.py
"""

import math
from collections.abc import Mapping
from enum import StrEnum

import orjson

from sidecar.engines.body import ratio, whole
from sidecar.engines.engine import NOTHING_READ, Reading, Unreadable

REQUEST_HEADER = "endpoint-load-metrics-format"
HEADER = "endpoint-load-metrics"

LONGEST_HEADER = 4096
"""Characters. vLLM's has 80; a longer one than this is somebody's mistake."""

NAMED = "named_metrics"
RUNNING = ("num_requests_running",)
WAITING = ("num_requests_waiting",)
KV_USAGE = ("kv_cache_usage_perc", "kv_cache_utilization")
"""vLLM's name, then Triton's; both are 0..1."""
SLOTS = ("num_slots",)
TOTAL = ("num_requests_total",)
"""These two are Maek's own: nobody else tells them."""


class Format(StrEnum):
    """How the numbers are laid out in the header."""

    JSON = "JSON"
    TEXT = "TEXT"


def format_of(asked: str | None) -> Format | None:
    """The format that a request's `endpoint-load-metrics-format` asks for; None if it asks for none that is known."""
    try:
        return Format((asked or "").strip().upper())
    except ValueError:
        return None


def read(header: str | None) -> Reading | None:
    """What an `endpoint-load-metrics` says of load; None if it says nothing, or makes no sense."""
    try:
        named = _named_metrics(header or "")
        found = Reading(
            running=whole(_first(named, RUNNING), "running"),
            waiting=whole(_first(named, WAITING), "waiting"),
            kv_usage_ratio=ratio(_first(named, KV_USAGE), "kv_usage"),
            slots=whole(_first(named, SLOTS), "slots") or None,
            total_requests=whole(_first(named, TOTAL), "total"),
        )
    except Unreadable:
        return None
    return None if found == NOTHING_READ else found


def written(reading: Reading, layout: Format) -> str | None:
    """The value of an `endpoint-load-metrics` that says what is known; None if nothing is."""
    told = {
        RUNNING[0]: reading.running,
        WAITING[0]: reading.waiting,
        KV_USAGE[0]: reading.kv_usage_ratio,
        SLOTS[0]: reading.slots or None,
        TOTAL[0]: reading.total_requests,
    }
    named = {name: value for name, value in told.items() if value is not None}
    if not named:
        return None
    if layout is Format.JSON:
        return f"{layout} {orjson.dumps({NAMED: named}).decode()}"
    return f"{layout} {','.join(f'{NAMED}.{name}={value}' for name, value in named.items())}"


def _named_metrics(header: str) -> Mapping[str, object]:
    kind, _, report = header.strip().partition(" ")
    if len(header) > LONGEST_HEADER:
        raise Unreadable("a header longer than any load report")
    match format_of(kind):
        case Format.JSON:
            return _of_json(report)
        case Format.TEXT:
            return _of_text(report)
        case _:
            raise Unreadable("neither JSON nor TEXT")


def _of_json(report: str) -> Mapping[str, object]:
    try:
        value: object = orjson.loads(report)
    except orjson.JSONDecodeError as error:
        raise Unreadable("no JSON") from error
    named = value.get(NAMED) if isinstance(value, dict) else None
    return named if isinstance(named, dict) else {}


def _of_text(report: str) -> Mapping[str, object]:
    named: dict[str, object] = {}
    for pair in report.split(","):
        key, _, number = pair.strip().partition("=")
        _, is_named, name = key.partition(f"{NAMED}.")
        if is_named:
            named[name] = _number(number)
    return named


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise Unreadable("not a number") from error


def _first(named: Mapping[str, object], names: tuple[str, ...]) -> float | None:
    """The number under the first of these names that is there."""
    for name in names:
        value = named.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise Unreadable(f"{name} is no number")
        return float(value)
    return None
