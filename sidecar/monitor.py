"""The health loop: one supervised, jittered task for each backend.

Rules of this file
- A backend that hangs, dies, lies or answers garbage delays nobody: every backend has a task of its own, and no task
  waits for another.
- The loop survives any exception; it is logged, counted as a fact, and what comes next is still asked.
- It asks and reports facts; what follows from them is not decided here. When a backend was asked last is in the store.
- Never a question that costs tokens unless the rules want an inference probe, one at a time on each backend, and
  never one that would load or wake a model. `load` is no question, and asked for by whoever chooses backends.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sidecar.engines import status
from sidecar.engines.engine import NOTHING_READ, Model, ModelKind, Unreadable
from sidecar.facts import (
    EngineIdentified,
    HealthProbed,
    InferenceProbed,
    LoadAsked,
    LoadEnded,
    LoadRead,
    ModelsListed,
    MonitorFailed,
    StatusRead,
)
from sidecar.health import Verdict
from sidecar.memory import plain
from sidecar.probe import Probed, Prober, engine_for
from sidecar.residency import listed_as
from sidecar.shift_log import ShiftLog
from sidecar.state import BackendState
from sidecar.store import AUTO, AboutOneBackend, Store
from sidecar.verdict_log import VerdictLog

log = logging.getLogger(__name__)

STATUS_ENGINE = "status"
"""The engine whose statistics are the seed's `/status`."""
LOAD_TIMEOUT_SECONDS = 300.0
"""For a model to be loaded that nobody waits for: a large one from a slow disk takes minutes."""
SHORTEST_PAUSE_SECONDS = 0.05
"""Whatever is configured: a loop has to breathe."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how patiently to ask; all in seconds."""

    interval_seconds: float = 30.0
    retry_interval_seconds: float = 5.0
    """Between probes of a backend that is not up, or still loading."""
    stats_interval_seconds: float = 2.0
    jitter_ratio: float = 0.1
    liveness_timeout_seconds: float = 5.0
    stats_timeout_seconds: float = 2.0
    inference_timeout_seconds: float = 30.0


WantsProbe = Callable[[BackendState, float], bool]
"""Whether a real inference probe of a backend is wanted now."""
Sleep = Callable[[float], Awaitable[None]]
"""Waits that many seconds."""


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
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.pace = pace
        self.wants_probe = wants_probe
        self._store = store
        self._prober = prober
        self._clock = clock
        self._random = random
        self._sleep = sleep
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._inferring: set[str] = set()
        self._refused: set[tuple[str, str]] = set()
        store.witness(VerdictLog(store).see)
        store.witness(ShiftLog(store).see)

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
        wanted = {_key(state): state.name for state in self._store.snapshot(self._clock()).backends.values()}
        for key in self._tasks.keys() - wanted.keys():
            self._tasks.pop(key).cancel()
        for key, name in wanted.items():
            if key not in self._tasks:
                self._tasks[key] = asyncio.create_task(self._watch(name), name=f"watch {name}")

    async def refresh(self, *, wants_probe: WantsProbe) -> None:
        """Ask every available backend afresh how busy it is, with an inference probe where `wants_probe` says so."""
        states = self._store.snapshot(self._clock()).backends.values()
        await asyncio.gather(*(self._ask_load(state, wants_probe) for state in states))

    async def load(self, name: str, model: str) -> None:
        """Have a backend load a model, and wait until it has answered; nothing where its engine cannot be asked to.

        One at a time on each backend. What came of it the next list of models tells, which is asked for at once.
        """
        state = self._state(name)
        if state is None or state.memory.asked is not None or (listed := listed_as(state, model)) is None:
            return
        ask = engine_for(state.engine, state.spec).load(listed)
        if ask is None:
            return
        self._report(state, LoadAsked(self._clock(), name, model))
        log.info("loading backend=%s model=%s", name, model)
        try:
            self._note_load(name, model, await self._prober.ask(state.spec, ask, LOAD_TIMEOUT_SECONDS))
            await self._guarded(name, self._list_models(state))
        finally:
            self._report(state, LoadEnded(self._clock(), name, model))

    def _note_load(self, name: str, model: str, probed: Probed) -> None:
        """Say that a model could not be loaded: once, until it could."""
        which = (name, plain(model))
        if probed.answer is not None and 200 <= probed.answer.status < 300:
            self._refused.discard(which)
        elif which not in self._refused:
            self._refused.add(which)
            log.warning("not loaded backend=%s model=%s found=%s", name, model, probed.detail)

    async def _watch(self, name: str) -> None:
        while (state := self._state(name)) is not None:
            if self._liveness_is_due(state):
                await self._round(state)
            else:
                await self._ask_load(state, self.wants_probe)
            await self._sleep(self._pause_seconds(name))

    def _liveness_is_due(self, state: BackendState) -> bool:
        """Whether this tick is the one nearest to when the next liveness probe is due."""
        if state.health_at is None:
            return True
        # A failure is looked into soon, so that three in a row take seconds and not minutes to come together.
        calm = state.health.available and state.health.failures == 0
        every_seconds = self.pace.interval_seconds if calm else self.pace.retry_interval_seconds
        return self._clock() - state.health_at + self._tick_seconds(state) / 2 >= every_seconds

    def _tick_seconds(self, state: BackendState) -> float:
        """Seconds from one look at a backend to the next: for statistics, or for a sign of life."""
        if state.health.available:
            return min(self.pace.stats_interval_seconds, self.pace.interval_seconds)
        return self.pace.retry_interval_seconds

    def _pause_seconds(self, name: str) -> float:
        state = self._state(name)
        if state is None:
            return SHORTEST_PAUSE_SECONDS
        # Jitter keeps the probes of many routers from marching in step.
        jitter = 1 + self.pace.jitter_ratio * (2 * self._random() - 1)
        return max(SHORTEST_PAUSE_SECONDS, self._tick_seconds(state) * jitter)

    async def _round(self, state: BackendState) -> None:
        """Who is it, does it live, what does it offer, how busy is it. Each is asked whatever became of the others."""
        if state.spec.engine == AUTO and not _is_well(state):
            await self._guarded(state.name, self._identify(state))
        await self._guarded(state.name, self._liveness(state.name))
        alive = self._state(state.name)
        if alive is not None and alive.health.available:
            await self._guarded(alive.name, self._list_models(alive))
            await self._guarded(alive.name, self._look_for_status(alive))
            await self._ask_load(alive, self.wants_probe)

    async def _ask_load(self, state: BackendState, wants_probe: WantsProbe) -> None:
        if state.health.available:
            await self._guarded(state.name, self._read_stats(state))
            await self._guarded(state.name, self._infer(state.name, wants_probe))

    async def _guarded(self, name: str, asking: Awaitable[None]) -> None:
        try:
            await asking
        except Exception:
            log.exception("watching failed backend=%s", name)
            self._store.apply(MonitorFailed(self._clock(), name))

    async def _identify(self, state: BackendState) -> None:
        identity = await self._prober.identity(state.spec, self.pace.stats_timeout_seconds)
        if identity is not None:
            self._report(state, EngineIdentified(self._clock(), state.name, identity.engine, identity.version))

    async def _liveness(self, name: str) -> None:
        state = self._state(name)
        if state is None:
            return
        engine = engine_for(state.engine, state.spec)
        probed = await self._prober.liveness(state.spec, engine, self.pace.liveness_timeout_seconds)
        log.debug("backend=%s probe=%s latency_ms=%s %s", name, probed.outcome, probed.latency_ms, probed.detail)
        self._report(state, HealthProbed(self._clock(), name, probed.outcome, probed.latency_ms))

    async def _list_models(self, state: BackendState) -> None:
        engine = engine_for(state.engine, state.spec)
        answers = await self._prober.answers(state.spec, engine.models, self.pace.stats_timeout_seconds)
        try:
            models = engine.read_models(answers)
        except Unreadable as error:
            log.debug("models unreadable backend=%s found=%s", state.name, error)
            return
        self._report(state, ModelsListed(self._clock(), state.name, models))
        offered, before = ([model.offer for model in listed or ()] for listed in (models, state.models))
        if state.spec.engine == AUTO and state.models is not None and offered != before:
            # Other models may mean other software: one that took the port between two probes.
            await self._identify(state)

    async def _look_for_status(self, state: BackendState) -> None:
        """A server that tells no load itself may have a `maek sidecar` before it, which does."""
        engine = engine_for(state.engine, state.spec)
        if state.status is None and not engine.asks():
            await self._read_status(state)

    async def _read_status(self, state: BackendState) -> None:
        (answer,) = await self._prober.answers(state.spec, (status.STATUS,), self.pace.stats_timeout_seconds)
        if answer is None:
            return
        try:
            reading = status.read_status(answer)
        except Unreadable:
            reading = NOTHING_READ
        if reading != NOTHING_READ or state.status is not None:
            fact = StatusRead(self._clock(), state.name, reading.active_jobs, reading.total_requests)
            self._report(state, fact)

    async def _read_stats(self, state: BackendState) -> None:
        engine = engine_for(state.engine, state.spec)
        if state.status is not None and engine.name != STATUS_ENGINE:
            await self._read_status(state)
        answers = await self._prober.stats(state.spec, engine, self.pace.stats_timeout_seconds)
        if all(answer is None for answer in answers):
            return  # Too busy to say, or nothing to ask: the last reading counts until it is stale.
        try:
            reading = engine.read_stats(answers)
        except Unreadable as error:
            log.debug("statistics unreadable backend=%s found=%s", state.name, error)
            return
        now = self._clock()
        if engine.name == STATUS_ENGINE:
            self._report(state, StatusRead(now, state.name, reading.active_jobs, reading.total_requests))
        else:
            self._report(state, LoadRead(now, state.name, reading))

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
        self._report(state, InferenceProbed(self._clock(), name, latency_ms))

    def _report(self, asked: BackendState, fact: AboutOneBackend) -> None:
        """Hand in what was learnt; not if the backend moved meanwhile, for then it says nothing about the new place."""
        known = self._state(asked.name)
        if known is not None and known.spec.url == asked.spec.url:
            self._store.apply(fact)

    def _state(self, name: str) -> BackendState | None:
        return self._store.snapshot(self._clock()).backends.get(name)


def awake_model(state: BackendState) -> str | None:
    """A chat model that a probe may ask without loading it; None if the backend is not known to have one awake.

    Where a server does not say what is in memory, the model that the operator named for it is taken for awake: it is
    the one that every request of that role asks for. Any other might be loaded in its place.
    """
    configured = set(state.spec.models.values())
    awake = [
        model
        for model in state.models or ()
        if model.kind is ModelKind.CHAT and (model.loaded or (model.loaded is None and model.name in configured))
    ]
    chosen = min(awake, key=lambda model: _cost(model, configured), default=None)
    return None if chosen is None else chosen.name


def _cost(model: Model, configured: set[str]) -> tuple[bool, float]:
    """Configured models first, then the smallest: the cheapest question that says something."""
    return (model.name not in configured, model.parameters or 0.0)


def _is_well(state: BackendState) -> bool:
    """Up, and its last probe was good: so the software there is the one that it was."""
    return state.engine is not None and state.health.verdict is Verdict.UP and state.health.failures == 0


def _key(state: BackendState) -> str:
    """A task belongs to a backend at its URL: one that moved gets a new task."""
    return f"{state.name} {state.spec.url} {state.spec.engine}"
