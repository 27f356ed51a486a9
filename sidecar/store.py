"""THE owner of everything known about backends: facts enter by `apply`, knowledge leaves by `snapshot`.

Rules of this file
- Nothing else in the process holds state about a backend. Metrics, JSON and routing are projections of a snapshot.
- `apply` is total: a fact about a backend that is not (any longer) known changes nothing, and the end of a request
  counts once. So started = in flight + finished after any sequence of facts.
- No clock, no I/O, no `await`: one event loop, one owner, no locks.
- Tokens are too many to be facts. Who sends a request gets its `Progress` and writes tokens there; the store owns it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from sidecar.engines import ENGINES
from sidecar.facts import (
    BackendAdded,
    BackendRemoved,
    BackendSpec,
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
from sidecar.health import EVIDENCE_OF_PROBE, EVIDENCE_OF_REQUEST, Health
from sidecar.state import BackendState, Snapshot, Status, Work

AUTO = "auto"

AboutOneBackend = (
    EngineIdentified
    | ModelsListed
    | HealthProbed
    | StatusRead
    | LoadRead
    | InferenceProbed
    | MonitorFailed
    | RequestStarted
    | RequestFinished
)


class Pulse:
    """When a token last came from a backend, over all its requests."""

    __slots__ = ("last_token_at",)

    def __init__(self) -> None:
        self.last_token_at: float | None = None


class Progress:
    """How far one request in flight has come. Written at every chunk, so a plain object and not a fact."""

    __slots__ = ("_pulse", "first_at", "last_at", "started_at", "tokens")

    def __init__(self, started_at: float, pulse: Pulse) -> None:
        self._pulse = pulse
        self.started_at = started_at
        self.first_at: float | None = None
        """When the first token came."""
        self.last_at: float | None = None
        self.tokens = 0
        """Chunks of the answer so far; engines send one token a chunk, or a few."""

    def token(self, now: float) -> None:
        """A chunk of the answer came at `now`."""
        if self.first_at is None:
            self.first_at = now
        self.last_at = now
        self._pulse.last_token_at = now
        self.tokens += 1


class Store:
    """Owner of the backends' states. `failures_to_down` ≥ 1: failed probes in a row that take a backend down."""

    def __init__(self, failures_to_down: int = 3) -> None:
        self.failures_to_down = failures_to_down
        self._states: dict[str, BackendState] = {}
        self._places: dict[str, dict[str, Progress]] = {}
        self._pulses: dict[str, Pulse] = {}
        self._queue_active = 0
        self._inventory = 0
        self._witnesses: list[Callable[[Fact], None]] = []

    def witness(self, see: Callable[[Fact], None]) -> Callable[[], None]:
        """Let `see` be called with every fact, in the order of their coming, until what this returns is called."""
        self._witnesses.append(see)
        return lambda: self._witnesses.remove(see)

    def apply(self, fact: Fact) -> None:
        """Take in one fact."""
        match fact:
            case BackendAdded():
                self._add(fact.spec)
            case BackendRemoved():
                self._remove(fact.backend)
            case QueueChanged():
                self._queue_active = fact.active
            case _:
                self._change(fact)
        for see in self._witnesses:
            see(fact)

    def snapshot(self, now: float) -> Snapshot:
        """Everything known at `now`: a value that later facts do not change."""
        tokens = {name: pulse.last_token_at for name, pulse in self._pulses.items() if pulse.last_token_at is not None}
        return Snapshot(now, dict(self._states), self._queue_active, self._inventory, tokens)

    def progress(self, backend: str, request: str) -> Progress | None:
        """Where to write the tokens of a request in flight; None once it has ended."""
        return self._places.get(backend, {}).get(request)

    def _add(self, spec: BackendSpec) -> None:
        known = self._states.get(spec.name)
        engine = None if spec.engine == AUTO else spec.engine
        if known is not None and known.spec.url == spec.url and known.spec.engine == spec.engine:
            self._states[spec.name] = replace(known, spec=spec)
        else:
            # Requests that still run on the old URL keep their place: what begins, ends.
            work = Work() if known is None else known.work
            self._states[spec.name] = BackendState(spec, engine=engine, assumed_slots=_assumed_slots(engine), work=work)
            self._places.setdefault(spec.name, {})
            self._pulses.setdefault(spec.name, Pulse())
        self._inventory += 1

    def _remove(self, backend: str) -> None:
        if self._states.pop(backend, None) is not None:
            self._inventory += 1
        self._places.pop(backend, None)
        self._pulses.pop(backend, None)

    def _change(self, fact: AboutOneBackend) -> None:
        state = self._states.get(fact.backend)
        if state is None:
            return
        after = self._after(state, fact)
        if after.engine != state.engine or after.models != state.models:
            self._inventory += 1
        self._states[fact.backend] = after

    def _after(self, state: BackendState, fact: AboutOneBackend) -> BackendState:
        match fact:
            case EngineIdentified():
                return _identified(state, fact)
            case ModelsListed():
                return replace(state, models=fact.models)
            case HealthProbed():
                return self._probed(state, fact)
            case StatusRead():
                return replace(state, status=_status(fact))
            case LoadRead():
                return replace(state, reading=fact.reading, reading_at=fact.at)
            case InferenceProbed():
                return _inferred(state, fact)
            case MonitorFailed():
                return replace(state, monitor_errors=state.monitor_errors + 1)
            case RequestStarted():
                return self._started(state, fact)
            case RequestFinished():
                return self._finished(state, fact)
            case _:
                assert_never(fact)

    def _probed(self, state: BackendState, fact: HealthProbed) -> BackendState:
        latency_ms = round(fact.latency_ms, 1)
        good = fact.outcome is ProbeOutcome.OK
        health = state.health.after(EVIDENCE_OF_PROBE[fact.outcome], self.failures_to_down)
        return replace(
            state,
            health=health,
            verdict_since=_since(state, health, fact.at),
            probe_outcome=fact.outcome,
            health_ms=latency_ms,
            health_at=fact.at,
            baseline=state.baseline.after(latency_ms) if good else state.baseline,
            probes={**state.probes, fact.outcome: state.probes.get(fact.outcome, 0) + 1},
        )

    def _started(self, state: BackendState, fact: RequestStarted) -> BackendState:
        places = self._places[fact.backend]
        if fact.request in places:
            return state
        places[fact.request] = Progress(fact.at, self._pulses[fact.backend])
        work = state.work
        return replace(state, work=Work(work.started + 1, work.in_flight + 1, work.finished))

    def _finished(self, state: BackendState, fact: RequestFinished) -> BackendState:
        if self._places[fact.backend].pop(fact.request, None) is None:
            return state
        work = state.work
        finished = {**work.finished, fact.outcome: work.finished.get(fact.outcome, 0) + 1}
        # A success of a server that is loading or asleep ends that; one that was never probed is up.
        health = state.health.after(EVIDENCE_OF_REQUEST[fact.outcome], self.failures_to_down)
        return replace(
            state,
            work=Work(work.started, work.in_flight - 1, finished),
            health=health,
            verdict_since=_since(state, health, fact.at),
        )


def _identified(state: BackendState, fact: EngineIdentified) -> BackendState:
    known = state if state.engine in (None, fact.engine) else _without_readings(state)
    slots = _assumed_slots(fact.engine)
    return replace(known, engine=fact.engine, engine_version=fact.version, assumed_slots=slots)


def _without_readings(state: BackendState) -> BackendState:
    """What stays known once other software answers at the same URL: whether it lives, and our own work there."""
    return BackendState(
        state.spec,
        health=state.health,
        probe_outcome=state.probe_outcome,
        health_ms=state.health_ms,
        health_at=state.health_at,
        verdict_since=state.verdict_since,
        work=state.work,
        probes=state.probes,
        monitor_errors=state.monitor_errors,
    )


def _status(fact: StatusRead) -> Status | None:
    return None if fact.active_jobs is None else Status(fact.at, fact.active_jobs, fact.total_requests)


def _inferred(state: BackendState, fact: InferenceProbed) -> BackendState:
    if fact.latency_ms < 0:
        return replace(state, inference_ms=fact.latency_ms, inference_at=fact.at)
    return replace(
        state,
        inference_ms=fact.latency_ms,
        inference_at=fact.at,
        good_inference_ms=fact.latency_ms,
        good_inference_at=fact.at,
    )


def _since(state: BackendState, health: Health, at: float) -> float | None:
    return state.verdict_since if health.verdict is state.health.verdict else at


def _assumed_slots(engine: str | None) -> int | None:
    known = None if engine is None else ENGINES.get(engine)
    return None if known is None else known.assumed_slots
