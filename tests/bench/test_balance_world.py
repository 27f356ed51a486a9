"""Every request ends once, agents are told what a router would see, and a seed gives the same run again."""

import math
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import replace

import pytest

from bench.balance.agent import Attempt, Engine, Failure, FailureKind, Reading, Request
from bench.balance.faults import Cuts, Fault, Flap, Heat, Lies, Outside, RateLimit, Slow, Stall, Whom
from bench.balance.fleets import FLEETS, Host
from bench.balance.peers.simple import LeastRequest
from bench.balance.policies import POLICIES
from bench.balance.scenarios import SCENARIOS, Scenario
from bench.balance.sequence import Kv
from bench.balance.workload import Ask, Traffic, as_traffic, conversations
from bench.balance.world import Outcome, Run, Simulation
from simulator.profiles import Profile

PROFILE = Profile(
    base_seconds=0.1,
    per_sequence_seconds=0.0,
    per_context_token_seconds=0.0,
    per_prefill_token_seconds=0.001,
    prefill_chunk_tokens=1000,
    slots=2,
    kv_capacity_tokens=10_000,
)
"""A token takes a tenth of a second, a prompt of a hundred tokens another tenth."""
FIRST = Host("first", Engine.VLLM, PROFILE, 2.0)
SECOND = Host("second", Engine.OLLAMA, replace(PROFILE, base_seconds=0.2), 1.0)


def asked(*rows: tuple[float, int, int]) -> Traffic:
    """Traffic from rows of time, prompt and output tokens."""
    return as_traffic([Ask(*row) for row in rows], seed=0)


def scene(*faults: tuple[Whom, Fault], outside: tuple[tuple[Whom, Outside], ...] = ()) -> Scenario:
    """The two backends, with faults."""
    return Scenario("two backends", (FIRST, SECOND), 1.0, faults=faults, outside=outside)


class Script:
    """A router that writes down what it is told and does what a test says at an arrival."""

    poll_seconds: float | None = None

    def __init__(self, world: Simulation, arrive: Callable[["Script", Request], None]) -> None:
        self.world = world
        self.told: list[tuple[float, str, object]] = []
        self.attempts: list[Attempt] = []
        self._arrive = arrive

    def tell(self, what: str, of: object = None) -> None:
        """Note something with its time."""
        self.told.append((round(self.world.now, 6), what, of))

    def send(self, request: Request, backend: int) -> Attempt:
        """Send, and remember."""
        self.attempts.append(self.world.send(request, backend))
        return self.attempts[-1]

    def arrive(self, request: Request) -> None:
        self._arrive(self, request)

    def first_token(self, attempt: Attempt) -> None:
        self.tell("first", attempt.backend)
        for other in self.attempts:
            if other is not attempt and other.request is attempt.request:
                self.world.cancel(other)

    def finished(self, attempt: Attempt, output_tokens: int) -> None:
        self.tell(f"finished by {attempt.backend}", output_tokens)

    def failed(self, attempt: Attempt, failure: Failure) -> None:
        self.tell("failed", failure)
        if failure.kind in (FailureKind.ERROR, FailureKind.REJECTED):
            self.world.fail(attempt.request)

    def abandoned(self, request: Request) -> None:
        self.tell("abandoned", request.id)

    def polled(self, backend: int, reading: Reading | None) -> None:
        self.tell("polled", (backend, reading))

    def wake(self, key: Hashable) -> None:
        self.tell("wake", key)


def played(
    scenario: Scenario, traffic: Traffic, arrive: Callable[[Script, Request], None], poll_seconds: float | None = None
) -> tuple[Run, Script]:
    """A run with a script."""
    scripts: list[Script] = []

    def make(world: Simulation) -> Script:
        scripts.append(Script(world, arrive))
        scripts[0].poll_seconds = poll_seconds
        return scripts[0]

    run = Simulation(scenario, traffic, seed=0).run(make)
    return run, scripts[0]


def to(backend: int) -> Callable[[Script, Request], None]:
    """Send everything there."""

    def arrive(script: Script, request: Request) -> None:
        script.send(request, backend)

    return arrive


def by_turns(script: Script, request: Request) -> None:
    """Send to one and the other."""
    script.send(request, request.id % 2)


LATER = (120.0, 1, 1)
"""A request that makes the traffic last: faults happen while somebody comes."""


def test_a_request_has_its_first_token_behind_its_prompt_and_its_last_behind_its_answer() -> None:
    run, script = played(scene(), asked((1.0, 100, 3)), to(0))
    (record,) = run.records
    assert record.outcome is Outcome.FINISHED
    assert (record.first_token_seconds, record.end_seconds) == pytest.approx((0.2, 0.4))
    assert script.told == [(1.2, "first", 0), (1.4, "finished by 0", 3)]


def test_latency_counts_from_when_the_request_was_due_also_when_the_router_held_it() -> None:
    class Holding(Script):
        def wake(self, key: Hashable) -> None:
            assert isinstance(key, Request)
            self.send(key, 0)

    held = []

    def make(world: Simulation) -> Script:
        held.append(Holding(world, lambda script, request: script.world.at(6.0, request)))
        return held[0]

    (record,) = Simulation(scene(), asked((1.0, 100, 3)), 0).run(make).records
    assert record.first_token_seconds == pytest.approx(5.2)


def test_a_hedge_that_is_overtaken_is_cancelled_and_leaves_its_backend() -> None:
    def twice(script: Script, request: Request) -> None:
        script.send(request, 0)
        script.send(request, 1)

    run, script = played(scene(), asked((0.0, 100, 5), (1.0, 100, 5)), twice)
    assert run.hedges == 2
    assert [record.backend for record in run.records] == [0, 0]
    assert all(attempt.over for attempt in script.attempts)
    assert script.world.sites[1].machine.running == 0
    assert [what for _, what, _ in script.told] == ["first", "finished by 0"] * 2


def test_a_loser_that_nobody_cancelled_ends_by_itself_and_counts_for_nothing() -> None:
    class Careless(Script):
        def first_token(self, attempt: Attempt) -> None:
            self.tell("first", attempt.backend)

    def twice(script: Script, request: Request) -> None:
        script.send(request, 0)
        script.send(request, 1)

    held: list[Script] = []

    def make(world: Simulation) -> Script:
        held.append(Careless(world, twice))
        return held[0]

    run = Simulation(scene(), asked((0.0, 100, 5), (4.0, 100, 5)), 0).run(make)
    assert [(record.backend, round(record.end_seconds, 6)) for record in run.records] == [(0, 0.6), (0, 0.6)]
    assert [(at, what) for at, what, _ in held[0].told][:4] == [
        (0.2, "first"),
        (0.3, "first"),
        (0.6, "finished by 0"),
        (1.1, "finished by 1"),
    ]


def test_a_client_without_a_first_token_leaves_after_a_minute_wherever_its_request_is() -> None:
    def first_and_last(script: Script, request: Request) -> None:
        if request.id != 1:
            script.send(request, 0)

    run, script = played(
        scene((Whom.FASTEST, Stall(0.5, 100.0))),
        asked((1.0, 100, 3), (2.0, 100, 3), LATER),
        first_and_last,
    )
    assert [record.outcome for record in run.records][:2] == [Outcome.TIMEOUT] * 2
    assert [record.end_seconds for record in run.records][:2] == [60.0, 60.0]
    assert script.told[:3] == [
        (61.0, "failed", Failure(FailureKind.TIMEOUT)),
        (61.0, "abandoned", 0),
        (62.0, "abandoned", 1),
    ]
    assert script.world.sites[0].machine.waiting == 0


def test_a_client_that_has_its_first_token_waits_out_a_stall() -> None:
    run, _ = played(scene((Whom.FASTEST, Stall(0.5, 100.0))), asked((0.0, 100, 9), LATER), to(0))
    assert run.records[0].outcome is Outcome.FINISHED
    assert run.records[0].end_seconds == pytest.approx(101.0)


def test_a_crash_cuts_who_had_a_token_and_fails_who_had_none() -> None:
    run, script = played(scene((Whom.FASTEST, Flap(0.35, 5.0, 1e9))), asked((0.0, 100, 9), (0.3, 100, 9), LATER), to(0))
    assert [record.outcome for record in run.records][:2] == [Outcome.CUT, Outcome.ERROR]
    kinds = [failure.kind for _, what, failure in script.told if isinstance(failure, Failure)]
    assert kinds == [FailureKind.CUT, FailureKind.ERROR]


def test_while_it_is_gone_errors_come_fast_and_polls_are_not_answered() -> None:
    run, script = played(scene((Whom.FASTEST, Flap(0.0, 5.0, 1e9))), asked((1.0, 9, 9), (7.0, 9, 9)), to(0), 2.0)
    assert [record.outcome for record in run.records] == [Outcome.ERROR, Outcome.FINISHED]
    assert run.records[0].end_seconds == pytest.approx(0.005)
    polls = [(at, reading is None) for at, reading in readings(script, 0)]
    assert polls == [(0.0, True), (2.0, True), (4.0, True), (6.0, False)]


def readings(script: Script, backend: int) -> list[tuple[float, Reading | None]]:
    """What the polls of one backend brought, and when."""
    return [(at, of[1]) for at, what, of in script.told if isinstance(of, tuple) and of[0] == backend]


def test_a_cut_stream_delivers_some_tokens_and_is_the_same_under_every_router() -> None:
    traffic = asked(*((number * 2.0, 10, 8) for number in range(40)))
    faults = scene((Whom.FASTEST, Cuts(0.0, 0.5)))
    run, script = played(faults, traffic, to(0))
    cut = {number for number, record in enumerate(run.records) if record.outcome is Outcome.CUT}
    assert 8 < len(cut) < 32
    delivered = [failure.delivered_tokens for _, _, failure in script.told if isinstance(failure, Failure)]
    assert all(1 <= tokens < 8 for tokens in delivered)
    again = Simulation(faults, traffic, 0).run(LeastRequest)
    there = {number for number, record in enumerate(again.records) if record.backend == 0}
    assert {number for number in there if again.records[number].outcome is Outcome.CUT} == cut & there


def test_a_rate_limit_rejects_with_the_time_until_it_takes_another() -> None:
    limited = scene((Whom.FASTEST, RateLimit(0.0, 0.5, 1.0)))
    run, script = played(limited, asked((0.0, 9, 1), (1.0, 9, 1), (5.0, 9, 1)), to(0))
    assert [record.outcome for record in run.records] == [Outcome.FINISHED, Outcome.ERROR, Outcome.FINISHED]
    (failure,) = [of for _, what, of in script.told if what == "failed"]
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.REJECTED
    assert failure.retry_after_seconds == pytest.approx(1.0)


def test_readings_tell_what_the_engine_tells_and_a_liar_says_that_nothing_runs() -> None:
    traffic = asked(*((0.0, 100, 100) for _ in range(6)))
    _, honest = played(scene(), traffic, by_turns, 1.0)
    reading = readings(honest, 0)[1][1]
    assert reading is not None
    assert (reading.running, reading.waiting) == (2, 1)
    assert reading.kv_usage_ratio == pytest.approx((2 * 100 + 2 * 9) / 10_000, abs=0.002)
    silent = readings(honest, 1)[1][1]
    assert silent is not None
    assert (silent.running, silent.waiting, silent.kv_usage_ratio, silent.resident) == (None, None, None, True)
    _, deceived = played(scene((Whom.FASTEST, Lies(-1.0))), traffic, by_turns, 1.0)
    lie = readings(deceived, 0)[1][1]
    assert lie is not None
    assert (lie.running, lie.waiting, lie.kv_usage_ratio) == (0, 0, 0.0)


def test_a_poll_of_a_stalled_backend_is_answered_late_or_given_up_and_never_asked_twice() -> None:
    stalled = scene((Whom.FASTEST, Stall(0.5, 8.0)))
    run, script = played(stalled, asked((0.0, 9, 1), (12.0, 9, 1)), to(1), 1.0)
    polls = [(at, None if reading is None else round(reading.health_seconds, 1)) for at, reading in readings(script, 0)]
    assert polls[:3] == [(0.0, 0.0), (6.0, None), (8.5, 2.5)]
    assert run.polls == 7 + 12


def test_tokens_and_the_last_of_them_are_told_exactly() -> None:
    seen: list[tuple[int, float | None, float | None]] = []

    class Asking(Script):
        def wake(self, key: Hashable) -> None:
            assert isinstance(key, float)
            world, attempt = self.world, self.attempts[0]
            gap = world.last_gap_seconds(0)
            seen.append((world.tokens_of(attempt), world.last_token_at(0), None if gap is None else round(gap, 6)))

    def arrive(script: Script, request: Request) -> None:
        script.send(request, 0)
        for at in () if request.id else (0.15, 0.25, 0.55, 3.0):
            script.world.at(at, at)

    held: list[Script] = []

    def make(world: Simulation) -> Script:
        held.append(Asking(world, arrive))
        return held[0]

    Simulation(scene(), asked((0.0, 100, 10), (5.0, 1, 1)), 0).run(make)
    assert [(tokens, at and round(at, 6)) for tokens, at, _ in seen] == [(0, None), (1, 0.2), (4, 0.5), (0, 1.1)]
    assert [gap for *_, gap in seen] == [None, None, 0.1, 0.1]


def test_what_is_over_cannot_be_sent_shed_or_failed_again() -> None:
    def badly(script: Script, request: Request) -> None:
        script.world.shed(request)
        with pytest.raises(ValueError, match="over: shed"):
            script.world.send(request, 0)
        with pytest.raises(ValueError, match="over: shed"):
            script.world.fail(request)

    run, _ = played(scene(), asked((0.0, 9, 9)), badly)
    assert run.records[0].outcome is Outcome.SHED


def test_others_who_use_a_backend_slow_it_down_and_are_told_by_its_readings_alone() -> None:
    outside = scene(outside=((Whom.FASTEST, Outside(1.0, wave_seconds=10.0)),))
    traffic = asked(*((float(number), 100, 5) for number in range(100)))
    run, script = played(outside, traffic, to(0), 5.0)
    quiet, _ = played(scene(), traffic, to(0), 5.0)
    assert all(record.end_seconds == pytest.approx(0.6) for record in quiet.records)
    assert sum(record.end_seconds for record in run.records) > 2 * 0.6 * len(traffic)
    told = [reading for _, reading in readings(script, 0)]
    assert max(reading.waiting or 0 for reading in told if reading) > 3
    assert len(run.records) == len(traffic)


def test_slowness_lasts_as_long_as_it_is_told_to() -> None:
    slow = scene((Whom.FASTEST, Slow(0.0, 50.0, 6.0)))
    run, _ = played(slow, asked((1.0, 100, 3), (60.0, 100, 3)), to(0))
    assert [record.end_seconds for record in run.records] == pytest.approx([2.4, 0.4])


def test_a_machine_that_has_long_been_full_gets_slower() -> None:
    hot = scene((Whom.ALL, Heat()))
    traffic = asked(*((1.2 * number, 100, 20) for number in range(200)))
    run, _ = played(hot, traffic, to(0))
    cool, _ = played(scene(), traffic, to(0))
    assert run.records[10].end_seconds == pytest.approx(cool.records[10].end_seconds)
    assert run.records[190].end_seconds > 1.2 * cool.records[190].end_seconds


def test_prewarming_loads_a_model_before_anybody_asks() -> None:
    sleepy = replace(FIRST, cold_start_seconds=15.0, keep_alive_seconds=60.0)

    def warmed(script: Script, request: Request) -> None:
        if request.id == 0:
            script.world.prewarm(0)
        script.send(request, request.id if request.id == 0 else 1 - request.id)

    cold = Scenario("cold", (sleepy, SECOND), 1.0)
    run, _ = played(cold, asked((0.0, 100, 1), (20.0, 100, 1)), warmed)
    assert [record.end_seconds for record in run.records] == pytest.approx([15.2, 0.2])


short = conversations(4.0, 20.0, seed=3)
every_policy = pytest.mark.parametrize("policy", POLICIES)


@every_policy
@pytest.mark.parametrize("name", ["flap", "rate-limit", "cold"])
def test_every_request_ends_exactly_once_and_leaves_nothing_behind(policy: str, name: str) -> None:
    scenario = SCENARIOS[name]
    soon = tuple((whom, replace(fault, at=5.0)) for whom, fault in scenario.faults)  # type: ignore[type-var]
    scenario = replace(scenario, fleet=scenario.altered(scenario.fleet), faults=soon)
    simulation = Simulation(scenario, short, seed=1)
    run = simulation.run(POLICIES[policy].make)
    assert len(run.records) == len(short)
    assert Counter(record.at for record in run.records) == Counter(demand.request.at for demand in short)
    assert all(math.isfinite(record.end_seconds) for record in run.records)
    assert all(record.first_token_seconds is not None for record in run.records if record.outcome is Outcome.FINISHED)
    assert [site.streams for site in simulation.sites] == [0] * len(simulation.sites)
    assert sum(site.machine.running + site.machine.waiting for site in simulation.sites) == 0


@every_policy
def test_a_seed_gives_the_same_run_again_but_for_the_time_of_decisions(policy: str) -> None:
    scenario = replace(SCENARIOS["nonlinear"], fleet=FLEETS["homelab4"], kv=Kv.PREEMPTED)
    runs = [Simulation(scenario, short, seed=2).run(POLICIES[policy].make) for _ in range(2)]
    assert replace(runs[0], decision_us=0.0) == replace(runs[1], decision_us=0.0)
