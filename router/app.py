"""The composition root: builds everything, holds the store, and rebuilds what a new configuration changes.

Rules of this file
- Only this file holds the store. Everybody else gets the few of its methods that he needs.
- What lives as long as the process (connections, sessions, the store) is made once and closed in the reverse order;
  what a configuration means is a `Service`, made anew at every reload.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import aiohttp
from prometheus_client import CollectorRegistry

from router.balance.admission import Line
from router.balance.choice import Choice
from router.balance.demand import Priority
from router.balance.policies import PolicyName
from router.config import Config
from router.config_roles import PriorityName
from router.decider import Decider
from router.decisions import DecisionLog, record_json
from router.dispatch import Dispatcher
from router.documents.keeping import keep_fresh
from router.embedded import embedded_model
from router.fleet import Fleet
from router.flight.recording import FlightRecording
from router.gate import Gate
from router.jobbing import at_work, job_settings, jobs_for
from router.jobs.jobs import Jobs
from router.keys import Keys
from router.learning.keeping import Keeping
from router.lending import LentModels
from router.loop_lag import watch_the_loop
from router.mcp.servers import McpServers
from router.occupancy import Occupancy
from router.prewarming import Prewarmer
from router.relay import Relay
from router.request_metrics import RequestMetrics
from router.service import Current, Service
from router.sessions.store import SessionStore, epoch_seconds
from router.spending import Spending
from router.talks import Rooms, Talks, rooms_of
from router.telemetry import Telemetry, registry_of_process
from router.toolbox import toolbox
from router.tracing import exemplar
from router.tracing_switch import Tracing
from router.turn import Turns
from router.upkeep import first_look, for_the_while
from router.web.live import Live
from sidecar import (
    USUAL_PORTS,
    BackendAdded,
    BackendRemoved,
    BackendSpec,
    DrainSwitched,
    Monitor,
    Prober,
    QueueChanged,
    Scrapes,
    Snapshot,
    Store,
    discover,
    load_rules,
    pace,
    probing_session,
    wants_probe,
)
from simulator import SimSettings, serving

log = logging.getLogger(__name__)

SIMULATOR = "simulator"
SWEEP_SECONDS = 3600.0
"""Between two sweeps of old sessions."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What lives as long as the process."""

    store: Store
    prober: Prober
    monitor: Monitor
    relay: Relay
    gate: Gate
    spending: Spending
    prewarmer: Prewarmer
    http: aiohttp.ClientSession
    rooms: Rooms
    sessions: SessionStore
    registry: CollectorRegistry
    telemetry: Telemetry
    requests: RequestMetrics
    decisions: DecisionLog
    occupancy: Occupancy
    jobs: Jobs
    flight: FlightRecording
    live: Live
    mcp: McpServers
    tracing: Tracing = field(default_factory=Tracing)


class House:
    """The running router. `current` points to the service in force."""

    def __init__(self, parts: Parts, config: Config, ports: Iterable[int], stack: AsyncExitStack) -> None:
        self.parts = parts
        self._ports = tuple(ports)
        self._config = config
        self._stack = stack
        self._changed = asyncio.Event()
        self._simulator: BackendSpec | None = None
        self._scrapes = Scrapes(
            self.snapshot,
            lambda: self.current.service.fleet.load_rules,
            parts.registry.collect,
            partial(parts.store.look, _now),
            parts.telemetry.rendered,
        )
        self.current = Current(self._service(config))
        for see in (parts.gate.saw, parts.requests.saw):
            parts.store.witness(see)
        parts.telemetry.watch_sessions(parts.sessions.count)

    def snapshot(self) -> Snapshot:
        """Everything known now."""
        return self.parts.store.snapshot(_now())

    def adopt(self, config: Config) -> None:
        """Put a configuration in force. Requests that run keep what they began with.

        Raises SecretUnusable, and changes nothing, if a secret that it names cannot be read any more.
        """
        specs = [backend.spec() for backend in config.sidecar.backends]
        jobs = job_settings(config)
        self.parts.tracing.adopt(config.router.tracing)
        self._config = config
        self.parts.jobs.adopt(jobs)
        self.parts.store.failures_to_down = config.sidecar.failures_to_down
        self.parts.store.rules = load_rules(config.sidecar)
        self.parts.monitor.pace = pace(config.sidecar)
        self.parts.monitor.wants_probe = wants_probe(config.sidecar)
        self.parts.relay.keepalive_seconds = config.router.relay.keepalive_seconds
        self.parts.gate.keepalive_seconds = config.router.relay.keepalive_seconds
        self.parts.prewarmer.on = config.router.prewarm
        self.parts.occupancy.most = config.router.limits.streams
        self.parts.mcp.adopt(config.router.tools.mcp, config.router.data_folder())
        self._set_backends(specs)
        self.current.service = self._service(config)
        self.parts.flight.adopt(
            config.router.recorder.bytes, _now(), config.sidecar.failures_to_down, load_rules(config.sidecar)
        )
        self.parts.monitor.reconcile()
        self.parts.telemetry.reloaded(ok=True, at_epoch_seconds=epoch_seconds())
        self._changed.set()

    async def look_around(self) -> None:
        """Look for servers on this machine, if the configuration says so; without any, let the simulator stand in."""
        if self._config.sidecar.discover:
            await self._discover()
        if not self.snapshot().backends and self._simulator is None:
            url = await self._stack.enter_async_context(serving(SimSettings(preset="demo")))
            self._simulator = BackendSpec(SIMULATOR, url, engine="openai", simulated=True)
        self._place_simulator()
        self.parts.monitor.reconcile()

    async def changed_or(self, seconds: float) -> None:
        """Wait for the next configuration, or so long."""
        try:
            # Python 3.11's wait_for forgets a cancellation that comes with the event, and the end would wait forever.
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    async def _discover(self) -> None:
        known = self.snapshot().backends
        urls = [state.spec.url for state in known.values()]
        for spec in await discover(self.parts.prober, self._ports, urls, tuple(known)):
            # A reload may have come while we asked: what is configured by now wins.
            now_known = self.snapshot().backends
            if spec.name not in now_known and spec.url not in {state.spec.url for state in now_known.values()}:
                log.info("discovered backend=%s url=%s", spec.name, spec.url)
                self.parts.store.apply(BackendAdded(_now(), spec))

    def _place_simulator(self) -> None:
        """The simulator is a backend as long as there is no other."""
        names = set(self.snapshot().backends)
        if self._simulator is not None and not names:
            self.parts.store.apply(BackendAdded(_now(), self._simulator))
        elif SIMULATOR in names and len(names) > 1:
            self.parts.store.apply(BackendRemoved(_now(), SIMULATOR))

    def _set_backends(self, specs: Iterable[BackendSpec]) -> None:
        wanted = {spec.name: spec for spec in specs}
        known = self.snapshot().backends
        urls = {spec.url for spec in wanted.values()}
        for name, state in known.items():
            found_by_itself = (state.spec.discovered and self._config.sidecar.discover) or state.spec.simulated
            if name not in wanted and (not found_by_itself or state.spec.url in urls):
                self.parts.store.apply(BackendRemoved(_now(), name))
        for spec in wanted.values():
            if spec.name not in known or known[spec.name].spec != spec:
                self.parts.store.apply(BackendAdded(_now(), spec))
        self._place_simulator()

    def _drain(self, backend: str, draining: bool) -> None:
        if self.snapshot().backends[backend].draining is not draining:
            log.info("%s backend=%s", "draining" if draining else "no longer draining", backend)
            self.parts.store.apply(DrainSwitched(_now(), backend, draining))

    def _dispatcher(self, fleet: Fleet) -> Dispatcher:
        parts = self.parts
        return Dispatcher(
            parts.store,
            parts.relay,
            fleet.level_at,
            parts.gate,
            parts.spending,
            parts.prewarmer.demanded,
            self._chose,
            parts.requests,
            parts.flight.shed,
        )

    def _chose(self, at: float, decision: str, policy: PolicyName, choice: Choice) -> None:
        self.parts.flight.chose(at, decision, policy, choice)
        self.parts.requests.chosen(choice)

    def _service(self, config: Config) -> Service:
        parts = self.parts
        fleet = Fleet(self.snapshot, tuple(config.router.roles), load_rules(config.sidecar), parts.flight.asked)
        dispatcher = self._dispatcher(fleet)
        tools = toolbox(config, lambda: parts.http, parts.mcp.tools)

        def now() -> datetime:
            return datetime.now(tz=UTC).astimezone(config.router.zone)

        keeping = Keeping(config.router.data_folder())
        decider = Decider(config, fleet, dispatcher, tools, now, embedded_model(config), keeping)
        talks = Talks(config, fleet, dispatcher, parts.rooms)
        turns = Turns(config, fleet, dispatcher, parts.sessions, tools, decider, now, parts.telemetry, talks)
        return Service(
            config=config,
            keys=Keys([key.hash for key in config.router.keys]),
            fleet=fleet,
            dispatcher=dispatcher,
            decider=decider,
            turns=turns,
            talks=talks,
            sessions=parts.sessions,
            jobs=parts.jobs,
            live=parts.live,
            tools=tools,
            decisions=parts.decisions,
            occupancy=parts.occupancy,
            telemetry=parts.telemetry,
            scrapes=self._scrapes,
            tracing=parts.tracing,
            drain=self._drain,
            refresh=lambda: parts.monitor.refresh(wants_probe=wants_probe(config.sidecar, force=True)),
            now=now,
        )


@asynccontextmanager
async def running(
    config: Config, *, record: Path | None = None, ports: Iterable[int] = USUAL_PORTS
) -> AsyncIterator[House]:
    """A router that watches and can answer, for as long as the context lasts. Serving it over HTTP is the caller's.

    Raises SessionStoreFailed or OSError if a file that it needs cannot be used.
    """
    async with AsyncExitStack() as stack:
        house = House(await _parts(config, record, stack), config, ports, stack)
        stack.push_async_callback(house.parts.tracing.close)
        house.adopt(config)
        await house.look_around()
        await stack.enter_async_context(house.parts.monitor.running())
        await first_look(house.snapshot, house.parts.store.witness)
        await for_the_while(stack, watch_the_loop(house.parts.telemetry.lagged))
        await for_the_while(stack, _look_again(house))
        await for_the_while(stack, _sweep(house))
        await for_the_while(stack, _warm_up(house))
        await for_the_while(stack, _keep_documents(house))
        await for_the_while(stack, house.parts.live.remember(lambda: house.current.service.fleet))
        await stack.enter_async_context(at_work(house.parts.jobs, lambda: house.current))
        yield house


async def _parts(config: Config, record: Path | None, stack: AsyncExitStack) -> Parts:
    store = Store(config.sidecar.failures_to_down)
    http = await stack.enter_async_context(probing_session())
    relay = Relay(config.router.relay.keepalive_seconds)
    stack.push_async_callback(relay.close)
    rooms = await stack.enter_async_context(rooms_of(config))
    prober = Prober(http, time.monotonic)  # finer than the clock of uvloop, which counts milliseconds
    occupancy = Occupancy(config.router.limits.streams)
    registry = registry_of_process()
    line = Line()
    depths = {priority.name.lower(): partial(line.depth, priority) for priority in Priority}
    telemetry = Telemetry(registry, version("maek"), lambda: occupancy.active, depths)
    requests = RequestMetrics(registry, exemplar)
    flight = _flight(config, record, store, telemetry, stack)
    gate = Gate(line, lambda: store.snapshot(_now()), random.random, telemetry)
    monitor = Monitor(store, prober, _now, random.random, pace(config.sidecar), wants_probe(config.sidecar))
    prewarmer = Prewarmer(lambda: store.snapshot(_now()), monitor.load, flight.warming)
    stack.push_async_callback(prewarmer.close)
    return Parts(
        store=store,
        prober=prober,
        monitor=monitor,
        relay=relay,
        gate=gate,
        spending=Spending(requests),
        prewarmer=prewarmer,
        http=http,
        rooms=rooms,
        sessions=rooms.sessions,
        registry=registry,
        telemetry=telemetry,
        requests=requests,
        decisions=DecisionLog(ended=lambda ended: flight.decided(_now(), partial(record_json, ended))),
        occupancy=occupancy,
        jobs=jobs_for(config, telemetry, lambda active: store.apply(QueueChanged(_now(), active))),
        flight=flight,
        live=Live(lambda: sum(depth() for depth in depths.values())),
        mcp=_mcp_servers(telemetry, stack),
    )


def _flight(
    config: Config, record: Path | None, store: Store, telemetry: Telemetry, stack: AsyncExitStack
) -> FlightRecording:
    """Before the first fact, or replay will not know the backends."""
    settings = config.router
    flight = FlightRecording(store, record, settings.data_folder(), settings.recorder.bytes, telemetry.not_recorded)
    stack.callback(flight.close)
    return flight


def _mcp_servers(telemetry: Telemetry, stack: AsyncExitStack) -> McpServers:
    servers = McpServers(telemetry.mcp_server, telemetry.no_mcp_server)
    stack.push_async_callback(servers.close)
    return servers


async def _look_again(house: House) -> None:
    while True:
        await house.changed_or(house.current.service.config.sidecar.interval_seconds)
        await house.look_around()


async def _warm_up(house: House) -> None:
    """Have the keyword rules compile what they are made of, in a thread, before the first user does it by asking."""
    await asyncio.to_thread(house.current.service.decider.rehearse)


async def _keep_documents(house: House) -> None:
    """Behind everybody who waits: no user asked for it."""

    def lent() -> LentModels:
        service = house.current.service
        return LentModels(service.config, service.fleet, service.dispatcher, priority=PriorityName.BATCH)

    await keep_fresh(lambda: house.current.service.config, lent, house.changed_or)


async def _sweep(house: House) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        await house.parts.sessions.sweep(epoch_seconds())


def _now() -> float:
    return asyncio.get_running_loop().time()
