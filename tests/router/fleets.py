"""A store and a dispatcher in front of real servers, without a monitor: health is what a test says."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from router.attempt import Sink
from router.balance import budget
from router.balance.admission import Line, Shed, Terms
from router.balance.demand import Priority
from router.balance.policies import PolicyName
from router.balance.pools import Candidate, Pool
from router.call import DEFAULT_TERMS, Call
from router.demands import demand_of
from router.dispatch import Dispatcher
from router.gate import Gate
from router.journey import Journey
from router.patience import Deadlines
from router.request_metrics import RequestMetrics
from router.spending import Spending
from sidecar import (
    BackendAdded,
    BackendSpec,
    BackendState,
    Level,
    Outcome,
    Snapshot,
    Store,
    classify,
)
from sidecar.engines.engine import Model
from sidecar.facts import EngineIdentified, HealthProbed, ModelsListed, ProbeOutcome
from tests.router.relaying import PATIENT, relaying

ROLE = "reasoner"


class Counted:
    """What was counted."""

    def __init__(self) -> None:
        self.retries: list[tuple[str, str]] = []
        self.hedges: list[str] = []
        self.waits: list[float] = []
        self.reasons: list[str] = []

    def waited(self, seconds: float) -> None:
        """Let in."""
        self.waits.append(seconds)

    def rejected(self, reason: str) -> None:
        """Sent away."""
        self.reasons.append(reason)

    def retried(self, backend: str, reason: str) -> None:
        """Sent again."""
        self.retries.append((backend, reason))

    def hedged(self, outcome: str) -> None:
        """A second request has ended."""
        self.hedges.append(outcome)


@dataclass
class Fleet:
    """Backends `b0`, `b1` … that all serve the role "reasoner"."""

    store: Store
    line: Line
    counts: Counted
    gate: Gate
    spending: Spending
    dispatcher: Dispatcher
    pool: Pool
    journeys: list[Journey] = field(default_factory=list)
    sheds: list[Shed] = field(default_factory=list)
    """Who was told to come back, and why."""

    async def send(self, sink: Sink, **call: Any) -> Journey:
        """One call to the role, streamed unless said otherwise. Raises what the dispatcher raises."""
        journey = Journey()
        self.journeys.append(journey)
        await self.dispatcher.send(self.call(**call), sink, journey)
        return journey

    def call(
        self,
        *,
        body: Mapping[str, Any] | None = None,
        stream: bool = True,
        limits: Deadlines = PATIENT,
        attempts: int = 2,
        hedge_seconds: float | None = None,
        schema: Mapping[str, Any] | None = None,
        terms: Terms = DEFAULT_TERMS,
        priority: Priority = Priority.NORMAL,
        policy: PolicyName = PolicyName.PREDICTED,
    ) -> Call:
        """A call to the role."""
        asked = {**(body or {}), "stream": stream}
        demand = demand_of(asked, ROLE, priority=priority)
        return Call(
            ROLE,
            self.pool,
            "/v1/chat/completions",
            asked,
            limits,
            demand,
            policy,
            terms,
            attempts,
            hedge_seconds,
            lambda: self.pool,
            schema,
        )

    def probed(self, name: str, outcome: ProbeOutcome) -> None:
        """A liveness probe of a backend ended so."""
        self.store.apply(HealthProbed(now(), name, outcome, 1.0))

    @property
    def states(self) -> Mapping[str, BackendState]:
        """What the store knows now."""
        return self.store.snapshot(now()).backends

    def in_flight(self) -> int:
        """Over all backends."""
        return sum(state.work.in_flight for state in self.states.values())

    def finished(self) -> dict[Outcome, int]:
        """How requests ended, over all backends."""
        found: dict[Outcome, int] = {}
        for state in self.states.values():
            for outcome, number in state.work.finished.items():
                found[outcome] = found.get(outcome, 0) + number
        return found


def now() -> float:
    """The moment, on the clock of the facts."""
    return asyncio.get_running_loop().time()


def level_at(state: BackendState, snapshot: Snapshot) -> Level | None:
    """The load level, by the default rules."""
    return classify(state, snapshot).level


def add(store: Store, spec: BackendSpec, engine: str = "openai", models: Sequence[Model] = ()) -> None:
    """A backend that is up."""
    store.apply(BackendAdded(now(), spec))
    store.apply(EngineIdentified(now(), spec.name, engine))
    store.apply(ModelsListed(now(), spec.name, tuple(models) or (Model("m"),)))
    store.apply(HealthProbed(now(), spec.name, ProbeOutcome.OK, 1.0))


@asynccontextmanager
async def fleet(
    *urls: str,
    keepalive_seconds: float = 20,
    engine: str = "openai",
    api_key: str | None = None,
    rng: Callable[[], float] | None = None,
    slots: int | None = None,
    hedges: budget.Terms = budget.HEDGES,
    metrics: RequestMetrics | None = None,
) -> AsyncIterator[Fleet]:
    """Backends at these URLs, all up, in front of a real relay. `slots`: of each, as the operator says. `metrics`: of
    the requests, in place of lists of what was counted."""
    store = Store()
    if metrics is not None:
        store.witness(metrics.saw)
    for number, url in enumerate(urls):
        spec = BackendSpec(f"b{number}", url, models={ROLE: f"m{number}"}, api_key=api_key, slots=slots)
        add(store, spec, engine)
    pool = tuple(Candidate(f"b{number}", f"m{number}") for number in range(len(urls)))
    line, counts = Line(), Counted()
    gate = Gate(line, lambda: store.snapshot(now()), rng or random.Random(1).random, counts)
    gate.keepalive_seconds = keepalive_seconds
    store.witness(gate.saw)
    async with relaying(keepalive_seconds) as relay:
        spending = Spending(metrics or counts, hedges=hedges)
        sheds: list[Shed] = []

        def shed(_at: float, _decision: str, _policy: PolicyName, what: Shed) -> None:
            sheds.append(what)

        dispatcher = Dispatcher(store, relay, level_at, gate, spending, shed=shed)
        if metrics is not None:
            dispatcher = Dispatcher(
                store,
                relay,
                level_at,
                gate,
                spending,
                chosen=lambda _at, _decision, _policy, choice: metrics.chosen(choice),
                counts=metrics,
                shed=shed,
            )
        yield Fleet(store, line, counts, gate, spending, dispatcher, pool, sheds=sheds)
