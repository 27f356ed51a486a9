"""Sending to a collector: one that is away stops nobody, and is one line of the log."""

import asyncio
import logging
import threading
import time

import pytest

from router.config_tracing import TracingConfig
from router.tracing import CLOSING_SECONDS, Kind, Span
from router.tracing_context import TraceContext
from router.tracing_otel import QUEUE_SPANS, OtlpExport
from router.tracing_switch import Tracing
from tests.fakes.collectors import collector
from tests.fakes.upstreams import free_port, silent, upstream
from tests.fakes.waiting import until


def ended(number: int, export: OtlpExport) -> None:
    """A span that is over."""
    Span(TraceContext(f"{number:032x}", f"{number:016x}", sampled=True), export, "job", Kind.CONSUMER).end()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of traces, from whomever."""
    return [f"{one.levelname} {one.getMessage()}" for one in caplog.records if one.levelno >= logging.INFO]


async def test_a_collector_that_is_away_is_one_line_until_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "router")
    async with collector() as there:
        there.status = 400  # which is not sent again
        export = OtlpExport(TracingConfig(endpoint=there.url), {})
        for number in (1, 2, 3):
            ended(number, export)
            await until(lambda: there.asked == number)  # noqa: B023 - awaited before the next
        there.status = 200
        ended(4, export)
        await until(lambda: there.spans)
        await until(lambda: len(told(caplog)) == 2)
        export.close()
    assert told(caplog) == [
        f"WARNING traces are not delivered endpoint={there.url}/v1/traces spans_lost=1",
        f"INFO traces are delivered again endpoint={there.url}/v1/traces spans_lost=3",
    ]


async def test_more_than_fits_is_dropped_and_waits_for_nobody(caplog: pytest.LogCaptureFixture) -> None:
    export = OtlpExport(TracingConfig(endpoint=f"http://127.0.0.1:{free_port()}"), {})
    for number in range(1, 2 * QUEUE_SPANS):
        ended(number, export)
    await asyncio.to_thread(export.close)
    (line,) = told(caplog)
    assert line.startswith("WARNING traces are not delivered ")


async def test_the_end_waits_no_longer_than_it_says_for_a_collector_that_says_nothing() -> None:
    async with upstream(silent) as deaf:
        tracing = Tracing()
        tracing.adopt(TracingConfig(endpoint=deaf.url))
        tracing.begin("job", Kind.CONSUMER).end()
        began = time.monotonic()
        await tracing.close()
        # Not a measure of speed: a collector that never answers would take its own five seconds, and the SDK thirty.
        assert CLOSING_SECONDS * 0.9 < time.monotonic() - began < CLOSING_SECONDS + 2.5
    await until(lambda: not any(one.name == "last traces" for one in threading.enumerate()))


async def test_headers_go_with_every_batch_and_the_name_is_the_configured_one(caplog: pytest.LogCaptureFixture) -> None:
    async with collector() as there:
        export = OtlpExport(TracingConfig(endpoint=there.url, service_name="front"), {"x-token": "s3cret"})
        ended(1, export)
        await until(lambda: there.spans)
        export.close()
    assert there.headers[0]["x-token"] == "s3cret"
    assert there.headers[0]["content-type"] == "application/x-protobuf"
    assert there.spans[0].resource["service.name"] == "front"
    assert "s3cret" not in caplog.text


async def test_a_token_goes_nowhere_else_when_a_collector_redirects(caplog: pytest.LogCaptureFixture) -> None:
    async with collector() as there, collector() as elsewhere:
        there.status, there.location = 307, f"{elsewhere.url}/v1/traces"
        export = OtlpExport(TracingConfig(endpoint=there.url), {"x-token": "s3cret"})
        ended(1, export)
        await until(lambda: told(caplog))
        export.close()
    assert (there.asked, elsewhere.asked) == (1, 0)


async def test_a_collector_that_is_busy_for_a_moment_gets_it_again() -> None:
    async with collector() as there:
        there.status = 503
        export = OtlpExport(TracingConfig(endpoint=there.url), {})
        ended(1, export)
        await until(lambda: there.asked)
        there.status = 200
        await until(lambda: there.spans)
        export.close()
    assert len(there.spans) == 1
