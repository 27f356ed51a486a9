"""Answers that break off, and others that go on with them: over real sockets, from `/chat` to the backends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from tests.fakes.routers import Maek, config_for, maek
from tests.fakes.upstreams import (
    DONE,
    LAST_CHUNK,
    OK_STREAM,
    ROLE,
    STOP,
    Heard,
    Script,
    Upstream,
    answer,
    chunked,
    saying,
    streaming,
    token,
    upstream,
    watched,
)

ASKED = {"message": "양자역학 설명해줘", "role": "reasoner", "stream": True, "lang": "en"}


half = saying(OK_STREAM, chunked(ROLE, token("The "), token("moon")), LAST_CHUNK)
"""Two tokens, and no end mark."""
REST = streaming(ROLE, token(" pulls."), STOP, DONE)


class Pair:
    """A router in front of two backends, of which `first` is asked first."""

    def __init__(self, router: Maek, first: Upstream, second: Upstream) -> None:
        self.router = router
        self.first = first
        self.second = second

    async def told(self, **more: Any) -> list[tuple[str, dict[str, Any]]]:
        """The events of a streamed chat."""
        events = await self.router.events("/chat", {**ASKED, **more})
        return [(event.name, orjson.loads(event.data)) for event in events]

    @property
    def asked(self) -> list[list[dict[str, Any]]]:
        """What was asked of each, as JSON."""
        return [
            [heard.json() for heard in server.heard if heard.head.lower().startswith(b"post ")]
            for server in (self.first, self.second)
        ]


@asynccontextmanager
async def two(first: Script, second: Script, engine: str = "vllm", **role: Any) -> AsyncIterator[Pair]:
    """The pair."""
    async with upstream(watched(first)) as one, upstream(watched(second)) as other:
        backends = [
            {"name": f"b{tier}", "url": server.url, "engine": engine, "tier": tier, "models": {"reasoner": "m"}}
            for tier, server in enumerate((one, other))
        ]
        roles = {"reasoner": {"policy": "priority", **role}}
        async with maek(config_for(backends, roles=roles)) as router:
            yield Pair(router, one, other)


async def test_another_backend_goes_on_where_the_first_one_broke_off() -> None:
    async with two(half, REST) as pair:
        events = await pair.told(resume=True)
        _, record = await pair.router.get(f"/decisions/{events[0][1]['id']}")
    assert [name for name, _ in events] == ["decision", "token", "token", "notice", "token", "done"]
    assert events[3][1] == {
        "notice": "The answer broke off; b1 goes on with it.",
        "resumed": {"backend": "b1", "instead_of": "b0", "because": "backend_truncated", "characters": 8},
    }
    done = events[-1][1]
    assert (done["text"], done["backend"], done["resumes"]) == ("The moon pulls.", "b1", 1)
    ((_,), (asked,)) = pair.asked
    assert asked["messages"][-1] == {"role": "assistant", "content": "The moon"}
    assert (asked["continue_final_message"], asked["add_generation_prompt"]) == (True, False)
    attempts = record["answering"]["attempts"]
    assert [(a["outcome"], a["continues_characters"]) for a in attempts] == [("truncated", None), ("ok", 8)]


async def test_an_answer_in_json_is_whole_and_says_that_it_was_resumed() -> None:
    async with two(half, REST) as pair:
        status, told = await pair.router.post("/chat", {**ASKED, "stream": False, "resume": True})
    assert (status, told["text"], told["resumes"]) == (200, "The moon pulls.", 1)
    assert "notice" not in told


async def test_who_cannot_be_told_is_asked_in_words_of_the_conversation() -> None:
    async with two(half, REST, engine="openai") as pair:
        events = await pair.told(resume=True, lang="ko")
    ((_,), (asked,)) = pair.asked
    said, please = asked["messages"][-2:]
    assert said == {"role": "assistant", "content": "The moon"}
    assert (please["role"], "이어서 써 주세요" in please["content"]) == ("user", True)
    assert events[3][1]["notice"] == "답변이 중간에 끊겨서 b1 서버가 이어서 씁니다."


async def test_without_resume_an_answer_that_breaks_off_is_an_error_that_says_what_was_delivered() -> None:
    async with two(half, REST) as pair:
        events = await pair.told()
    assert [name for name, _ in events] == ["decision", "token", "token", "error"]
    error = events[-1][1]["error"]
    assert (error["code"], error["delivered"]) == ("backend_truncated", {"tokens": 3, "characters": 8})
    assert pair.asked[1] == []


async def test_openais_clients_are_told_what_was_delivered_too() -> None:
    async with two(half, REST) as pair:
        body = {"model": "reasoner", "stream": True, "messages": [{"role": "user", "content": "tides?"}]}
        events = await pair.router.events("/v1/chat/completions", body)
    error = orjson.loads(events[-1].data)["error"]
    assert (error["code"], error["delivered"]) == ("backend_truncated", {"tokens": 3})


@pytest.mark.parametrize("nobody", [answer("500 Oops"), answer("429 Full"), answer("400 No")])
async def test_if_nobody_goes_on_the_error_is_what_broke_the_answer_off(nobody: bytes) -> None:
    async with two(half, saying(nobody), queue={"most": 0}) as pair:
        events = await pair.told(resume=True)
    assert [name for name, _ in events] == ["decision", "token", "token", "error"]
    error = events[-1][1]["error"]
    assert (error["code"], error["delivered"]) == ("backend_truncated", {"tokens": 3, "characters": 8})


async def test_an_answer_that_breaks_off_again_is_an_error() -> None:
    async with two(half, half) as pair:
        events = await pair.told(resume=True)
    names = [name for name, _ in events]
    assert names == ["decision", "token", "token", "notice", "token", "token", "error"]
    assert events[-1][1]["error"]["delivered"] == {"tokens": 6, "characters": 16}


async def test_an_answer_of_which_only_thoughts_had_come_is_asked_for_anew() -> None:
    thought = b'data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}\n\n'
    async with two(saying(OK_STREAM, chunked(thought), LAST_CHUNK), REST) as pair:
        events = await pair.told(resume=True)
    assert events[1][1]["resumed"]["characters"] == 0
    assert events[-1][1]["text"] == " pulls."
    assert pair.asked[1][0]["messages"] == pair.asked[0][0]["messages"]


async def test_an_answer_that_is_too_long_for_its_time_is_not_gone_on_with() -> None:
    async def endless(heard: Heard) -> None:
        await heard.send(OK_STREAM)
        while not heard.wire.writer.is_closing():
            await heard.send(chunked(token("a")))
            await asyncio.sleep(0.02)

    async with two(endless, REST, timeout_seconds=0.3) as pair:
        events = await pair.told(resume=True)
    assert events[-1][1]["error"]["code"] == "backend_timeout"
    assert pair.asked[1] == []


async def test_what_was_resumed_is_remembered_whole() -> None:
    async with two(half, REST) as pair:
        (_, first), *_ = await pair.told(resume=True)
        await pair.told(session=first["session"])
    messages = pair.asked[0][-1]["messages"] if len(pair.asked[0]) > 1 else pair.asked[1][-1]["messages"]
    assert {"role": "assistant", "content": "The moon pulls."} in messages
