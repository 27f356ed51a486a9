"""What the relay makes of servers that fail: every ending has its outcome, and its message."""

import asyncio

import pytest

from router.attempt import AnswerUnusable, AttemptFailed, CallerRefused
from router.errors import BackendFailed, BackendRejected, BackendTruncated
from sidecar import Outcome
from tests.fakes.sinks import Kept
from tests.fakes.upstreams import (
    COMPLETION,
    DONE,
    LAST_CHUNK,
    OK_STREAM,
    OLD_STREAM,
    ROLE,
    STOP,
    Heard,
    Script,
    answer,
    chunked,
    free_port,
    saying,
    token,
    upstream,
)
from tests.router.relaying import relayed, relaying

ERROR = b'data: {"error":"engine died"}\n\n'
TOLD_FULL = b'data: {"error":{"message":"too many","code":429}}\n\n'
TOLD_BROKEN = b'data: {"error":{"message":"engine died","code":500}}\n\n'
TOLD_STRANGE = b'data: {"error":{"message":"who are you","code":401}}\n\n'


BAD_STREAMS = {
    "ends without a token": ((OK_STREAM + LAST_CHUNK,), Outcome.TRUNCATED),
    "ends after the greeting": ((OK_STREAM + chunked(ROLE), LAST_CHUNK), Outcome.TRUNCATED),
    "ends after a token": ((OK_STREAM + chunked(ROLE, token("a")), LAST_CHUNK), Outcome.TRUNCATED),
    "ends in the middle of an event": ((OK_STREAM + chunked(token("a"), STOP[:-5]), LAST_CHUNK), Outcome.TRUNCATED),
    "old server, cut": ((OLD_STREAM + ROLE + token("a"), b""), Outcome.TRUNCATED),
    "closed in the middle": ((OK_STREAM + chunked(ROLE, token("a")), b""), Outcome.TRUNCATED),
    "closed in the middle of a chunk": ((OK_STREAM + chunked(token("a"))[:-9], b""), Outcome.TRUNCATED),
    "closed after the headers": ((OK_STREAM,), Outcome.TRUNCATED),
    "garbage": ((b"\x00\x01garbage\r\n\r\n" * 9,), Outcome.BACKEND_ERROR),
    "half a head": ((b"HTTP/1.1 200 OK\r\ncontent-ty",), Outcome.BACKEND_ERROR),
    "nothing": ((b"",), Outcome.BACKEND_ERROR),
    "html": ((answer("200 OK", b"<html>welcome</html>", "text/html"),), Outcome.BACKEND_ERROR),
    "json": ((answer("200 OK", COMPLETION),), Outcome.BACKEND_ERROR),
    "empty": ((answer("200 OK", b"", "text/event-stream"),), Outcome.TRUNCATED),
    "no content": ((answer("204 No Content"),), Outcome.BACKEND_ERROR),
    "500": ((answer("500 Oops", b"Internal Server Error", "text/plain"),), Outcome.BACKEND_ERROR),
    "408": ((answer("408 Request Timeout"),), Outcome.BACKEND_ERROR),
    "301": ((answer("301 Moved", b"", "text/html", "location: /v2"),), Outcome.BACKEND_ERROR),
    "401": ((answer("401 Unauthorized"),), Outcome.BACKEND_ERROR),
    "403": ((answer("403 Forbidden"),), Outcome.BACKEND_ERROR),
    "429": ((answer("429 Too Many"),), Outcome.REJECTED),
    "503 that says when to come back": ((answer("503 Busy", b"", "text/plain", "retry-after: 9"),), Outcome.REJECTED),
    "503 of a full server": ((answer("503 Busy", b'{"error":"server busy, please try again"}'),), Outcome.REJECTED),
    "503 while the model loads": ((answer("503 Busy", b'{"error":{"message":"Loading model"}}'),), Outcome.REJECTED),
    "503": ((answer("503 Busy"),), Outcome.BACKEND_ERROR),
    "a 429 as the first event": ((OK_STREAM + chunked(TOLD_FULL, DONE) + LAST_CHUNK,), Outcome.REJECTED),
    "a 500 as the first event": ((OK_STREAM + chunked(TOLD_BROKEN, DONE) + LAST_CHUNK,), Outcome.BACKEND_ERROR),
    "a 401 as the first event": ((OK_STREAM + chunked(TOLD_STRANGE, DONE) + LAST_CHUNK,), Outcome.BACKEND_ERROR),
    "an error first": ((OK_STREAM + chunked(ERROR) + LAST_CHUNK,), Outcome.BACKEND_ERROR),
    "an error after the greeting": (
        (OK_STREAM + chunked(ROLE), chunked(ERROR, DONE) + LAST_CHUNK),
        Outcome.BACKEND_ERROR,
    ),
    "an error and then a good end": (
        (OK_STREAM + chunked(token("a")), chunked(ERROR, DONE) + LAST_CHUNK),
        Outcome.BACKEND_ERROR,
    ),
    "an error and then a broken connection": ((OK_STREAM + chunked(token("a")), chunked(ERROR)), Outcome.BACKEND_ERROR),
}
"""What is sent, the second part once the client has had the first: then nobody else may take over."""


@pytest.mark.parametrize("name", BAD_STREAMS)
async def test_a_stream_that_is_no_whole_answer_has_its_outcome(name: str) -> None:
    (first, *more), outcome = BAD_STREAMS[name]
    begun = bool(more)
    sink = Kept()

    async def script(heard: Heard) -> None:
        await heard.send(first)
        for part in more:
            had = await sink.comes()
            await heard.send(part)
            if b"error" in part and LAST_CHUNK not in part:
                assert await sink.comes() != had  # the end of a connection overtakes what nobody has read yet
        heard.close()

    async with upstream(script) as server, relaying() as relay:
        with pytest.raises(AttemptFailed) as failed:
            await relayed(relay, server.url, sink)
    assert (failed.value.outcome, failed.value.begun) == (outcome, begun)
    assert bool(sink.openings) is begun
    assert isinstance(failed.value.error, BackendTruncated) is (outcome is Outcome.TRUNCATED)


async def test_a_connection_reset_in_the_middle_of_a_stream_is_a_truncated_answer() -> None:
    sink = Kept()

    async def script(heard: Heard) -> None:
        await heard.send(OK_STREAM, chunked(token("a")))
        await sink.comes()
        heard.reset()

    async with upstream(script) as server, relaying() as relay:
        with pytest.raises(AttemptFailed) as failed:
            await relayed(relay, server.url, sink)
    assert (failed.value.outcome, failed.value.begun, sink.bytes) == (Outcome.TRUNCATED, True, token("a"))


BAD_ANSWERS = {
    "html": answer("200 OK", b"<html>welcome</html>", "text/html"),
    "half a json": answer("200 OK", COMPLETION[:-1]),
    "empty": answer("200 OK"),
    "an error with status 200": answer("200 OK", b'{"error":{"message":"no model is loaded"}}'),
    "cut": answer("200 OK", COMPLETION)[:-5],
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
async def test_a_body_that_is_no_answer_can_still_be_asked_of_another_backend(name: str) -> None:
    sink = Kept()
    async with upstream(saying(BAD_ANSWERS[name], then=Heard.close)) as server, relaying() as relay:
        with pytest.raises(AttemptFailed) as failed:
            await relayed(relay, server.url, sink, stream=False)
    assert (failed.value.begun, sink.openings) == (False, [])


async def test_what_a_reading_sink_calls_unusable_is_the_backends_failure_and_another_may_be_asked() -> None:
    class Picky(Kept):
        async def chunk(self, data: bytes) -> None:
            await super().chunk(data)
            raise AnswerUnusable("it has no choices")

    async with upstream(saying(answer("200 OK", COMPLETION))) as server, relaying() as relay:
        with pytest.raises(AttemptFailed, match="it has no choices") as failed:
            await relayed(relay, server.url, Picky(), stream=False)
    assert (failed.value.outcome, failed.value.begun) == (Outcome.BACKEND_ERROR, False)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (answer("401 Unauthorized"), "it refused Maek's key with HTTP 401; set its api_key in the config"),
        (answer("301 Moved", b"", "text/html", "location: /v2"), "; set its url to where it really is"),
        (answer("500 Oops"), "it answered with HTTP 500"),
        (answer("200 OK", b"<html>", "text/html"), "it answered with text/html instead of a stream"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "it does not speak HTTP as it should"),
        (b"", "it closed the connection without an answer"),
    ],
)
async def test_messages_say_what_is_wrong(sent: bytes, message: str) -> None:
    async with upstream(saying(sent, then=Heard.close)) as server, relaying() as relay:
        with pytest.raises(AttemptFailed) as failed:
            await relayed(relay, server.url, Kept())
    assert isinstance(failed.value.error, BackendFailed)
    assert message in failed.value.error.message
    assert failed.value.error.lasting is ("; set its " in message)


FULL = b'{"error":"server busy, please try again"}'
LOADING = b'{"error":{"code":503,"message":"Loading model"}}'
DATED = ("date: Wed, 21 Oct 2026 07:28:00 GMT", "retry-after: Wed, 21 Oct 2026 07:28:09 GMT")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("sent", "caller_waits_seconds", "rests_seconds"),
    [
        (answer("429 Too Many", b"{}", "application/json", "retry-after: 7"), 7.0, 7.0),
        (answer("429 Too Many", b"{}", "application/json", "retry-after: 0"), 0.0, 0.0),
        (answer("429 Too Many", b"{}", "application/json", "retry-after: 99999"), 3600.0, 3600.0),
        (answer("429 Too Many", b"{}", "application/json", "retry-after: -3"), 1.0, None),
        (answer("429 Too Many", b"{}"), 1.0, None),
        (answer("503 Unavailable", b"{}", "application/json", *DATED), 9.0, 9.0),
        (answer("503 Unavailable", FULL), 1.0, None),
        (answer("503 Unavailable", LOADING), 2.0, 2.0),
        (answer("503 Unavailable", LOADING, "application/json", "retry-after: 5"), 5.0, 5.0),
    ],
)
async def test_a_backend_that_is_full_or_loading_says_when_to_come_back(
    sent: bytes, caller_waits_seconds: float, rests_seconds: float | None, stream: bool
) -> None:
    async with upstream(saying(sent)) as server, relaying() as relay:
        with pytest.raises(AttemptFailed) as failed:
            await relayed(relay, server.url, Kept(), stream=stream)
    assert failed.value.outcome is Outcome.REJECTED
    assert isinstance(failed.value.error, BackendRejected)
    assert (failed.value.error.retry_after_seconds, failed.value.rest_seconds) == (caller_waits_seconds, rests_seconds)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("status", [400, 404, 405, 413, 422, 501])
async def test_a_refusal_of_the_request_itself_is_passed_to_the_caller(status: int, stream: bool) -> None:
    body = b'{"error":{"message":"too long"}}'
    async with upstream(saying(answer(f"{status} No", body))) as server, relaying() as relay:
        with pytest.raises(CallerRefused) as refused:
            await relayed(relay, server.url, Kept(), stream=stream)
    assert (refused.value.status, refused.value.content_type, refused.value.body) == (status, "application/json", body)
    assert refused.value.elsewhere is (status in (404, 405, 501))


async def test_a_refusal_that_comes_as_the_first_event_of_a_stream_is_one_too() -> None:
    error = b'{"error":{"message":"too long","code":400}}'
    half, rest = (b"data: " + error + b"\n\n")[:30], (b"data: " + error + b"\n\n")[30:]

    async def script(heard: Heard) -> None:
        await heard.send(OK_STREAM, chunked(half))
        await asyncio.sleep(0.01)
        await heard.send(chunked(rest, DONE), LAST_CHUNK)

    sink = Kept()
    async with upstream(script) as server, relaying() as relay:
        with pytest.raises(CallerRefused) as refused:
            await relayed(relay, server.url, sink)
    assert (refused.value.status, refused.value.body, sink.openings) == (400, error, [])


async def test_a_body_without_end_is_given_up() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    async with upstream(_endless(head, b"{" * 4_000_000)) as server, relaying() as relay:
        with pytest.raises(AttemptFailed, match="larger than 67108864 bytes"):
            await relayed(relay, server.url, Kept(), stream=False)
        async with asyncio.timeout(10):
            await server.left.wait()


async def test_a_refusal_without_end_is_given_up() -> None:
    head = b"HTTP/1.1 400 No\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n"
    async with upstream(_endless(head, b"no" * 32_768)) as server, relaying() as relay:
        with pytest.raises(AttemptFailed, match="larger than 1048576 bytes"):
            await relayed(relay, server.url, Kept())


@pytest.mark.parametrize("piece", [b"x" * 65_536, b": still at it\n\n" * 4000], ids=["no newline", "comments only"])
async def test_a_stream_that_never_has_an_event_is_given_up(piece: bytes) -> None:
    sink = Kept()
    async with upstream(_endless(OK_STREAM, piece)) as server, relaying() as relay:
        with pytest.raises(AttemptFailed, match="has no events"):
            await relayed(relay, server.url, sink)
    assert sink.openings == []


def _endless(head: bytes, piece: bytes) -> Script:
    async def script(heard: Heard) -> None:
        await heard.send(head)
        while not heard.wire.writer.is_closing():
            await heard.send(chunked(piece))

    return script


async def test_a_port_where_nobody_listens_is_refused() -> None:
    async with relaying() as relay:
        with pytest.raises(AttemptFailed, match="nobody listens at its address") as failed:
            await relayed(relay, f"http://127.0.0.1:{free_port()}", Kept())
    assert (failed.value.outcome, failed.value.begun) == (Outcome.REFUSED, False)


async def test_a_name_that_leads_nowhere_is_no_refusal() -> None:
    async with relaying() as relay:
        with pytest.raises(AttemptFailed, match="it cannot be reached") as failed:
            await relayed(relay, "http://no-such-host.invalid:80", Kept())
    assert failed.value.outcome is Outcome.BACKEND_ERROR


async def test_a_plain_server_at_an_https_url_cannot_be_reached() -> None:
    async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with listener, relaying() as relay:
        with pytest.raises(AttemptFailed, match="it cannot be reached") as failed:
            await relayed(relay, f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}", Kept())
    assert failed.value.outcome is Outcome.BACKEND_ERROR
