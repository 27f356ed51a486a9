"""What the status page is told while somebody looks: `/live`.

Rules of this file
- It translates: what is told is put together in `router.web`. Ends with the client, with his key, and with Maek.
- Whoever asks for JSON gets the same once, as one object: the beginning of a stream.
"""

import asyncio
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Any

import orjson
from aiohttp import web

from router.api.context import OWNER, service_of
from router.api.streaming import Reply
from router.attempt import ClientGone
from router.sse import encode
from router.web.telling import News, Telling

JSON = "application/json"
PERIOD_SECONDS = 0.5
"""Twice a second is live to the eye, and little to a phone."""
KEEPALIVE_PERIODS = 20
"""Ten seconds without news: the page knows then that somebody is still there."""
PATIENCE_SECONDS = 30.0
"""Whoever reads nothing for so long is gone, whatever his connection says."""


async def live(request: web.Request) -> web.StreamResponse:
    """`GET /live`: the fleet, its last hour and the caller's decisions, as they change."""
    if JSON in request.headers.get("accept", ""):
        told: dict[str, Any] = {"hello": _hello(), "decisions": {"changed": []}}
        told |= {name: data async for name, data in _news(request, Telling())}
        return web.Response(body=orjson.dumps(told), content_type=JSON)
    board = service_of(request).live
    with board.listening():
        reply, telling, silent = Reply(request, dict), Telling(), 0
        await _write(reply, encode(_hello(), "hello"))
        while _may_still_look(request):
            news = b"".join([encode(data, name) async for name, data in _news(request, telling)])
            silent = 0 if news else silent + 1
            if news:
                await _write(reply, news)
            elif silent % KEEPALIVE_PERIODS == 0:
                await reply.keep_alive()
            if await board.over_within(PERIOD_SECONDS):
                break
        return await reply.end()


def _hello() -> dict[str, Any]:
    return {"version": version("maek"), "period_seconds": PERIOD_SECONDS}


async def _news(request: web.Request, telling: Telling) -> AsyncIterator[News]:
    """What is new to this listener, by the service in force now. Between one kind and the next others have a turn."""
    service = service_of(request)
    occupancy = service.occupancy
    chats = {"active": occupancy.active, "total": occupancy.total, "waiting": service.live.waiting()}
    for news in telling.fleet(await service.live.picture(service.fleet), chats):
        yield news
    await asyncio.sleep(0)
    for news in telling.history(service.live.history):
        yield news
    await asyncio.sleep(0)
    for news in telling.decisions(service.decisions, request[OWNER]):
        yield news


def _may_still_look(request: web.Request) -> bool:
    """Whether the key still belongs to whom it did: a reload may have taken it away."""
    return service_of(request).keys.owner(request.headers.get("authorization")) == request[OWNER]


async def _write(reply: Reply, data: bytes) -> None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await reply.write(data)
    except TimeoutError as error:
        raise ClientGone from error
