"""The health loop: one supervised, jittered task for each backend.

Rules of this file
- A backend that hangs, dies, lies or answers garbage delays nobody: every backend has a task of its own, and no task
  waits for another.
- The loop survives any exception; it is logged, counted as a fact, and the next round begins.
- It asks and reports facts; what follows from them is not decided here.
- Never a question that costs tokens unless the rules want an inference probe, one at a time on each backend, and
  never one that would load or wake a model.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sidecar.engines import detect
from sidecar.engines.engine import Model, ModelKind, Unreadable
from sidecar.facts import (
    EngineIdentified,
    HealthProbed,
    InferenceProbed,
    LoadRead,
    ModelsListed,
    MonitorFailed,
    StatusRead,
)
from sidecar.health import Verdict
from sidecar.probe import Prober, engine_for
from sidecar.state import BackendState
from sidecar.store import AUTO, Store

log = logging.getLogger(__name__)

STATUS_ENGINE = "status"
"""The engine whose statistics are the seed's `/status`."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how patiently to ask; all in seconds."""

    interval_seconds: float = 30.0
    retry_interval_seconds: float = 5.0
    """Between probes of a backend that is not up."""
    stats_interval_seconds: float = 5.0
    jitter_ratio: float = 0.1
    liveness_timeout_seconds: float = 5.0
    stats_timeout_seconds: float = 2.0
    inference_timeout_seconds: float = 30.0


WantsProbe = Callable[[BackendState, float], bool]
"""Whether a real inference probe of a backend is wanted now."""


class Monitor:
    """Watches the backends of a store. `random` gives numbers in 0..1; `clock` monotonic seconds."""

    def __init__(
        self,
        store: Store,
        prober: Prober,
        clock: Callable[[], float],
        random: Callable[[], float],
        pace: Pace,
        wants_probe: WantsProbe,
    ) -> None:
        self.pace = pace
        self.wants_probe = wants_probe
        self._store = store
        self._prober = prober
        self._clock = clock
        self._random = random
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._inferring: set[str] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watches for as long as the context lasts."""
        self.reconcile()
        try:
            yield
        finally:
            tasks, self._tasks = list(self._tasks.values()), {}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def reconcile(self) -> None:
        """Give every backend of the store its task, and end the tasks of those that are gone or moved."""
        states = self._store.snapshot(self._clock()).backends
        for key in [key for key in self._tasks if key not in map(_key, states.values())]:
            self._tasks.pop(key).cancel()
        for state in states.values():
            if _key(state) not in self._tasks:
                self._tasks[_key(state)] = asyncio.create_task(self._watch(state.name), name=f"watch {state.name}")

    async def probe_all(self) -> None:
        """One round of every backend now, and wait for it: for the start, so that the first answer knows the fleet."""
        await asyncio.gather(*(self._guarded(name, self._round) for name in self._names()))

    async def refresh(self, *, wants_probe: WantsProbe) -> None:
        """Ask every available backend afresh how busy it is, with an inference probe where `wants_probe` says so."""
        await asyncio.gather(*(self._guarded(name, lambda n: self._ask_load(n, wants_probe)) for name in self._names()))

    def _names(self) -> list[str]:
        return list(self._store.snapshot(self._clock()).backends)

    def _state(self, name: str) -> BackendState | None:
        return self._store.snapshot(self._clock()).backends.get(name)

    async def _watch(self, name: str) -> None:
        next_liveness = self._clock()
        while (state := self._state(name)) is not None:
            if self._clock() >= next_liveness or state.health.verdict is not Verdict.UP:
                await self._guarded(name, self._round)
                next_liveness = self._clock() + self.pace.interval_seconds
            else:
                await self._guarded(name, lambda n: self._ask_load(n, self.wants_probe))
            await asyncio.sleep(self._pause(name, next_liveness))

    def _pause(self, name: str, next_liveness: float) -> float:
        """Seconds until there is something to ask: statistics, a retry, or the next liveness probe."""
        state = self._state(name)
        up = state is not None and state.health.available
        pause = self.pace.stats_interval_seconds if up else self.pace.retry_interval_seconds
        pause = min(pause, max(0.0, next_liveness - self._clock()))
        # Jitter keeps the probes of many routers from marching in step. Never zero: a loop has to breathe.
        return max(0.05, pause * (1 + self.pace.jitter_ratio * (2 * self._random() - 1)))

    async def _guarded(self, name: str, ask: Callable[[str], "asyncio.Future[None] | object"]) -> None:
        try:
            await ask(name)  # type: ignore[misc]
        except Exception:
            log.exception("watching failed backend=%s", name)
            self._store.apply(MonitorFailed(self._clock(), name))

    async def _round(self, name: str) -> None:
        """Who is it, does it live, what does it offer, how busy is it."""
        state = self._state(name)
        if state is None:
            return
        if state.spec.engine == AUTO and state.health.verdict is not Verdict.UP:
            await self._identify(state)
        await self._liveness(name)
        state = self._state(name)
        if state is not None and state.health.available:
            await self._list_models(state)
            await self._ask_load(name, self.wants_probe)

    async def _identify(self, state: BackendState) -> None:
        answers = await self._prober.answers(state.spec, detect.QUESTIONS, self.pace.stats_timeout_seconds)
        identity = detect.identify(answers)
        if identity is not None:
            self._store.apply(EngineIdentified(self._clock(), state.name, identity.engine, identity.version))

    async def _liveness(self, name: str) -> None:
        before = self._state(name)
        if before is None:
            return
        probed = await self._prober.liveness(before.spec, engine_for(before.engine), self.pace.liveness_timeout_seconds)
        self._store.apply(HealthProbed(self._clock(), name, probed.outcome, probed.latency_ms))
        after = self._state(name)
        if after is not None and after.health.verdict is not before.health.verdict:
            log.info(
                "backend=%s roles=%s verdict=%s latency_ms=%s detail=%s",
                name,
                ",".join(after.spec.models) or "-",
                after.health.verdict.upper(),
                probed.latency_ms,
                probed.detail,
            )

    async def _list_models(self, state: BackendState) -> None:
        engine = engine_for(state.engine)
        answers = await self._prober.answers(state.spec, engine.models, self.pace.stats_timeout_seconds)
        try:
            models = engine.read_models(answers)
        except Unreadable as error:
            log.debug("models unreadable backend=%s found=%s", state.name, error)
            return
        self._store.apply(ModelsListed(self._clock(), state.name, models))

    async def _ask_load(self, name: str, wants_probe: WantsProbe) -> None:
        state = self._state(name)
        if state is None or not state.health.available:
            return
        await self._read_stats(state)
        await self._infer(name, wants_probe)

    async def _read_stats(self, state: BackendState) -> None:
        engine = engine_for(state.engine)
        answers = await self._prober.answers(state.spec, engine.stats, self.pace.stats_timeout_seconds)
        if all(answer is None for answer in answers):
            return  # Too busy to say, or nothing to ask: the last reading counts until it is stale.
        try:
            reading = engine.read_stats(answers)
        except Unreadable as error:
            log.debug("statistics unreadable backend=%s found=%s", state.name, error)
            return
        if engine.name == STATUS_ENGINE:
            self._store.apply(StatusRead(self._clock(), state.name, reading.active_jobs, reading.total_requests))
        else:
            self._store.apply(LoadRead(self._clock(), state.name, reading))

    async def _infer(self, name: str, wants_probe: WantsProbe) -> None:
        state = self._state(name)
        if state is None or name in self._inferring or not wants_probe(state, self._clock()):
            return
        model = awake_model(state)
        if model is None:
            return
        self._inferring.add(name)
        try:
            latency_ms = await self._prober.inference_ms(state.spec, model, self.pace.inference_timeout_seconds)
        finally:
            self._inferring.discard(name)
        self._store.apply(InferenceProbed(self._clock(), name, latency_ms))


def awake_model(state: BackendState) -> str | None:
    """A chat model that a probe may ask without loading it; None if the backend is not known to have one awake."""
    chat = [model for model in state.models or () if model.kind is ModelKind.CHAT and model.loaded is not False]
    wanted = set(state.spec.models.values())
    return next((model.name for model in sorted(chat, key=lambda m: _preference(m, wanted))), None)


def _preference(model: Model, wanted: set[str]) -> tuple[bool, float]:
    """Configured models first, then the smallest: the cheapest question that says something."""
    return (model.name not in wanted, model.parameters or 0.0)


def _key(state: BackendState) -> str:
    """A task belongs to a backend at its URL: one that moved gets a new task."""
    return f"{state.name} {state.spec.url} {state.spec.engine}"
