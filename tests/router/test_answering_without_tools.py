"""Backends that take no tools, and roles that are offered none."""

from typing import Any

import pytest

from tests.fakes.upstreams import Heard, answer, watched
from tests.router.answering import (
    ANSWERS,
    ASK,
    asked,
    maek_with,
    tools,
)

NO_TOOLS = answer("400 Bad Request", b'{"error":{"message":"m does not support tools"}}')


async def without_tools(heard: Heard) -> None:
    """A server that takes no tools."""
    if "tools" in heard.json():
        await heard.send(NO_TOOLS)
    else:
        await ANSWERS(heard)


async def test_a_backend_that_takes_no_tools_answers_without_and_is_not_offered_them_again() -> None:
    async with maek_with(without_tools, tools()) as (router, server):
        first_status, first = await router.post("/chat", ASK)
        second_status, _ = await router.post("/chat", ASK)
        with_tools = ["tools" in one for one in asked(server)]
    assert (first_status, second_status) == (200, 200)
    assert first["text"] == "다 됐어요."
    assert with_tools == [True, False, False]


async def test_one_that_refuses_the_request_itself_is_offered_tools_the_next_time() -> None:
    refusing = watched(lambda heard: heard.send(answer("400 Bad Request", b'{"error":{"message":"too long"}}')))
    async with maek_with(refusing, tools()) as (router, server):
        status, told = await router.post("/chat", ASK)
        await router.post("/chat", ASK)
        with_tools = ["tools" in one for one in asked(server)]
    assert status == 400
    assert "refused this request with HTTP 400" in told["error"]["message"]
    assert with_tools == [True, False, True, False]


@pytest.mark.parametrize(("router", "role"), [({"agent": {"rounds": 0}}, "reasoner"), ({}, "writer")])
async def test_only_the_reasoner_is_offered_tools_and_only_where_it_may_call_them(
    router: dict[str, Any], role: str
) -> None:
    async with maek_with(ANSWERS, tools(), **router) as (served, server):
        await served.post("/chat", ASK | {"role": role})
        [chat] = asked(server)
    assert "tools" not in chat
    assert "tool_choice" not in chat
