"""Maek itself as an agent of the bench: the store, the policies and the waiting line that `maek serve` runs, in virtual
time.

Rules of this file
- Nothing is decided here. It carries facts to the store and choices to the world, as `router.dispatch` does over HTTP.
"""

from collections.abc import Hashable
from itertools import islice

from bench.balance import agent
from bench.balance.agent import Attempt, Failure, FailureKind, Reading, Request, World
from router.balance.admission import Answer, Line, Ticket
from router.balance.budget import HEDGES, Budgets
from router.balance.choice import Choice
from router.balance.demand import Demand
from router.balance.policies import POLICIES, PolicyName
from router.balance.pools import Candidate
from router.balance.prewarm import Warmth
from sidecar import (
    BLOCK_TOKENS,
    BackendAdded,
    BackendSpec,
    FirstTokenCame,
    Outcome,
    RequestFinished,
    RequestStarted,
    Store,
)
from sidecar.engines.engine import Model
from sidecar.engines.engine import Reading as EngineReading
from sidecar.facts import EngineIdentified, HealthProbed, LoadRead, ModelsListed, ProbeOutcome

ROLE = "reasoner"
MODEL = "model"
OUTCOME_OF = {
    FailureKind.REFUSED: Outcome.REFUSED,
    FailureKind.ERROR: Outcome.BACKEND_ERROR,
    FailureKind.REJECTED: Outcome.REJECTED,
    FailureKind.CUT: Outcome.TRUNCATED,
    FailureKind.TIMEOUT: Outcome.CLIENT_GONE,
}
MOST_ATTEMPTS = 3
PUMP = "pump"
HEDGE_SECONDS = 1.5
TIMES_PREDICTED = 3.0
"""As the router has them, which sends a hedge by a clock of its own."""
BLOCKS = BLOCK_TOKENS // agent.BLOCK_TOKENS
"""Of the bench's blocks in one of Maek's: a hash covers all before it, so that every so manieth is the same hash."""
MOST_WATCHED = 4
"""Streams of one backend whose tokens are counted: they go in step, so a few tell of all."""


class MaekAgent:
    """Maek with one of its policies."""

    poll_seconds: float | None = 2.0

    def __init__(self, world: World, policy: PolicyName = PolicyName.PREDICTED) -> None:
        self.world = world
        self.store = Store()
        self.policy = POLICIES[policy]
        self.pool = tuple(Candidate(offer.name, MODEL) for offer in world.backends)
        self.number = {offer.name: number for number, offer in enumerate(world.backends)}
        self.tried: dict[int, list[Candidate]] = {}
        self.attempts: dict[int, Attempt] = {}
        self.line = Line()
        self.warmth = Warmth()
        self.hedges = Budgets(HEDGES)
        self.hedged: dict[int, list[Attempt]] = {}
        self.requests: dict[Ticket, Request] = {}
        self.arrived = 0
        for offer in world.backends:
            self.store.apply(BackendAdded(0.0, BackendSpec(offer.name, f"http://{offer.name}:1")))
            self.store.apply(EngineIdentified(0.0, offer.name, offer.engine))
            self.store.apply(ModelsListed(0.0, offer.name, (Model(MODEL, loaded=True),)))
            self.store.apply(HealthProbed(0.0, offer.name, ProbeOutcome.OK, 3.0))

    def arrive(self, request: Request) -> None:
        """A client asks."""
        self.arrived += 1
        self.hedges.earn(ROLE, self.world.now)
        self.warmth.note(ROLE, self.world.now)
        cold = self.warmth.next(self.pool, ROLE, self.store.snapshot(self.world.now))
        if cold is not None:
            self.world.prewarm(self.number[cold.backend])
        self.route(request)

    def route(self, request: Request) -> None:
        """Have a request sent, put into the line, or turned away."""
        self.look_at_tokens()
        blocks = request.blocks[BLOCKS - 1 :: BLOCKS]
        demand = Demand(ROLE, request.prompt_tokens, blocks=blocks, number=self.arrived)
        tried = tuple(self.tried.get(request.id, ()))
        ticket = Ticket(demand, self.pool, self.policy, request.at, tried=tried)
        admission = self.line.admit(ticket, self.store.snapshot(self.world.now), self.world.rng.random())
        if admission.displaced is not None:
            self.world.shed(self.requests.pop(admission.displaced))
        match admission.answer:
            case Answer.ADMITTED:
                self.arm(self.send(request, admission.choice), admission.choice)
            case Answer.QUEUED:
                self.requests[ticket] = request
                if admission.choice.rests_until is not None:
                    self.world.at(admission.choice.rests_until, PUMP)
            case Answer.SHED:
                self.world.shed(request)
            case Answer.NOBODY:
                self.world.fail(request)

    def send(self, request: Request, choice: Choice) -> Attempt:
        """Book a place and send the request."""
        assert choice.winner is not None
        now, name = self.world.now, choice.winner.candidate.backend
        attempt = self.world.send(request, self.number[name])
        blocks = choice.scene.demand.blocks
        tokens = request.prompt_tokens
        predicted = None if choice.won is None else choice.won.ttft_seconds
        self.store.apply(RequestStarted(now, name, str(attempt.id), MODEL, ROLE, tokens, True, predicted, blocks))
        attempt.note = place = self.store.progress(name, str(attempt.id))
        self.attempts[id(place)] = attempt
        return attempt

    def arm(self, attempt: Attempt, choice: Choice) -> None:
        """Have a late first attempt looked at when it is late."""
        assert choice.won is not None
        late_after = max(HEDGE_SECONDS, TIMES_PREDICTED * (choice.won.ttft_seconds or 0.0))
        self.world.at(self.world.now + late_after, attempt)

    def hedge(self, attempt: Attempt) -> None:
        """Ask somebody else too, if he has room and would be sooner, and the budget allows it."""
        if attempt.over or attempt.first_token_at is not None or attempt.request.id in self.hedged:
            return
        now = self.world.now
        self.look_at_tokens()
        demand = Demand(ROLE, attempt.request.prompt_tokens, number=self.arrived)
        ticket = Ticket(demand, self.pool, self.policy, attempt.request.at, tried=(self.pool[attempt.backend],))
        choice = self.line.consider(ticket, self.store.snapshot(now), self.world.rng.random())
        won = choice.won
        if won is None or choice.full or choice.panic or (won.ttft_seconds or 0.0) > now - attempt.sent_at:
            self.world.at(now + 1.0, attempt)
        elif self.hedges.spend(ROLE):
            self.hedged[attempt.request.id] = [attempt, self.send(attempt.request, choice)]

    def pump(self) -> None:
        """Let those in the line go who may."""
        while len(self.line):
            self.look_at_tokens()
            snapshot = self.store.snapshot(self.world.now)
            ready = next(self.line.ready(snapshot, self.world.rng.random), None)
            if ready is None:
                return
            ticket, choice = ready
            self.line.remove(ticket)
            request = self.requests.pop(ticket)
            if choice.winner is None:
                self.world.fail(request)
            else:
                self.arm(self.send(request, choice), choice)

    def look_at_tokens(self) -> None:
        """Tokens are too many to be calls: the cells that the relay would write are filled when somebody looks."""
        snapshot = self.store.snapshot(self.world.now)
        for offer in self.world.backends:
            pulse = snapshot.pulses[offer.name]
            streams = (place for place in pulse.places.values() if place.first_at is not None)
            for place in islice(streams, MOST_WATCHED):
                tokens = self.world.tokens_of(self.attempts[id(place)])
                if tokens > place.tokens:
                    place.token(self.world.now, tokens - place.tokens)
            pulse.last_token_at = self.world.last_token_at(self.number[offer.name])

    def first_token(self, attempt: Attempt) -> None:
        name = self.world.backends[attempt.backend].name
        attempt.note.token(self.world.now)
        self.store.apply(FirstTokenCame(self.world.now, name, str(attempt.id)))
        for other in self.hedged.pop(attempt.request.id, ()):
            if other is not attempt and not other.over:
                self.world.cancel(other)
                self.end(other, Outcome.CLIENT_GONE)
        self.pump()

    def finished(self, attempt: Attempt, output_tokens: int) -> None:
        self.end(attempt, Outcome.OK, output_tokens)
        self.pump()

    def end(self, attempt: Attempt, outcome: Outcome, tokens: int = 0, rest: float | None = None) -> None:
        name = self.world.backends[attempt.backend].name
        self.attempts.pop(id(attempt.note), None)
        self.store.apply(RequestFinished(self.world.now, name, str(attempt.id), outcome, tokens, rest))

    def failed(self, attempt: Attempt, failure: Failure) -> None:
        self.end(attempt, OUTCOME_OF[failure.kind], failure.delivered_tokens, failure.retry_after_seconds)
        if failure.kind in (FailureKind.CUT, FailureKind.TIMEOUT):
            self.pump()
            return
        if any(not other.over for other in self.hedged.get(attempt.request.id, ())):
            return
        tried = self.tried.setdefault(attempt.request.id, [])
        tried.append(self.pool[attempt.backend])
        if len(tried) >= MOST_ATTEMPTS:
            self.world.fail(attempt.request)
        else:
            self.route(attempt.request)

    def abandoned(self, request: Request) -> None:
        """The client left the line, if it stood there."""
        for ticket, waiting in self.requests.items():
            if waiting is request:
                self.line.remove(ticket)
                del self.requests[ticket]
                return

    def polled(self, backend: int, reading: Reading | None) -> None:
        name = self.world.backends[backend].name
        if reading is None:
            return
        self.store.apply(ModelsListed(reading.at, name, (Model(MODEL, loaded=reading.resident),)))
        if reading.running is not None:
            told = EngineReading(reading.running, reading.waiting, reading.kv_usage_ratio)
            self.store.apply(LoadRead(self.world.now, name, told))
        self.pump()

    def wake(self, key: Hashable) -> None:
        """Somebody is late, or those who rested may be asked again."""
        if isinstance(key, Attempt):
            self.hedge(key)
        else:
            self.pump()
