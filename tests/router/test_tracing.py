"""Spans, without anybody who sends them: what is made, what is not, and how they end."""

import asyncio
from collections.abc import Iterator

import pytest

from router.attempt import ClientGone
from router.config_tracing import TracingConfig
from router.errors import QueueTimeout
from router.tracing import NOTHING, Kind, Span, current, exemplar, on_behalf_of, part, trace_id
from router.tracing_context import TraceContext
from router.tracing_switch import Tracing
from sidecar import SecretUnusable

PLACE = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=True)
ON = TracingConfig(endpoint="http://127.0.0.1:4318")


class Kept:
    """A recorder that keeps what it gets."""

    def __init__(self, *, content: bool = False) -> None:
        self.content = content
        self.spans: list[Span] = []
        self.closed = False

    def ended(self, span: Span) -> None:
        self.spans.append(span)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def root(kept: Kept) -> Span:
    return Span(PLACE, kept, "root", Kind.SERVER)


def switched(*exports: Kept) -> Tracing:
    """A switch that opens these, one after the other."""
    left: Iterator[Kept] = iter(exports)
    return Tracing(lambda _settings, _headers: next(left))


def test_where_nobody_traces_there_is_nothing_and_a_part_of_nothing_is_nothing() -> None:
    assert current() is NOTHING
    with part("decide") as span:
        assert span is NOTHING is current()
        span.note({"a": 1})
        span.fail("oh", failed=True)
    assert (NOTHING.headers, trace_id(), exemplar(), hasattr(NOTHING, "attributes")) == ({}, "", None, False)


def test_a_part_is_current_while_it_lasts_and_ends_once(kept: Kept, root: Span) -> None:
    with on_behalf_of(root):
        with part("decide") as decide:
            assert current() is decide
            assert trace_id() == PLACE.trace_id
            assert exemplar() == {"trace_id": PLACE.trace_id}
        decide.end()
        assert current() is root
    assert current() is NOTHING
    assert [span.name for span in kept.spans] == ["decide", "root"]
    assert decide.parent == root.context
    assert decide.context is not None
    assert decide.context.span_id != PLACE.span_id
    assert (root.remote, decide.remote) == (True, False)


def test_a_child_lies_within_its_parent_whatever_the_systems_clock_does(kept: Kept, root: Span) -> None:
    child = root.child("child")
    child.end()
    root.end()
    assert root.ended_ns is not None
    assert child.ended_ns is not None
    assert root.started_ns <= child.started_ns <= child.ended_ns <= root.ended_ns


def test_a_place_that_is_only_passed_on_makes_no_spans(kept: Kept) -> None:
    passing = Span(TraceContext(PLACE.trace_id, PLACE.span_id, sampled=False))
    with on_behalf_of(passing):
        with part("decide") as span:
            assert span is passing
        assert current() is passing
        assert trace_id() == ""
        assert current().headers["traceparent"].endswith("-00")


async def test_what_a_task_begins_belongs_to_whoever_began_the_task(kept: Kept, root: Span) -> None:
    async def decides() -> Span:
        with part("decide") as span:
            await asyncio.sleep(0)
            return span

    with on_behalf_of(root):
        one, other = await asyncio.gather(asyncio.create_task(decides()), asyncio.create_task(decides()))
        assert await asyncio.to_thread(trace_id) == PLACE.trace_id
    assert one.parent == other.parent == PLACE


@pytest.mark.parametrize(
    ("error", "told", "failed"),
    [
        (QueueTimeout("later"), "queue_timeout", True),
        (ValueError("a word of a user"), "ValueError", True),
        (ClientGone(), "client_gone", False),
        (asyncio.CancelledError(), "client_gone", False),
    ],
)
def test_an_exception_is_told_by_its_name_alone(root: Span, error: BaseException, told: str, failed: bool) -> None:
    span = root.child("queue")
    with pytest.raises(type(error)), span:
        raise error
    assert (span.attributes, span.failed) == ({"error.type": told}, failed)


def test_what_is_not_known_is_not_noted(root: Span) -> None:
    root.note({"a": None, "b": 0})
    assert root.attributes == {"b": 0}


def test_off_is_the_default_and_costs_nobody_a_library() -> None:
    tracing = Tracing()
    tracing.adopt(TracingConfig())
    assert not tracing.on
    assert tracing.begin("POST /chat", Kind.SERVER) is NOTHING


async def test_the_ratio_decides_for_those_who_say_nothing() -> None:
    kept = Kept()
    tracing = switched(kept)
    tracing.adopt(ON.model_copy(update={"sample_ratio": 0.0}))
    alone = tracing.begin("POST /chat", Kind.SERVER)
    assert (alone.recorder, alone.trace_id) == (None, "")
    assert tracing.begin("POST /chat", Kind.SERVER, PLACE).recorder is kept
    assert tracing.begin("job", Kind.CONSUMER, sampled=True).recorder is kept


async def test_a_reload_lets_go_of_the_old_collector_and_takes_the_new_one() -> None:
    first, second = Kept(), Kept()
    tracing = switched(first, second)
    tracing.adopt(ON)
    tracing.adopt(ON)
    assert tracing.begin("job", Kind.CONSUMER).recorder is first
    tracing.adopt(ON.model_copy(update={"content": True}))
    assert tracing.begin("job", Kind.CONSUMER).recorder is second
    tracing.adopt(TracingConfig())
    assert not tracing.on
    await tracing.close()
    tracing = switched(third := Kept())
    tracing.adopt(ON)
    await tracing.close()
    assert third.closed


async def test_a_header_that_cannot_be_read_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept()
    tracing = switched(kept)
    tracing.adopt(ON)
    monkeypatch.delenv("NOT_THERE", raising=False)
    with pytest.raises(SecretUnusable):
        tracing.adopt(ON.model_copy(update={"headers": {"authorization": "env:NOT_THERE"}}))
    assert tracing.begin("job", Kind.CONSUMER).recorder is kept


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        (None, None),
        ("http://tempo:4318", "http://tempo:4318/v1/traces"),
        ("http://tempo:4318/", "http://tempo:4318/v1/traces"),
        ("https://host/otlp/v1/traces", "https://host/otlp/v1/traces"),
    ],
)
def test_a_collector_without_a_path_has_the_usual_one(endpoint: str | None, url: str | None) -> None:
    assert TracingConfig(endpoint=endpoint).url == url
