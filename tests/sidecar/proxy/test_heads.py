"""Heads are read strictly and written as they came."""

import pytest

from sidecar.proxy.bodies import Chunked, Sized, UntilClose
from sidecar.proxy.heads import BadHead, Request, read_answer, read_request

VIA = b"me"


def request(first: bytes = b"POST /api/chat HTTP/1.1", *lines: bytes) -> Request:
    return read_request(b"\r\n".join([first, *lines, b"", b""]))


def test_a_line_keeps_its_order_its_case_and_its_spaces() -> None:
    head = b"POST /a?b=%2F HTTP/1.1\r\nHOST:x\r\nB:  two \r\na: 1\r\nB:\tx\xffy\r\nempty:\r\n"
    assert read_request(head + b"\r\n").passed_on(VIA, None) == head + b"via: 1.1 me\r\n\r\n"


def test_what_belongs_to_one_connection_goes_no_further() -> None:
    asked = request(
        b"GET / HTTP/1.1", b"Host: x", b"Connection: Keep-Alive, X-One", b"x-one: 1", b"Keep-Alive: timeout=5",
        b"Proxy-Connection: close", b"TE: trailers", b"Upgrade: h2c", b"x-two: 2",
    )  # fmt: skip
    assert asked.passed_on(VIA, None) == b"GET / HTTP/1.1\r\nHost: x\r\nx-two: 2\r\nvia: 1.1 me\r\n\r\n"
    answer = read_answer(
        b"HTTP/1.1 200 OK\r\nConnection: x-one\r\nX-One: 1\r\nKeep-Alive: timeout=5\r\nx-two: 2\r\n\r\n"
    )
    assert answer.passed_on(b"1", [b"connection: close"]) == (
        b"HTTP/1.1 200 OK\r\nx-two: 2\r\nconnection: close\r\n\r\n"
    )


@pytest.mark.parametrize("line", [b"content-length: 2", b"transfer-encoding: chunked", b"Host: x"])
def test_nobody_can_take_away_what_says_where_a_message_ends(line: bytes) -> None:
    name = line.partition(b":")[0]
    asked = request(b"POST / HTTP/1.1", line, b"connection: " + name)
    assert line in asked.passed_on(VIA, None)


def test_credentials_and_origin_are_passed_on() -> None:
    lines = b"Authorization: Bearer k\r\nCookie: a=b\r\nOrigin: http://x\r\nX-Forwarded-For: 1.2.3.4\r\n"
    assert lines in read_request(b"GET / HTTP/1.1\r\n" + lines + b"\r\n").passed_on(VIA, None)


def test_the_host_is_the_clients_unless_the_backend_needs_its_own() -> None:
    asked = request(b"GET / HTTP/1.1", b"Host: evil.example")
    assert b"Host: evil.example\r\n" in asked.passed_on(VIA, None)
    assert asked.passed_on(VIA, b"llm.example") == b"GET / HTTP/1.1\r\nhost: llm.example\r\nvia: 1.1 me\r\n\r\n"


@pytest.mark.parametrize(
    ("line", "target", "path"),
    [
        (b"GET /a/b?c=d HTTP/1.1", b"/a/b?c=d", "/a/b"),
        (b"GET http://mini:11434/a?b HTTP/1.1", b"/a?b", "/a"),
        (b"GET HTTPS://mini HTTP/1.1", b"/", "/"),
        (b"GET http://mini?x HTTP/1.1", b"/?x", "/"),
        (b"OPTIONS * HTTP/1.0", b"*", "*"),
        ("GET /모델 HTTP/1.1".encode(), "/모델".encode(), "/모델".encode().decode("latin-1")),
    ],
)
def test_the_target_is_a_path_however_it_was_written(line: bytes, target: bytes, path: str) -> None:
    asked = request(line)
    assert (asked.target, asked.path) == (target, path)


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n",
        b"GET /\r\n",
        b"GET / HTTP/2.0\r\n",
        b"GET  / HTTP/1.1\r\n",
        b"GET / x HTTP/1.1\r\n",
        b"GET / HTTP/1.1 \r\n",
        b"G(T / HTTP/1.1\r\n",
        b"GET x HTTP/1.1\r\n",
        b"GET * HTTP/1.1\r\n",
        b"CONNECT x:1 HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n",
        b"GET / HTTP/1.1\r\nspace : x\r\n",
        b"GET / HTTP/1.1\r\n: x\r\n",
        b"GET / HTTP/1.1\r\na: x\r\n folded\r\n",
        b"GET / HTTP/1.1\r\na: \x00\r\n",
        b"GET / HTTP/1.1\r\na: x\ny: z\r\n",
        b"GET / HTTP/1.1\r\na: x\rb: y\r\n",
        b"GET / HTTP/1.1\na: x\r\n",
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_no_head(head: bytes) -> None:
    with pytest.raises(BadHead):
        read_request(head + b"\r\n")


@pytest.mark.parametrize("line", [b"HTTP/1.1", b"HTTP/1.1 20", b"HTTP/1.1 2000 OK", b"HTTP/2 200", b"ICY 200 OK", b"x"])
def test_what_is_no_answer_is_refused(line: bytes) -> None:
    with pytest.raises(BadHead):
        read_answer(line + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ((), Sized),
        ((b"content-length: 5",), Sized),
        ((b"content-length: 5", b"Content-Length: 5"), Sized),
        ((b"transfer-encoding: chunked",), Chunked),
        ((b"transfer-encoding: gzip, Chunked",), Chunked),
    ],
)
def test_a_request_says_where_its_body_ends(lines: tuple[bytes, ...], kind: type) -> None:
    body = request(b"POST / HTTP/1.1", *lines).body()
    assert type(body) is kind
    assert body.done is (not lines)


@pytest.mark.parametrize(
    ("version", "lines"),
    [
        (b"1", (b"content-length: 5", b"transfer-encoding: chunked")),
        (b"1", (b"content-length: 5", b"content-length: 6")),
        (b"1", (b"content-length: 5, 5",)),
        (b"1", (b"content-length: 0x5",)),
        (b"1", (b"content-length: -5",)),
        (b"1", (b"content-length:",)),
        (b"1", (b"content-length: 9999999999999999999",)),
        (b"1", (b"transfer-encoding: chunked, gzip",)),
        (b"1", (b"transfer-encoding: chunked, chunked",)),
        (b"1", (b"transfer-encoding: xchunked",)),
        (b"0", (b"transfer-encoding: chunked",)),
    ],
)
def test_a_body_whose_end_is_unclear_is_refused(version: bytes, lines: tuple[bytes, ...]) -> None:
    with pytest.raises(BadHead):
        request(b"POST / HTTP/1." + version, *lines).body()


@pytest.mark.parametrize(
    ("method", "status", "lines", "kind", "done"),
    [
        (b"GET", 200, (), UntilClose, False),
        (b"GET", 200, (b"content-length: 3",), Sized, False),
        (b"GET", 200, (b"content-length: 0",), Sized, True),
        (b"GET", 200, (b"transfer-encoding: chunked", b"content-length: 3"), Chunked, False),
        (b"GET", 200, (b"transfer-encoding: gzip",), UntilClose, False),
        (b"HEAD", 200, (b"content-length: 3",), Sized, True),
        (b"POST", 100, (), Sized, True),
        (b"GET", 101, (), UntilClose, False),
        (b"GET", 204, (b"content-length: 3",), Sized, True),
        (b"GET", 304, (b"content-length: 3",), Sized, True),
    ],
)
def test_an_answer_says_where_its_body_ends(
    method: bytes, status: int, lines: tuple[bytes, ...], kind: type, done: bool
) -> None:
    answer = read_answer(b"\r\n".join([b"HTTP/1.1 %d x" % status, *lines, b"", b""]))
    body = answer.body(method)
    assert (type(body), body.done, answer.interim) == (kind, done, status == 100)


def test_of_two_lengths_of_an_answer_only_the_one_that_counts_goes_on() -> None:
    answer = read_answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n")
    assert answer.passed_on(b"1", ()) == b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(("spoken", "said", "heard"), [(b"1", b"0", b"1"), (b"1", b"1", b"1"), (b"0", b"0", b"0")])
def test_a_client_of_today_hears_http_of_today(spoken: bytes, said: bytes, heard: bytes) -> None:
    answer = read_answer(b"HTTP/1." + said + b" 200 \r\n\r\n")
    assert answer.passed_on(spoken, ()) == b"HTTP/1." + heard + b" 200 \r\n\r\n"


@pytest.mark.parametrize(
    ("lines", "upgrades"),
    [
        ((b"connection: Upgrade", b"upgrade: WebSocket"), True),
        ((b"connection: keep-alive, upgrade", b"upgrade: websocket"), True),
        ((b"upgrade: websocket",), False),
        ((b"connection: upgrade", b"upgrade: h2c"), False),
        ((b"connection: upgrade", b"upgrade: websocket, h2c"), False),
    ],
)
def test_only_a_web_socket_is_asked_for(lines: tuple[bytes, ...], upgrades: bool) -> None:
    asked = request(b"GET / HTTP/1.1", *lines)
    assert asked.upgrades is upgrades
    assert (b"\r\nupgrade: websocket\r\n" in asked.passed_on(VIA, None)) is upgrades


@pytest.mark.parametrize(
    ("minor", "line", "persists"),
    [(b"1", b"x: y", True), (b"1", b"connection: x, Close", False), (b"0", b"connection: keep-alive", False)],
)
def test_who_may_go_on_with_a_connection(minor: bytes, line: bytes, persists: bool) -> None:
    assert request(b"GET / HTTP/1." + minor, line).persists is persists
    assert read_answer(b"HTTP/1." + minor + b" 200 OK\r\n" + line + b"\r\n\r\n").persists is persists
