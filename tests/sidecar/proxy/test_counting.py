"""What is work, and how work ends."""

import asyncio

import pytest

from sidecar.facts import BackendAdded, BackendSpec, Fact, Outcome, RequestFinished, RequestStarted
from sidecar.proxy.counting import Counter, Ending, has_end_mark, is_work
from sidecar.store import Store

WORK = [
    "/api/chat", "/api/generate", "/api/embed", "/api/embeddings", "/v1/chat/completions", "/v1/completions",
    "/v1/embeddings", "/v1/responses", "/v1/messages", "/completion", "/completions", "/infill", "/embedding",
    "/rerank", "/v1/rerank", "/generate", "/generate_stream", "/v2/models/m/infer", "/api/v1/generate",
    "/api/extra/generate/stream", "/v1/audio/transcriptions", "/v1/audio/speech", "/v1/images/generations",
    "/openai/v1/chat/completions/", "/chat/completions", "/v1/score", "/classify", "/pooling",
]  # fmt: skip
NO_WORK = [
    "/", "/api/ps", "/api/tags", "/api/show", "/api/pull", "/api/push", "/api/create", "/api/copy", "/api/delete",
    "/api/blobs/sha256:00", "/v1/models", "/tokenize", "/detokenize", "/apply-template", "/slots/0", "/props",
    "/v1/messages/count_tokens", "/v1/responses/r1/cancel", "/v1/load_lora_adapter", "/metrics", "/status", "*",
    "/api/chatter",
]  # fmt: skip


@pytest.mark.parametrize("path", WORK)
def test_what_makes_a_model_run_is_work(path: str) -> None:
    assert is_work(b"POST", path)
    assert not is_work(b"GET", path)
    assert not is_work(b"OPTIONS", path)


@pytest.mark.parametrize("path", NO_WORK)
def test_what_only_asks_or_moves_files_is_none(path: str) -> None:
    assert not is_work(b"POST", path)


@pytest.mark.parametrize(
    ("status", "told_when", "body", "outcome"),
    [
        (200, False, b"", Outcome.OK),
        (206, False, b"", Outcome.OK),
        (302, False, b"", Outcome.OK),
        (400, False, b"", Outcome.CALLER_ERROR),
        (401, False, b"", Outcome.CALLER_ERROR),
        (429, False, b"", Outcome.REJECTED),
        (499, False, b"", Outcome.CALLER_ERROR),
        (500, False, b"server busy", Outcome.BACKEND_ERROR),
        (503, False, b"", Outcome.BACKEND_ERROR),
        (503, True, b"", Outcome.REJECTED),
        (503, False, b'{"error":"server busy, please try again"}', Outcome.REJECTED),
        (503, False, b" " * 600 + b"busy", Outcome.BACKEND_ERROR),
        (504, True, b"", Outcome.BACKEND_ERROR),
    ],
)
def test_an_answer_says_whose_fault_it_was(status: int, told_when: bool, body: bytes, outcome: Outcome) -> None:
    ending = Ending(status, told_when=told_when)
    assert ending.reads is (status == 503 and not told_when)
    for at in range(len(body)):
        ending.feed(body[at : at + 1])
    assert ending.outcome(whole=True) is outcome
    assert ending.outcome(whole=False) is Outcome.TRUNCATED


@pytest.mark.parametrize(
    ("path", "content_type", "has"),
    [
        ("/v1/chat/completions", b"text/event-stream", True),
        ("/v1/completions", b" Text/Event-Stream; charset=utf-8", True),
        ("/v1/chat/completions", b"application/json", False),
        ("/v1/messages", b"text/event-stream", False),
        ("/v1/responses", b"text/event-stream", False),
        ("/api/chat", b"application/x-ndjson", False),
    ],
)
def test_only_openais_streams_end_with_a_mark(path: str, content_type: bytes, has: bool) -> None:
    assert has_end_mark(path, content_type) is has


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([b"data: x\n\n", b"data: [DONE]\n\n"], True),
        ([b"data: [DO", b"NE]", b"\n\n"], True),
        ([b"data: [DONE]\n\n" + b"x" * 100], False),
        ([], False),
    ],
)
def test_the_end_mark_is_found_at_the_end_however_it_is_cut(parts: list[bytes], whole: bool) -> None:
    ending = Ending(200, unsaid=True)
    assert ending.reads
    for part in parts:
        ending.feed(part)
    assert ending.outcome(whole=True) is (Outcome.OK if whole else Outcome.TRUNCATED)


def counting() -> tuple[Counter, Store, list[Fact]]:
    store, facts = Store(), list[Fact]()
    store.apply(BackendAdded(0.0, BackendSpec("b", "http://x")))
    store.witness(facts.append)
    return Counter(store, "b", lambda: 7.0), store, facts


def test_work_begins_and_ends_once_with_what_is_said_of_it() -> None:
    counter, store, facts = counting()
    with counter.counted(work=True) as place:
        assert store.snapshot(7.0).backends["b"].work.in_flight == 1
        assert place.progress is not None
        place.outcome = Outcome.TRUNCATED
    match facts:
        case [RequestStarted(7.0, "b", begun), RequestFinished(7.0, "b", ended, Outcome.TRUNCATED)]:
            assert begun == ended
        case _:
            raise AssertionError(facts)


@pytest.mark.parametrize("error", [asyncio.CancelledError, RuntimeError])
def test_work_that_is_broken_off_says_nothing_of_the_backend(error: type[BaseException]) -> None:
    counter, store, _ = counting()
    with pytest.raises(error):
        with counter.counted(work=True):
            raise error
    work = store.snapshot(7.0).backends["b"].work
    assert (work.in_flight, dict(work.finished)) == (0, {Outcome.CLIENT_GONE: 1})


def test_what_is_no_work_leaves_no_trace() -> None:
    counter, _, facts = counting()
    with counter.counted(work=False) as place:
        place.outcome = Outcome.BACKEND_ERROR
        assert place.progress is None
    assert facts == []
