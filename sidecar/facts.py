"""Everything that can happen to a backend, one frozen class each.

Rules of this file
- A fact is what was observed, with the moment it was observed; never what follows from it.
- `at` is in seconds on one monotonic clock, the same for all facts of a store. Facts are applied in the order of
  their moments.
- A new kind of fact is a new class here, an arm in `sidecar.store` and a kind in `sidecar.recording`; the type
  checker names the places that were forgotten.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sidecar.engines.engine import Model, Reading


class ProbeOutcome(StrEnum):
    """How a liveness probe ended. Only OK is good; LOADING, SLEEPING and SUSPENDED are states, not failures."""

    OK = "ok"
    LOADING = "loading"
    SLEEPING = "sleeping"
    """Its weights are out of memory; the next request wakes it."""
    SUSPENDED = "suspended"
    """Its weights are out of memory, and no request is served until somebody wakes it."""
    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect_timeout"
    READ_TIMEOUT = "read_timeout"
    BAD_STATUS = "bad_status"
    BAD_BODY = "bad_body"


class Outcome(StrEnum):
    """How a request to a backend ended, seen at its last byte."""

    OK = "ok"
    BACKEND_ERROR = "backend_error"
    """It answered with an error of its own, or with garbage, or the connection broke before an answer."""
    REFUSED = "refused"
    """Nobody listens there: the request was never seen by anyone."""
    TRUNCATED = "truncated"
    """The stream stopped without its end marker."""
    TIMEOUT = "timeout"
    """Connecting, the first token or a later one took longer than the role allows; or the whole, where nobody could see
    that it was coming."""
    SILENT = "silent"
    """It gave nobody a token from when the request was sent until another backend, asked later, had answered it. While
    it loads its model it is only left."""
    OVERLONG = "overlong"
    """Tokens still came when the time for the whole was over. Says nothing about the backend."""
    REJECTED = "rejected"
    """It said that it is full (429, or 503 with Retry-After), or still loads its model. Load, not failure."""
    CALLER_ERROR = "caller_error"
    """It refused what was asked (other 4xx). Says nothing about the backend."""
    CLIENT_GONE = "client_gone"
    """Our client hung up. Says nothing about the backend."""


@dataclass(frozen=True, slots=True)
class BackendSpec:
    """What the operator, or discovery, said about a backend. It changes only with the configuration."""

    name: str
    url: str
    """Scheme, host and port, without a path and without a slash at the end."""
    engine: str = "auto"
    slots: int | None = None
    weight: float = 1.0
    """How much of the work it gets, for policies that go by weights."""
    tier: int = 0
    """For policies that go by tiers: lower ones first."""
    api_key: str | None = field(default=None, repr=False)
    models: Mapping[str, str] = field(default_factory=dict)
    """What it is for → the model that it runs for that ("auto": its first one). The sidecar only carries this."""
    metrics: Mapping[str, str] = field(default_factory=dict)
    """What to read of its load (running, waiting, kv_usage) → the metric that says it, as `name{label="value"}`."""
    metrics_path: str | None = None
    """Where the page of those metrics is, if not where its engine has it; `:PORT/path` on another port."""
    discovered: bool = False
    simulated: bool = False
    """The built-in simulator stands in for a real server; said plainly wherever the backend is shown."""


@dataclass(frozen=True, slots=True)
class BackendAdded:
    """A backend exists from now on, or its spec changed (its readings stay if the URL stays)."""

    at: float
    spec: BackendSpec


@dataclass(frozen=True, slots=True)
class BackendRemoved:
    """A backend is no longer configured. Requests still running on it end as they do."""

    at: float
    backend: str


@dataclass(frozen=True, slots=True)
class EngineIdentified:
    """Which software answers at the backend's URL."""

    at: float
    backend: str
    engine: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class ModelsListed:
    """The models that the backend offers, in its own order."""

    at: float
    backend: str
    models: tuple[Model, ...]


@dataclass(frozen=True, slots=True)
class HealthProbed:
    """A liveness probe ended."""

    at: float
    backend: str
    outcome: ProbeOutcome
    latency_ms: float
    """From the first byte sent to the last received, or to giving up; rounded to 0.1 ms."""


@dataclass(frozen=True, slots=True)
class StatusRead:
    """A `/status` endpoint was asked. Both None: the backend has none."""

    at: float
    backend: str
    active_jobs: int | None
    total_requests: int | None


@dataclass(frozen=True, slots=True)
class LoadRead:
    """The engine's own statistics were read. `Reading()` with nothing in it: asked, and nothing was learnt."""

    at: float
    backend: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class InferenceProbed:
    """A real one-token inference was tried. A negative latency: it failed."""

    at: float
    backend: str
    latency_ms: float


@dataclass(frozen=True, slots=True)
class QueueChanged:
    """How many jobs of the local queue are active now."""

    at: float
    active: int


@dataclass(frozen=True, slots=True)
class RequestStarted:
    """A request was sent to a backend; it is in flight until its `RequestFinished`."""

    at: float
    backend: str
    request: str
    """Unique among the requests of this process."""
    model: str = ""
    """The candidate's model; empty where nobody said."""
    role: str = ""
    """What it was asked for as: answers of one role are about equally long."""
    prompt_tokens: int = 0
    """Estimated; 0 where nobody knows."""
    streamed: bool = False
    """Whether tokens can be seen as they come."""
    predicted_seconds: float | None = None
    """To its first token, as whoever chose the backend reckoned; None where nobody did."""
    blocks: tuple[int, ...] = ()
    """Hashes of the blocks that the prompt begins with (`sidecar.prefixes`)."""


@dataclass(frozen=True, slots=True)
class FirstTokenCame:
    """The first token of a streamed answer arrived."""

    at: float
    backend: str
    request: str


@dataclass(frozen=True, slots=True)
class RequestFinished:
    """A request ended, whatever happened to it. A second end of the same request says nothing."""

    at: float
    backend: str
    request: str
    outcome: Outcome
    output_tokens: int = 0
    """Of the answer as far as it came; 0 where nobody counted."""
    retry_after_seconds: float | None = None
    """When a backend that is full wants to be asked again."""
    last_token_at: float | None = None
    """When the last token came, on the clock of `at`; None where nobody saw one."""


@dataclass(frozen=True, slots=True)
class DrainSwitched:
    """The operator wants a backend to get no new requests, or to get them again."""

    at: float
    backend: str
    draining: bool


@dataclass(frozen=True, slots=True)
class LoadAsked:
    """We have asked a backend to load a model that is not in memory, before any request wants it."""

    at: float
    backend: str
    model: str


@dataclass(frozen=True, slots=True)
class LoadEnded:
    """It has answered that, or we gave up waiting. Whether the model is there, a listing before this one has told."""

    at: float
    backend: str
    model: str


@dataclass(frozen=True, slots=True)
class MonitorFailed:
    """Watching a backend failed in a way that nobody foresaw; the log has the traceback. The loop went on."""

    at: float
    backend: str


Fact = (
    BackendAdded
    | BackendRemoved
    | EngineIdentified
    | ModelsListed
    | HealthProbed
    | StatusRead
    | LoadRead
    | InferenceProbed
    | QueueChanged
    | MonitorFailed
    | RequestStarted
    | FirstTokenCame
    | RequestFinished
    | DrainSwitched
    | LoadAsked
    | LoadEnded
)
