"""One request to a role or a model: wait until somebody has room, relay, hedge, and the next backend if that failed.

Rules of this file
- The look and the booking are one step: between what the gate saw and `Places.taken` nothing waits, so that two
  requests at the same moment see each other.
- Who may be asked next is the errand's to say, who has something to say first the race's.
- What Maek asks of its own accord, besides what callers ask, is on a budget.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from itertools import count

import orjson

from router.attempt import JSON, STREAM, AttemptFailed, CallerRefused, Sink, UpstreamRequest
from router.balance.admission import Shed
from router.balance.choice import Choice
from router.balance.pools import Pool
from router.balance.why import why_of
from router.call import Call
from router.continuing import continued
from router.errand import Errand
from router.errors import NoBackend, PolicyFault
from router.fleet import takes_schema
from router.flight.choices import ChoiceMade, ShedTold
from router.gate import Gate, Seen
from router.hedging import Hedge
from router.journey import Attempt, Journey
from router.patience import allowing
from router.place import UNCOUNTED, Counts, Ledger, LevelAt, Place, Places
from router.race import Beaten, Lane, Race
from router.relay import Relay
from router.spending import Spending
from sidecar import BackendState, Snapshot, Verdict, orca

log = logging.getLogger(__name__)

RETRY_NO_BACKEND_SECONDS = 5.0
"""When to come back if nobody serves a role: about as long as the monitor takes to notice one that came back."""
LOAD_IN_HEADERS = frozenset({"vllm", "triton", "status"})
"""Engines that tell their load with an answer when they are asked to; behind `/status` is `maek sidecar`, or a server
that does not mind."""
TIMES_LOADING = 2.0
"""A load from a cold disk takes longer than one whose files are still in the memory of the system."""
NO_RETRIES = "No other backend was asked: too many requests have been asked twice lately."


class Dispatcher:
    """Sends calls to backends. `demanded` hears who is asked for and who could serve that, `chosen` what was chosen,
    `shed` who was told to come back."""

    def __init__(
        self,
        ledger: Ledger,
        relay: Relay,
        level_at: LevelAt,
        gate: Gate,
        spending: Spending,
        demanded: Callable[[str, Pool], None] = lambda _role, _pool: None,
        chosen: ChoiceMade = lambda _at, _decision, _policy, _choice: None,
        counts: Counts = UNCOUNTED,
        shed: ShedTold = lambda _at, _decision, _policy, _shed: None,
    ) -> None:
        self._relay = relay
        self._demanded = demanded
        self._gate = gate
        self._spending = spending
        self._chosen = chosen
        self._shed = shed
        self._counts = counts
        self._places = Places(ledger, level_at, chosen, counts)
        self._turns = count()

    async def send(self, call: Call, sink: Sink, journey: Journey) -> None:
        """Have somebody of the pool answer `call` into `sink`.

        Raises a PolicyFault when nobody has room in time, a BackendFault when nobody could answer, CallerRefused when a
        backend found the request itself wrong.
        """
        errand = Errand(call, _now(), next(self._turns))
        self._spending.earn(call.target, _now())
        self._demanded(call.target, call.pool)
        while errand.goes_on(_now()):
            try:
                seen = await self._seen(errand, sink, journey)
                self._spend(errand)
                await self._answered(errand, seen, sink, journey)
                return
            except (AttemptFailed, CallerRefused):
                continue  # the errand knows
            except (NoBackend, PolicyFault) as error:
                raise _told(errand.failure or error) from None
        raise _told(errand.failure)

    def may_retry(self, call: Call, failed: Attempt) -> bool:
        """Take a retry for a call that broke off; whether there was one."""
        assert failed.outcome is not None
        return self._spending.retry(call.target, failed.candidate.backend, failed.outcome, _now())

    def _spend(self, errand: Errand) -> None:
        """Take a retry where it is one. Raises what the caller is told if there is none."""
        failed_on, failure = errand.failed_on, errand.failure
        if failed_on is None or not isinstance(failure, AttemptFailed):
            return
        if not self._spending.retry(errand.call.target, failed_on.backend, failure.outcome, _now()):
            failure.error.message += f" {NO_RETRIES}"
            raise failure.error
        errand.failed_on = None

    async def _answered(self, errand: Errand, seen: Seen, sink: Sink, journey: Journey) -> None:
        """One attempt, and another one beside it if that is late. Raises what the last of them raised."""
        race = Race(sink)

        async def attempt(seen: Seen, *, hedge: bool = True) -> None:
            await self._attempt(errand, seen, race, journey, hedge=hedge)

        beside = Hedge(errand, race, self._gate, self._spending, attempt)
        try:
            beside.arm(seen.choice)
            await attempt(seen, hedge=False)
        except Beaten:
            await beside.answered()
        except (AttemptFailed, CallerRefused):
            if not beside.may_answer:
                raise
            await beside.answered()
        finally:
            await beside.end()

    async def _attempt(self, errand: Errand, seen: Seen, race: Race, journey: Journey, *, hedge: bool) -> None:
        """One attempt on the winner of what was seen."""
        with self._places.taken(errand.call, seen, journey, hedge=hedge) as place:
            candidate = place.attempt.candidate
            errand.tried.append(candidate)
            try:
                async with Lane(race, place) as lane:
                    request = _upstream(errand.call, place, errand.due_at)
                    self._counts.sent(time.perf_counter() - seen.looked_at)
                    await self._relay.run(request, place.meter, lane)
                    await lane.flush()
            except (AttemptFailed, CallerRefused) as error:
                errand.failed(candidate, error)
                raise

    async def _seen(self, errand: Errand, sink: Sink, journey: Journey) -> Seen:
        """Who has room, once somebody has. Raises NoBackend if nobody can serve, and a PolicyFault."""
        call = errand.call
        ticket = errand.ticket()

        def shed(at: float, what: Shed) -> None:
            self._shed(at, journey.decision, call.policy, what)

        seen = await self._gate.passed(ticket, errand.due_at, sink, call.pool_now or (lambda: call.pool), shed)
        errand.waited_seconds += seen.waited_seconds
        if seen.choice.winner is None:
            self._chosen(seen.snapshot.now, journey.decision, call.policy, seen.choice)
            journey.nobody = why_of(seen.choice, call.policy, ticket.demand, stream=call.stream)
            log.debug("choice decision=%s %s", journey.decision, journey.nobody)
            raise _nobody(call, seen.choice, seen.snapshot)
        return seen


def _told(failure: AttemptFailed | CallerRefused | NoBackend | PolicyFault | None) -> Exception:
    """What the caller is told of it."""
    assert failure is not None
    return failure.error if isinstance(failure, AttemptFailed) else failure


def _upstream(call: Call, place: Place, due_at: float) -> UpstreamRequest:
    spec = place.state.spec
    headers = {"content-type": JSON, "accept": STREAM if call.stream else JSON, **place.traced.span.headers}
    if place.state.engine in LOAD_IN_HEADERS:
        headers[orca.REQUEST_HEADER] = orca.Format.JSON
    if spec.api_key is not None:
        headers["authorization"] = f"Bearer {spec.api_key}"
    asked = call.body if call.delivered is None else continued(call.body, call.delivered, place.state.engine)
    body = {**asked, "model": place.attempt.candidate.model}
    for key in call.omits(place.attempt.candidate):
        body.pop(key, None)
    if call.schema is not None and takes_schema(place.state):
        schema = {"name": "answer", "schema": call.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    deadlines, loaded_at = call.deadlines, None
    if place.cold_seconds is not None:
        # Loading is no failure, and takes its own time.
        load_seconds = TIMES_LOADING * place.state.forecast(place.attempt.candidate.model).cold_seconds
        deadlines, due_at = allowing(deadlines, load_seconds), due_at + load_seconds
        loaded_at = _now() + place.cold_seconds
    return UpstreamRequest(spec.url + call.path, orjson.dumps(body), headers, call.stream, deadlines, due_at, loaded_at)


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
