"""One request to a role or a model: wait until somebody has room, relay, and the next backend if that failed.

Rules of this file
- The look and the booking are one step: between what the gate saw and `Places.taken` there is no `await`, so that two
  requests at the same moment see each other.
- Another backend takes over only while the client has not had one byte of an answer. One that lacks what was asked for
  has not failed: the next is asked, and the last one's refusal is the caller's answer.
- One that says that it is full has not failed either: it is left alone until it says, and then may be asked again.
"""

import asyncio
from dataclasses import replace
from itertools import count
from typing import assert_never

import orjson

from router.attempt import JSON, STREAM, AttemptFailed, CallerRefused, Sink, UpstreamRequest
from router.balance.admission import Ticket
from router.balance.choice import Choice
from router.balance.policies import POLICIES, PolicyName
from router.balance.pools import Candidate
from router.balance.why import why_of
from router.call import Call
from router.errors import NoBackend, PolicyFault
from router.fleet import takes_schema
from router.gate import Gate, Seen
from router.journey import Journey
from router.place import Ledger, LevelAt, Place, Places
from router.relay import Relay
from sidecar import BackendState, Outcome, Snapshot, Verdict, orca

RETRY_NO_BACKEND_SECONDS = 5.0
"""When to come back if nobody serves a role: about as long as the monitor takes to notice one that came back."""
LOAD_IN_HEADERS = frozenset({"vllm", "triton", "status"})
"""Engines that tell their load with an answer when they are asked to; behind `/status` is `maek sidecar`, or a server
that does not mind."""
MOST_REJECTIONS = 60
"""Of one request. A backend that is full is left alone for as long as it says; this is for those that say "now"."""


class Dispatcher:
    """Sends calls to backends."""

    def __init__(self, ledger: Ledger, relay: Relay, level_at: LevelAt, gate: Gate) -> None:
        self._relay = relay
        self._gate = gate
        self._places = Places(ledger, level_at)
        self._turns = count()

    async def send(self, call: Call, sink: Sink, journey: Journey) -> None:
        """Have somebody of the pool answer `call` into `sink`.

        Raises a PolicyFault when nobody has room in time, a BackendFault when nobody could answer, CallerRefused when a
        backend found the request itself wrong.
        """
        errand = _Errand(call, _now(), next(self._turns))
        while errand.goes_on:
            try:
                seen = await self._seen(errand, sink, journey)
                with self._places.taken(call, seen, journey) as place:
                    errand.tried.append(place.attempt.candidate)
                    await self._relay.run(_upstream(call, place, errand.due_at), place.meter, sink)
                    return
            except (AttemptFailed, CallerRefused) as error:
                errand.failed(error)
            except (NoBackend, PolicyFault) as error:
                raise _told(errand.failure or error) from None
        raise _told(errand.failure)

    async def _seen(self, errand: "_Errand", sink: Sink, journey: Journey) -> Seen:
        """Who has room, once somebody has. Raises NoBackend if nobody can serve, and a PolicyFault."""
        call = errand.call
        ticket = errand.ticket()
        seen = await self._gate.passed(ticket, errand.due_at, sink, call.pool_now or (lambda: call.pool))
        errand.waited_seconds += seen.waited_seconds
        if seen.choice.winner is None:
            journey.nobody = why_of(seen.choice, call.policy, ticket.demand, stream=call.stream)
            raise _nobody(call, seen.choice, seen.snapshot)
        return seen


class _Errand:
    """How far a call has come. `number` counts the calls, for policies that go round in turn."""

    def __init__(self, call: Call, since: float, number: int) -> None:
        self.call = call
        self.due_at = since + call.deadlines.total_seconds
        self.tried: list[Candidate] = []
        """Who shall not be asked again."""
        self.failure: AttemptFailed | CallerRefused | None = None
        """What the caller is told if nobody else can answer."""
        self.waited_seconds = 0.0
        """In the line, in all."""
        self._since = since
        self._number = number
        self._failures = 0
        self._rejections = 0

    def ticket(self) -> Ticket:
        """For the place that is wanted next."""
        call = self.call
        demand = call.demand
        if call.policy is PolicyName.ROUND_ROBIN:
            demand = replace(demand, number=self._number)
        terms = call.terms
        if self.waited_seconds:
            left_seconds = max(0.0, terms.most_wait_seconds - self.waited_seconds)
            terms = replace(terms, most_wait_seconds=left_seconds)
        return Ticket(demand, call.pool, POLICIES[call.policy], self._since, terms, tuple(self.tried))

    def failed(self, error: AttemptFailed | CallerRefused) -> None:
        """The last one that was tried did not answer."""
        if isinstance(error, CallerRefused) and error.elsewhere:
            # That one of them lacks it is no news to a caller whose request another one failed on.
            self.failure = self.failure or error
            return
        self.failure = error
        if isinstance(error, AttemptFailed) and error.outcome is Outcome.REJECTED:
            self._rejections += 1
            self.tried.pop()
        else:
            self._failures += 1

    @property
    def goes_on(self) -> bool:
        """Whether somebody may be asked: nobody was yet, another one may take over, or have what this one lacks."""
        match self.failure:
            case None:
                return True
            case AttemptFailed(begun=begun):
                few = self._failures < self.call.attempts and self._rejections < MOST_REJECTIONS
                return few and not begun and _now() < self.due_at
            case CallerRefused(elsewhere=elsewhere):
                return elsewhere and _now() < self.due_at
            case _:
                assert_never(self.failure)


def _told(failure: AttemptFailed | CallerRefused | NoBackend | PolicyFault | None) -> Exception:
    """What the caller is told of it."""
    assert failure is not None
    return failure.error if isinstance(failure, AttemptFailed) else failure


def _upstream(call: Call, place: Place, due_at: float) -> UpstreamRequest:
    spec = place.state.spec
    headers = {"content-type": JSON, "accept": STREAM if call.stream else JSON}
    if place.state.engine in LOAD_IN_HEADERS:
        headers[orca.REQUEST_HEADER] = orca.Format.JSON
    if spec.api_key is not None:
        headers["authorization"] = f"Bearer {spec.api_key}"
    body = {**call.body, "model": place.attempt.candidate.model}
    if call.schema is not None and takes_schema(place.state):
        schema = {"name": "answer", "schema": call.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return UpstreamRequest(spec.url + call.path, orjson.dumps(body), headers, call.stream, call.deadlines, due_at)


def _nobody(call: Call, choice: Choice, snapshot: Snapshot) -> NoBackend:
    if choice.considered:
        states = ", ".join(f"{one.candidate.backend} is {one.excluded}" for one in choice.considered)
        message = f'Nobody can serve "{call.target}" right now: {states}. GET /backends says more.'
    elif snapshot.backends:
        states = ", ".join(f"{state.name} {_why_not(state)}" for state in snapshot.backends.values())
        message = (
            f'No backend serves "{call.target}": {states}. Start one of them, or name who shall serve it under '
            f"sidecar.backends in config.yaml with {_models_hint(call)}."
        )
    else:
        message = (
            f'No backend serves "{call.target}". Start an LLM server on this machine, or name one under '
            f"sidecar.backends in config.yaml with {_models_hint(call)}."
        )
    return NoBackend(message, retry_after_seconds=RETRY_NO_BACKEND_SECONDS)


def _why_not(state: BackendState) -> str:
    """Why a backend is in no pool: one that is down may never have told which models it has."""
    if state.health.verdict is Verdict.DOWN:
        return "is down"
    return "has not listed its models yet" if state.models is None else "has no model for it"


def _models_hint(call: Call) -> str:
    return "models: {" + f"{call.target}: MODEL" + "}"


def _now() -> float:
    return asyncio.get_running_loop().time()
