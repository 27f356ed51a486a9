"""Who of several attempts writes to the client, at the very edge."""

import asyncio

import pytest

from router.attempt import AttemptFailed, Opened
from router.balance.pools import Candidate
from router.errors import BackendTruncated
from router.journey import Attempt
from router.place import Meter, Place
from router.race import MOST_HELD_BYTES, Beaten, Lane, Race
from sidecar import BackendAdded, BackendSpec, Outcome, RequestStarted, Store
from tests.fakes.sinks import Kept
from tests.router.choices import why

OPENED = Opened(200, "text/event-stream")


def place(name: str) -> Place:
    """A place on a backend, as whoever runs an attempt has it."""
    store = Store()
    store.apply(BackendAdded(0.0, BackendSpec(name, f"http://{name}:1")))
    store.apply(RequestStarted(0.0, name, "1", streamed=True))
    progress = store.progress(name, "1")
    assert progress is not None
    state = store.snapshot(0.0).backends[name]
    return Place(state, Attempt(why(), Candidate(name, "m"), None), Meter(store, name, "1", progress))


async def runs(race: Race, name: str, go: asyncio.Event) -> str:
    """An attempt that has its first token when the others have theirs."""
    taken = place(name)
    async with Lane(race, taken) as lane:
        await lane.opened(OPENED)
        await lane.chunk(b"greeting of %s, " % name.encode())
        await go.wait()
        taken.meter.token(1.0)
        await lane.chunk(b"token of %s" % name.encode())
    return name


async def test_of_those_that_come_in_the_same_moment_one_is_first() -> None:
    sink, go = Kept(), asyncio.Event()
    race = Race(sink)
    running = [asyncio.create_task(runs(race, name, go)) for name in "abc"]
    await asyncio.sleep(0)
    go.set()
    ended = await asyncio.gather(*running, return_exceptions=True)
    (winner,) = (one for one in ended if isinstance(one, str))
    assert sum(isinstance(one, Beaten) for one in ended) == 2
    assert sink.chunks == [b"greeting of %s, token of %s" % (winner.encode(), winner.encode())]
    assert len(sink.openings) == 1
    assert race.lanes == []


async def test_only_the_first_that_runs_tells_the_client_that_nothing_has_come() -> None:
    sink = Kept()
    race = Race(sink)
    async with Lane(race, place("b")) as second:
        async with Lane(race, place("a")) as first:
            assert race.lanes == [second, first]
            await first.quiet()
            assert sink.quiets == 0
            await second.quiet()
            assert sink.quiets == 1
        await second.quiet()
    assert sink.quiets == 2


async def test_nothing_is_told_within_an_answer_that_won_meanwhile() -> None:
    sink, go = Kept(), asyncio.Event()
    race = Race(sink)
    go.set()
    tasks: list[asyncio.Task[object]] = []

    async def beaten() -> None:
        async with Lane(race, place("a")) as first:
            for task in (first.quiet(), runs(race, "b", go), first.quiet()):
                tasks.append(asyncio.create_task(task))
                await asyncio.sleep(0)
            sink.reading.set()
            await asyncio.Event().wait()

    sink.reading.clear()  # the client does not read, so that whoever else wants to write has to wait
    with pytest.raises(Beaten):
        await beaten()
    await asyncio.gather(*tasks)
    assert (sink.quiets, sink.bytes) == (1, b"greeting of b, token of b")


async def test_what_is_held_is_bounded() -> None:
    sink = Kept()
    race = Race(sink)
    async with Lane(race, place("a")) as lane:
        await lane.opened(OPENED)
        await lane.chunk(b"x" * MOST_HELD_BYTES)
        assert (sink.bytes, race.winner) == (b"", None)
        await lane.chunk(b"y")
        assert race.winner is lane
        await lane.chunk(b"z")
    assert sink.bytes == b"x" * MOST_HELD_BYTES + b"yz"


async def test_an_answer_without_a_token_is_passed_on_at_its_good_end() -> None:
    sink = Kept()
    async with Lane(Race(sink), place("a")) as lane:
        await lane.opened(OPENED)
        await lane.chunk(b"nothing to say")
        await lane.flush()
        await lane.flush()
    assert (sink.bytes, len(sink.openings)) == (b"nothing to say", 1)


@pytest.mark.parametrize("passing", [True, False])
async def test_a_failure_has_begun_an_answer_only_if_the_client_has_some_of_it(passing: bool) -> None:
    async def breaks_off() -> None:
        taken = place("a")
        async with Lane(Race(Kept()), taken) as lane:
            await lane.opened(OPENED)
            if passing:
                taken.meter.token(1.0)
            await lane.chunk(b"data")
            raise AttemptFailed(Outcome.TRUNCATED, BackendTruncated("it stopped"), begun=True)

    with pytest.raises(AttemptFailed) as failed:
        await breaks_off()
    assert failed.value.begun is passing


async def test_a_client_that_leaves_is_no_defeat() -> None:
    async with asyncio.timeout(10):
        running = asyncio.create_task(runs(Race(Kept()), "a", asyncio.Event()))
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
