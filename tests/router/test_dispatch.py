"""Choosing, booking, failing over: who gets a request, and what the store is told of it."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from router.attempt import CallerRefused
from router.balance.admission import Terms
from router.dispatch import Dispatcher
from router.errand import MOST_REJECTIONS
from router.errors import BackendFailed, BackendFault, BackendRejected, BackendTimeout, NoBackend
from router.journey import Journey
from sidecar import BackendRemoved, BackendSpec, Outcome, Verdict
from sidecar.facts import ModelsListed, ProbeOutcome
from tests.fakes.sinks import Kept
from tests.fakes.upstreams import (
    DONE,
    LAST_CHUNK,
    OK_STREAM,
    ROLE,
    STOP,
    WHOLE_STREAM,
    Heard,
    Script,
    answer,
    chunked,
    free_port,
    in_turn,
    saying,
    silent,
    token,
    upstream,
)
from tests.fakes.waiting import until
from tests.router.fleets import add, fleet, level_at, now
from tests.router.relaying import SOON, deadlines

WHOLE = ROLE + token("hi") + STOP + DONE
FAILED = saying(answer("500 Oops"))
GOOD = saying(WHOLE_STREAM)


async def test_a_request_carries_the_candidates_model_and_the_backends_key() -> None:
    async with upstream(GOOD) as server, fleet(server.url, api_key="sk-1") as one:
        sink = Kept()
        journey = await one.send(sink, body={"model": "auto", "messages": [], "top_k": 5})
    assert server.heard[0].json() == {"model": "m0", "messages": [], "top_k": 5, "stream": True}
    assert b"authorization: bearer sk-1" in server.heard[0].head
    assert b"post /v1/chat/completions " in server.heard[0].head
    assert sink.bytes == WHOLE
    assert [(attempt.candidate.backend, attempt.outcome) for attempt in journey.attempts] == [("b0", Outcome.OK)]


async def test_a_request_counts_from_before_its_first_byte_to_after_its_last() -> None:
    sink = Kept()

    async def script(heard: Heard) -> None:
        assert one.in_flight() == 1
        await heard.send(OK_STREAM, chunked(token("a")))
        await sink.comes()
        assert one.in_flight() == 1
        await heard.send(chunked(DONE))
        await sink.comes()
        assert one.in_flight() == 1
        await heard.send(LAST_CHUNK)

    async with upstream(script) as server, fleet(server.url) as one:
        await one.send(sink)
        assert (one.in_flight(), one.finished()) == (0, {Outcome.OK: 1})


async def test_a_journey_tells_its_times() -> None:
    sink = Kept()
    journey = Journey()
    seen: list[float | None] = []

    async def script(heard: Heard) -> None:
        seen.append(journey.first_token_ms)
        seen.append(journey.total_ms)
        await heard.send(WHOLE_STREAM)

    async with upstream(script) as server, fleet(server.url) as one:
        await one.dispatcher.send(one.call(), sink, journey)
    assert seen == [None, None]
    assert journey.first_token_ms is not None
    assert journey.total_ms is not None
    assert 0 <= journey.first_token_ms <= journey.total_ms
    assert journey.last is journey.attempts[0]
    assert Journey().last is None


# Failing over


@pytest.mark.parametrize(
    ("bad", "outcome"),
    [
        (FAILED, Outcome.BACKEND_ERROR),
        (saying(answer("503 Busy", b"", "text/plain", "retry-after: 9")), Outcome.REJECTED),
        (saying(b"garbage\r\n\r\n", then=Heard.close), Outcome.BACKEND_ERROR),
        (saying(OK_STREAM, LAST_CHUNK), Outcome.TRUNCATED),
        (saying(b"", then=Heard.reset), Outcome.BACKEND_ERROR),
    ],
)
async def test_another_backend_takes_over_while_nothing_of_an_answer_has_been_sent(
    bad: Script, outcome: Outcome
) -> None:
    async with upstream(bad) as first, upstream(GOOD) as second, fleet(first.url, second.url, rng=lambda: 0.0) as both:
        sink = Kept()
        journey = await both.send(sink)
        assert (both.in_flight(), both.finished()) == (0, {outcome: 1, Outcome.OK: 1})
    assert sink.bytes == WHOLE
    assert [attempt.outcome for attempt in journey.attempts] == [outcome, Outcome.OK]
    assert second.heard[0].json()["model"] == "m1"


async def test_a_dead_backend_is_refused_once_marked_down_and_the_other_answers() -> None:
    async with upstream(GOOD) as server, fleet(f"http://127.0.0.1:{free_port()}", server.url, rng=lambda: 0.0) as both:
        sink = Kept()
        journey = await both.send(sink)
        again = await both.send(Kept())
        assert both.states["b0"].health.verdict is Verdict.DOWN
    assert [attempt.outcome for attempt in journey.attempts] == [Outcome.REFUSED, Outcome.OK]
    assert [attempt.candidate.backend for attempt in again.attempts] == ["b1"]


async def test_a_backend_that_says_nothing_is_left_for_another_when_its_time_is_up() -> None:
    async with (
        upstream(silent) as first,
        upstream(GOOD) as second,
        fleet(first.url, second.url, rng=lambda: 0.0) as two,
    ):
        sink = Kept()
        await two.send(sink, limits=deadlines(first_token=SOON))
        assert two.finished() == {Outcome.TIMEOUT: 1, Outcome.OK: 1}
        await first.left.wait()
    assert sink.bytes == WHOLE


async def test_nobody_takes_over_once_a_token_of_the_answer_has_been_sent() -> None:
    said = ROLE + token("a")
    bad = saying(OK_STREAM, chunked(said), LAST_CHUNK)
    async with upstream(bad) as first, upstream(GOOD) as second, fleet(first.url, second.url, rng=lambda: 0.0) as both:
        sink = Kept()
        with pytest.raises(BackendFault) as failed:
            await both.send(sink, attempts=5)
        assert both.finished() == {Outcome.TRUNCATED: 1}
    assert (failed.value.code, sink.bytes, second.heard) == ("backend_truncated", said, [])


@pytest.mark.parametrize(("attempts", "asked"), [(1, 1), (2, 2), (3, 3), (9, 3)])
async def test_as_many_backends_are_tried_as_allowed_and_none_twice(attempts: int, asked: int) -> None:
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(upstream(FAILED)) for _ in range(3)]
        one = await stack.enter_async_context(fleet(*(server.url for server in servers)))
        with pytest.raises(BackendFailed, match="HTTP 500"):
            await one.send(Kept(), attempts=attempts)
        assert sorted(len(server.heard) for server in servers) == [0] * (3 - asked) + [1] * asked
        assert len({attempt.candidate for attempt in one.journeys[0].attempts}) == asked


async def test_the_last_error_is_the_one_reported() -> None:
    full = saying(answer("429 Full", b"", "text/plain", "retry-after: 9"))
    async with (
        upstream(FAILED) as first,
        upstream(full) as second,
        fleet(first.url, second.url, rng=lambda: 0.0) as two,
    ):
        with pytest.raises(BackendRejected) as failed:
            await two.send(Kept(), attempts=5, terms=Terms(most_wait_seconds=8.9))
    assert failed.value.retry_after_seconds == 9.0


async def test_a_backend_that_is_full_is_asked_again_when_it_says_so_though_no_attempt_is_left() -> None:
    full = saying(answer("503 Full", b"", "text/plain", "retry-after: 1"))
    async with upstream(in_turn(full, full, GOOD)) as server, fleet(server.url) as one:
        sink = Kept()
        journey = await one.send(sink, attempts=1)
    assert sink.bytes == WHOLE
    assert [attempt.outcome for attempt in journey.attempts] == [Outcome.REJECTED, Outcome.REJECTED, Outcome.OK]
    assert [round(attempt.waited_seconds) for attempt in journey.attempts] == [0, 1, 1]
    assert [position for position, _ in sink.waits] == [1, 1]


async def test_one_that_is_full_and_says_now_is_not_asked_for_ever() -> None:
    full = saying(answer("503 Full", b"", "text/plain", "retry-after: 0"))
    async with upstream(full) as server, fleet(server.url) as one:
        with pytest.raises(BackendRejected):
            await one.send(Kept())
        assert len(server.heard) == MOST_REJECTIONS


async def test_no_other_backend_is_tried_when_the_time_for_the_whole_answer_is_over() -> None:
    async with upstream(silent) as first, upstream(silent) as second, fleet(first.url, second.url) as both:
        with pytest.raises(BackendTimeout, match="the whole answer"):
            await both.send(Kept(), stream=False, limits=deadlines(total=SOON))
        assert both.finished() == {Outcome.TIMEOUT: 1}
        assert len(first.heard) + len(second.heard) == 1


async def test_the_time_that_a_failed_backend_took_is_not_given_again() -> None:
    async with upstream(silent) as first, upstream(silent) as second, fleet(first.url, second.url) as both:
        with pytest.raises(BackendTimeout, match="the whole answer"):
            await both.send(Kept(), limits=deadlines(first_token=0.5, total=0.9))
        assert both.finished() == {Outcome.TIMEOUT: 2}


async def test_a_request_that_is_wrong_is_asked_of_nobody_else_and_says_nothing_about_the_backend() -> None:
    wrong = saying(answer("400 No", b'{"error":"too long"}'))
    async with upstream(wrong) as first, upstream(wrong) as second, fleet(first.url, second.url) as both:
        with pytest.raises(CallerRefused) as refused:
            await both.send(Kept())
        assert (both.in_flight(), both.finished()) == (0, {Outcome.CALLER_ERROR: 1})
        assert len(first.heard) + len(second.heard) == 1
    assert refused.value.body == b'{"error":"too long"}'


# Nobody there


async def test_an_empty_house_says_how_to_get_a_backend() -> None:
    async with fleet() as none:
        with pytest.raises(NoBackend) as error:
            await none.send(Kept())
    assert error.value.message == (
        'No backend serves "reasoner". Start an LLM server on this machine, or name one under '
        "sidecar.backends in config.yaml with models: {reasoner: MODEL}."
    )
    assert error.value.retry_after_seconds == 5.0


async def test_backends_that_are_all_down_or_loading_are_named() -> None:
    async with fleet("http://127.0.0.1:9", "http://127.0.0.1:9", "http://127.0.0.1:9") as three:
        three.probed("b0", ProbeOutcome.REFUSED)
        three.probed("b1", ProbeOutcome.LOADING)
        three.store.apply(BackendRemoved(now(), "b2"))
        with pytest.raises(NoBackend) as error:
            await three.send(Kept())
    assert error.value.message == (
        'Nobody can serve "reasoner" right now: b0 is down, b1 is loading, b2 is gone. GET /backends says more.'
    )
    assert error.value.retry_after_seconds == 5.0


async def test_backends_that_are_there_but_in_no_pool_are_named_with_the_reason() -> None:
    async with fleet("http://127.0.0.1:9", "http://127.0.0.1:9") as three:
        add(three.store, BackendSpec("b2", "http://127.0.0.1:9"))
        three.store.apply(ModelsListed(now(), "b2", ()))
        three.probed("b0", ProbeOutcome.REFUSED)
        three.pool = ()
        with pytest.raises(NoBackend) as error:
            await three.send(Kept())
    assert error.value.message == (
        'No backend serves "reasoner": b0 is down, b1 has no model for it, b2 has no model for it. Start one of them, '
        "or name who shall serve it under sidecar.backends in config.yaml with models: {reasoner: MODEL}."
    )


# Two at the same moment


async def test_the_one_with_fewer_requests_in_flight_gets_the_next() -> None:
    held: list[Heard] = []

    async def holding(heard: Heard) -> None:
        held.append(heard)
        await heard.hung_up()

    async with upstream(holding) as first, upstream(holding) as second, fleet(first.url, second.url) as both:
        async with asyncio.TaskGroup() as group:
            tasks = []
            for number in range(1, 7):
                tasks.append(group.create_task(both.send(Kept())))
                await until(lambda number=number: len(held) == number)  # type: ignore[misc]
                counts = [state.work.in_flight for state in both.states.values()]
                assert abs(counts[0] - counts[1]) <= 1
            for task in tasks:
                task.cancel()
    assert both.finished() == {Outcome.CLIENT_GONE: 6}


async def test_a_hundred_requests_at_once_are_split_in_halves() -> None:
    async with upstream(GOOD) as first, upstream(GOOD) as second, fleet(first.url, second.url) as both:
        gate = asyncio.Event()

        async def held(heard: Heard) -> None:
            await gate.wait()
            await heard.send(WHOLE_STREAM)

        first.script = second.script = held
        sending = [asyncio.create_task(both.send(Kept())) for _ in range(100)]
        await asyncio.sleep(0)  # every one has looked and booked before any byte went anywhere
        assert [state.work.in_flight for state in both.states.values()] == [50, 50]
        gate.set()
        await asyncio.gather(*sending)
        assert (len(first.heard), len(second.heard), both.in_flight()) == (50, 50, 0)


async def test_requests_of_an_old_and_a_new_configuration_do_not_take_each_others_place() -> None:
    async with upstream(silent) as server, fleet(server.url) as one:
        dispatcher = Dispatcher(one.store, one.dispatcher._relay, level_at, one.gate, one.spending)
        successor = replace(one, dispatcher=dispatcher)
        sending = [asyncio.create_task(which.send(Kept())) for which in (one, successor)]
        await until(lambda: len(server.heard) == 2)
        assert one.in_flight() == 2
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
        assert (one.in_flight(), one.finished()) == (0, {Outcome.CLIENT_GONE: 2})


async def test_a_bug_of_ours_says_nothing_about_the_backend() -> None:
    class Broken(Kept):
        async def chunk(self, data: bytes) -> None:
            await super().chunk(data)
            raise KeyError("oops")

    async with upstream(GOOD) as server, fleet(server.url) as one:
        with pytest.raises(KeyError):
            await one.send(Broken())
        assert (one.in_flight(), one.finished()) == (0, {Outcome.CLIENT_GONE: 1})


async def test_a_backend_that_is_removed_while_it_answers_is_not_counted_any_more() -> None:
    async with upstream(silent) as server, fleet(server.url) as one:
        sending = asyncio.create_task(one.send(Kept()))
        await until(lambda: server.heard)
        one.store.apply(BackendRemoved(now(), "b0"))
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        assert one.states == {}


@pytest.mark.parametrize("stage", ["before the headers", "between tokens", "while connecting"])
async def test_a_client_that_hangs_up_frees_the_place_and_the_backend(stage: str) -> None:
    async def says_a_token(heard: Heard) -> None:
        await heard.send(OK_STREAM, chunked(token("a")))
        await heard.hung_up()

    script = says_a_token if stage == "between tokens" else silent
    async with upstream(script) as server, fleet(server.url) as one:
        sink = Kept()
        sending = asyncio.create_task(one.send(sink))
        match stage:
            case "between tokens":
                await sink.comes()
            case "before the headers":
                await until(lambda: server.heard)
            case _:
                await asyncio.sleep(0)
        assert one.in_flight() == 1
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert (one.in_flight(), one.finished()) == (0, {Outcome.CLIENT_GONE: 1})
        if stage != "while connecting":
            await server.left.wait()
