"""A second request beside one that is late: who answers, who is cut off, and when there is none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from router.errors import BackendFault
from router.hedging import late_after_seconds
from sidecar import DrainSwitched, Outcome
from sidecar.breaker import Circuit
from sidecar.line import Line
from sidecar.predict import Forecast
from tests.fakes.sinks import Kept
from tests.fakes.upstreams import (
    COMPLETION,
    DONE,
    LAST_CHUNK,
    OK_STREAM,
    ROLE,
    STOP,
    Heard,
    Script,
    Upstream,
    answer,
    chunked,
    saying,
    silent,
    streaming,
    token,
    upstream,
)
from tests.fakes.waiting import until
from tests.router.fleets import ROLE as TARGET
from tests.router.fleets import Fleet, fleet, now

SOON = 0.05
"""As soon as that somebody else is asked, where three times the predicted seconds are not more."""
FIRST = ROLE + token("first") + STOP + DONE
SECOND = ROLE + token("second") + STOP + DONE
SHORT = {"max_tokens": 1}
"""An answer that is predicted to be there soon, all of it."""


def first_of_equals() -> float:
    """Chance, for tests that want to know who is asked first."""
    return 0.0


class Two:
    """Two backends, of which `first` is asked first."""

    def __init__(self, first: Upstream, second: Upstream, both: Fleet) -> None:
        self.first = first
        self.second = second
        self.both = both
        self.gate = asyncio.Event()
        """Opened by a test when somebody may go on."""


@asynccontextmanager
async def two(second: Script = saying(), keepalive_seconds: float = 20) -> AsyncIterator[Two]:  # noqa: B008
    """A first backend that never answers, unless told otherwise, and a second one."""
    async with upstream(silent) as one, upstream(second) as other:
        async with fleet(one.url, other.url, rng=first_of_equals, keepalive_seconds=keepalive_seconds) as both:
            yield Two(one, other, both)


async def test_whoever_is_late_is_cut_off_once_a_second_one_has_answered() -> None:
    async with two(streaming(SECOND)) as pair:
        sink = Kept()
        journey = await pair.both.send(sink, hedge_seconds=SOON)
        assert (pair.both.in_flight(), pair.both.finished()) == (0, {Outcome.SILENT: 1, Outcome.OK: 1})
        await pair.first.left.wait()
    assert sink.bytes == SECOND
    assert [(a.candidate.backend, a.hedge, a.beaten) for a in journey.attempts] == [
        ("b0", False, True),
        ("b1", True, False),
    ]
    assert journey.last is journey.attempts[1]
    assert journey.first_token_ms is not None
    assert pair.both.counts.hedges == ["won"]
    assert pair.both.counts.retries == []


async def test_a_backend_that_gives_nobody_a_token_is_left_alone_for_a_while() -> None:
    async with two(streaming(SECOND)) as pair:
        for _ in range(10):
            await pair.both.send(Kept(), hedge_seconds=SOON)
        breaker = pair.both.states["b0"].breaker
        assert (len(pair.first.heard), breaker.circuit(now())) == (1, Circuit.OPEN)
    assert pair.both.counts.hedges == ["won"]


async def test_a_backend_that_talks_to_others_is_late_and_no_more() -> None:
    async def talks(heard: Heard) -> None:
        await heard.send(OK_STREAM, chunked(ROLE))
        while not heard.wire.writer.is_closing():
            await heard.send(chunked(token("a")))
            await asyncio.sleep(0.01)

    async with two(streaming(SECOND)) as pair:
        pair.first.script = talks
        pair.both.store.apply(DrainSwitched(now(), "b1", draining=True))
        other = asyncio.create_task(pair.both.send(Kept()))
        await until(lambda: pair.both.states["b0"].work.running)
        pair.first.script = silent
        late = asyncio.create_task(pair.both.send(Kept(), hedge_seconds=SOON))
        await until(lambda: pair.both.states["b0"].work.in_flight == 2)
        pair.both.store.apply(DrainSwitched(now(), "b1", draining=False))
        await late
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)
        assert pair.both.finished() == {Outcome.CLIENT_GONE: 2, Outcome.OK: 1}
        assert pair.both.states["b0"].breaker.openings == 0


async def test_the_second_one_is_cut_off_if_the_first_answers_after_all() -> None:
    async with two(silent) as pair:

        async def script(heard: Heard) -> None:
            await until(lambda: pair.second.heard)
            await heard.send(OK_STREAM, chunked(FIRST), LAST_CHUNK)

        pair.first.script = script
        sink = Kept()
        journey = await pair.both.send(sink, hedge_seconds=SOON)
        assert (pair.both.in_flight(), pair.both.finished()) == (0, {Outcome.CLIENT_GONE: 1, Outcome.OK: 1})
        await pair.second.left.wait()
    assert sink.bytes == FIRST
    assert journey.last is journey.attempts[0]
    assert journey.total_ms == journey.attempts[0].total_ms
    assert pair.both.counts.hedges == ["lost"]


async def test_a_greeting_does_not_win() -> None:
    async with two(streaming(SECOND)) as pair:
        pair.first.script = saying(OK_STREAM, chunked(ROLE))
        sink = Kept()
        await pair.both.send(sink, hedge_seconds=SOON)
        await pair.first.left.wait()
    assert sink.bytes == SECOND
    assert len(sink.openings) == 1


async def test_an_answer_in_one_piece_is_hedged_too() -> None:
    async with two(saying(answer("200 OK", COMPLETION))) as pair:
        sink = Kept()
        await pair.both.send(sink, stream=False, body=SHORT, hedge_seconds=SOON)
        await pair.first.left.wait()
        assert pair.both.in_flight() == 0
    assert (sink.bytes, len(sink.openings), pair.both.counts.hedges) == (COMPLETION, 1, ["won"])


async def test_while_both_run_the_client_hears_one_of_them() -> None:
    async with two(silent, keepalive_seconds=0.01) as pair:
        sink = Kept()

        async def script(heard: Heard) -> None:
            before = sink.quiets
            await until(lambda: sink.quiets > before + 2)
            await heard.send(OK_STREAM, chunked(SECOND), LAST_CHUNK)

        pair.second.script = script
        await pair.both.send(sink, hedge_seconds=SOON)
    assert sink.bytes == SECOND


async def test_a_client_that_does_not_take_a_comment_keeps_the_winner_waiting_and_loses_nothing() -> None:
    async with two(silent, keepalive_seconds=0.01) as pair:
        sink = Kept()

        async def script(heard: Heard) -> None:
            sink.reading.clear()
            before = sink.quiets
            await until(lambda: sink.quiets > before)  # and there the client stands
            await heard.send(OK_STREAM, chunked(SECOND), LAST_CHUNK)
            await asyncio.sleep(0.05)
            assert sink.bytes == b""
            sink.reading.set()

        pair.second.script = script
        await pair.both.send(sink, hedge_seconds=SOON)
    assert sink.bytes == SECOND


async def test_the_second_answer_stands_when_the_first_one_fails_meanwhile() -> None:
    async with two(silent) as pair:

        async def fails(heard: Heard) -> None:
            await until(lambda: pair.second.heard)
            await heard.send(answer("500 Oops"))

        async def answers(heard: Heard) -> None:
            await until(lambda: Outcome.BACKEND_ERROR in pair.both.finished())
            await heard.send(OK_STREAM, chunked(SECOND), LAST_CHUNK)

        pair.first.script, pair.second.script = fails, answers
        sink = Kept()
        journey = await pair.both.send(sink, hedge_seconds=SOON)
        assert pair.both.finished() == {Outcome.BACKEND_ERROR: 1, Outcome.OK: 1}
    assert (sink.bytes, len(journey.attempts)) == (SECOND, 2)
    assert (pair.both.counts.hedges, pair.both.counts.retries) == (["won"], [])


async def test_the_first_answer_stands_when_the_second_one_fails() -> None:
    async with two(saying(answer("500 Oops"))) as pair:

        async def script(heard: Heard) -> None:
            await until(lambda: Outcome.BACKEND_ERROR in pair.both.finished())
            await heard.send(OK_STREAM, chunked(FIRST), LAST_CHUNK)

        pair.first.script = script
        sink = Kept()
        journey = await pair.both.send(sink, hedge_seconds=SOON)
    assert (sink.bytes, journey.last) == (FIRST, journey.attempts[0])
    assert pair.both.counts.hedges == ["failed"]


async def test_both_may_fail() -> None:
    async with two(saying(answer("500 Oops"))) as pair:

        async def script(heard: Heard) -> None:
            await until(lambda: Outcome.BACKEND_ERROR in pair.both.finished())
            await heard.send(answer("502 Oops"))

        pair.first.script = script
        with pytest.raises(BackendFault, match="HTTP 502"):
            await pair.both.send(Kept(), hedge_seconds=SOON)
        assert (pair.both.in_flight(), pair.both.finished()) == (0, {Outcome.BACKEND_ERROR: 2})


async def test_what_one_lacks_the_other_may_be_saying_already() -> None:
    async with two(streaming(SECOND)) as pair:

        async def script(heard: Heard) -> None:
            await until(lambda: pair.second.heard)
            await heard.send(answer("404 Not Found"))

        async def answers(heard: Heard) -> None:
            await until(lambda: Outcome.CALLER_ERROR in pair.both.finished())
            await heard.send(OK_STREAM, chunked(SECOND), LAST_CHUNK)

        pair.first.script, pair.second.script = script, answers
        sink = Kept()
        await pair.both.send(sink, hedge_seconds=SOON)
    assert sink.bytes == SECOND


async def test_a_second_answer_that_breaks_off_is_an_error_and_nobody_is_asked_again() -> None:
    async with two(saying(OK_STREAM, chunked(ROLE, token("half")), LAST_CHUNK)) as pair:
        sink = Kept()
        with pytest.raises(BackendFault) as failed:
            await pair.both.send(sink, attempts=5, hedge_seconds=SOON)
        assert (pair.both.in_flight(), len(pair.first.heard), len(pair.second.heard)) == (0, 1, 1)
        await pair.first.left.wait()
    assert (failed.value.code, sink.bytes) == ("backend_truncated", ROLE + token("half"))


async def test_a_client_that_leaves_ends_both() -> None:
    async with two(silent) as pair:
        sending = asyncio.create_task(pair.both.send(Kept(), hedge_seconds=SOON))
        await until(lambda: pair.second.heard)
        assert pair.both.in_flight() == 2
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert (pair.both.in_flight(), pair.both.finished()) == (0, {Outcome.CLIENT_GONE: 2})
        await pair.first.left.wait()
        await pair.second.left.wait()
    assert pair.both.counts.hedges == ["abandoned"]


# When there is none


async def late_but_there(heard: Heard) -> None:
    """Answers after anybody would have been asked besides."""
    await asyncio.sleep(0.5)
    await heard.send(OK_STREAM, chunked(FIRST), LAST_CHUNK)


@pytest.mark.parametrize("why", ["the role does not want it", "the other is drained", "the other has failed lately"])
async def test_nobody_is_asked_besides(why: str) -> None:
    async with two(streaming(SECOND)) as pair:
        pair.first.script = late_but_there
        if why == "the other is drained":
            pair.both.store.apply(DrainSwitched(now(), "b1", draining=True))
        elif why == "the other has failed lately":
            pair.second.script = saying(answer("500 Oops"))
            pair.both.store.apply(DrainSwitched(now(), "b0", draining=True))
            with pytest.raises(BackendFault):
                await pair.both.send(Kept())
            pair.both.store.apply(DrainSwitched(now(), "b0", draining=False))
        asked_before = len(pair.second.heard)
        sink = Kept()
        journey = await pair.both.send(sink, hedge_seconds=None if why == "the role does not want it" else SOON)
        assert len(pair.second.heard) == asked_before
    assert (sink.bytes, len(journey.attempts), pair.both.counts.hedges) == (FIRST, 1, [])


async def test_a_backend_alone_has_nobody_beside_it() -> None:
    async with upstream(late_but_there) as server, fleet(server.url) as one:
        sink = Kept()
        await one.send(sink, hedge_seconds=SOON)
    assert (sink.bytes, len(server.heard), one.counts.hedges) == (FIRST, 1, [])


async def test_hedges_are_on_a_budget() -> None:
    async with two(streaming(SECOND)) as pair:
        pair.first.script = late_but_there
        pair.both.spending.earn(TARGET, now())
        while pair.both.spending.hedge(TARGET):
            """Until there is none left."""
        sink = Kept()
        await pair.both.send(sink, hedge_seconds=SOON)
    assert (sink.bytes, pair.second.heard, pair.both.counts.hedges) == (FIRST, [], [])


async def test_whoever_would_be_later_still_is_not_asked_besides() -> None:
    async with two(streaming(SECOND)) as pair:
        pair.first.script = late_but_there
        predicted_long = Forecast(first=Line.prior(intercept=60.0, slope=0.0, at_x=1, weight=100.0))
        state = pair.both.states["b1"]
        pair.both.store._states["b1"] = replace(state, forecasts={"m1": predicted_long})
        sink = Kept()
        await pair.both.send(sink, hedge_seconds=SOON)
    assert (sink.bytes, pair.second.heard) == (FIRST, [])


@pytest.mark.parametrize(
    ("predicted_seconds", "late_seconds"), [(None, 1.5), (0.1, 1.5), (0.5, 1.5), (0.6, 1.8), (20.0, 60.0)]
)
def test_late_is_three_times_what_was_predicted(predicted_seconds: float | None, late_seconds: float) -> None:
    assert late_after_seconds(predicted_seconds, 1.5) == pytest.approx(late_seconds)
