"""Over HTTP agents are told what the contract says, by real connections to real simulators."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from bench.balance.agent import Attempt, Engine, Failure, FailureKind, Reading, Request, World
from bench.balance.fleets import Host
from bench.balance.live.pace import Clock
from bench.balance.live.world import HttpWorld, WrongLength
from bench.balance.policies import POLICIES
from bench.balance.workload import Ask, Traffic, as_traffic
from bench.balance.world import Outcome, Run
from simulator import PRESETS, SimSettings, serving
from tests.fakes.simulators import set_faults, sim_state

FLEET = (Host("first", Engine.VLLM, PRESETS["instant"], 2.0), Host("second", Engine.OLLAMA, PRESETS["instant"], 1.0))
FIRST, SECOND = 0, 1
STALL = {"stall": {}}


def asked(*rows: tuple[float, int, int]) -> Traffic:
    """Traffic from rows of time, prompt and output tokens."""
    return as_traffic([Ask(*row) for row in rows], seed=0)


ONE = asked((0.0, 100, 30))


class Script:
    """A router that writes down what it is told, and does at an arrival what a test says. What failed, it fails."""

    poll_seconds: float | None = None

    def __init__(self, world: World, arrive: Callable[["Script", Request], None]) -> None:
        self.world = world
        self.told: list[tuple[str, object]] = []
        self.readings: list[tuple[int, Reading | None]] = []
        self.attempts: list[Attempt] = []
        self._arrive = arrive

    def send(self, request: Request, backend: int) -> None:
        """Send, and remember."""
        self.attempts.append(self.world.send(request, backend))

    def arrive(self, request: Request) -> None:
        self.told.append(("arrived", request.id))
        self._arrive(self, request)

    def first_token(self, attempt: Attempt) -> None:
        self.told.append(("first token", attempt.backend))
        for other in self.attempts:
            if other is not attempt and other.request is attempt.request:
                self.world.cancel(other)

    def finished(self, attempt: Attempt, output_tokens: int) -> None:
        assert attempt.over
        self.told.append(("finished", output_tokens))

    def failed(self, attempt: Attempt, failure: Failure) -> None:
        self.told.append(("failed", failure))
        if failure.kind not in (FailureKind.CUT, FailureKind.TIMEOUT):
            self.world.fail(attempt.request)

    def abandoned(self, request: Request) -> None:
        self.told.append(("abandoned", request.id))

    def polled(self, backend: int, reading: Reading | None) -> None:
        self.readings.append((backend, reading))

    def wake(self, key: Hashable) -> None:
        self.told.append(("woken", key))


def to(backend: int) -> Callable[[Script, Request], None]:
    """Send everything there."""
    return lambda script, request: script.send(request, backend)


def to_nobody(script: Script, request: Request) -> None:
    """Have every request wait."""


def to_both(script: Script, request: Request) -> None:
    """A request and its hedge."""
    script.send(request, FIRST)
    script.send(request, SECOND)


@dataclass(frozen=True, slots=True)
class Scene:
    """Two simulators and what is needed to play before them."""

    urls: tuple[str, ...]
    session: aiohttp.ClientSession

    async def fault(self, faults: Mapping[str, Mapping[str, Any]], backend: int = FIRST) -> None:
        """Exactly these faults hold there."""
        await set_faults(self.session, self.urls[backend], faults)

    async def state(self, backend: int) -> dict[str, Any]:
        """What a simulator knows of itself."""
        return await sim_state(self.session, self.urls[backend])

    async def until_empty(self, backend: int) -> dict[str, Any]:
        """The state once nobody is there any more."""
        async with asyncio.timeout(10.0):
            while (state := await self.state(backend))["running"] + state["waiting"]:  # noqa: ASYNC110  across a socket
                await asyncio.sleep(0.005)
        return state

    def world(self, traffic: Traffic, patience_seconds: float = 60.0, urls: tuple[str, ...] = ()) -> HttpWorld:
        """A world before them."""
        where = urls or self.urls
        session = self.session
        return HttpWorld(FLEET, where, traffic, 0, Clock(), session, session, patience_seconds=patience_seconds)

    async def play(
        self,
        traffic: Traffic,
        arrive: Callable[[Script, Request], None],
        kind: type[Script] = Script,
        patience_seconds: float = 60.0,
        urls: tuple[str, ...] = (),
    ) -> tuple[Run, Script]:
        """A run with a script."""
        scripts: list[Script] = []

        def make(world: World) -> Script:
            scripts.append(kind(world, arrive))
            return scripts[0]

        run = await self.world(traffic, patience_seconds, urls).run(make)
        return run, scripts[0]


@asynccontextmanager
async def playing(**second: Any) -> AsyncIterator[Scene]:
    """Simulators of `FLEET`; `second` are more settings of the second."""
    async with AsyncExitStack() as stack:
        settings = [
            SimSettings(engine="vllm", models=("model",)),
            SimSettings(engine="ollama", models=("model",), **second),
        ]
        urls = [await stack.enter_async_context(serving(one)) for one in settings]
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        yield Scene(tuple(urls), await stack.enter_async_context(aiohttp.ClientSession(connector=connector)))


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with playing() as made:
        yield made


async def test_an_answer_is_told_by_its_first_token_and_its_end_with_all_its_tokens(scene: Scene) -> None:
    run, script = await scene.play(asked((0.0, 100, 30), (0.0, 2000, 1)), to(FIRST))
    assert sorted(script.told, key=str) == [
        ("arrived", 0),
        ("arrived", 1),
        ("finished", 1),
        ("finished", 30),
        ("first token", FIRST),
        ("first token", FIRST),
    ]
    for record, tokens in zip(run.records, (30, 1), strict=True):
        assert (record.outcome, record.output_tokens, record.backend) == (Outcome.FINISHED, tokens, FIRST)
        assert record.first_token_seconds is not None
        assert 0 < record.first_token_seconds <= record.end_seconds
    totals = (await scene.state(FIRST))["totals"]
    assert (totals["prompt_tokens"], totals["output_tokens"]) == (2100, 31)
    assert all(attempt.over for attempt in script.attempts)


async def test_where_nobody_listens_an_attempt_is_refused(scene: Scene) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{probe.getsockname()[1]}"
        run, script = await scene.play(ONE, to(FIRST), urls=(nowhere, scene.urls[SECOND]))
    assert script.told[-1] == ("failed", Failure(FailureKind.REFUSED))
    assert run.records[0].outcome is Outcome.ERROR


async def test_a_500_is_an_error_and_another_backend_may_be_asked(scene: Scene) -> None:
    class Retrying(Script):
        def failed(self, attempt: Attempt, failure: Failure) -> None:
            self.told.append(("failed", failure))
            self.send(attempt.request, SECOND)

    await scene.fault({"error_500": {}})
    run, script = await scene.play(ONE, to(FIRST), Retrying)
    assert script.told[1] == ("failed", Failure(FailureKind.ERROR))
    assert (run.records[0].outcome, run.records[0].backend, run.retries) == (Outcome.FINISHED, SECOND, 1)


async def test_a_429_is_a_rejection_that_says_when_to_come_again(scene: Scene) -> None:
    await scene.fault({"rate_limit": {"retry_after_seconds": 7}})
    _, script = await scene.play(ONE, to(FIRST))
    assert script.told[-1] == ("failed", Failure(FailureKind.REJECTED, retry_after_seconds=7.0))


@pytest.mark.parametrize("how", ["close", "end"])
async def test_a_stream_that_breaks_off_is_cut_with_its_tokens_counted_and_the_request_is_over(
    scene: Scene, how: str
) -> None:
    class Insisting(Script):
        def failed(self, attempt: Attempt, failure: Failure) -> None:
            super().failed(attempt, failure)
            with pytest.raises(ValueError, match="over: cut"):
                self.send(attempt.request, SECOND)

    await scene.fault({"cut": {"after_tokens": 3, "how": how}})
    run, script = await scene.play(ONE, to(FIRST), Insisting)
    assert script.told[1:] == [("first token", FIRST), ("failed", Failure(FailureKind.CUT, 3))]
    assert run.records[0].outcome is Outcome.CUT
    assert run.records[0].first_token_seconds is not None


async def test_a_connection_that_breaks_before_the_first_token_is_an_error(scene: Scene) -> None:
    await scene.fault({"cut": {"after_tokens": 0, "how": "close"}})
    run, script = await scene.play(ONE, to(FIRST))
    assert script.told[1:] == [("failed", Failure(FailureKind.ERROR))]
    assert run.records[0].outcome is Outcome.ERROR


class Cancelling(Script):
    """Cancels what it sent to the first backend once that says that it is there, and sends it to the second once it
    says that it is gone."""

    poll_seconds = 0.01

    def polled(self, backend: int, reading: Reading | None) -> None:
        super().polled(backend, reading)
        if backend != FIRST or reading is None or len(self.attempts) != 1:
            return
        is_there, attempt = bool((reading.running or 0) + (reading.waiting or 0)), self.attempts[0]
        if is_there:
            self.world.cancel(attempt)
            self.world.cancel(attempt)
        elif attempt.over:
            self.send(attempt.request, SECOND)


async def test_a_cancelled_attempt_leaves_its_backend_and_is_not_heard_of_again(scene: Scene) -> None:
    await scene.fault(STALL)
    run, script = await scene.play(ONE, to(FIRST), Cancelling, patience_seconds=10.0)
    assert script.told == [("arrived", 0), ("first token", SECOND), ("finished", 30)]
    assert (await scene.until_empty(FIRST))["totals"]["cancelled"] == 1
    assert (run.hedges, run.retries) == (0, 1)


async def test_the_first_token_of_two_attempts_wins_and_the_other_is_cancelled(scene: Scene) -> None:
    await scene.fault(STALL)
    run, script = await scene.play(ONE, to_both)
    assert script.told == [("arrived", 0), ("first token", SECOND), ("finished", 30)]
    assert (run.records[0].outcome, run.records[0].backend, run.hedges) == (Outcome.FINISHED, SECOND, 1)
    await scene.until_empty(FIRST)


async def test_to_cancel_the_attempt_that_streams_cuts_the_request(scene: Scene) -> None:
    class Fickle(Script):
        def first_token(self, attempt: Attempt) -> None:
            self.told.append(("first token", attempt.backend))
            self.world.cancel(attempt)

    run, script = await scene.play(asked((0.0, 100, 5000)), to(FIRST), Fickle)
    assert script.told == [("arrived", 0), ("first token", FIRST)]
    assert run.records[0].outcome is Outcome.CUT
    assert (await scene.until_empty(FIRST))["totals"]["finished"] == 0


async def test_a_client_without_a_first_token_leaves_wherever_its_request_is(scene: Scene) -> None:
    def first_only(script: Script, request: Request) -> None:
        if request.id == 0:
            script.send(request, FIRST)

    await scene.fault(STALL)
    run, script = await scene.play(asked((0.0, 100, 30), (0.1, 100, 30)), first_only, patience_seconds=0.5)
    assert script.told == [
        ("arrived", 0),
        ("arrived", 1),
        ("failed", Failure(FailureKind.TIMEOUT)),
        ("abandoned", 0),
        ("abandoned", 1),
    ]
    assert [record.outcome for record in run.records] == [Outcome.TIMEOUT] * 2
    assert all(record.end_seconds >= 0.5 for record in run.records)
    await scene.until_empty(FIRST)


async def test_a_client_that_has_its_first_token_stays(scene: Scene) -> None:
    await scene.fault({"slow": {"factor": 1000}})
    run, _ = await scene.play(asked((0.0, 1, 15)), to(FIRST), patience_seconds=0.3)
    assert run.records[0].outcome is Outcome.FINISHED
    assert run.records[0].end_seconds > 0.3


async def test_requests_come_when_they_are_due_whatever_became_of_those_before(scene: Scene) -> None:
    await scene.fault(STALL)
    run, script = await scene.play(asked((0.0, 9, 9), (0.05, 9, 9), (0.1, 9, 9)), to(FIRST), patience_seconds=0.4)
    assert [what for what, _ in script.told[:3]] == ["arrived"] * 3
    assert len(run.records) == 3


async def test_latency_counts_from_when_a_request_was_due_also_when_the_router_held_it(scene: Scene) -> None:
    class Holding(Script):
        def wake(self, key: Hashable) -> None:
            assert isinstance(key, Request)
            self.send(key, FIRST)

    run, _ = await scene.play(asked((0.1, 100, 3)), lambda script, request: script.world.at(0.3, request), Holding)
    assert run.records[0].first_token_seconds is not None
    assert run.records[0].first_token_seconds >= 0.2


async def test_what_is_shed_is_over_and_a_wake_for_the_past_comes_after_the_call(scene: Scene) -> None:
    class Shedding(Script):
        def wake(self, key: Hashable) -> None:
            super().wake(key)
            self.world.shed(ONE[0].request)
            with pytest.raises(ValueError, match="over: shed"):
                self.world.fail(ONE[0].request)

    def woken(script: Script, request: Request) -> None:
        script.send(request, FIRST)
        script.world.at(-1.0, "late")
        script.told.append(("arrival is over", None))

    await scene.fault(STALL)
    run, script = await scene.play(ONE, woken, Shedding)
    assert script.told == [("arrived", 0), ("arrival is over", None), ("woken", "late")]
    assert run.records[0].outcome is Outcome.SHED
    await scene.until_empty(FIRST)


class Watching(Script):
    """Polls, and ends its only request when it has seen enough."""

    poll_seconds = 0.01

    def polled(self, backend: int, reading: Reading | None) -> None:
        super().polled(backend, reading)
        if len(self.readings) == 8:
            self.world.fail(ONE[0].request)


def of(script: Script, backend: int) -> list[Reading | None]:
    """The readings of one backend."""
    return [reading for number, reading in script.readings if number == backend]


async def test_readings_tell_what_the_engine_tells(scene: Scene) -> None:
    await scene.fault(STALL)
    await scene.fault(STALL, SECOND)
    _, script = await scene.play(ONE, to_both, Watching)
    told, silent = of(script, FIRST)[-1], of(script, SECOND)[-1]
    assert told is not None
    assert ((told.running or 0) + (told.waiting or 0), told.kv_usage_ratio, told.resident) == (1, 0.0, True)
    assert silent is not None
    assert (silent.running, silent.waiting, silent.kv_usage_ratio, silent.resident) == (None, None, None, True)
    assert told.health_seconds > 0


async def test_a_backend_that_is_gone_has_no_reading(scene: Scene) -> None:
    await scene.fault({"flap": {"up_seconds": 0.01, "down_seconds": 1000}})
    _, script = await scene.play(ONE, to_nobody, Watching)
    assert of(script, FIRST)[-1] is None
    assert of(script, SECOND)[-1] is not None


async def test_a_backend_is_asked_once_at_a_time_and_when_the_router_wants_it(scene: Scene) -> None:
    def asking(script: Script, request: Request) -> None:
        script.world.ask(FIRST)
        script.world.ask(FIRST)
        script.send(request, SECOND)

    await scene.fault({"slow_health": {"delay_seconds": 0.05}})
    await scene.fault({"slow": {"factor": 1000}}, SECOND)
    run, script = await scene.play(ONE, asking)
    assert run.polls == 1
    assert [backend for backend, _ in script.readings] == [FIRST]


async def test_prewarming_has_a_model_loaded_that_is_not_in_memory() -> None:
    class Waiting(Script):
        poll_seconds = 0.01

        def polled(self, backend: int, reading: Reading | None) -> None:
            super().polled(backend, reading)
            if reading is not None and reading.resident and backend == SECOND:
                self.world.shed(ONE[0].request)

    def warmed(script: Script, request: Request) -> None:
        script.world.prewarm(FIRST)
        script.world.prewarm(SECOND)

    async with playing(cold_start_seconds=0.2) as cold:
        _, script = await cold.play(ONE, warmed, Waiting)
    states = [reading.resident for reading in of(script, SECOND) if reading is not None]
    assert (states[0], states[-1]) == (False, True)


async def test_tokens_and_the_last_of_them_are_told_while_they_come(scene: Scene) -> None:
    class Looking(Script):
        seen: tuple[int, float | None, float | None] = (0, None, None)

        def wake(self, key: Hashable) -> None:
            if (gap := self.world.last_gap_seconds(FIRST)) is None:
                self.world.at(self.world.now + 0.005, key)
                return
            self.seen = (self.world.tokens_of(self.attempts[0]), self.world.last_token_at(FIRST), gap)

    def looked_at(script: Script, request: Request) -> None:
        script.send(request, FIRST)
        assert (script.world.tokens_of(script.attempts[0]), script.world.last_token_at(FIRST)) == (0, None)
        script.world.at(0.0, "look")

    await scene.fault({"slow": {"factor": 1000}})
    _, script = await scene.play(ONE, looked_at, Looking)
    assert isinstance(script, Looking)
    tokens, last_at, gap = script.seen
    assert 2 <= tokens < 30
    assert gap is not None
    assert gap > 0
    assert script.attempts[0].first_token_at is not None
    assert last_at is not None
    assert last_at > script.attempts[0].first_token_at
    assert script.world.tokens_of(script.attempts[0]) == 0
    assert script.world.last_token_at(SECOND) is None


async def test_a_probe_costs_what_a_request_costs_and_no_client_waits_for_it(scene: Scene) -> None:
    def probing(script: Script, request: Request) -> None:
        script.attempts.append(script.world.probe(SECOND, prompt_tokens=20, output_tokens=8))

    class Probing(Script):
        def finished(self, attempt: Attempt, output_tokens: int) -> None:
            super().finished(attempt, output_tokens)
            if attempt.probe:
                self.send(ONE[0].request, FIRST)

    run, script = await scene.play(ONE, probing, Probing)
    assert script.told[1:3] == [("first token", SECOND), ("finished", 8)]
    assert (len(run.records), run.probes, run.retries) == (1, 1, 0)
    assert (await scene.state(SECOND))["totals"]["prompt_tokens"] == 20


async def test_an_answer_of_another_length_than_asked_for_ends_the_run(scene: Scene) -> None:
    traffic = asked((0.0, 100, 100_001))  # one more than the simulator ever says
    world = scene.world(traffic)
    world._bodies = scene.world(ONE)._bodies
    with pytest.raises(ExceptionGroup) as caught:
        await world.run(lambda seen: Script(seen, to(FIRST)))
    assert isinstance(caught.value.exceptions[0], WrongLength)
    assert "first answered request 0 with 30 tokens, not 100001" in str(caught.value.exceptions[0])


async def test_a_router_that_breaks_down_ends_the_run_with_its_error(scene: Scene) -> None:
    def broken(script: Script, request: Request) -> None:
        raise ArithmeticError("a router's own fault")

    with pytest.raises(ExceptionGroup) as caught:
        await scene.play(ONE, broken)
    assert isinstance(caught.value.exceptions[0], ArithmeticError)


@pytest.mark.parametrize("policy", ["maek", "least_request", "llmd", "prequal", "seed_hybrid", "weighted"])
async def test_the_routers_of_virtual_time_serve_everybody(scene: Scene, policy: str) -> None:
    traffic = asked(*((0.02 * number, 50, 10) for number in range(20)))
    run = await scene.world(traffic).run(POLICIES[policy].make)
    assert [record.outcome for record in run.records] == [Outcome.FINISHED] * 20
