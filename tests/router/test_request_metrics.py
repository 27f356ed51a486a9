"""What is told of requests, from real attempts on real servers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from router.errors import BackendFailed, BackendTimeout, NoBackend
from router.request_metrics import RequestMetrics
from sidecar import BackendRemoved, BackendSpec
from sidecar.facts import ProbeOutcome
from tests.fakes.sinks import Kept
from tests.fakes.upstreams import (
    COMPLETION,
    DONE,
    LAST_CHUNK,
    OK_STREAM,
    STOP,
    WHOLE_STREAM,
    Heard,
    Script,
    answer,
    chunked,
    saying,
    token,
    upstream,
)
from tests.router.fleets import Fleet, add, fleet
from tests.router.relaying import deadlines

USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}\n\n'
EMBEDDED = answer("200 OK", b'{"data":[],"usage":{"prompt_tokens":5,"total_tokens":5}}')
FAILED = saying(answer("500 Oops"))
GOOD = saying(WHOLE_STREAM)


async def three_tokens_slowly(heard: Heard) -> None:
    await heard.send(OK_STREAM, chunked(token("a")))
    for _ in range(2):
        await asyncio.sleep(0.01)
        await heard.send(chunked(token("b")))
    await heard.send(chunked(STOP, USAGE, DONE), LAST_CHUNK)


@dataclass
class Counted:
    """A fleet and what is told of its requests."""

    fleet: Fleet
    registry: CollectorRegistry

    def __call__(self, name: str, **labels: str) -> float | None:
        """The value of one series; None where there is none."""
        return self.registry.get_sample_value(f"maek_{name}", labels)

    def of(self, name: str) -> dict[tuple[str, ...], float]:
        """Label values without the backend → value, of every series of one name."""
        return {
            tuple(value for label, value in sample.labels.items() if label != "backend"): sample.value
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name == f"maek_{name}"
        }


@asynccontextmanager
async def counted(
    *scripts: Script, exemplar: Callable[[], dict[str, str] | None] = lambda: None
) -> AsyncIterator[Counted]:
    """A server for each script, named `b0`, `b1` …"""
    registry = CollectorRegistry()
    metrics = RequestMetrics(registry, exemplar)
    async with _all(scripts) as urls, fleet(*urls, metrics=metrics) as all_of_them:
        yield Counted(all_of_them, registry)


@asynccontextmanager
async def _all(scripts: tuple[Script, ...]) -> AsyncIterator[list[str]]:
    if not scripts:
        yield []
        return
    async with upstream(scripts[0]) as first, _all(scripts[1:]) as others:
        yield [first.url, *others]


async def test_a_streamed_answer_is_timed_to_its_first_token_between_tokens_and_to_its_end() -> None:
    async with counted(three_tokens_slowly) as told:
        await told.fleet.send(Kept())
    here: Mapping[str, str] = {"backend": "b0", "model": "m0"}
    assert told("time_to_first_token_seconds_count", **here) == 1
    assert told("time_per_output_token_seconds_count", **here) == 1
    assert told("request_duration_seconds_count", backend="b0", stream="true") == 1
    first = told("time_to_first_token_seconds_sum", **here) or 0.0
    whole = told("request_duration_seconds_sum", backend="b0", stream="true") or 0.0
    gap = told("time_per_output_token_seconds_sum", **here) or 0.0
    assert min(first, gap) > 0
    assert first + 2 * gap <= whole


async def test_an_answer_in_one_piece_has_a_duration_alone() -> None:
    async with counted(saying(answer("200 OK", COMPLETION))) as told:
        await told.fleet.send(Kept(), stream=False)
    assert told("request_duration_seconds_count", backend="b0", stream="false") == 1
    assert told.of("time_to_first_token_seconds_count") == told.of("time_per_output_token_seconds_count") == {}


async def test_tokens_are_those_that_the_backend_counted() -> None:
    async with counted(three_tokens_slowly) as told:
        await told.fleet.send(Kept())
        await told.fleet.send(Kept())
    assert told.of("tokens_total") == {("m0", "input"): 14, ("m0", "output"): 6}
    assert told.of("requests_without_usage_total") == {}


async def test_an_answer_without_a_count_is_told_as_one() -> None:
    async with counted(GOOD) as told:
        await told.fleet.send(Kept())
    assert told.of("tokens_total") == {}
    assert told("requests_without_usage_total", backend="b0") == 1


async def test_an_embedding_only_reads() -> None:
    async with counted(saying(EMBEDDED)) as told:
        await told.fleet.send(Kept(), stream=False)
    assert told.of("tokens_total") == {("m0", "input"): 5}
    assert told.of("requests_without_usage_total") == {}


async def test_an_answer_that_broke_off_has_a_first_token_and_no_pace_and_was_never_to_be_counted() -> None:
    async with counted(saying(OK_STREAM, chunked(token("a"), token("b"), token("c")))) as told:
        with pytest.raises(BackendTimeout):
            await told.fleet.send(Kept(), limits=deadlines(token=0.1))
    assert told.of("time_to_first_token_seconds_count") == {("m0",): 1}
    assert told.of("time_per_output_token_seconds_count") == told.of("requests_without_usage_total") == {}
    assert told("request_duration_seconds_count", backend="b0", stream="true") == 1


async def test_each_attempt_is_a_decision_and_a_retry_tells_who_had_failed_and_who_was_out() -> None:
    async with counted(FAILED, FAILED) as told:
        with pytest.raises(BackendFailed):
            await told.fleet.send(Kept())
        tried = [attempt.candidate.backend for attempt in told.fleet.journeys[0].attempts]
    assert told("routing_decisions_total", backend=tried[0], reason="chance") == 1
    assert told("routing_decisions_total", backend=tried[1], reason="only") == 1
    assert told("routing_exclusions_total", backend=tried[0], reason="tried") == 1
    assert told("retries_total", backend=tried[0], reason="backend_error") == 1
    assert told("routing_overhead_seconds_count") == 2
    assert (told("routing_overhead_seconds_sum") or 0.0) > 0


async def test_where_nobody_can_serve_everybody_is_told_to_have_been_out() -> None:
    async with counted(GOOD, GOOD) as told:
        for name in ("b0", "b1"):
            for _ in range(3):
                told.fleet.probed(name, ProbeOutcome.REFUSED)
        with pytest.raises(NoBackend):
            await told.fleet.send(Kept())
    assert told("routing_exclusions_total", backend="b0", reason="down") == 1
    assert told("routing_exclusions_total", backend="b1", reason="down") == 1
    assert {*told.of("routing_decisions_total").values()} == {0}
    assert told("probe_duration_seconds_count", backend="b0") == 4


async def test_a_backend_that_is_gone_leaves_no_series_not_even_for_what_still_runs_there() -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def held(heard: Heard) -> None:
        await heard.send(OK_STREAM, chunked(token("a")))
        arrived.set()
        await go_on.wait()
        await heard.send(chunked(token("b"), STOP, USAGE, DONE), LAST_CHUNK)

    async with counted(held) as told:
        told.fleet.probed("b0", ProbeOutcome.OK)
        running = asyncio.create_task(told.fleet.send(Kept()))
        await arrived.wait()
        told.fleet.store.apply(BackendRemoved(0.0, "b0"))
        assert series_of(told, "b0") == []
        # Another one of that name, while a request to the first one runs.
        add(told.fleet.store, BackendSpec("b0", "http://127.0.0.1:1", models={"reasoner": "m0"}))
        go_on.set()
        await running
        assert told.fleet.states["b0"].work.started == 0
    assert told.of("request_duration_seconds_count") == told.of("tokens_total") == {}
    assert told("probe_duration_seconds_count", backend="b0") == 1


async def test_what_failed_on_a_backend_that_is_gone_is_told_of_nobody() -> None:
    async def gone_and_failed(heard: Heard) -> None:
        told.fleet.store.apply(BackendRemoved(0.0, "b0"))
        await FAILED(heard)

    async with counted(gone_and_failed) as told:
        with pytest.raises(BackendFailed):
            await told.fleet.send(Kept())
        assert series_of(told, "b0") == []


def series_of(told: Counted, backend: str) -> list[str]:
    """Names of the series that tell of a backend."""
    return [
        sample.name
        for family in told.registry.collect()
        for sample in family.samples
        if sample.labels.get("backend") == backend
    ]


async def test_a_histogram_carries_the_trace_in_whose_context_it_was_observed() -> None:
    async with counted(three_tokens_slowly, exemplar=lambda: {"trace_id": "4bf92f3577b34da6"}) as told:
        await told.fleet.send(Kept())
    text = generate_latest(told.registry).decode()
    with_one = {
        sample.name
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.exemplar is not None and sample.exemplar.labels == {"trace_id": "4bf92f3577b34da6"}
    }
    assert with_one == {
        "maek_request_duration_seconds_bucket",
        "maek_time_to_first_token_seconds_bucket",
        "maek_time_per_output_token_seconds_bucket",
        "maek_routing_overhead_seconds_bucket",
    }
