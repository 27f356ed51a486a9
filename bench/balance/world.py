"""The world of one run: clients, an agent and backends in virtual time.

Rules of this file
- One event after the other, in the order of time; ties in the order in which they were scheduled. A run of a seed is
  the same every time, but for the CPU time of decisions.
- Every request of the traffic ends exactly once. What the agent was told is the contract of `bench.balance.agent`.
- Clients leave for themselves: their patience does not depend on the router.
"""

import math
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from heapq import heappop, heappush
from random import Random
from typing import NamedTuple

from bench.balance.agent import (
    CLIENT_PATIENCE_SECONDS,
    POLL_TIMEOUT_SECONDS,
    Agent,
    Attempt,
    Failure,
    FailureKind,
    Offer,
    Request,
)
from bench.balance.backend import Site
from bench.balance.faults import Change, resolved
from bench.balance.scenarios import Scenario
from bench.balance.sequence import Mark
from bench.balance.workload import Demand, Traffic

_REFUSAL_SECONDS = 0.005
"""How long it takes to hear that a request is not taken."""
_MEASURED_EACH = 4
"""Of so many decisions one is timed: reading the CPU's clock costs about as much as a simple decision."""


class Outcome(StrEnum):
    """How a request ended."""

    FINISHED = "finished"
    CUT = "cut"
    TIMEOUT = "timeout"
    ERROR = "error"
    SHED = "shed"


class Record(NamedTuple):
    """What became of one request. Latencies count from when it was due; None where there was no such token."""

    at: float
    prompt_tokens: int
    output_tokens: int
    outcome: Outcome
    first_token_seconds: float | None
    end_seconds: float
    backend: int | None
    """Who gave the first token."""


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that one run gave."""

    records: tuple[Record, ...]
    polls: int
    probes: int
    hedges: int
    retries: int
    decision_us: float
    """Mean CPU time of the agent's `arrive`, without the world's part in it."""


@dataclass(eq=False, slots=True)
class Case:
    """A request on its way: what it asks, who works on it, how it ended."""

    demand: Demand
    live: list[Attempt]
    sent: int = 0
    winner: Attempt | None = None
    outcome: Outcome | None = None
    ended_at: float = math.nan


class Simulation:
    """A `World`, and the machinery behind it. Made for one agent and one run."""

    def __init__(self, scenario: Scenario, traffic: Traffic, seed: int) -> None:
        self.now = 0.0
        self.rng = Random(f"agent {seed}")
        self.sites = [Site(number, host, seed, scenario.kv) for number, host in enumerate(scenario.fleet)]
        self.backends: Sequence[Offer] = [site.offer for site in self.sites]
        self.demands = traffic
        self._scenario = scenario
        self._seed = seed
        self._agent: Agent
        self._events: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._order = 0
        self._cases = [Case(demand, []) for demand in traffic]
        self._probes: dict[int, Case] = {}
        self._attempts: dict[int, Attempt] = {}
        self._cut_at: dict[int, int] = {}
        self._next_attempt = 0
        self._open = len(traffic)
        self._polling = [False] * len(self.sites)
        self._polls = self._probe_count = self._hedges = self._retries = 0
        self._decisions = self._decision_ns = self._world_ns = 0
        self._timing = False

    def run(self, make_agent: Callable[["Simulation"], Agent]) -> Run:
        """Let all traffic pass, until every request has ended."""
        self._agent = make_agent(self)
        self._schedule_all()
        events, machines = self._events, [site.machine for site in self.sites]
        while self._open:
            due, first = events[0][0] if events else math.inf, None
            for number, machine in enumerate(machines):
                if machine.due <= due:
                    due, first = machine.due, number
            self.now = due
            if first is None:
                _, _, happen, arguments = heappop(events)
                happen(*arguments)
            else:
                for mark in machines[first].advance(due):
                    self._tell(first, mark)
        decision_us = self._decision_ns / 1000 / max(1, self._decisions)
        return Run(
            tuple(map(record_of, self._cases)), self._polls, self._probe_count, self._hedges, self._retries, decision_us
        )

    def send(self, request: Request, backend: int) -> Attempt:
        """As `World.send`."""
        began = time.thread_time_ns() if self._timing else 0
        case = self._case_of(request)
        if case.outcome is not None:
            raise ValueError(f"request {request.id} is over: {case.outcome}")
        if case.live:
            self._hedges += 1
        elif case.sent:
            self._retries += 1
        attempt = self._start(case, backend)
        if self._timing:
            self._world_ns += time.thread_time_ns() - began
        return attempt

    def probe(self, backend: int, prompt_tokens: int, output_tokens: int) -> Attempt:
        """As `World.probe`."""
        self._probe_count += 1
        request = Request(-self._probe_count, self.now, prompt_tokens)
        case = self._probes[request.id] = Case(Demand(request, prompt_tokens, output_tokens), [])
        return self._start(case, backend)

    def cancel(self, attempt: Attempt) -> None:
        """As `World.cancel`."""
        if attempt.over:
            return
        case = self._case_of(attempt.request)
        self._leave(case, attempt)
        self.sites[attempt.backend].machine.cancel(attempt.id, self.now)
        if case.winner is attempt:
            self._end(case, Outcome.CUT)

    def shed(self, request: Request) -> None:
        """As `World.shed`."""
        self._give_up(request, Outcome.SHED)

    def fail(self, request: Request) -> None:
        """As `World.fail`."""
        self._give_up(request, Outcome.ERROR)

    def at(self, time: float, key: Hashable) -> None:
        """As `World.at`."""
        self._schedule(max(time, self.now), self._agent.wake, key)

    def ask(self, backend: int) -> None:
        """As `World.ask`."""
        self._schedule(self.now, self._poll, backend)

    def prewarm(self, backend: int) -> None:
        """As `World.prewarm`."""
        if not self.sites[backend].is_down:
            self.sites[backend].machine.load(self.now)

    def tokens_of(self, attempt: Attempt) -> int:
        """As `World.tokens_of`."""
        return self.sites[attempt.backend].machine.tokens(attempt.id, self.now)

    def last_token_at(self, backend: int) -> float | None:
        """As `World.last_token_at`."""
        site = self.sites[backend]
        return site.machine.last_boundary(self.now)[0] if site.streams else site.last_token_at

    def last_gap_seconds(self, backend: int) -> float | None:
        """As `World.last_gap_seconds`."""
        site = self.sites[backend]
        return site.machine.last_boundary(self.now)[1] if site.streams else site.last_gap_seconds

    def truth_of(self, request: Request) -> Demand:
        """What a request really asks: for clairvoyant agents alone."""
        return self._case_of(request).demand

    def _case_of(self, request: Request) -> Case:
        return self._cases[request.id] if request.id >= 0 else self._probes[request.id]

    def _schedule(self, at: float, happen: Callable[..., None], *arguments: object) -> None:
        self._order += 1
        heappush(self._events, (at, self._order, happen, arguments))

    def _schedule_all(self) -> None:
        """What is known from the start: each kind of event keeps only its next one in the queue."""
        last = self.demands[-1].request.at if self.demands else 0.0
        for whom, fault in self._scenario.faults:
            for number in resolved(whom, self._scenario.fleet):
                for at, change in fault.changes(last):
                    self._schedule(at, self._change, number, change)
        for whom, outside in self._scenario.outside:
            for number in resolved(whom, self._scenario.fleet):
                for at, prompt, output in outside.requests(last, self._seed, number):
                    self._schedule(at, self._come_from_outside, number, prompt, output)
        if self.demands:
            self._schedule(self.demands[0].request.at, self._arrive, 0)
            self._schedule(self.demands[0].request.at + CLIENT_PATIENCE_SECONDS, self._lose_patience, 0)
        interval = self._agent.poll_seconds
        for number in range(len(self.sites) if interval else 0):
            self._schedule((interval or 0) * number / len(self.sites), self._poll_regularly, number)

    def _arrive(self, number: int) -> None:
        if number + 1 < len(self.demands):
            self._schedule(self.demands[number + 1].request.at, self._arrive, number + 1)
        request = self.demands[number].request
        if number % _MEASURED_EACH:
            self._agent.arrive(request)
            return
        self._timing, self._world_ns = True, 0
        began = time.thread_time_ns()
        self._agent.arrive(request)
        self._decision_ns += time.thread_time_ns() - began - self._world_ns
        self._decisions += 1
        self._timing = False

    def _start(self, case: Case, backend: int) -> Attempt:
        self._next_attempt += 1
        request, prompt, output = case.demand
        attempt = Attempt(self._next_attempt, request, backend, self.now, probe=request.id < 0)
        self._attempts[attempt.id] = attempt
        case.live.append(attempt)
        case.sent += 1
        site = self.sites[backend]
        refusal = site.refusal(self.now)
        if refusal is not None:
            self._schedule(self.now + _REFUSAL_SECONDS, self._fail, attempt, refusal)
            return attempt
        tokens = site.tokens_before_cut(request.id, output)
        if tokens < output:
            self._cut_at[attempt.id] = tokens
        site.machine.submit(attempt.id, prompt, tokens, self.now, request.blocks)
        return attempt

    def _tell(self, number: int, mark: Mark) -> None:
        attempt = self._attempts.get(mark.key)
        if attempt is None:
            return
        case = self._case_of(attempt.request)
        if not mark.last:
            attempt.first_token_at = mark.at
            self.sites[number].streams += 1
            if case.winner is None:
                case.winner = attempt
            self._agent.first_token(attempt)
            return
        cut_at = self._cut_at.pop(attempt.id, None)
        if cut_at is not None:
            self._fail(attempt, Failure(FailureKind.CUT, cut_at))
            return
        self._leave(case, attempt)
        if case.winner is attempt:
            self._end(case, Outcome.FINISHED)
        self._agent.finished(attempt, case.demand.output_tokens)

    def _fail(self, attempt: Attempt, failure: Failure) -> None:
        if attempt.over:
            return
        case = self._case_of(attempt.request)
        self._leave(case, attempt)
        if case.winner is attempt:
            self._end(case, Outcome.CUT)
        self._agent.failed(attempt, failure)

    def _leave(self, case: Case, attempt: Attempt) -> None:
        attempt.over = True
        case.live.remove(attempt)
        del self._attempts[attempt.id]
        if attempt.first_token_at is not None:
            site = self.sites[attempt.backend]
            # Asked before the machine forgets the sequence.
            site.last_token_at, site.last_gap_seconds = site.machine.last_boundary(self.now)
            site.streams -= 1

    def _end(self, case: Case, outcome: Outcome) -> None:
        case.outcome, case.ended_at = outcome, self.now
        if case.demand.request.id >= 0:
            self._open -= 1

    def _give_up(self, request: Request, outcome: Outcome) -> None:
        case = self._case_of(request)
        if case.outcome is not None:
            raise ValueError(f"request {request.id} is over: {case.outcome}")
        self._end(case, outcome)
        for attempt in list(case.live):
            self.cancel(attempt)

    def _lose_patience(self, number: int) -> None:
        if number + 1 < len(self.demands):
            at = self.demands[number + 1].request.at + CLIENT_PATIENCE_SECONDS
            self._schedule(at, self._lose_patience, number + 1)
        case = self._cases[number]
        if case.winner is not None or case.outcome is not None:
            return
        self._end(case, Outcome.TIMEOUT)
        for attempt in list(case.live):
            self._leave(case, attempt)
            self.sites[attempt.backend].machine.cancel(attempt.id, self.now)
            self._agent.failed(attempt, Failure(FailureKind.TIMEOUT))
        self._agent.abandoned(case.demand.request)

    def _change(self, number: int, change: Change) -> None:
        for key in change(self.sites[number], self.now) or ():
            attempt = self._attempts.get(key)
            if attempt is not None:
                begun = attempt.first_token_at is not None
                self._fail(attempt, Failure(FailureKind.CUT if begun else FailureKind.ERROR))

    def _come_from_outside(self, number: int, prompt: int, output: int) -> None:
        site = self.sites[number]
        if not site.is_down:
            self._order += 1
            site.machine.submit(-self._order, prompt, output, self.now)

    def _poll_regularly(self, number: int) -> None:
        self._schedule(self.now + (self._agent.poll_seconds or math.inf), self._poll_regularly, number)
        self._poll(number)

    def _poll(self, number: int) -> None:
        if self._polling[number]:
            return
        self._polls += 1
        site = self.sites[number]
        if site.is_down:
            self._agent.polled(number, None)
        elif site.frozen_until > self.now:
            self._polling[number] = True
            timeout_at = self.now + POLL_TIMEOUT_SECONDS
            self._schedule(min(site.frozen_until, timeout_at), self._answer_poll, number, self.now)
        else:
            self._agent.polled(number, site.reading(self.now, self.now))

    def _answer_poll(self, number: int, asked_at: float) -> None:
        self._polling[number] = False
        site = self.sites[number]
        answers = not site.is_down and site.frozen_until <= self.now
        self._agent.polled(number, site.reading(self.now, asked_at) if answers else None)


def record_of(case: Case) -> Record:
    """What became of a request that is over."""
    request, prompt, output = case.demand
    assert case.outcome is not None
    first = case.winner.first_token_at if case.winner else None
    return Record(
        request.at,
        prompt,
        output,
        case.outcome,
        None if first is None else first - request.at,
        case.ended_at - request.at,
        case.winner.backend if case.winner else None,
    )
