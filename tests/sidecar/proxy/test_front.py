"""What the proxy says itself: load in headers."""

import asyncio

import pytest

from sidecar.engines import orca
from sidecar.engines.engine import NOTHING_READ, Reading
from sidecar.facts import LoadRead, RequestStarted
from sidecar.load import DEFAULT_RULES
from sidecar.proxy.front import load_of
from tests.fakes.proxies import END, NAME, OK, answering, connected, proxied_script


def asking(path: bytes, layout: bytes) -> bytes:
    return b"POST %b HTTP/1.1\r\nhost: x\r\nEndpoint-Load-Metrics-Format: %b\r\ncontent-length: 0\r\n\r\n" % (
        path,
        layout,
    )


@pytest.mark.parametrize("layout", [b"JSON", b"TEXT", b"json"])
async def test_an_answer_of_work_tells_the_load_in_the_format_that_was_asked_for(layout: bytes) -> None:
    async with proxied_script(answering(OK)) as (proxy, _), connected(proxy.port) as client:
        await client.send(asking(b"/api/chat", layout))
        *lines, told = (await client.head()).removesuffix(END).split(b"\r\n")
        assert lines == [b"HTTP/1.1 200 OK", b"content-length: 2"]
        name, _, value = told.decode().partition(": ")
        assert (name, orca.read(value)) == ("endpoint-load-metrics", Reading(running=1, total_requests=1))
        assert value.split()[0] == layout.decode().upper()


@pytest.mark.parametrize(
    ("path", "layout", "answer"),
    [
        (b"/api/show", b"JSON", OK),
        (b"/api/chat", b"XML", OK),
        (b"/api/chat", b"JSON", b"HTTP/1.1 200 OK\r\nendpoint-load-metrics: JSON {}\r\ncontent-length: 2\r\n\r\nok"),
    ],
    ids=["no work", "an unknown format", "the backend tells itself"],
)
async def test_nothing_is_told_where_it_is_not_wanted_or_told_already(
    path: bytes, layout: bytes, answer: bytes
) -> None:
    async with proxied_script(answering(answer)) as (proxy, _), connected(proxy.port) as client:
        await client.send(asking(path, layout))
        assert await client.exactly(len(answer)) == answer


@pytest.mark.parametrize(
    ("read", "load"),
    [
        (NOTHING_READ, Reading(running=3, total_requests=3)),
        (Reading(running=9, waiting=2, kv_usage_ratio=0.5), Reading(1, 2, 0.5, None, 3)),
        (Reading(running=9, waiting=8, slots=4), Reading(0, 3, None, 4, 3)),
    ],
)
async def test_the_proxys_own_count_comes_first_and_the_engine_adds_what_only_it_knows(
    read: Reading, load: Reading
) -> None:
    async with proxied_script(answering(OK)) as (proxy, _):
        now = asyncio.get_running_loop().time()
        proxy.store.apply(LoadRead(now, NAME, read))
        for number in range(3):
            proxy.store.apply(RequestStarted(now, NAME, str(number)))
        assert load_of(proxy.state, now, DEFAULT_RULES) == load
