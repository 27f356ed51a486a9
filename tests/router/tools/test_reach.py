import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from router.tools.reach import http_checker, reach_nothing


async def _status(request: web.Request) -> web.Response:
    if request.match_info["status"] == "302":
        raise web.HTTPFound("/200")
    return web.Response(status=int(request.match_info["status"]))


async def _silent(_request: web.Request) -> web.Response:
    await asyncio.Event().wait()  # until the client has had enough
    return web.Response()


@pytest.fixture
async def server() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/silent", _silent)
    app.router.add_get("/{status}", _status)
    runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "up"), [(200, True), (302, True), (401, True), (404, True), (500, False), (503, False)]
)
async def test_any_answer_that_is_no_server_fault_is_alive(server: str, status: int, up: bool) -> None:
    async with aiohttp.ClientSession() as session:
        reached = await http_checker(lambda: session)(f"{server}/{status}")
    assert (reached.up, reached.status) == (up, status)
    assert reached.seconds is not None


async def test_a_silent_server_is_not_waited_for(server: str) -> None:
    async with aiohttp.ClientSession() as session:
        assert not (await http_checker(lambda: session, timeout_seconds=0.1)(f"{server}/silent")).up


async def test_a_refused_connection_and_a_bad_url_are_down_and_no_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with aiohttp.ClientSession() as session:
            check = http_checker(lambda: session)
            assert not (await check(f"http://127.0.0.1:{port}/")).up
            assert not (await check("no url")).up


async def test_without_a_client_nothing_is_reached() -> None:
    assert not (await reach_nothing("http://x")).up
