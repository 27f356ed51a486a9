"""The gate in a storm: many clients, half of whom leave, before two servers with two slots each."""

import asyncio
import random

from router.balance.admission import Terms
from router.balance.demand import Priority
from router.errors import PolicyFault
from router.journey import Journey
from sidecar import Fact, Outcome
from tests.fakes.sinks import Kept
from tests.fakes.upstreams import WHOLE_STREAM, Heard, upstream
from tests.router.fleets import Fleet, fleet


async def test_in_a_storm_of_cancels_nobody_is_lost_and_no_backend_gets_more_than_it_can_do() -> None:
    rng = random.Random(3)

    async def script(heard: Heard) -> None:
        await asyncio.sleep(rng.random() * 0.02)
        await heard.send(WHOLE_STREAM)

    async def one_client(storm: Fleet, number: int) -> None:
        await asyncio.sleep(rng.random() * 0.5)
        stays = number % 2 == 0
        terms = Terms(most=1000, most_wait_seconds=1000 if stays else 0.1)
        sending = asyncio.create_task(storm.send(Kept(), terms=terms, priority=Priority(number % 3)))
        if not stays:
            await asyncio.sleep(rng.random() * 0.2)
            sending.cancel()
        ended = (await asyncio.gather(sending, return_exceptions=True))[0]
        assert isinstance(ended, Journey if stays else Journey | PolicyFault | asyncio.CancelledError), repr(ended)

    most = 0
    async with upstream(script) as one, upstream(script) as two, fleet(one.url, two.url, slots=2) as storm:

        def count(_fact: Fact) -> None:
            nonlocal most
            most = max(most, *(state.work.in_flight for state in storm.states.values()))

        storm.store.witness(count)
        async with asyncio.TaskGroup() as clients:
            for number in range(300):
                clients.create_task(one_client(storm, number))
        assert (storm.in_flight(), len(storm.line)) == (0, 0)
        assert [task for task in asyncio.all_tasks() if "tell" in repr(task.get_coro())] == []
        finished = storm.finished()
        started = sum(state.work.started for state in storm.states.values())
    assert started == sum(finished.values())
    assert finished[Outcome.OK] >= 150
    assert most == 2
