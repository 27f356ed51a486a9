"""How a trace comes in and goes out, and where else its id is shown."""

import logging
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from router.logs import JsonLines, TextLines
from tests.fakes.routers import Maek
from tests.fakes.traces import CHAT, ROUTED, traced_before
from tests.fakes.upstreams import DONE, ROLE, STOP, Heard, Upstream, streaming, token
from tests.fakes.waiting import until

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
NOT_KEPT = f"00-{TRACE}-{SPAN}-00"
WHOLE = streaming(ROLE, token("hi"), STOP, DONE)


async def ask(router: Maek, headers: Mapping[str, str], body: Mapping[str, Any] = CHAT) -> Mapping[str, str]:
    """One chat; the headers of its answer."""
    path = "/v1/chat/completions" if "messages" in body else "/chat"
    async with router.client.post(router.url + path, json=body, headers=headers) as response:
        assert response.status == 200, await response.text()
        await response.read()
        return response.headers


def headers_of(heard: Heard) -> dict[str, str]:
    """What a backend was sent, by names in small letters."""
    lines = heard.head.decode().split("\r\n")[1:]
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines) if name}


def asked(server: Upstream) -> list[dict[str, str]]:
    """The headers of every question that generates."""
    return [headers_of(heard) for heard in server.heard if heard.head.startswith(b"post ")]


async def test_a_callers_trace_goes_on_here_and_at_the_backend_and_baggage_does_not() -> None:
    async with traced_before(WHOLE) as (router, (server,), told):
        await ask(router, {"traceparent": PARENT, "tracestate": "a=b,c=d", "baggage": "user=kim"})
    request, attempt = told.one("POST"), told.one("chat")
    assert (request.trace_id, request.parent_id, request.state) == (TRACE, SPAN, "a=b,c=d")
    assert (attempt.trace_id, attempt.parent_id) == (TRACE, request.span_id)
    (sent,) = asked(server)
    assert sent["traceparent"] == f"00-{TRACE}-{attempt.span_id}-01"
    assert sent["tracestate"] == "a=b,c=d"
    assert "baggage" not in sent


async def test_a_caller_who_does_not_keep_his_trace_is_not_traced_here_either() -> None:
    async with traced_before(WHOLE) as (router, (server,), told):
        await ask(router, {"traceparent": NOT_KEPT, "tracestate": "a=b"})
    assert told.spans == []
    (sent,) = asked(server)
    assert (sent["traceparent"], sent["tracestate"]) == (NOT_KEPT, "a=b")


async def test_a_caller_who_keeps_his_trace_is_traced_where_nobody_else_is() -> None:
    async with traced_before(WHOLE, tracing={"sample_ratio": 0}) as (router, (server,), told):
        await ask(router, {})
        await ask(router, {"traceparent": PARENT})
    assert {one.trace_id for one in told.spans} == {TRACE}
    alone, _ = asked(server)
    assert alone["traceparent"].endswith("-00")  # nobody keeps it, and nobody further on shall decide that anew


@pytest.mark.parametrize("given", ["", "garbage", f"00-{'0' * 32}-{SPAN}-01", f"ff-{TRACE}-{SPAN}-01", PARENT.upper()])
async def test_what_is_no_place_in_a_trace_was_never_there(given: str) -> None:
    async with traced_before(WHOLE) as (router, _, told):
        await ask(router, {"traceparent": given, "tracestate": "a=b"})
    request = told.one("POST")
    assert (request.parent_id, request.state) == ("", "")
    assert request.trace_id != TRACE


async def test_without_tracing_a_callers_trace_is_passed_on_as_it_came_and_nothing_else_is_sent() -> None:
    async with traced_before(WHOLE, tracing={"endpoint": None}) as (router, (server,), told):
        await ask(router, {"traceparent": PARENT, "tracestate": "a=b", "baggage": "user=kim"})
        await ask(router, {"traceparent": "garbage", "tracestate": "a=b"})
        await ask(router, {})
    passed, *others = asked(server)
    assert (passed["traceparent"], passed["tracestate"]) == (PARENT, "a=b")
    for sent in (passed, *others):
        assert "baggage" not in sent
    for sent in others:
        assert sent.keys().isdisjoint({"traceparent", "tracestate"})
    assert told.asked == 0


def lines_of(caplog: pytest.LogCaptureFixture, begins: str) -> list[tuple[str, dict[str, Any]]]:
    """Lines of the log, as text and as JSON. They were made where the record was: the context is asked for there."""
    return [record.__dict__["told"] for record in caplog.records if record.getMessage().startswith(begins)]


@pytest.fixture
def as_written() -> Any:
    """Has every record carry its lines, made at the place where it was logged."""
    text, as_json = TextLines(), JsonLines()

    def told(record: logging.LogRecord) -> bool:
        record.told = (text.format(record), orjson.loads(as_json.format(record)))
        return True

    loggers = [logging.getLogger(name) for name in ("router.api.access", "router.place")]
    for logger in loggers:
        logger.addFilter(told)
    yield
    for logger in loggers:
        logger.removeFilter(told)


@pytest.mark.usefixtures("as_written")
async def test_lines_of_the_log_carry_the_id_of_a_trace_that_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "router")
    async with traced_before(WHOLE, access_log_ratio=1) as (router, _, told):
        await ask(router, {})
        await until(lambda: lines_of(caplog, "access method=POST"))
        await ask(router, {"traceparent": NOT_KEPT})
        await until(lambda: len(lines_of(caplog, "access method=POST")) == 2)
    kept = told.one("POST").trace_id
    for begins in ("access method=POST", "attempt "):
        (text, as_json), (other_text, other_json) = lines_of(caplog, begins)
        assert text.endswith(f" trace_id={kept}")
        assert as_json["trace_id"] == kept
        assert "trace_id" not in other_text
        assert "trace_id" not in other_json


async def test_what_is_measured_of_a_request_leads_to_its_trace() -> None:
    wanted = {"accept": "application/openmetrics-text; version=1.0.0"}
    async with traced_before(WHOLE) as (router, _, told):
        await ask(router, {"traceparent": NOT_KEPT})
        async with router.client.get(router.url + "/metrics", headers=wanted) as response:
            nobody = await response.text()
        await ask(router, {})
        async with router.client.get(router.url + "/metrics", headers=wanted) as response:
            lines = (await response.text()).splitlines()
    assert "trace_id" not in nobody
    leads = f'# {{trace_id="{told.one("POST").trace_id}"}}'
    leading = {line.partition("_bucket{")[0] for line in lines if leads in line}
    assert leading >= {
        "maek_request_duration_seconds",
        "maek_time_to_first_token_seconds",
        "maek_routing_overhead_seconds",
    }


async def test_decisions_name_their_trace() -> None:
    async with traced_before(WHOLE) as (router, _, told):
        kept = (await ask(router, {}, {"message": ROUTED}))["x-maek-decision"]
        other = (await ask(router, {"traceparent": NOT_KEPT}, {"message": ROUTED}))["x-maek-decision"]
        shown = [(await router.get(f"/decisions/{one}"))[1]["trace_id"] for one in (kept, other)]
    assert shown == [told.one("POST").trace_id, None]


async def test_what_machines_ask_every_few_seconds_is_not_traced() -> None:
    async with traced_before(WHOLE) as (router, _, told):
        for path in ("/livez", "/readyz", "/status", "/metrics", "/backends", "/decisions", "/v1/models", "/nowhere"):
            async with router.client.get(router.url + path, headers={"traceparent": PARENT}) as response:
                await response.read()
        await router.post("/backends/b0/undrain", {})
        await router.post("/nowhere/at/all", {})
    assert told.spans == []


async def test_a_request_that_is_refused_at_the_door_is_traced_without_a_word_of_it() -> None:
    async with traced_before(WHOLE, keys=["sha256:" + "0" * 64]) as (router, _, told):
        status, _ = await router.post("/chat", {"message": ROUTED}, headers={"authorization": "Bearer wrong"})
    assert status == 401
    refused = told.one("POST")
    assert refused.attributes["http.response.status_code"] == 401
    assert refused.error == (None, "unset")  # a fault of the caller's is none of the server's
