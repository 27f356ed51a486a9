"""The world of one run over HTTP: real time, real connections, the same agents.

Rules of this file
- What the agent is told, and when, is the contract of `bench.balance.agent`, as in virtual time. Agents are called from
  the event loop, one call after the other and never from within a call of theirs.
- A client leaves for itself, and its connection is closed; so is that of an attempt that the agent cancels.
- An answer that is whole and has another length than the traffic asked for is a broken bench, and ends the run.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import aiohttp

from bench.balance.agent import CLIENT_PATIENCE_SECONDS, Agent, Attempt, Failure, FailureKind, Offer, Request, World
from bench.balance.fleets import Fleet
from bench.balance.live.pace import Clock, arrivals
from bench.balance.live.polls import Polls
from bench.balance.live.prompts import body_of
from bench.balance.live.streams import chat
from bench.balance.workload import Demand, Traffic
from bench.balance.world import Case, Outcome, Run, record_of


class WrongLength(Exception):
    """An answer is whole and not as long as it was to be. The message says which."""


@dataclass(eq=False, slots=True)
class _Stream:
    """What came of one attempt."""

    task: asyncio.Task[None]
    tokens: int = 0
    last_at: float = 0.0


class HttpWorld:
    """A `World`, made for one agent and one run. `chats` keeps no connections, `polls` may."""

    def __init__(
        self,
        fleet: Fleet,
        urls: tuple[str, ...],
        traffic: Traffic,
        seed: int,
        clock: Clock,
        chats: aiohttp.ClientSession,
        polls: aiohttp.ClientSession,
        *,
        patience_seconds: float = CLIENT_PATIENCE_SECONDS,
    ) -> None:
        self.rng = Random(f"agent {seed}")
        self._offers = tuple(
            Offer(host.name, host.engine, host.weight, host.profile.slots, host.profile.kv_capacity_tokens)
            for host in fleet
        )
        self.late_seconds: list[float] = []
        """How much later than due each request came to the agent: the machine's doing."""
        self._urls = urls
        self._traffic = traffic
        self._clock = clock
        self._chats = chats
        self._polling = Polls(self._offers, urls, polls, lambda: clock.now)
        self._patience_seconds = patience_seconds
        self._agent: Agent
        self._group: asyncio.TaskGroup
        self._tasks: set[asyncio.Task[None]] = set()
        self._cases = [Case(demand, []) for demand in traffic]
        self._bodies = [body_of(demand) for demand in traffic]
        self._probes: dict[int, Case] = {}
        self._streams: dict[int, _Stream] = {}
        self._asking: set[int] = set()
        self._last_token_at: list[float | None] = [None] * len(fleet)
        self._last_gap_seconds: list[float | None] = [None] * len(fleet)
        self._open = len(traffic)
        self._all_ended = asyncio.Event()
        self._attempts = self._polls = self._hedges = self._retries = 0
        self._decision_ns = self._world_ns = 0

    @property
    def now(self) -> float:
        """As `World.now`."""
        return self._clock.now

    @property
    def backends(self) -> Sequence[Offer]:
        """As `World.backends`."""
        return self._offers

    async def run(self, make_agent: Callable[[World], Agent]) -> Run:
        """Let all traffic pass, until every request has ended."""
        self._agent = make_agent(self)
        async with asyncio.TaskGroup() as self._group:
            self._begin(self._let_arrive())
            self._begin(self._lose_patience())
            interval = self._agent.poll_seconds
            for number in range(len(self._offers) if interval else 0):
                self._begin(self._poll_regularly(number, interval or 0.0))
            if self._open:
                await self._all_ended.wait()
            for task in self._tasks:
                task.cancel()
        decision_us = self._decision_ns / 1000 / max(1, len(self._traffic))
        records = tuple(map(record_of, self._cases))
        return Run(records, self._polls, len(self._probes), self._hedges, self._retries, decision_us)

    def send(self, request: Request, backend: int) -> Attempt:
        """As `World.send`."""
        began = time.thread_time_ns()
        case = self._open_case(request)
        if case.live:
            self._hedges += 1
        elif case.sent:
            self._retries += 1
        attempt = self._start(case, backend, self._bodies[request.id])
        self._world_ns += time.thread_time_ns() - began
        return attempt

    def probe(self, backend: int, prompt_tokens: int, output_tokens: int) -> Attempt:
        """As `World.probe`."""
        request = Request(-len(self._probes) - 1, self.now, prompt_tokens)
        demand = Demand(request, prompt_tokens, output_tokens)
        case = self._probes[request.id] = Case(demand, [])
        return self._start(case, backend, body_of(demand))

    def cancel(self, attempt: Attempt) -> None:
        """As `World.cancel`."""
        if attempt.over:
            return
        case = self._case_of(attempt.request)
        self._hang_up(case, attempt)
        if case.winner is attempt and case.outcome is None:
            self._end(case, Outcome.CUT)

    def shed(self, request: Request) -> None:
        """As `World.shed`."""
        self._give_up(request, Outcome.SHED)

    def fail(self, request: Request) -> None:
        """As `World.fail`."""
        self._give_up(request, Outcome.ERROR)

    def at(self, time: float, key: Hashable) -> None:
        """As `World.at`."""
        self._begin(self._wake(time, key))

    def ask(self, backend: int) -> None:
        """As `World.ask`."""
        self._begin(self._poll(backend))

    def prewarm(self, backend: int) -> None:
        """As `World.prewarm`; without effect on an engine that nothing has load a model."""
        self._begin(self._polling.load(backend))

    def tokens_of(self, attempt: Attempt) -> int:
        """As `World.tokens_of`."""
        stream = self._streams.get(attempt.id)
        return stream.tokens if stream else 0

    def last_token_at(self, backend: int) -> float | None:
        """As `World.last_token_at`."""
        return self._last_token_at[backend]

    def last_gap_seconds(self, backend: int) -> float | None:
        """As `World.last_gap_seconds`."""
        return self._last_gap_seconds[backend]

    def _case_of(self, request: Request) -> Case:
        return self._cases[request.id] if request.id >= 0 else self._probes[request.id]

    def _open_case(self, request: Request) -> Case:
        case = self._case_of(request)
        if case.outcome is not None:
            raise ValueError(f"request {request.id} is over: {case.outcome}")
        return case

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _let_arrive(self) -> None:
        async for demand in arrivals(self._traffic, self._clock, self.late_seconds):
            self._world_ns = 0
            began = time.thread_time_ns()
            self._agent.arrive(demand.request)
            self._decision_ns += time.thread_time_ns() - began - self._world_ns

    async def _lose_patience(self) -> None:
        for case in self._cases:
            await self._clock.until(case.demand.request.at + self._patience_seconds)
            if case.winner is not None or case.outcome is not None:
                continue
            self._end(case, Outcome.TIMEOUT)
            for attempt in list(case.live):
                self._hang_up(case, attempt)
                self._agent.failed(attempt, Failure(FailureKind.TIMEOUT))
            self._agent.abandoned(case.demand.request)

    def _start(self, case: Case, backend: int, body: bytes) -> Attempt:
        self._attempts += 1
        request = case.demand.request
        attempt = Attempt(self._attempts, request, backend, self.now, probe=request.id < 0)
        case.live.append(attempt)
        case.sent += 1
        self._streams[attempt.id] = _Stream(self._begin(self._carry(case, attempt, body)))
        return attempt

    async def _carry(self, case: Case, attempt: Attempt, body: bytes) -> None:
        url = self._urls[attempt.backend]
        ending = await chat(self._chats, url, body, partial(self._hear, case, attempt))
        if attempt.over:
            return  # it was cancelled in the moment in which it ended
        tokens = self.tokens_of(attempt)
        self._leave(case, attempt)
        if case.winner is attempt:
            self._end(case, Outcome.CUT if ending.failure else Outcome.FINISHED)
        if ending.failure is not None:
            self._agent.failed(attempt, ending.failure)
            return
        if tokens != case.demand.output_tokens:
            raise WrongLength(
                f"{self._offers[attempt.backend].name} answered request {attempt.request.id} with {tokens} tokens, not "
                f"{case.demand.output_tokens}."
            )
        self._agent.finished(attempt, tokens)

    def _hear(self, case: Case, attempt: Attempt, count: int) -> None:
        stream = self._streams.get(attempt.id)
        if stream is None:
            return  # cancelled, and not yet closed
        now, number = self.now, attempt.backend
        if stream.tokens:
            self._last_gap_seconds[number] = (now - stream.last_at) / count
        self._last_token_at[number] = stream.last_at = now
        stream.tokens += count
        if attempt.first_token_at is None:
            attempt.first_token_at = now
            if case.winner is None:
                case.winner = attempt
            self._agent.first_token(attempt)

    def _hang_up(self, case: Case, attempt: Attempt) -> None:
        self._streams[attempt.id].task.cancel()
        self._leave(case, attempt)

    def _leave(self, case: Case, attempt: Attempt) -> None:
        attempt.over = True
        case.live.remove(attempt)
        del self._streams[attempt.id]

    def _end(self, case: Case, outcome: Outcome) -> None:
        case.outcome, case.ended_at = outcome, self.now
        if case.demand.request.id >= 0:
            self._open -= 1
            if not self._open:
                self._all_ended.set()

    def _give_up(self, request: Request, outcome: Outcome) -> None:
        case = self._open_case(request)
        self._end(case, outcome)
        for attempt in list(case.live):
            self.cancel(attempt)

    async def _wake(self, moment: float, key: Hashable) -> None:
        await self._clock.until(moment)
        self._agent.wake(key)

    async def _poll_regularly(self, number: int, interval: float) -> None:
        moment = interval * number / len(self._offers)
        while True:
            await self._clock.until(moment)
            self._begin(self._poll(number))
            moment = max(moment + interval, self.now)

    async def _poll(self, number: int) -> None:
        if number in self._asking:
            return
        self._polls += 1
        self._asking.add(number)
        reading = await self._polling.reading(number)
        self._asking.discard(number)
        self._agent.polled(number, reading)
