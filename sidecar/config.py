"""The sidecar's part of the configuration: which backends there are, how they are watched, when they count as busy.

Rules of this file
- Every key has its default here and nowhere else; `config.yaml` repeats it and a test compares the two.
- One line says what a key does; the unit stands in its name or in that line.
- The sidecar carries `models` for the router and knows nothing of roles.
- The router builds its part of the file from the same pieces, and finds all of them here (`__all__`): this is the one
  module behind the sidecar's door that it may know.
"""

import os
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from sidecar.config_file import Document, Loc, dotted, parse, read, scalar
from sidecar.config_problems import Fault, build, entries, mapping, nearest, one_of, repeated
from sidecar.config_words import Schema, paths, resolved, shown, wanted
from sidecar.engines import ENGINES
from sidecar.engines.page import PLACE, place_of
from sidecar.engines.promtext import selector_of
from sidecar.errors import SecretUnusable
from sidecar.facts import BackendSpec
from sidecar.levels import NEVER, Steps
from sidecar.secret import REFERENCE_PATTERN, REFERENCE_WANTED, check_reference, resolve
from sidecar.section import (
    LISTEN_WANTED,
    ByName,
    Count,
    EmptyList,
    EmptyMapping,
    Name,
    Seconds,
    Section,
    Text,
    Word,
    refused,
    split_listen,
)

ENGINE_NAMES = ("auto", *ENGINES)
"""`auto` asks the server which it is."""


class InferenceProbe(StrEnum):
    """When Maek sends a real one-token request to learn how long an answer takes."""

    ON_SUSPICION = "on_suspicion"
    NEVER = "never"


URL_WANTED = "http://HOST:PORT or https://HOST:PORT"


def check_url(url: str) -> str:
    """A server's address without a slash at the end. A validator; it never shows the URL, which may hold a password."""
    if re.search(r"[\s\x00-\x1f\x7f\\]", url):
        raise refused(URL_WANTED, found="white space in the URL")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise refused(URL_WANTED, found="a broken URL") from None
    if parts.scheme not in ("http", "https"):
        raise refused(URL_WANTED, found="a URL without http:// or https://")
    if not parts.hostname or port == 0:
        raise refused(URL_WANTED, found="a URL without host or with port 0")
    if "@" in parts.netloc:
        raise refused("the URL without user and password; put a key into api_key", found="credentials in the URL")
    if parts.path.rstrip("/") == "/v1":
        raise refused("the URL without /v1; Maek adds the path that each request needs", found="the path /v1")
    if parts.path.rstrip("/") or parts.query or parts.fragment or "?" in url or "#" in url:
        raise refused(URL_WANTED, found="a URL with a path or a query")
    return f"{parts.scheme}://{parts.netloc}"


def _known_engine(name: str) -> str:
    if name not in ENGINE_NAMES:
        raise refused(one_of(name, ENGINE_NAMES))
    return name


METRIC_WANTED = 'a metric as name or name{label="value"}, the value in quotes'
METRICS_PATH_WANTED = "/path, or :PORT/path where the metrics are on another port of the same host"


def _known_metric(text: str) -> str:
    if selector_of(text) is None:
        raise refused(METRIC_WANTED)
    return text


def _known_place(text: str) -> str:
    if place_of(text) is None:
        raise refused(METRICS_PATH_WANTED)
    return text


def _ascending(levels: tuple[float | None, ...]) -> tuple[float | None, ...]:
    reached = [level for level in levels if level is not None]
    if any(later <= earlier for earlier, later in pairwise(reached)):
        raise refused("numbers that rise from left to right", found="numbers that fall or repeat")
    return levels


_LEVELS_WANTED = "a list of three numbers ≥ 0 that rise, for normal, busy and very busy; null: never that level"
_RATIOS_WANTED = "a list of three numbers from 0 to 1 that rise, for normal, busy and very busy; null: never that level"
_Threshold = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Ratio = Annotated[float, Field(ge=0, le=1)]

Url = Annotated[
    str, AfterValidator(check_url), Field(json_schema_extra={"pattern": "^https?://", "$comment": URL_WANTED})
]
SecretReference = Annotated[
    str,
    AfterValidator(check_reference),
    Field(json_schema_extra={"pattern": REFERENCE_PATTERN, "$comment": REFERENCE_WANTED}),
]
EngineName = Annotated[str, AfterValidator(_known_engine), Field(json_schema_extra={"enum": list(ENGINE_NAMES)})]
MetricName = Annotated[str, AfterValidator(_known_metric), Field(json_schema_extra={"$comment": METRIC_WANTED})]
MetricsPath = Annotated[
    str,
    AfterValidator(_known_place),
    Field(json_schema_extra={"pattern": f"^{PLACE.pattern}$", "$comment": METRICS_PATH_WANTED}),
]
Levels = Annotated[
    tuple[_Threshold | None, ...],
    Field(min_length=3, max_length=3, json_schema_extra={"$comment": _LEVELS_WANTED}),
    AfterValidator(_ascending),
]
RatioLevels = Annotated[
    tuple[_Ratio | None, ...],
    Field(min_length=3, max_length=3, json_schema_extra={"$comment": _RATIOS_WANTED}),
    AfterValidator(_ascending),
]


class MetricsConfig(Section):
    """Which metrics say how busy a backend is, where its engine's own names do not fit; null leaves a name as it is."""

    running: MetricName | None = None
    """Requests being worked on; the sum over all series that fit."""
    waiting: MetricName | None = None
    """Requests accepted and not begun; the sum over all series that fit."""
    kv_usage: MetricName | None = None
    """Part of the key-value cache in use, 0 to 1; the mean over all series that fit."""

    def named(self) -> dict[str, str]:
        """Those that are named."""
        return {key: name for key, name in self if name is not None}


class BackendConfig(Section):
    """One server process at one URL."""

    name: Name
    """Unique; the label on /metrics and the value of x-maek-backend."""
    url: Url
    """Where it listens; without a path."""
    engine: EngineName = "auto"
    """Its software; auto finds out by asking."""
    slots: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Requests that it works on at once (Ollama: of each model); null: what the server says, else what its engine is
    known for."""
    weight: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)] = 1.0
    """How much of the work it gets, where a role's policy is weighted."""
    tier: Annotated[int, Field(ge=0, le=100)] = 0
    """Where a role's policy is priority: backends of tier 0 first, the next tier when those have no room."""
    api_key: SecretReference | None = None
    """Where its key is, if it wants one."""
    models: Annotated[dict[Name, Word], EmptyMapping] = Field(default_factory=dict)
    """Role → the model that it runs for that role; auto takes its first. Empty: it may serve every role."""
    metrics: MetricsConfig = MetricsConfig()
    """Other names for its Prometheus metrics; for a server that renamed them, or that Maek does not know."""
    metrics_path: MetricsPath | None = None
    """Where its page of metrics is; null: where its engine has it, else /metrics."""

    def spec(self, environ: Mapping[str, str] = os.environ) -> BackendSpec:
        """What the store is told of it, with the secret read. Raises `SecretUnusable`."""
        api_key = None if self.api_key is None else resolve(self.api_key, environ)
        return BackendSpec(
            self.name,
            self.url,
            engine=self.engine,
            slots=self.slots,
            weight=self.weight,
            tier=self.tier,
            api_key=api_key,
            models=dict(self.models),
            metrics=self.metrics.named(),
            metrics_path=self.metrics_path,
        )


class ThresholdsConfig(Section):
    """From where on a backend is normal, busy, very busy; it is as busy as its worst signal."""

    slowdown: Levels = (1.25, 2.0, 4.0)
    """Times as long as when the backend is idle that a typical request would take now (at least)."""
    silence_times_bearable: Levels = (None, 1.0, 2.0)
    """Time without a token while streams run, as a multiple of what is nothing out of the ordinary (more than)."""
    active_jobs_per_slot: Levels = (1.0, 2.0, 4.0)
    """Requests that the backend itself says it works on, for each slot (at least this many)."""
    waiting_requests: Levels = (1.0, 4.0, 16.0)
    """Requests that wait inside the backend (at least); any means that something is full, however many slots it has."""
    kv_usage_ratio: RatioLevels = (0.7, 0.9, 0.97)
    """Part of the key-value cache in use, 0 to 1 (at least)."""
    inference_seconds: Levels = (None, 4.0, 8.0)
    """Seconds that a one-token request took (more than)."""
    health_times_baseline: Levels = (2.0, 5.0, None)
    """Latency of the health probe as a multiple of this backend's usual one (more than)."""
    health_floor_seconds: Annotated[float, Field(ge=0, le=3600)] = 0.25
    """Seconds; a health probe that is faster than this never says that a backend is busy."""
    probe_age_intervals: Levels = (3.0, 6.0, 12.0)
    """Age of the last answer to a probe, in probe intervals (at least)."""
    queue_active: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    """Jobs of Maek's own queue; more than this raises free to normal and normal to busy."""
    hysteresis_ratio: Annotated[float, Field(ge=0, le=0.5)] = 0.12
    """A level that was reached is left only this part below its threshold, so that it does not come and go."""


def steps(levels: tuple[float | None, ...]) -> Steps:
    """Where a signal reaches normal, busy and very busy.

    A level is the number of steps reached, so one that is never reached by itself shares the step of the next one.
    """
    normal, busy, very_busy = levels
    third = NEVER if very_busy is None else very_busy
    second = third if busy is None else busy
    return (second if normal is None else normal, second, third)


class SidecarConfig(Section):
    """How backends are found and watched."""

    discover: bool = True
    """Look for LLM servers on this machine, at the ports that they are known for."""
    interval_seconds: Seconds = 30.0
    """Seconds between health probes of a backend that is up."""
    retry_interval_seconds: Seconds = 5.0
    """Seconds between health probes of a backend that is not up."""
    stats_interval_seconds: Seconds = 2.0
    """Seconds between readings of a backend's own statistics."""
    jitter_ratio: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Part of an interval by which it varies at random, so that probes do not march in step."""
    liveness_timeout_seconds: Seconds = 5.0
    """Seconds after which a health probe counts as failed."""
    stats_timeout_seconds: Seconds = 2.0
    """Seconds after which a reading of statistics is given up; that is not a failure of the backend."""
    failures_to_down: Annotated[int, Field(ge=1, le=100)] = 3
    """Failed health probes in a row that make a backend down; a refused connection does so at once."""
    inference_probe: Annotated[InferenceProbe, ByName] = InferenceProbe.ON_SUSPICION
    """Whether to send a real one-token request when the health probe is suspiciously slow; it costs a token."""
    inference_timeout_seconds: Seconds = 30.0
    """Seconds after which such a request counts as failed."""
    thresholds: ThresholdsConfig = ThresholdsConfig()
    """From where on a backend is normal, busy, very busy."""
    backends: Annotated[tuple[BackendConfig, ...], EmptyList] = ()
    """The servers; an empty list leaves it to discovery."""


def faults(values: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong between the keys of a sidecar section's raw values."""
    backends = values.get("backends")
    yield from repeated(backends, "name", ("sidecar", "backends"))
    yield from repeated(backends, "url", ("sidecar", "backends"), _plain_url)


def secret_faults(values: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[Fault]:
    """Which references to secrets lead nowhere, on this machine and now."""
    for index, backend in entries(values.get("backends")):
        yield from reference_faults(("sidecar", "backends", index, "api_key"), backend.get("api_key"), environ)


def reference_faults(loc: Loc, reference: Any, environ: Mapping[str, str]) -> Iterator[Fault]:
    """Whether a raw value that refers to a secret, if it does, leads nowhere."""
    if not isinstance(reference, str) or re.fullmatch(REFERENCE_PATTERN, reference) is None:
        return
    try:
        resolve(reference, environ)
    except SecretUnusable as error:
        yield Fault(loc, error.found, error.wanted)


def _plain_url(url: str) -> str:
    """Two spellings of one address are one server, whose load would be counted twice."""
    return url.rstrip("/").lower()


__all__ = [
    "LISTEN_WANTED",
    "URL_WANTED",
    "BackendConfig",
    "ByName",
    "Count",
    "Document",
    "EmptyList",
    "EmptyMapping",
    "Fault",
    "Loc",
    "Name",
    "Schema",
    "Seconds",
    "Section",
    "SidecarConfig",
    "Text",
    "Word",
    "build",
    "dotted",
    "entries",
    "faults",
    "mapping",
    "nearest",
    "one_of",
    "parse",
    "paths",
    "read",
    "reference_faults",
    "refused",
    "repeated",
    "resolve",
    "resolved",
    "scalar",
    "secret_faults",
    "shown",
    "split_listen",
    "steps",
    "wanted",
]
