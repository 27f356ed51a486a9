"""What answers mean that are no success: load, something missing, a wrong request, a failure; and when to come back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.refusals import LONGEST_RETRY_AFTER_SECONDS, Refusal, refusal_of, retry_after_seconds

NOON = datetime(2026, 10, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (300, Refusal.MOVED),
        (399, Refusal.MOVED),
        (400, Refusal.CALLER),
        (401, Refusal.KEY),
        (402, Refusal.CALLER),
        (403, Refusal.KEY),
        (404, Refusal.MISSING),
        (405, Refusal.MISSING),
        (408, Refusal.FAILURE),
        (413, Refusal.CALLER),
        (422, Refusal.CALLER),
        (429, Refusal.FULL),
        (499, Refusal.CALLER),
        (500, Refusal.FAILURE),
        (501, Refusal.MISSING),
        (502, Refusal.FAILURE),
        (503, Refusal.FAILURE),
        (504, Refusal.FAILURE),
        (529, Refusal.FAILURE),
        (100, Refusal.FAILURE),
    ],
)
def test_what_a_status_means_by_itself(status: int, why: Refusal) -> None:
    assert refusal_of(status, b'{"error":"no"}') is why


def test_a_503_that_says_when_to_come_back_is_load() -> None:
    assert refusal_of(503, b"", told_when=True) is Refusal.FULL


@pytest.mark.parametrize("status", [500, 502, 504])
def test_no_other_failure_is_excused_by_a_word_about_later(status: int) -> None:
    assert refusal_of(status, b"server busy, please try again", told_when=True) is Refusal.FAILURE


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":"server busy, please try again.  maximum pending requests exceeded"}',
        b'{"error":"Server overloaded, please retry shortly (ref: 06d81c91)"}',
        b'{"detail":{"msg":"Server is busy; please try again later.","type":"service_unavailable"}}',
        b'{"error":"Model is overloaded","error_type":"overloaded"}',
        b'{"object":"error","message":"The request queue is full.","code":503}',
        b'{"error":"Exceeds maximum queue size"}',
        b'{"error":{"code":503,"message":"no slot available","type":"unavailable_error"}}',
    ],
    ids=["ollama", "ollama cloud", "koboldcpp", "tgi", "sglang", "triton", "llamacpp"],
)
def test_a_503_in_the_words_of_a_server_that_is_full_is_load(body: bytes) -> None:
    assert refusal_of(503, body) is Refusal.FULL


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Service Unavailable",
        b"<html><h1>503 Service Temporarily Unavailable</h1><hr>nginx</html>",
        b'{"error":"upstream connect error or disconnect before headers"}',
        b'{"error":"engine dead"}',
        b" " * 4096 + b"server busy",
    ],
)
def test_a_503_that_says_nothing_of_the_kind_is_a_failure(body: bytes) -> None:
    assert refusal_of(503, body) is Refusal.FAILURE


@pytest.mark.parametrize("told_when", [True, False])
@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}',
        b'{"error":"the model is still loading"}',
        b'{"error":"Model is being loaded"}',
    ],
)
def test_a_503_while_the_model_loads_is_neither_load_nor_failure(body: bytes, told_when: bool) -> None:
    assert refusal_of(503, body, told_when=told_when) is Refusal.LOADING


@given(st.integers(100, 999), st.binary(max_size=200), st.booleans())
def test_whatever_comes_means_something(status: int, body: bytes, told_when: bool) -> None:
    assert refusal_of(status, body, told_when=told_when) in Refusal


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("٣", None),
        ("0", 0.0),
        (" 7 ", 7.0),
        ("3600", 3600.0),
        ("3601", LONGEST_RETRY_AFTER_SECONDS),
        ("9" * 400, LONGEST_RETRY_AFTER_SECONDS),
        ("Wed, 21 Oct 2026 12:00:30 GMT", 30.0),
        ("Wed, 21 Oct 2026 12:00:30 -0000", 30.0),
        ("Wed, 21 Oct 2026 14:00:30 +0200", 30.0),
        ("Wed, 21 Oct 2026 11:00:00 GMT", 0.0),
        ("Wed, 21 Oct 2099 11:00:00 GMT", LONGEST_RETRY_AFTER_SECONDS),
        ("Wed, 21 Oct 99999 11:00:00 GMT", None),
        ("Wed, 21 Oct 2026 11:00:00 +99999999999999", None),
        ("Wed, 99 Oct 2026 11:00:00 GMT", None),
    ],
)
def test_when_to_come_back(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, None, NOON) == seconds


def test_a_date_is_read_by_the_clock_of_whoever_named_it() -> None:
    until, its_clock = "Wed, 21 Oct 2026 13:00:30 GMT", "Wed, 21 Oct 2026 13:00:00 GMT"
    assert retry_after_seconds(until, its_clock, NOON) == 30.0
    assert retry_after_seconds(until, "no clock", NOON) == 3600.0


@given(st.text(max_size=60), st.none() | st.text(max_size=60), st.timedeltas(timedelta(0), timedelta(days=9999)))
def test_whatever_a_header_says_nobody_waits_longer_than_an_hour(
    header: str, answered: str | None, later: timedelta
) -> None:
    wait_seconds = retry_after_seconds(header, answered, NOON + later)
    assert wait_seconds is None or 0 <= wait_seconds <= LONGEST_RETRY_AFTER_SECONDS


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"error":{"message":"registry.ollama.ai/library/gemma:2b does not support tools"}}'),
        (500, b'{"error":{"code":500,"message":"tools param requires --jinja flag"}}'),
        (
            400,
            b'{"message":"\\"auto\\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set"}',
        ),
        (422, b'{"detail":"Tools are not supported by this model"}'),
    ],
)
def test_a_backend_that_takes_no_tools_lacks_something_and_has_not_failed(status: int, body: bytes) -> None:
    assert refusal_of(status, body) is Refusal.MISSING
