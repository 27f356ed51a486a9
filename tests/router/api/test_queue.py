"""When nobody has room: what clients of each dialect see, over real sockets before a simulator that is held still."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from router.sse import Decoder, Event
from simulator import SimSettings, serving
from tests.fakes.routers import Maek, config_for, maek
from tests.fakes.simulators import set_faults, sim_state
from tests.fakes.waiting import until

STALL: Mapping[str, Mapping[str, Any]] = {"stall": {}}
QUESTION = {"model": "reasoner", "messages": [{"role": "user", "content": "양자역학 설명해줘"}]}


class Site:
    """A router before one server with one slot, that says nothing until it is let go."""

    def __init__(self, router: Maek, sim: str) -> None:
        self.router = router
        self.sim = sim
        self.clients: list[asyncio.Task[Any]] = []

    async def hold(self) -> None:
        """One request takes the slot."""
        await set_faults(self.router.client, self.sim, STALL)
        self.clients.append(asyncio.create_task(self.router.post("/v1/chat/completions", QUESTION)))
        await until(lambda: self.router.in_flight() == 1)

    async def let_go(self) -> None:
        """It goes on."""
        await set_faults(self.router.client, self.sim, {})

    async def metric(self, name: str) -> float:
        """A sample of /metrics."""
        async with self.router.client.get(self.router.url + "/metrics") as response:
            lines = (await response.text()).splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} "))

    async def waiting(self, number: int, priority: str = "interactive") -> None:
        """Return once so many wait."""
        async with asyncio.timeout(10):
            while await self.metric(f'maek_queue_depth{{priority="{priority}"}}') != number:  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@asynccontextmanager
async def one_slot(queue: Mapping[str, Any] | None = None, **router_config: Any) -> AsyncIterator[Site]:
    """A site, busy with one request."""
    roles = {"classifier": "sim-small-1b", "reasoner": "sim-large-32b"}
    async with serving(SimSettings()) as sim:
        backend = {"name": "sim", "url": sim, "models": roles, "slots": 1}
        config = config_for([backend], roles={"reasoner": {"queue": dict(queue or {})}}, **router_config)
        async with maek(config) as router:
            site = Site(router, sim)
            await site.hold()
            yield site
            await site.let_go()
            await asyncio.gather(*site.clients)
            assert router.in_flight() == 0
            assert await site.metric('maek_queue_depth{priority="interactive"}') == 0


class Stream:
    """What a client hears, as it comes."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.bytes = b""

    @property
    def comments(self) -> list[bytes]:
        """The lines that clients skip."""
        return [line for line in self.bytes.split(b"\n") if line.startswith(b":")]

    async def listen(self, router: Maek, path: str, body: Mapping[str, Any]) -> None:
        """Ask, and hear it to the end."""
        decoder = Decoder()
        async with router.client.post(router.url + path, json=body) as response:
            async for chunk in response.content.iter_any():
                self.events += decoder.feed(chunk)
                self.bytes += chunk


async def test_a_stream_of_openais_dialect_hears_of_the_line_in_comments() -> None:
    heard = Stream()
    async with one_slot() as site:
        asking = asyncio.create_task(heard.listen(site.router, "/v1/chat/completions", QUESTION | {"stream": True}))
        await until(lambda: heard.comments)
        assert heard.events == []
        await site.let_go()
        await asking
    assert heard.comments[0].startswith(b": waiting, position 1, about ")
    assert heard.comments[0].endswith(b" s")
    assert heard.events[-1].data == "[DONE]"


@pytest.mark.parametrize(
    ("lang", "begins"), [("ko", "빈자리를 기다리는 중입니다. 1번째"), ("en", "Waiting for a free place: number 1")]
)
async def test_a_stream_of_chat_is_told_in_its_language(lang: str, begins: str) -> None:
    heard = Stream()
    async with one_slot() as site:
        ask = {"message": "양자역학 설명해줘", "role": "reasoner", "stream": True, "lang": lang}
        asking = asyncio.create_task(heard.listen(site.router, "/chat", ask))
        await until(lambda: len(heard.events) == 2)
        await site.let_go()
        await asking
    names = [event.name for event in heard.events]
    assert names[:2] == ["decision", "notice"]
    assert names[-1] == "done"
    told = orjson.loads(heard.events[1].data)
    assert told["notice"].startswith(begins)
    assert told["position"] == 1
    assert told["expected_seconds"] >= 1


async def test_an_answer_that_is_not_streamed_says_at_the_end_how_long_it_waited() -> None:
    async with one_slot() as site:
        body = {"message": "양자역학 설명해줘", "role": "reasoner"}

        async def asked() -> tuple[Mapping[str, str], Any]:
            async with site.router.client.post(site.router.url + "/chat", json=body) as response:
                return response.headers, await response.json()

        asking = asyncio.create_task(asked())
        await site.waiting(1)
        behind = Stream()
        listening = asyncio.create_task(behind.listen(site.router, "/v1/chat/completions", QUESTION | {"stream": True}))
        await until(lambda: behind.comments)  # by then the one before has been told, too
        await site.let_go()
        headers, answer = await asking
        await listening
    assert int(headers["x-maek-queue-ms"]) >= 0
    assert "notice" not in answer
    assert answer["text"]


async def test_a_long_wait_puts_nothing_into_an_answer_that_is_not_streamed() -> None:
    async with one_slot({"most_wait_seconds": 1.5}, relay={"keepalive_seconds": 0.01}) as site:
        status, body = await site.router.post("/v1/chat/completions", QUESTION)
    assert (status, body["error"]["code"]) == (503, "queue_timeout")


async def test_a_full_line_is_429_with_a_time_to_come_back() -> None:
    async with one_slot({"most": 0}) as site:
        async with site.router.client.post(site.router.url + "/v1/chat/completions", json=QUESTION) as response:
            body = await response.json()
        assert (response.status, body["error"]["code"], body["error"]["type"]) == (
            429,
            "queue_full",
            "rate_limit_error",
        )
        assert int(response.headers["retry-after"]) >= 1
        assert await site.metric('maek_rejected_total{reason="queue_full"}') == 1
        assert await site.metric('maek_errors_total{code="queue_full",fault="policy"}') == 1


async def test_whoever_has_waited_for_too_long_is_told_by_status_or_in_his_stream() -> None:
    heard = Stream()
    async with one_slot({"most_wait_seconds": 0.3}) as site:
        status, body = await site.router.post("/v1/chat/completions", QUESTION)
        await heard.listen(site.router, "/chat", {"message": "hi", "role": "reasoner", "stream": True})
    assert (status, body["error"]["code"]) == (503, "queue_timeout")
    assert heard.events[-1].name == "error"
    assert "queue_timeout" in heard.events[-1].data


@pytest.mark.parametrize(
    ("path", "body", "header", "param"),
    [
        ("/v1/chat/completions", QUESTION, "urgent", "x-maek-priority"),
        ("/v1/chat/completions", QUESTION | {"model": "auto"}, "", "x-maek-priority"),
        ("/chat", {"message": "안녕"}, "1", "x-maek-priority"),
        ("/chat", {"message": "안녕", "priority": "urgent"}, None, "priority"),
        ("/decide", {"message": "안녕", "priority": "urgent"}, None, "priority"),
    ],
)
async def test_an_unknown_priority_is_refused_and_named(
    path: str, body: Mapping[str, Any], header: str | None, param: str
) -> None:
    async with maek(config_for()) as router:
        headers = {} if header is None else {"x-maek-priority": header}
        status, answer = await router.post(path, body, headers=headers)
    assert (status, answer["error"]["code"], answer["error"]["param"]) == (400, "bad_request", param)
    assert "interactive" in answer["error"]["message"]


@pytest.mark.parametrize(
    ("path", "body", "header", "priority"),
    [
        ("/v1/chat/completions", QUESTION, None, "normal"),
        ("/v1/chat/completions", QUESTION | {"stream": True}, None, "interactive"),
        ("/v1/chat/completions", QUESTION | {"stream": True}, "batch", "batch"),
        ("/chat", {"message": "hi", "role": "reasoner"}, None, "interactive"),
        ("/chat", {"message": "hi", "role": "reasoner"}, "Normal", "normal"),
        ("/chat", {"message": "hi", "role": "reasoner", "priority": "batch"}, "normal", "batch"),
    ],
)
async def test_how_urgent_it_is_is_said_by_the_caller_or_else_by_what_he_asks(
    path: str, body: Mapping[str, Any], header: str | None, priority: str
) -> None:
    async with one_slot() as site:
        headers = {} if header is None else {"x-maek-priority": header}
        asking = asyncio.create_task(site.router.client.post(site.router.url + path, json=body, headers=headers))
        await site.waiting(1, priority)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await site.waiting(0, priority)


async def test_whoever_hangs_up_in_the_line_has_left_it() -> None:
    async with one_slot() as site:
        asking = [asyncio.create_task(site.router.post("/chat", {"message": "hi", "role": "reasoner"})) for _ in "abc"]
        await site.waiting(3)
        for client in asking[:2]:
            client.cancel()
        await site.waiting(1)
        await site.let_go()
        assert (await asking[2])[0] == 200
        state = await sim_state(site.router.client, site.sim)
    assert state["requests_seen"]["POST /v1/chat/completions"] == 2


async def test_a_new_configuration_finds_the_line_as_it_was() -> None:
    async with one_slot() as site:
        asking = asyncio.create_task(site.router.post("/chat", {"message": "hi", "role": "reasoner"}))
        await site.waiting(1)
        site.router.house.adopt(site.router.house.current.service.config)
        await site.waiting(1)
        await site.let_go()
        assert (await asking)[0] == 200
