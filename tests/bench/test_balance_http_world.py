"""Over HTTP agents are told what the contract says, by real connections to real simulators."""

import socket
from collections.abc import AsyncIterator, Hashable

import pytest

from bench.balance.agent import Attempt, Failure, FailureKind, Reading, Request
from bench.balance.live.world import WrongLength
from bench.balance.policies import POLICIES
from bench.balance.world import Outcome
from tests.fakes.http_worlds import FIRST, ONE, SECOND, STALL, Scene, Script, asked, playing, to, to_both


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
