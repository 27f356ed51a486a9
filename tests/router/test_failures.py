"""What fails, what only says "later" and what says nothing: how a request goes on, and what the store is told."""

import asyncio
from itertools import chain

import pytest

from router.attempt import CallerRefused
from router.balance.budget import RETRIES
from router.errors import BackendFailed, BackendTimeout
from router.journey import Journey
from sidecar import Fact, Outcome, RequestFinished
from sidecar.breaker import Breaker, Circuit
from sidecar.engines.engine import Reading
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
    answer,
    chunked,
    free_port,
    saying,
    silent,
    token,
    upstream,
)
from tests.fakes.waiting import until
from tests.router.fleets import fleet, now
from tests.router.relaying import deadlines

WHOLE = ROLE + token("hi") + STOP + DONE
FAILED = saying(answer("500 Oops"))
GOOD = saying(WHOLE_STREAM)
ELSEWHERE = saying(answer("404 Not Found", b'{"error":"model not found"}'))


def first_of_equals() -> float:
    """Chance, for tests that want to know who is asked first."""
    return 0.0


async def test_what_one_backend_lacks_another_may_have_and_nobody_has_failed() -> None:
    async with (
        upstream(ELSEWHERE) as first,
        upstream(GOOD) as second,
        fleet(first.url, second.url, rng=first_of_equals) as both,
    ):
        sink = Kept()
        await both.send(sink, attempts=1)
        assert both.finished() == {Outcome.CALLER_ERROR: 1, Outcome.OK: 1}
        assert both.states["b0"].breaker == Breaker()
    assert sink.bytes == WHOLE


async def test_what_nobody_has_is_refused_in_the_words_of_the_last_one() -> None:
    async with upstream(ELSEWHERE) as first, upstream(ELSEWHERE) as second, fleet(first.url, second.url) as both:
        with pytest.raises(CallerRefused) as refused:
            await both.send(Kept())
        assert len(first.heard) + len(second.heard) == 2
    assert (refused.value.status, refused.value.body) == (404, b'{"error":"model not found"}')


@pytest.mark.parametrize("scripts", [(FAILED, ELSEWHERE), (ELSEWHERE, FAILED)])
async def test_a_failure_is_told_rather_than_that_another_lacks_what_was_asked_for(
    scripts: tuple[Script, Script],
) -> None:
    async with upstream(scripts[0]) as first, upstream(scripts[1]) as second:
        async with fleet(first.url, second.url, rng=first_of_equals) as both:
            with pytest.raises(BackendFailed, match="HTTP 500"):
                await both.send(Kept())


@pytest.mark.parametrize(
    ("header", "rests_seconds"), [("retry-after: 9", 9.0), ("retry-after: 900", 60.0), ("x-nothing: 1", 1.0)]
)
async def test_a_backend_that_is_full_rests_as_long_as_it_says(header: str, rests_seconds: float) -> None:
    full = saying(answer("429 Full", b"{}", "application/json", header))
    async with (
        upstream(full) as server,
        upstream(GOOD) as other,
        fleet(server.url, other.url, rng=first_of_equals) as both,
    ):
        await both.send(Kept())
        breaker = both.states["b0"].breaker
        await both.send(Kept())
        assert both.finished() == {Outcome.REJECTED: 1, Outcome.OK: 2}
    assert breaker.full_until is not None
    assert breaker.full_until - now() <= rests_seconds < breaker.full_until - now() + 0.9
    assert breaker.openings == 0


# What answers tell


async def test_the_load_that_an_answer_tells_is_a_fact() -> None:
    told = answer(
        "200 OK", COMPLETION, "application/json", "endpoint-load-metrics: TEXT named_metrics.num_requests_running=3"
    )
    async with upstream(saying(told)) as server, fleet(server.url, engine="vllm") as one:
        await one.send(Kept(), stream=False)
        assert one.states["b0"].reading == Reading(running=3)
    assert b"endpoint-load-metrics-format: json" in server.heard[0].head.lower()


async def test_a_load_that_makes_no_sense_is_passed_over() -> None:
    told = answer("200 OK", COMPLETION, "application/json", "endpoint-load-metrics: many")
    async with upstream(saying(told)) as server, fleet(server.url) as one:
        await one.send(Kept(), stream=False)
        assert one.states["b0"].reading_at is None
    assert b"endpoint-load-metrics-format" not in server.heard[0].head.lower()


@pytest.mark.parametrize(
    ("stream", "sent", "tokens"),
    [
        (True, OK_STREAM + chunked(token("a") + token("b"), STOP, DONE) + LAST_CHUNK, 4),
        (
            True,
            OK_STREAM + chunked(token("a"), STOP, b'data: {"usage":{"completion_tokens":7}}\n\n', DONE) + LAST_CHUNK,
            7,
        ),
        (False, answer("200 OK", COMPLETION), 0),
        (False, answer("200 OK", COMPLETION[:-1] + b',"usage":{"completion_tokens":7}}'), 7),
    ],
)
async def test_how_long_an_answer_was_is_its_own_word_or_else_what_was_seen(
    stream: bool, sent: bytes, tokens: int
) -> None:
    async with upstream(saying(sent)) as server, fleet(server.url) as one:
        facts: list[Fact] = []
        one.store.witness(facts.append)
        await one.send(Kept(), stream=stream)
    assert [fact.output_tokens for fact in facts if isinstance(fact, RequestFinished)] == [tokens]


# What a failing backend does to others


@pytest.mark.parametrize("failing", [b"500 Oops", b"503 Service Unavailable"])
async def test_a_backend_that_fails_in_a_millisecond_does_not_attract_requests(failing: bytes) -> None:
    async def takes_a_while(heard: Heard) -> None:
        await asyncio.sleep(0.03)
        await heard.send(WHOLE_STREAM)

    async def client() -> list[Journey]:
        return [await both.send(Kept()) for _ in range(125)]

    bad = saying(answer(failing.decode(), b"{}"))
    async with upstream(bad) as hole, upstream(takes_a_while) as good, fleet(hole.url, good.url) as both:
        turns = zip(*await asyncio.gather(*(client() for _ in range(4))), strict=True)
        assert both.finished()[Outcome.OK] == 500
        assert both.in_flight() == 0
    journeys = list(chain.from_iterable(turns))
    asked_the_hole = [len(journey.attempts) > 1 for journey in journeys]
    assert any(asked_the_hole[:100])
    assert sum(asked_the_hole[100:]) < 0.02 * 400


async def test_the_last_backend_is_never_let_go_and_the_choice_says_so() -> None:
    async with upstream(FAILED) as server, fleet(server.url) as one:
        for _ in range(5):
            with pytest.raises(BackendFailed, match="HTTP 500"):
                await one.send(Kept())
        assert one.states["b0"].breaker.circuit(now()) is Circuit.OPEN
        server.script = GOOD
        journey = await one.send(Kept())
        assert one.states["b0"].breaker.circuit(now()) is Circuit.CLOSED
    assert journey.why is not None
    assert journey.why.panic
    assert not one.journeys[0].attempts[0].why.panic


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "413 Too Large", "422 No", "501 No"])
async def test_what_callers_do_wrong_never_opens_a_circuit(status: str) -> None:
    async with upstream(saying(answer(status, b"{}"))) as server, fleet(server.url) as one:
        for _ in range(20):
            with pytest.raises(CallerRefused):
                await one.send(Kept())
        assert one.states["b0"].breaker == Breaker()
        assert one.finished() == {Outcome.CALLER_ERROR: 20}


async def test_clients_that_hang_up_never_open_a_circuit() -> None:
    async with upstream(silent) as server, fleet(server.url) as one:
        for number in range(1, 21):
            sending = asyncio.create_task(one.send(Kept()))
            await until(lambda number=number: len(server.heard) == number)  # type: ignore[misc]
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        assert one.states["b0"].breaker == Breaker()


async def test_an_answer_that_is_longer_than_its_role_allows_opens_no_circuit() -> None:
    async def endless(heard: Heard) -> None:
        await heard.send(OK_STREAM)
        while not heard.wire.writer.is_closing():
            await heard.send(chunked(token("a")))
            await asyncio.sleep(0.01)

    async with upstream(endless) as server, fleet(server.url) as one:
        with pytest.raises(BackendTimeout, match="the whole answer"):
            await one.send(Kept(), limits=deadlines(total=0.3))
        assert (one.finished(), one.states["b0"].breaker) == ({Outcome.OVERLONG: 1}, Breaker())


async def test_a_backend_that_still_loads_is_left_for_another_and_has_not_failed() -> None:
    loading = saying(answer("503 Unavailable", b'{"error":{"code":503,"message":"Loading model"}}'))
    async with upstream(loading) as first, upstream(GOOD) as second:
        async with fleet(first.url, second.url, rng=first_of_equals) as both:
            sinks = [Kept() for _ in range(5)]
            for sink in sinks:
                await both.send(sink, attempts=1)
            breaker = both.states["b0"].breaker
        assert (breaker.openings, len(first.heard)) == (0, 1)
    assert {sink.bytes for sink in sinks} == {WHOLE}
    assert both.counts.retries == []


# The budget


async def test_retries_are_counted_by_who_failed_and_how() -> None:
    async with upstream(FAILED) as first, upstream(GOOD) as second:
        async with fleet(first.url, second.url, rng=first_of_equals) as both:
            await both.send(Kept())
    assert both.counts.retries == [("b0", "backend_error")]


async def test_where_nobody_listens_everybody_else_may_be_asked() -> None:
    dead = [f"http://127.0.0.1:{free_port()}" for _ in range(3)]
    async with upstream(GOOD) as last, fleet(*dead, last.url, rng=first_of_equals) as four:
        journey = await four.send(Kept(), attempts=1)
    assert [attempt.candidate.backend for attempt in journey.attempts] == ["b0", "b1", "b2", "b3"]
    assert four.counts.retries == [("b0", "refused"), ("b1", "refused"), ("b2", "refused")]


async def test_when_all_are_gone_the_caller_is_told_of_the_last_one() -> None:
    async with fleet(*(f"http://127.0.0.1:{free_port()}" for _ in range(3))) as three:
        with pytest.raises(BackendFailed, match="nobody listens"):
            await three.send(Kept())
        assert (len(three.journeys[0].attempts), three.in_flight()) == (3, 0)


async def test_when_too_many_fail_nobody_else_is_asked_and_the_error_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with upstream(FAILED) as first, upstream(FAILED) as second, fleet(first.url, second.url) as both:
        errors = []
        for _ in range(40):
            with pytest.raises(BackendFailed) as failed:
                await both.send(Kept())
            errors.append(failed.value.message)
        asked = len(first.heard) + len(second.heard)
    told = [
        message.endswith("No other backend was asked: too many requests have been asked twice lately.")
        for message in errors
    ]
    assert not any(told[:10])
    assert asked == 40 + len(both.counts.retries)
    assert len(both.counts.retries) <= RETRIES.most + RETRIES.ratio * 40
    assert sum(told) == 40 - len(both.counts.retries)
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 1
    assert warnings[0].startswith("retries are used up pool=reasoner backend=b")
