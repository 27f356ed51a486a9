"""Over HTTP agents see of backends what their engines tell, and of their streams what came."""

from collections.abc import AsyncIterator, Hashable

import pytest

from bench.balance.agent import Attempt, Reading, Request
from tests.fakes.http_worlds import FIRST, ONE, SECOND, STALL, Scene, Script, playing, to_both, to_nobody


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with playing() as made:
        yield made


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
