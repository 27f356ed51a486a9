"""THE owner of everything known about backends: facts enter by `apply`, knowledge leaves by `snapshot`.

Rules of this file
- Nothing else in the process holds state about a backend. Metrics, JSON and routing are projections of a snapshot.
- `apply` is total: a fact about a backend that is not (any longer) known changes nothing, and the end of a request
  counts once. So started = in flight + finished after any sequence of facts.
- No clock, no I/O, no `await`: one event loop, one owner, no locks.
- Tokens are too many to be facts. Who sends a request gets its `Progress` and writes tokens there; the store owns it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import assert_never

from sidecar import habits
from sidecar.ceiling import after_reading
from sidecar.engines import ENGINES
from sidecar.engines.engine import Model
from sidecar.facts import (
    BackendAdded,
    BackendRemoved,
    BackendSpec,
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
    Outcome,
    ProbeOutcome,
    QueueChanged,
    RequestFinished,
    RequestStarted,
    StatusRead,
)
from sidecar.health import EVIDENCE_OF_PROBE, EVIDENCE_OF_REQUEST, Evidence, Health
from sidecar.kin import with_kin
from sidecar.labels import ModelLabels
from sidecar.lengths import NO_LENGTHS, Lengths
from sidecar.load import DEFAULT_RULES, classify, levels_held
from sidecar.prefixes import Prefixes
from sidecar.progress import Progress, Pulse, Rhythm
from sidecar.requests import ended, outside_of, started, with_first_token
from sidecar.residency import with_load_ended
from sidecar.state import BackendState, Outside, Snapshot, Status
from sidecar.work import Work

AUTO = "auto"
HOLD_SECONDS = 0.1
"""Levels are looked at no more often than this when facts come; a peak that is shorter leaves nothing to hold on to,
and is no transition."""

AboutOneBackend = (
    EngineIdentified
    | ModelsListed
    | HealthProbed
    | StatusRead
    | LoadRead
    | InferenceProbed
    | MonitorFailed
    | RequestStarted
    | FirstTokenCame
    | RequestFinished
    | DrainSwitched
    | LoadAsked
    | LoadEnded
)


class Store:
    """Owner of the backends' states. `failures_to_down` ≥ 1: failed probes in a row that take a backend down."""

    def __init__(self, failures_to_down: int = 3) -> None:
        self.failures_to_down = failures_to_down
        self.rules = DEFAULT_RULES
        """Of load: what it takes to reach a level, and for how long a reading counts."""
        self._states: dict[str, BackendState] = {}
        self._told: tuple[Mapping[str, BackendState], Mapping[str, Pulse]] | None = None
        """Copies for snapshots, until something happens."""
        self._pulses: dict[str, Pulse] = {}
        self._lengths: Mapping[str, Lengths] = {}
        self._queue_active = 0
        self._inventory = 0
        self._labels = ModelLabels()
        self._witnesses: list[Callable[[Fact], None]] = []

    def witness(self, see: Callable[[Fact], None]) -> Callable[[], None]:
        """Let `see` be called with every fact, in the order of their coming, until what this returns is called."""
        self._witnesses.append(see)
        return lambda: self._witnesses.remove(see)

    def apply(self, fact: Fact) -> None:
        """Take in one fact."""
        self._told = None
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
        if self._told is None:
            self._told = dict(self._states), dict(self._pulses)
        states, pulses = self._told
        return Snapshot(
            now, states, self._queue_active, self._inventory, pulses, self._lengths, models_folded=self._labels.folded
        )

    def look(self, clock: Callable[[], float]) -> Iterator[None]:
        """Count the levels that time alone has changed, backend by backend: whoever tells levels does so first."""
        for name in tuple(self._states):
            if (state := self._states.get(name)) is not None:  # nobody took it away in between
                self._pulses[name].stands_at(classify(state, self.snapshot(clock()), self.rules).level)
            yield

    def progress(self, backend: str, request: str) -> Progress | None:
        """Where to write the tokens of a request in flight; None once it has ended."""
        pulse = self._pulses.get(backend)
        return None if pulse is None else pulse.places.get(request)

    def rhythm(self, backend: str) -> Rhythm:
        """What the cells of a backend say at this moment, as a value."""
        pulse = self._pulses.get(backend)
        return Rhythm() if pulse is None else pulse.rhythm

    def recall(self, backend: str, rhythm: Rhythm) -> None:
        """Let the cells of a backend say what they said when the facts were recorded."""
        if backend in self._pulses:
            self._pulses[backend].recall(rhythm)

    def _add(self, spec: BackendSpec) -> None:
        known = self._states.get(spec.name)
        engine = None if spec.engine == AUTO else spec.engine
        if known is not None and known.spec.url == spec.url and known.spec.engine == spec.engine:
            self._states[spec.name] = known.changed(spec=spec)
        else:
            # Requests that still run at the old place keep theirs here: what begins, ends.
            work, draining = (Work(), False) if known is None else (known.work, known.draining)
            self._states[spec.name] = BackendState(
                spec,
                engine=engine,
                assumed_slots=_assumed_slots(engine),
                slots_per_model=_slots_per_model(engine),
                work=work,
                draining=draining,
            )
            self._pulses.setdefault(spec.name, Pulse()).move()
        self._labels.name(spec.name, spec.models.values())
        self._inventory += 1

    def _remove(self, backend: str) -> None:
        if self._states.pop(backend, None) is not None:
            self._inventory += 1
        self._pulses.pop(backend, None)
        self._labels.forget(backend)

    def _change(self, fact: AboutOneBackend) -> None:
        state = self._states.get(fact.backend)
        if state is None:
            return
        after = self._after(state, fact)
        if after.engine != state.engine or _offers_differ(after.models, state.models):
            self._inventory += 1
        if after.forecasts is not state.forecasts:
            for model, forecast in after.forecasts.items():
                if state.forecasts.get(model) is not forecast:
                    after = self._with_kin(after, model)
        self._states[fact.backend] = after
        self._hold(after, fact.at)

    def _hold(self, state: BackendState, at: float) -> None:
        """Remember what levels the signals have reached: they are held on to a little below; and what that makes."""
        pulse = self._pulses[state.spec.name]
        if at >= pulse.held_at + HOLD_SECONDS:
            now = Snapshot(at, self._states, self._queue_active, self._inventory, self._pulses, self._lengths)
            load = classify(state, now, self.rules)
            pulse.held, pulse.held_at = levels_held(load), at
            pulse.stands_at(load.level)

    def _after(self, state: BackendState, fact: AboutOneBackend) -> BackendState:
        match fact:
            case EngineIdentified():
                return _identified(state, fact)
            case ModelsListed():
                memory = state.memory.after_listing(fact.at, fact.models, busy=state.work.in_flight > 0)
                return state.changed(models=fact.models, memory=memory)
            case HealthProbed():
                return self._probed(state, fact)
            case StatusRead():
                return state.changed(status=_status(fact), outside=self._outside(state, fact.at, fact.active_jobs, 0))
            case LoadRead(reading=reading):
                outside = self._outside(state, fact.at, reading.active_jobs, reading.waiting or 0)
                ceiling = after_reading(state.ceiling, fact.at, reading)
                return state.changed(reading=reading, reading_at=fact.at, outside=outside, ceiling=ceiling)
            case InferenceProbed():
                return _inferred(state, fact)
            case MonitorFailed():
                return state.changed(monitor_errors=state.monitor_errors + 1)
            case RequestStarted():
                return self._started(state, fact)
            case FirstTokenCame():
                return self._began(state, fact)
            case RequestFinished():
                return self._finished(state, fact)
            case DrainSwitched() | LoadAsked() | LoadEnded():
                return _wanted(state, fact)
            case _:
                assert_never(fact)

    def _outside(self, state: BackendState, at: float, active_jobs: int | None, waiting: int) -> Outside | None:
        return outside_of(state, at, active_jobs, waiting, self.rules.reading_max_age_seconds)

    def _with_kin(self, state: BackendState, model: str) -> BackendState:
        """The state with what other machines with the same model have measured, as far as they are like it."""
        others = [
            other.forecasts[model]
            for other in self._states.values()
            if other.spec.name != state.spec.name and model in other.forecasts
        ]
        if not others:
            return state
        return state.changed(forecasts={**state.forecasts, model: with_kin(state.forecasts[model], others)})

    def _probed(self, state: BackendState, fact: HealthProbed) -> BackendState:
        latency_ms = round(fact.latency_ms, 1)
        good = fact.outcome is ProbeOutcome.OK
        idle = not state.work.in_flight and state.outsiders(fact.at) == (0, 0)
        health = state.health.after(EVIDENCE_OF_PROBE[fact.outcome], self.failures_to_down)
        return state.changed(
            health=health,
            verdict_since=_since(state, health, fact.at),
            probe_outcome=fact.outcome,
            health_ms=latency_ms,
            health_before_ms=state.health_ms,
            health_at=fact.at,
            baseline=state.baseline.after(latency_ms) if good else state.baseline,
            idle_baseline=state.idle_baseline.after(latency_ms) if good and idle else state.idle_baseline,
            probes={**state.probes, fact.outcome: state.probes.get(fact.outcome, 0) + 1},
        )

    def _started(self, state: BackendState, fact: RequestStarted) -> BackendState:
        pulse = self._pulses[fact.backend]
        if fact.request in pulse.places:
            return state
        told_as = self._labels.label(fact.backend, fact.model, (model.name for model in state.models or ()))
        booking, after = started(state, fact, pulse.cached_tokens(fact.model, fact.blocks), told_as)
        if fact.blocks:
            pulse.prefixes.setdefault(fact.model, Prefixes()).note(fact.blocks)
        pulse.places[fact.request] = Progress(fact.at, pulse, booking)
        return after

    def _began(self, state: BackendState, fact: FirstTokenCame) -> BackendState:
        place = self.progress(fact.backend, fact.request)
        if place is None:
            return state
        usual = habits.after_first_token(state, place, fact)
        after = with_first_token(state, place, fact)
        if place.moved:
            return after
        # Whoever answers lives, is awake and has loaded, whatever a probe found that had to wait behind the answer.
        health = state.health.after(Evidence.ALIVE, self.failures_to_down)
        if after is state and health is state.health and usual is state.usual:
            return state  # as with every answer in one piece
        return after.changed(health=health, verdict_since=_since(state, health, fact.at), usual=usual)

    def _finished(self, state: BackendState, fact: RequestFinished) -> BackendState:
        place = self._pulses[fact.backend].places.pop(fact.request, None)
        if place is None:
            return state
        if fact.outcome is Outcome.OK and fact.output_tokens:
            role = place.booking.role
            known = self._lengths.get(role, NO_LENGTHS)
            # A new mapping: snapshots hold the one that was theirs.
            self._lengths = {**self._lengths, role: known.after(fact.output_tokens, place.booking.prompt_tokens)}
        # A success of a server that is loading or asleep ends that; one that was never probed is up.
        evidence = Evidence.SILENT if place.moved else EVIDENCE_OF_REQUEST[fact.outcome]
        health = state.health.after(evidence, self.failures_to_down)
        lengths = self._lengths.get(place.booking.role, NO_LENGTHS)
        usual = habits.after_end(state, place, fact, lengths.prompts_ratio)
        after = ended(state, place, fact)
        return after.changed(health=health, verdict_since=_since(state, health, fact.at), usual=usual)


def _wanted(state: BackendState, fact: DrainSwitched | LoadAsked | LoadEnded) -> BackendState:
    """What its operator or we want of a backend, whatever it does itself."""
    match fact:
        case DrainSwitched():
            return state.changed(draining=fact.draining)
        case LoadAsked():
            return state.changed(memory=state.memory.after_load_asked(fact.at, fact.model))
        case LoadEnded():
            return with_load_ended(state, fact)
        case _:
            assert_never(fact)


def _identified(state: BackendState, fact: EngineIdentified) -> BackendState:
    known = state if state.engine in (None, fact.engine) else _without_readings(state)
    return known.changed(
        engine=fact.engine,
        engine_version=fact.version,
        assumed_slots=_assumed_slots(fact.engine),
        slots_per_model=_slots_per_model(fact.engine),
    )


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
        breaker=state.breaker,
        draining=state.draining,
        probes=state.probes,
        monitor_errors=state.monitor_errors,
    )


def _status(fact: StatusRead) -> Status | None:
    return None if fact.active_jobs is None else Status(fact.at, fact.active_jobs, fact.total_requests)


def _inferred(state: BackendState, fact: InferenceProbed) -> BackendState:
    if fact.latency_ms < 0:
        return state.changed(inference_ms=fact.latency_ms, inference_at=fact.at)
    return state.changed(
        inference_ms=fact.latency_ms,
        inference_at=fact.at,
        good_inference_ms=fact.latency_ms,
        good_inference_at=fact.at,
    )


def _offers_differ(one: tuple[Model, ...] | None, other: tuple[Model, ...] | None) -> bool:
    if one is other:
        return False  # as with nearly every fact, of which there are many
    return one is None or other is None or [model.offer for model in one] != [model.offer for model in other]


def _since(state: BackendState, health: Health, at: float) -> float | None:
    return state.verdict_since if health.verdict is state.health.verdict else at


def _assumed_slots(engine: str | None) -> int | None:
    known = None if engine is None else ENGINES.get(engine)
    return None if known is None else known.assumed_slots


def _slots_per_model(engine: str | None) -> bool:
    known = None if engine is None else ENGINES.get(engine)
    return known is not None and known.slots_per_model
