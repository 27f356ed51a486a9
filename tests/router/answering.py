# ruff: noqa: E501 - scripts
"""Models that call tools, and Maek in front of them with tools of the test's own."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Any

import orjson

from router.tools.parameters import Params, described
from router.tools.spec import Operation, Tool, ToolCall, ToolResult
from router.turn import Turns
from tests.fakes.routers import Maek, config_for, maek
from tests.fakes.upstreams import DONE, STOP, Heard, Script, Upstream, streaming, token, upstream, watched

CALLED = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}\n\n'
ANSWERS = streaming(token("다 "), token("됐어요."), STOP, DONE)
WEATHER = Tool("weather", "날씨", "weather", {})


class Place(Params):
    """Where."""

    place: Annotated[str, described(ko="장소", en="place")]


def called(*calls: tuple[str, Mapping[str, Any]]) -> bytes:
    """An event in which a model calls these functions."""
    told = [
        {"index": n, "id": f"c{n}", "type": "function", "function": {"name": name, "arguments": orjson.dumps(args).decode()}}
        for n, (name, args) in enumerate(calls)
    ]  # fmt: skip
    return b"data: " + orjson.dumps({"choices": [{"index": 0, "delta": {"tool_calls": told}}]}) + b"\n\n"


def calling(*calls: tuple[str, Mapping[str, Any]], saying: str = "") -> Script:
    """A model that says something and then wants these called."""
    return streaming(*([token(saying)] if saying else []), called(*calls), CALLED, DONE)


async def sunny(_call: ToolCall, params: Any) -> ToolResult:
    return ToolResult(f"{params.place}: 맑음", {"place": params.place})


def tools(run: Callable[[ToolCall, Any], Awaitable[ToolResult]] = sunny, **more: Any) -> dict[str, Tool]:
    look = Operation("look", "날씨 보기", "look at the weather", Place, run, **more)
    return {"weather": replace(WEATHER, operations={"look": look})}


@asynccontextmanager
async def maek_with(
    script: Script, own: Mapping[str, Tool] | None, **router: Any
) -> AsyncIterator[tuple[Maek, Upstream]]:
    """Maek in front of a model that follows the script, with tools of the test's own in place of its own."""
    async with upstream(watched(script)) as server:
        backend = {"name": "b", "url": server.url, "engine": "openai", "models": {"reasoner": "m", "writer": "m"}}
        config = config_for([backend], roles={"writer": {}}, **router)
        async with maek(config) as router_:
            if own is not None:
                house, service = router_.house, router_.house.current.service
                turns = Turns(
                    service.config,
                    service.fleet,
                    service.dispatcher,
                    house.parts.sessions,
                    own,
                    service.decider,
                    service.now,
                    house.parts.telemetry,
                    service.talks,
                )
                house.current.service = replace(service, turns=turns)
            yield router_, server


def asked(server: Upstream) -> list[Any]:
    """The chats that the model was sent."""
    return [heard.json() for heard in server.heard if heard.body]


ASK = {"message": "서울 날씨 보고 알려줘", "role": "reasoner", "lang": "ko"}


def in_script(*scripts: Script) -> Script:
    """The first script for the first chat, and so on; the last one for all that follow."""
    count = iter(range(10_000))

    async def script(heard: Heard) -> None:
        await scripts[min(next(count), len(scripts) - 1)](heard)

    return script
