"""What is known of a backend at one moment: plain values that the store replaces fact by fact.

Rules of this file
- Frozen. Only `sidecar.store` makes new ones; everybody else reads.
- None is unknown. Moments are seconds on the clock of the facts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sidecar.baseline import Baseline
from sidecar.engines.engine import NOTHING_READ, Model, Reading
from sidecar.facts import BackendSpec, Outcome, ProbeOutcome
from sidecar.health import Health


@dataclass(frozen=True, slots=True)
class Status:
    """What a `/status` endpoint said last."""

    at: float
    active_jobs: int
    total_requests: int | None


@dataclass(frozen=True, slots=True)
class Work:
    """Our own requests on a backend. started = in_flight + Σ finished, always."""

    started: int = 0
    in_flight: int = 0
    finished: Mapping[Outcome, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BackendState:
    """One backend."""

    spec: BackendSpec
    engine: str | None = None
    """Configured or identified; None while `auto` has not found out."""
    engine_version: str | None = None
    assumed_slots: int | None = None
    """Requests at once by the engine's own default, where it has one."""
    models: tuple[Model, ...] | None = None
    health: Health = Health()  # noqa: RUF009 - frozen, and the same for all
    probe_outcome: ProbeOutcome | None = None
    health_ms: float | None = None
    """Latency of the last liveness probe, good or bad, rounded to 0.1 ms."""
    health_at: float | None = None
    verdict_since: float | None = None
    baseline: Baseline = Baseline()  # noqa: RUF009
    status: Status | None = None
    reading: Reading = NOTHING_READ
    reading_at: float | None = None
    """When statistics were last read and said anything."""
    inference_ms: float | None = None
    """Of the last inference probe that counts; negative where it failed."""
    inference_at: float | None = None
    good_inference_ms: float | None = None
    """Of the last inference probe that succeeded, however old."""
    good_inference_at: float | None = None
    work: Work = Work()
    probes: Mapping[ProbeOutcome, int] = field(default_factory=dict)
    monitor_errors: int = 0

    @property
    def name(self) -> str:
        """The backend's name."""
        return self.spec.name


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every backend at `now`, in the order of the configuration."""

    now: float
    backends: Mapping[str, BackendState]
    queue_active: int
    inventory: int
    """Changes whenever a backend comes, goes, or changes what it offers; equal numbers mean the same offers."""
    last_token_at: Mapping[str, float]
    """When a token last came from a backend; absent where none ever came."""
