"""Everything at once: what begins, ends, and is counted once."""

import asyncio
import random
from contextlib import AsyncExitStack

from router.attempt import CallerRefused
from router.errors import BackendFault, PolicyFault
from router.journey import Journey
from sidecar import Outcome
from tests.fakes.sinks import Kept
from tests.fakes.upstreams import (
    COMPLETION,
    DONE,
    LAST_CHUNK,
    OK_STREAM,
    ROLE,
    STOP,
    WHOLE_STREAM,
    Heard,
    Script,
    Upstream,
    answer,
    chunked,
    free_port,
    saying,
    silent,
    token,
    upstream,
)
from tests.router.fleets import Fleet, fleet
from tests.router.relaying import deadlines

FAILED = saying(answer("500 Oops"))
GOOD = saying(WHOLE_STREAM)


async def half_and_then_nothing(heard: Heard) -> None:
    await heard.send(OK_STREAM, chunked(token("a")))


async def slowly(heard: Heard) -> None:
    await heard.send(OK_STREAM, chunked(ROLE))
    await asyncio.sleep(0.02)
    await heard.send(chunked(token("a"), STOP, DONE), LAST_CHUNK)


async def endless(heard: Heard) -> None:
    await heard.send(OK_STREAM)
    while not heard.wire.writer.is_closing():
        await heard.send(chunked(token("a")))
        await asyncio.sleep(0.02)


STORM: tuple[Script, ...] = (
    GOOD,
    saying(answer("200 OK", COMPLETION)),
    slowly,
    silent,
    half_and_then_nothing,
    saying(OK_STREAM, chunked(token("a")), then=Heard.close),
    saying(OK_STREAM, chunked(ROLE), then=Heard.reset),
    saying(b"", then=Heard.reset),
    saying(WHOLE_STREAM, then=Heard.close),
    saying(b"\x16\x03garbage\r\n\r\n", then=Heard.close),
    saying(answer("400 No")),
    saying(answer("429 Full")),
    endless,
    FAILED,
)


async def test_after_a_storm_nothing_is_in_flight_and_every_request_has_ended_once() -> None:
    rng = random.Random(7)

    async def script(heard: Heard) -> None:
        await STORM[heard.json()["kind"]](heard)

    async def one_client(all_of_them: Fleet, number: int, room: asyncio.Semaphore) -> None:
        limits = deadlines(first_token=1, token=0.5, total=2)
        body = {"kind": number % len(STORM)}
        async with room:
            sending = asyncio.create_task(all_of_them.send(Kept(), body=body, stream=number % 5 > 0, limits=limits))
            if number % 4 == 0:
                await asyncio.sleep(rng.random() * 0.05)
                sending.cancel()
            ended = (await asyncio.gather(sending, return_exceptions=True))[0]
        assert isinstance(ended, Journey | BackendFault | PolicyFault | CallerRefused | asyncio.CancelledError), repr(
            ended
        )

    async with AsyncExitStack() as stack:
        servers: list[Upstream] = [await stack.enter_async_context(upstream(script)) for _ in range(3)]
        dead = f"http://127.0.0.1:{free_port()}"
        urls = [*(server.url for server in servers), dead]
        storm = await stack.enter_async_context(fleet(*urls, keepalive_seconds=0.01))
        room = asyncio.Semaphore(150)
        async with asyncio.TaskGroup() as clients:
            for number in range(600):
                clients.create_task(one_client(storm, number, room))
        started = sum(state.work.started for state in storm.states.values())
        finished = storm.finished()
        attempts = [attempt for journey in storm.journeys for attempt in journey.attempts]
    assert (storm.in_flight(), len(storm.line)) == (0, 0)
    assert started == sum(finished.values()) == len(attempts)
    assert set(finished) == set(Outcome) - {Outcome.SILENT}  # that takes two side by side
    assert all(attempt.outcome is not None for attempt in attempts)
