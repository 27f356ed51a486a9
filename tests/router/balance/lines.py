"""A store, a waiting line and a clock that a test moves: admission without sockets and without waiting."""

from collections.abc import Mapping
from itertools import count

from router.balance.admission import Admission, Answer, Line, Terms, Ticket
from router.balance.choice import Choice
from router.balance.demand import Demand, Priority
from router.balance.policies import POLICIES, PolicyName
from router.balance.policy import Policy
from router.balance.pools import Candidate, Pool
from sidecar import BackendAdded, BackendSpec, LoadRead, Outcome, RequestFinished, RequestStarted, Snapshot, Store
from sidecar.engines.engine import Model, Reading
from sidecar.facts import FirstTokenCame, HealthProbed, ModelsListed, ProbeOutcome

MODEL = "m"
ROLE = "reasoner"
WORDS = 40
"""Tokens of an answer."""
PATIENT = Terms()


class Site:
    """Backends, a line before them, and the time. Random numbers are always a half."""

    def __init__(self, slots: Mapping[str, int | None], policy: Policy = POLICIES[PolicyName.PREDICTED]) -> None:
        self.now = 0.0
        self.store = Store()
        self.line = Line()
        self.policy = policy
        self.running: dict[Ticket, tuple[str, str]] = {}
        """Ticket → backend and request."""
        self.gone: list[Ticket] = []
        """Who got a place, in order."""
        self._numbers = count()
        for name, many in slots.items():
            self.store.apply(BackendAdded(0.0, BackendSpec(name, f"http://{name}:1", slots=many)))
            self.store.apply(ModelsListed(0.0, name, (Model(MODEL, loaded=True),)))
            self.probed(name, ProbeOutcome.OK)

    @property
    def pool(self) -> Pool:
        """Everybody."""
        return tuple(Candidate(name, MODEL) for name in self.snapshot().backends)

    def snapshot(self) -> Snapshot:
        """Now."""
        return self.store.snapshot(self.now)

    def probed(self, name: str, outcome: ProbeOutcome) -> None:
        """A liveness probe ended."""
        self.store.apply(HealthProbed(self.now, name, outcome, 1.0))

    def says(self, name: str, running: int, waiting: int) -> None:
        """A backend tells what it works on."""
        self.store.apply(LoadRead(self.now, name, Reading(running, waiting)))

    def ticket(
        self,
        *,
        priority: Priority = Priority.NORMAL,
        pool: Pool | None = None,
        terms: Terms = PATIENT,
        role: str = ROLE,
        tried: tuple[Candidate, ...] = (),
        prompt_tokens: int = 30,
    ) -> Ticket:
        """Somebody who comes now."""
        demand = Demand(role, prompt_tokens=prompt_tokens, priority=priority)
        return Ticket(demand, self.pool if pool is None else pool, self.policy, self.now, terms, tried)

    def comes(self, ticket: Ticket) -> Admission:
        """What becomes of it; whoever is admitted is booked."""
        admission = self.line.admit(ticket, self.snapshot(), 0.5)
        if admission.answer is Answer.ADMITTED:
            self._book(ticket, admission.choice)
        return admission

    def settle(self) -> list[Ticket]:
        """Book whoever may go, one after another. Returns them."""
        before = len(self.gone)
        while (first := next(self.line.ready(self.snapshot(), lambda: 0.5), None)) is not None:
            ticket, choice = first
            self.line.remove(ticket)
            if choice.winner is not None:
                self._book(ticket, choice)
        return self.gone[before:]

    def ends(
        self,
        ticket: Ticket,
        outcome: Outcome = Outcome.OK,
        retry_after_seconds: float | None = None,
        *,
        streamed: bool = False,
    ) -> None:
        """Its request ends, `streamed`: with tokens that came; nobody is called yet."""
        name, request = self.running.pop(ticket)
        if streamed:
            self.store.apply(FirstTokenCame(self.now, name, request))
        tokens = WORDS if outcome is Outcome.OK else 0
        self.store.apply(RequestFinished(self.now, name, request, outcome, tokens, retry_after_seconds))

    def in_flight(self, name: str) -> int:
        """Requests of ours on a backend."""
        return self.snapshot().backends[name].work.in_flight

    def practised(self, name: str, seconds: float = 1.0, rounds: int = 6) -> None:
        """A backend of which is known that an answer takes about so long."""
        for _ in range(rounds):
            request = str(next(self._numbers))
            start = RequestStarted(self.now, name, request, MODEL, ROLE, 30, streamed=True)
            self.store.apply(start)
            place = self.store.progress(name, request)
            assert place is not None
            for word in range(WORDS):
                self.now += seconds / WORDS
                place.token(self.now)
                if word == 0:
                    self.store.apply(FirstTokenCame(self.now, name, request))
            self.store.apply(RequestFinished(self.now, name, request, Outcome.OK, WORDS))

    def _book(self, ticket: Ticket, choice: Choice) -> None:
        assert choice.winner is not None
        backend, model = choice.winner.candidate
        request = str(next(self._numbers))
        demand, predicted = ticket.demand, None if choice.won is None else choice.won.ttft_seconds
        tokens = demand.prompt_tokens
        self.store.apply(RequestStarted(self.now, backend, request, model, demand.role, tokens, True, predicted))
        self.running[ticket] = (backend, request)
        self.gone.append(ticket)


def full(slots: int = 1, policy: Policy = POLICIES[PolicyName.PREDICTED]) -> Site:
    """One backend `a`, all of whose slots are taken."""
    site = Site({"a": slots}, policy)
    for _ in range(slots):
        assert site.comes(site.ticket()).answer is Answer.ADMITTED
    return site
