"""What fails, what only says "later" and what says nothing: how a request goes on, and what the store is told."""

import pytest

from router.attempt import CallerRefused
from router.errors import BackendFailed
from sidecar import Fact, Outcome, RequestFinished
from sidecar.breaker import Breaker
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
    Script,
    answer,
    chunked,
    saying,
    token,
    upstream,
)
from tests.router.fleets import fleet, now

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
