"""The laws of what `/metrics` says of requests, at every scrape of a storm over real sockets."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from typing import Any

import aiohttp

from router.config import Config
from tests.fakes.routers import Maek, config_for, maek
from tests.fakes.upstreams import (
    COMPLETION,
    DONE,
    LAST_CHUNK,
    OK_STREAM,
    ROLE,
    STOP,
    WHOLE_STREAM,
    Heard,
    Script,
    answer,
    chunked,
    free_port,
    saying,
    silent,
    token,
    upstream,
    watched,
)
from tests.fakes.waiting import until
from tests.router.exposed import WORK, check_laws, scrape

CLIENTS = 24
"""More than there is room for, in the servers and in the queue."""
SCRAPES = 40
LEAST_REQUESTS = 300
PATIENCE = {"first_token_timeout_seconds": 3.0, "token_timeout_seconds": 1.0, "timeout_seconds": 6.0}
QUEUE = {"most": 8, "most_wait_seconds": 0.5}


async def slowly(heard: Heard) -> None:
    await heard.send(OK_STREAM, chunked(ROLE))
    for _ in range(6):
        await asyncio.sleep(0.03)
        await heard.send(chunked(token("a")))
    await heard.send(chunked(STOP, DONE), LAST_CHUNK)


GOOD = saying(WHOLE_STREAM)
TROUBLES: Mapping[str, Script] = {
    "good": GOOD,
    "slow": slowly,
    "whole": saying(answer("200 OK", COMPLETION)),
    "silent": silent,
    "killed": saying(OK_STREAM, chunked(ROLE, token("a")), then=Heard.reset),
    "cut short": saying(OK_STREAM, chunked(token("a")), LAST_CHUNK),
    "failed": saying(answer("500 Oops")),
    "full": saying(answer("429 Full")),
    "wrong": saying(answer("400 No")),
}
"""What happens to a request, by the first word that its client wrote; to a second attempt of it nothing does."""


def storm() -> Script:
    """One script for every server: trouble comes to whoever is asked first."""
    asked = set[str]()

    async def script(heard: Heard) -> None:
        message = heard.json()["messages"][-1]["content"]
        again = message in asked
        asked.add(message)
        await (GOOD if again else TROUBLES[message.partition(" #")[0]])(heard)

    return watched(script)


def config(urls: Iterable[str]) -> Config:
    """Servers with two slots each, that all serve one role."""
    backends = [
        {"name": f"b{number}", "url": url, "engine": "openai", "slots": 2, "models": {"reasoner": "m"}}
        for number, url in enumerate(urls)
    ]
    return config_for(backends, roles={"reasoner": {**PATIENCE, "queue": QUEUE}})


@asynccontextmanager
async def servers(number: int) -> AsyncIterator[list[str]]:
    """URLs of servers in a storm, and of one that nobody started."""
    script = storm()
    async with AsyncExitStack() as stack:
        up = [await stack.enter_async_context(upstream(script)) for _ in range(number)]
        yield [*(server.url for server in up), f"http://127.0.0.1:{free_port()}"]


async def client(router: Maek, numbers: Iterator[int], rng: random.Random, over: asyncio.Event) -> None:
    """One request after another, until it is over; of four clients one hangs up."""
    while not over.is_set():
        number = next(numbers)
        kind = list(TROUBLES)[number % len(TROUBLES)]
        asking = asyncio.create_task(_asked(router, _question(f"{kind} #{number}", stream=kind != "whole")))
        if number % 4 == 0:
            await asyncio.sleep(rng.random() * 0.3)
            asking.cancel()
        await asyncio.wait([asking])


async def _asked(router: Maek, body: Mapping[str, Any]) -> None:
    try:
        async with router.client.post(router.url + "/v1/chat/completions", json=body) as response:
            await response.read()
    except aiohttp.ClientPayloadError:
        pass  # an answer that broke off is told so


async def test_at_every_scrape_of_a_storm_what_was_started_has_ended_or_is_in_flight() -> None:
    rng, numbers, over = random.Random(7), count(), asyncio.Event()
    async with servers(3) as urls, maek(config(urls)) as router:
        clients = [asyncio.create_task(client(router, numbers, rng, over)) for _ in range(CLIENTS)]
        while_busy = 0
        for number in range(SCRAPES):
            page = await scrape(router, as_openmetrics=number % 2 == 0)
            check_laws(page)
            while_busy += page.sum("maek_backend_in_flight") > 0
            if (kept := {SCRAPES // 3: urls[:2], SCRAPES // 2: urls}.get(number)) is not None:
                router.house.adopt(config(kept))
        await until(lambda: next(numbers) > LEAST_REQUESTS, deadline_seconds=60)
        over.set()
        await asyncio.gather(*clients)
        after = await scrape(router)
        while not after.sum("maek_hedges_total"):  # now that somebody has room for a second request
            await _asked(router, _question(f"silent #{next(numbers)}"))
            check_laws(after := await scrape(router))
        await until(lambda: router.in_flight() == 0)
        after = await scrape(router)
    check_laws(after)
    assert {name: after.sum(name) for name in WORK} == dict.fromkeys(WORK, 0.0)
    assert while_busy > SCRAPES // 2
    happened = ("maek_rejected_total", "maek_retries_total", "maek_hedges_total", "maek_routing_exclusions_total")
    assert [name for name in happened if not after.sum(name)] == []
    outcomes = {"ok", "client_gone", "truncated", "backend_error", "caller_error", "rejected", "refused"}
    assert outcomes <= after.values("outcome")


async def test_after_a_storm_of_clients_that_all_hang_up_every_gauge_of_work_is_0_again() -> None:
    rng = random.Random(11)
    async with upstream(watched(silent)) as server, maek(config([server.url])) as router:
        asking = [asyncio.create_task(_asked(router, _question(f"good #{number}"))) for number in range(60)]
        await until(lambda: router.in_flight() == 2)
        busy = await scrape(router)
        rng.shuffle(asking)
        for one in asking:
            one.cancel()
            await asyncio.sleep(0)
        await asyncio.wait(asking)
        await until(lambda: router.in_flight() == 0)
        await until(lambda: router.house.current.service.occupancy.active == 0)
        after = await scrape(router)
    assert min(busy.sum(name) for name in ("maek_backend_in_flight", "maek_chats_active", "maek_queue_depth")) > 0
    assert {name: after.sum(name) for name in WORK} == dict.fromkeys(WORK, 0.0)
    check_laws(after)


def _question(message: str, *, stream: bool = True) -> dict[str, Any]:
    return {"model": "reasoner", "messages": [{"role": "user", "content": message}], "stream": stream}
