"""One request to a role or a model: choose, reserve, relay, release, and the next backend if that failed.

Rules of this file
- The look and the booking are one step: between the snapshot and `RequestStarted` there is no `await`, so that two
  requests at the same moment see each other.
- What begins, ends: only through `_place`, whatever happens. Success, failure and "says nothing about the backend" are
  its three endings; `RequestFinished` names which.
- Another backend takes over only while the client has not had one byte of an answer. One that lacks what was asked for
  has not failed: the next is asked, and the last one's refusal is the caller's answer.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol, assert_never

import orjson

from router.attempt import JSON, STREAM, AttemptFailed, CallerRefused, Sink, UpstreamRequest
from router.balance.choice import Choice, choose
from router.balance.demand import Demand
from router.balance.policies import POLICIES, PolicyName
from router.balance.pools import Candidate, Pool
from router.balance.why import why_of
from router.errors import NoBackend
from router.fleet import takes_schema
from router.journey import Attempt, Journey
from router.patience import Deadlines
from router.relay import Relay
from sidecar import (
    BackendState,
    Fact,
    FirstTokenCame,
    Level,
    LoadRead,
    Outcome,
    Progress,
    RequestFinished,
    RequestStarted,
    Snapshot,
    Verdict,
    orca,
)

log = logging.getLogger(__name__)

RETRY_NO_BACKEND_SECONDS = 5.0
"""When to come back if nobody serves a role: about as long as the monitor takes to notice one that came back."""
LOAD_IN_HEADERS = frozenset({"vllm", "triton", "status"})
"""Engines that tell their load with an answer when they are asked to; behind `/status` is `maek sidecar`, or a server
that does not mind."""


class Ledger(Protocol):
    """The store, as far as this file needs it."""

    def apply(self, fact: Fact) -> None:
        """Take in one fact."""
        ...

    def snapshot(self, now: float) -> Snapshot:
        """Everything known at `now`."""
        ...

    def progress(self, backend: str, request: str) -> Progress | None:
        """Where to write the tokens of a request in flight."""
        ...


LevelAt = Callable[[BackendState, Snapshot], Level | None]
"""The load level of a backend in a snapshot, by the rules in force. The flight recorder notes who asked."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is to be sent, whoever gets it. `body` is the request as JSON; the candidate's model is put into it."""

    target: str
    """The role or model that was asked for: for messages to people."""
    pool: Pool
    path: str
    body: Mapping[str, Any]
    deadlines: Deadlines
    demand: Demand
    policy: PolicyName = PolicyName.PREDICTED
    attempts: int = 2
    schema: Mapping[str, Any] | None = None
    """A JSON schema that the answer shall follow, asked for where the backend's engine understands it."""

    @property
    def stream(self) -> bool:
        """Whether the answer is wanted as it is generated."""
        return bool(self.body.get("stream"))


_NUMBERS = count(1)
"""Of requests: unique in this process, since a new configuration makes a new dispatcher while old requests run."""


class Dispatcher:
    """Sends calls to backends. `random` gives numbers in 0..1."""

    def __init__(self, ledger: Ledger, relay: Relay, level_at: LevelAt, random: Callable[[], float]) -> None:
        self._ledger = ledger
        self._relay = relay
        self._level_at = level_at
        self._random = random

    async def send(self, call: Call, sink: Sink, journey: Journey) -> None:
        """Have somebody of the pool answer `call` into `sink`.

        Raises a BackendFault when nobody could, CallerRefused when a backend found the request itself wrong.
        """
        due_at = _now() + call.deadlines.total_seconds
        tried: list[Candidate] = []
        failure: AttemptFailed | CallerRefused | None = None
        while failure is None or _another_may(call, tried, failure, due_at):
            try:
                with self._place(call, tried, journey) as place:
                    tried.append(place.attempt.candidate)
                    await self._relay.run(_upstream(call, place, due_at), place.meter, sink)
                    return
            except CallerRefused as error:
                # That one of them lacks it is no news to a caller whose request another one failed on.
                failure = failure or error if error.elsewhere else error
            except AttemptFailed as error:
                failure = error
            except NoBackend as error:
                raise _told(failure or error) from None
        raise _told(failure)

    @contextmanager
    def _place(self, call: Call, tried: list[Candidate], journey: Journey) -> Iterator["_Place"]:
        """Look, book, and let go. Raises NoBackend if nobody can take the call."""
        now = _now()
        request = str(next(_NUMBERS))
        snapshot = self._ledger.snapshot(now)
        choice = choose(call.pool, snapshot, call.demand, POLICIES[call.policy], self._random(), tried)
        winner = choice.winner
        demand = call.demand
        why = why_of(choice, call.policy, demand, stream=call.stream)
        log.debug("choice decision=%s request=%s %s", journey.decision, request, why)
        if winner is None:
            journey.nobody = why
            raise _nobody(call, choice, snapshot)
        backend, model = winner.candidate
        predicted_seconds = None if choice.won is None else choice.won.ttft_seconds
        self._ledger.apply(
            RequestStarted(
                now, backend, request, model, demand.role, demand.prompt_tokens, call.stream, predicted_seconds
            )
        )
        progress = self._ledger.progress(backend, request)
        assert progress is not None  # just started, and nobody else knows it
        level = self._level_at(winner.state, snapshot)
        attempt = Attempt(why, winner.candidate, level)
        journey.begin(attempt, now)
        meter = Meter(self._ledger, backend, request, progress)
        ended = Outcome.OK
        try:
            yield _Place(winner.state, attempt, meter)
        except BaseException as error:
            ended = outcome_of(error)
            meter.rest_seconds = error.rest_seconds if isinstance(error, AttemptFailed) else None
            raise
        finally:
            at = _now()
            journey.end(attempt, ended, progress.first_at, at, meter.output_tokens)
            log.debug("attempt decision=%s request=%s %s", journey.decision, request, attempt)
            self._ledger.apply(
                RequestFinished(
                    at, backend, request, ended, meter.output_tokens, meter.rest_seconds, last_token_at=progress.last_at
                )
            )


def _another_may(call: Call, tried: list[Candidate], failure: AttemptFailed | CallerRefused, due_at: float) -> bool:
    """Whether another backend may take over after a failure, or be asked for what this one lacks."""
    match failure:
        case AttemptFailed(begun=begun):
            return not begun and len(tried) < call.attempts and _now() < due_at
        case CallerRefused(elsewhere=elsewhere):
            return elsewhere and _now() < due_at
        case _:
            assert_never(failure)


def _told(failure: AttemptFailed | CallerRefused | NoBackend) -> Exception:
    """What the caller is told of it."""
    return failure.error if isinstance(failure, AttemptFailed) else failure


@dataclass(frozen=True, slots=True)
class _Place:
    """A reserved place on a backend."""

    state: BackendState
    attempt: Attempt
    meter: "Meter"


class Meter:
    """Counts the tokens of one attempt; the first one is a fact, and so is what the answer tells of the load."""

    def __init__(self, ledger: Ledger, backend: str, request: str, progress: Progress) -> None:
        self._ledger = ledger
        self._backend = backend
        self._request = request
        self._counted: int | None = None
        self.progress = progress
        self.rest_seconds: float | None = None
        """When the backend wants to be asked again, if it was full."""

    @property
    def output_tokens(self) -> int:
        """Of the answer so far: the backend's own count, else the events of a stream; 0 where nobody counted."""
        return self.progress.tokens if self._counted is None else self._counted

    def token(self, now: float, tokens: int = 1) -> None:
        """So many tokens came at `now`."""
        first = self.progress.first_at is None
        self.progress.token(now, tokens)
        if first:
            self._ledger.apply(FirstTokenCame(now, self._backend, self._request))

    def counted(self, output_tokens: int) -> None:
        """So many tokens has the whole answer, by the backend's own count."""
        self._counted = output_tokens

    def load(self, header: str) -> None:
        """An `endpoint-load-metrics` came with the answer."""
        reading = orca.read(header)
        if reading is not None:
            self._ledger.apply(LoadRead(_now(), self._backend, reading))


def outcome_of(error: BaseException) -> Outcome:
    """What the end of a place by `error` says about the backend."""
    match error:
        case AttemptFailed():
            return error.outcome
        case CallerRefused():
            return Outcome.CALLER_ERROR
        case _:
            # Cancelled or hung up; or a bug of ours, which says nothing of the backend either.
            return Outcome.CLIENT_GONE


def _upstream(call: Call, place: _Place, due_at: float) -> UpstreamRequest:
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
