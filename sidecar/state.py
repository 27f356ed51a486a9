"""What is known of a backend at one moment: plain values that the store replaces fact by fact.

Rules of this file
- Frozen. Only `sidecar.store` makes new ones; everybody else reads.
- None is unknown. Moments are seconds on the clock of the facts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sidecar.baseline import Baseline, IdleBaseline
from sidecar.breaker import UNTROUBLED, Breaker
from sidecar.ceiling import Ceiling
from sidecar.engines.engine import NOTHING_READ, Model, Reading
from sidecar.facts import BackendSpec, Outcome, ProbeOutcome
from sidecar.first_tokens import NO_FIRST_TOKENS, FirstTokens
from sidecar.health import Health
from sidecar.lengths import NO_LENGTHS, Lengths
from sidecar.levels import Level
from sidecar.memory import NOTHING_REMEMBERED, Memory
from sidecar.predict import NO_FORECAST, Forecast
from sidecar.progress import Pulse
from sidecar.turnover import NO_TURNOVER, Turnover
from sidecar.usual import NOTHING_USUAL, Usual
from sidecar.work import Work


@dataclass(frozen=True, slots=True)
class Status:
    """What a `/status` endpoint said last."""

    at: float
    active_jobs: int
    total_requests: int | None


READING_COUNTS_SECONDS = 6.0
"""Three readings at the usual pace."""


@dataclass(frozen=True, slots=True)
class Outside:
    """Requests of others on a backend: what it said that it works on, less what was ours at that moment."""

    at: float
    running: int
    waiting: int
    counts_seconds: float = READING_COUNTS_SECONDS
    """After that, what others did says nothing about now."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that ended badly, through the backend's fault or because it was full."""

    at: float
    outcome: Outcome


@dataclass(frozen=True)  # without slots: see `changed`
class BackendState:
    """One backend."""

    spec: BackendSpec
    engine: str | None = None
    """Configured or identified; None while `auto` has not found out."""
    engine_version: str | None = None
    assumed_slots: int | None = None
    """Requests at once by the engine's own default, where it has one."""
    slots_per_model: bool = False
    """Whether each model has so many, and they do not share them."""
    models: tuple[Model, ...] | None = None
    memory: Memory = NOTHING_REMEMBERED
    """What has come into memory, or left it, since the models were listed."""
    health: Health = Health()  # noqa: RUF009 - frozen, and the same for all
    probe_outcome: ProbeOutcome | None = None
    health_ms: float | None = None
    """Latency of the last liveness probe, good or bad, rounded to 0.1 ms."""
    health_before_ms: float | None = None
    """Of the probe before that."""
    health_at: float | None = None
    verdict_since: float | None = None
    baseline: Baseline = Baseline()  # noqa: RUF009
    idle_baseline: IdleBaseline = IdleBaseline()  # noqa: RUF009
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
    work: Work = Work()  # noqa: RUF009
    outside: Outside | None = None
    breaker: Breaker = UNTROUBLED
    draining: bool = False
    """The operator wants it to get no new requests."""
    last_model: str | None = None
    """Of the request that was sent last."""
    last_role: str = ""
    forecasts: Mapping[str, Forecast] = field(default_factory=dict)
    """Model → what was measured of its speed here."""
    usual: Mapping[str, Usual] = field(default_factory=dict)
    """Model → how fast it usually is here when it has nothing else to do."""
    inferred_slots: float | None = None
    """Requests at once, as waiting has shown; None before anybody waited."""
    ceiling: Ceiling | None = None
    """The same, as its own statistics have shown; None while they say nothing of requests that wait."""
    turnover: Turnover = NO_TURNOVER
    """How often it has done with a request while it was full."""
    first_tokens: FirstTokens = NO_FIRST_TOKENS
    last_failure: Failure | None = None
    probes: Mapping[ProbeOutcome, int] = field(default_factory=dict)
    monitor_errors: int = 0

    @property
    def name(self) -> str:
        """The backend's name."""
        return self.spec.name

    def changed(self, **changes: Any) -> "BackendState":
        """The same with other values in some fields. Raises TypeError for a field that there is not.

        What `dataclasses.replace` does, in a tenth of its time: it runs for every fact, and every request is three.
        """
        known = self.__dict__
        if not changes.keys() <= known.keys():
            raise TypeError(f"no such field: {', '.join(sorted(changes.keys() - known.keys()))}")
        after = object.__new__(BackendState)
        after.__dict__.update(known)
        after.__dict__.update(changes)
        return after

    def fresh_outside(self, now: float) -> Outside | None:
        """Who else is there, while that still counts."""
        outside = self.outside
        return outside if outside is not None and now - outside.at <= outside.counts_seconds else None

    def outsiders(self, now: float) -> tuple[int, int]:
        """Requests of others that run, and that wait; none where nothing fresh is known."""
        outside = self.fresh_outside(now)
        return (0, 0) if outside is None else (outside.running, outside.waiting)

    def forecast(self, model: str) -> Forecast:
        """What is known of a model's speed here; a guess before anything was measured."""
        return self.forecasts.get(model, NO_FORECAST)

    @property
    def usual_health_ms(self) -> float:
        """What a good health probe usually takes; as long as the backend was hardly ever seen idle, with some load."""
        return self.idle_baseline.median_ms if self.idle_baseline.known else self.baseline.value_ms

    def usual_of(self, model: str) -> Usual:
        """How fast a model usually is here; a guess before anything was measured."""
        return self.usual.get(model, NOTHING_USUAL)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every backend at `now`, in the order of the configuration."""

    now: float
    backends: Mapping[str, BackendState]
    queue_active: int
    inventory: int
    """Changes whenever a backend comes, goes, or changes what it offers; equal numbers mean the same offers."""
    pulses: Mapping[str, Pulse] = field(default_factory=dict)
    """Every backend's live cell. Tokens come too often to be copied: whoever needs them looks before the next await."""
    lengths: Mapping[str, Lengths] = field(default_factory=dict)
    """Role → how long its answers are."""
    models_folded: int = 0
    """Requests whose model has no label of its own (`sidecar.labels`)."""

    def still(self) -> "Snapshot":
        """The same with cells that nobody writes to: for whoever looks later, or from another thread."""
        return replace(self, pulses={name: pulse.still() for name, pulse in self.pulses.items()})

    def lengths_of(self, role: str) -> Lengths:
        """How long the answers of a role are; a guess before there were any."""
        return self.lengths.get(role, NO_LENGTHS)

    def held(self, backend: str) -> Mapping[str, int]:
        """Signal → how many of its thresholds it had reached when that was looked at last."""
        pulse = self.pulses.get(backend)
        return {} if pulse is None else pulse.held

    def transitions(self, backend: str) -> Mapping[Level, int]:
        """Level → how often a backend has come to it from another one."""
        pulse = self.pulses.get(backend)
        return {} if pulse is None else pulse.transitions

    def last_token_at(self, backend: str) -> float | None:
        """When a token last came from a backend; None where none ever came."""
        pulse = self.pulses.get(backend)
        return None if pulse is None else pulse.last_token_at

    def tokens_from(self, backend: str) -> int:
        """Tokens that ever came from a backend."""
        pulse = self.pulses.get(backend)
        return 0 if pulse is None else pulse.tokens
