"""The law of a transparent proxy: bytes in are bytes out, in both directions, however they are cut."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, NamedTuple

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.proxies import END, Proxied, Raw, connected, proxied_script
from tests.fakes.upstreams import cut

TOKEN = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=12).map(str.encode)
VALUE = st.binary(max_size=30).map(lambda raw: raw.translate(None, b"\r\n\x00").strip())
OTHERS = frozenset(
    b"connection proxy-connection keep-alive te upgrade host content-length transfer-encoding expect via".split()
)
"""Names whose lines mean something to a proxy."""
LINE = st.tuples(TOKEN.filter(lambda name: name.lower() not in OTHERS), VALUE).map(lambda line: b"%b: %b" % line)
PATH = st.text("abc/%?&=+~:@!0.-_", max_size=20).map(lambda path: b"/" + path.encode())
PLACES = st.lists(st.integers(0, 400), max_size=8)


class Message(NamedTuple):
    """A head without its first line, and a body as it stands on the wire."""

    lines: list[bytes]
    body: bytes


@st.composite
def chunked_body(draw: st.DrawFn) -> bytes:
    """Chunks of any size, some with extensions, some trailers."""
    chunks = draw(st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.sampled_from([b"", b";a=b", b" ; x"]))))
    trailers = draw(st.lists(LINE, max_size=2))
    body = b"".join(b"%x%b\r\n%b\r\n" % (len(data), extension, data) for data, extension in chunks)
    return body + b"0\r\n" + b"".join(line + b"\r\n" for line in trailers) + b"\r\n"


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Lines in any order, and a body in either framing."""
    lines = draw(st.lists(LINE, max_size=5))
    if draw(st.booleans()):
        body = draw(chunked_body())
        framing = draw(st.sampled_from([b"transfer-encoding: chunked", b"Transfer-Encoding:  Chunked", b"TE-X: y"]))
        if framing == b"TE-X: y":
            framing = b"transfer-encoding: gzip, chunked"
    else:
        body = draw(st.binary(max_size=300))
        framing = draw(st.sampled_from([b"content-length: %d", b"Content-Length:%d "])) % len(body)
    lines.insert(draw(st.integers(0, len(lines))), framing)
    return Message(lines, body)


class Exchange(NamedTuple):
    """What a client sends, and what it is answered."""

    request: bytes
    passed_on: bytes
    """What the backend shall get, but for the last line of the head, which names the proxy."""
    answer: bytes
    cuts: tuple[list[int], list[int]]


ALONE = st.sampled_from(
    [b"", b"Connection: keep-alive\r\n", b"connection: X-Mine, keep-alive\r\nx-mine: 1\r\nKeep-Alive: timeout=5\r\n"]
)
"""Lines that go no further."""


@st.composite
def exchanges(draw: st.DrawFn) -> Exchange:
    """A request and an answer with bodies of any kind, each cut anywhere."""
    asked, told = draw(messages()), draw(messages())
    first = draw(st.sampled_from([b"POST", b"PUT", b"DELETE", b"X-ODD"])) + b" " + draw(PATH) + b" HTTP/1.1\r\n"
    host, head = b"host: x\r\n", b"".join(line + b"\r\n" for line in asked.lines)
    status = draw(st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 299 \r\n", b"HTTP/1.1 500 Oh: no\r\n"]))
    return Exchange(
        first + draw(ALONE) + host + head + b"\r\n" + asked.body,
        first + host + head + b"\r\n" + asked.body,
        status + b"".join(line + b"\r\n" for line in told.lines) + b"\r\n" + told.body,
        (draw(PLACES), draw(PLACES)),
    )


class Mirror:
    """A backend that is told, exchange by exchange, what comes and what to answer."""

    def __init__(self) -> None:
        self.now: Exchange | None = None
        self.heard = b""

    async def __call__(self, raw: Raw) -> None:
        while True:
            head = await raw.head()
            assert self.now is not None
            lines = head.split(b"\r\n")
            own = [line for line in lines if line.startswith(b"via: 1.1 maek-sidecar (")]
            assert lines[-3:-2] == own
            expected = len(self.now.passed_on.partition(END)[2])
            self.heard = b"\r\n".join([*lines[:-3], *lines[-2:]]) + await raw.exactly(expected)
            await raw.send(*cut(self.now.answer, self.now.cuts[1]))


class Standing(NamedTuple):
    """A proxy that stands for many examples."""

    runner: asyncio.Runner
    mirror: Mirror
    proxy: Proxied

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """In the loop of the proxy."""
        self.runner.run(coroutine)


@pytest.fixture(scope="module", params=[asyncio.SelectorEventLoop, uvloop.Loop], ids=["asyncio", "uvloop"])
def standing(request: pytest.FixtureRequest) -> Iterator[Standing]:
    mirror = Mirror()
    with asyncio.Runner(loop_factory=request.param) as runner:
        standing = proxied_script(mirror)
        proxy, _ = runner.run(standing.__aenter__())
        yield Standing(runner, mirror, proxy)
        runner.run(standing.__aexit__(None, None, None))


async def exchanged(standing: Standing, example: list[Exchange]) -> None:
    """All of them, one after the other, on one connection."""
    async with connected(standing.proxy.port) as client:
        for exchange in example:
            standing.mirror.now = exchange
            await client.send(*cut(exchange.request, exchange.cuts[0]))
            assert await client.exactly(len(exchange.answer)) == exchange.answer
            assert standing.mirror.heard == exchange.passed_on


@settings(deadline=None, max_examples=60)
@given(example=st.lists(exchanges(), min_size=1, max_size=3))
def test_whatever_is_asked_and_answered_passes_byte_for_byte(standing: Standing, example: list[Exchange]) -> None:
    standing.run(exchanged(standing, example))
