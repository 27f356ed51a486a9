"""Servers of others over streamable HTTP: a real one by the SDK, and fakes that misbehave."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from router.config_tools.mcp import McpServerConfig
from router.errors import ToolFailed
from router.mcp import web as web_bounds
from tests.fakes.upstreams import free_port
from tests.router.mcp.given import Servers, serving

Handler = Callable[[web.Request, Any], Awaitable[web.StreamResponse]]
READS = {"readOnlyHint": True}


def answer(message: Any, result: Any) -> bytes:
    return orjson.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result})


def hello(message: Any) -> Any:
    return {
        "protocolVersion": message["params"]["protocolVersion"],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "fake", "version": "1"},
    }


async def plain(request: web.Request, message: Any) -> web.StreamResponse:
    """A server without sessions or streams, that answers with JSON."""
    if "id" not in message:
        return web.Response(status=202)
    match message["method"]:
        case "initialize":
            result = hello(message)
        case "tools/list":
            schema = {"type": "object", "properties": {"word": {"type": "string"}}}
            result = {"tools": [{"name": "echo", "inputSchema": schema, "annotations": READS}]}
        case "tools/call":
            word = message["params"]["arguments"].get("word", "")
            said = request.headers.get("x-token", "") if word == "token" else word
            result = {"content": [{"type": "text", "text": said}]}
        case _:
            result = {}
    return web.Response(body=answer(message, result), content_type="application/json")


@asynccontextmanager
async def http_server(handler: Handler) -> AsyncIterator[TestServer]:
    async def post(request: web.Request) -> web.StreamResponse:
        return await handler(request, await request.json())

    app = web.Application()
    app.add_routes([web.post("/mcp", post)])
    async with TestServer(app) as server:
        yield server


@asynccontextmanager
async def connected(handler: Handler, folder: Path, **settings: Any) -> AsyncIterator[Servers]:
    async with http_server(handler) as server:
        config = McpServerConfig(url=str(server.make_url("/mcp")), **settings)
        async with serving(folder, {"fake": config}) as running:
            yield running


async def test_its_tools_are_called_with_the_headers_that_it_wants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_TOKEN", "sesame")
    async with connected(plain, tmp_path, headers={"x-token": "env:FAKE_TOKEN"}) as running:
        await running.is_up()
        said = await running.call("echo", word="hi")
        token = await running.call("echo", word="token")
    assert said.data["text"] == "hi"
    assert token.data["text"] == "sesame"


async def test_where_nobody_answers_that_is_the_trouble(tmp_path: Path) -> None:
    config = McpServerConfig(url=f"http://127.0.0.1:{free_port()}/mcp")
    async with serving(tmp_path, {"fake": config}) as running:
        await running.is_down()
        assert running.tool().trouble is not None
        assert running.tool().trouble.startswith("nobody answers there")


async def test_one_that_comes_later_is_found(tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, {"fake": McpServerConfig(url=f"http://127.0.0.1:{port}/mcp")}) as running:
        await running.is_down()
        app = web.Application()

        async def post(request: web.Request) -> web.StreamResponse:
            return await plain(request, await request.json())

        app.add_routes([web.post("/mcp", post)])
        async with TestServer(app, port=port):
            await running.is_up()
            assert (await running.call("echo", word="late")).data["text"] == "late"


async def misbehaving(how: str, message: Any) -> web.StreamResponse:
    match how:
        case "endless":
            body = answer(message, {"content": [{"type": "text", "text": "x" * (web_bounds.MAX_BODY_BYTES + 1)}]})
            return web.Response(body=body, content_type="application/json")
        case "compressed":
            body = gzip.compress(answer(message, {"content": []}))
            return web.Response(body=body, content_type="application/json", headers={"content-encoding": "gzip"})
        case "elsewhere":
            return web.Response(status=307, headers={"location": "http://127.0.0.2:9/mcp"})
        case "broken":
            return web.Response(body=b'{"jsonrpc', content_type="application/json")
        case "refused":
            return web.Response(status=500, text="sesame")
    return web.Response(body=b"<html>", content_type="text/html")


@pytest.mark.parametrize("how", ["endless", "compressed", "elsewhere", "broken", "refused", "page"])
async def test_an_answer_that_cannot_be_taken_is_a_plain_failure_and_the_next_one_is_heard(
    tmp_path: Path, how: str
) -> None:
    async def handler(request: web.Request, message: Any) -> web.StreamResponse:
        if message["method"] == "tools/call" and message["params"]["arguments"]["word"] == how:
            return await misbehaving(how, message)
        return await plain(request, message)

    async with connected(handler, tmp_path, timeout_seconds=5) as running:
        await running.is_up()
        with pytest.raises(ToolFailed, match=r"gave no answer|did not answer"):
            await running.call("echo", word=how)
        assert (await running.call("echo", word="fine")).data["text"] == "fine"


@pytest.mark.parametrize("how", ["endless", "compressed", "elsewhere", "broken", "refused", "page"])
async def test_one_that_cannot_shake_hands_is_told_of_without_what_it_said(tmp_path: Path, how: str) -> None:
    async def handler(_request: web.Request, message: Any) -> web.StreamResponse:
        return await misbehaving(how, message)

    async with connected(handler, tmp_path) as running:
        await running.is_down()
        trouble = running.tool().trouble
    assert trouble
    assert "sesame" not in trouble


@asynccontextmanager
async def talking(pause_seconds: float, piece: bytes) -> AsyncIterator[str]:
    """A server whose streams never end."""

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        while True:
            await response.write(piece)
            await asyncio.sleep(pause_seconds)

    app = web.Application()
    app.add_routes([web.route("*", "/mcp", stream)])
    async with TestServer(app) as server:
        yield str(server.make_url("/mcp"))


async def read_to_its_end(url: str, method: str, answer_seconds: float) -> None:
    async with web_bounds.web_client({}, answer_seconds) as client, client.stream(method, url) as response:
        async for _ in response.aiter_bytes():
            pass


@pytest.mark.parametrize(
    ("pause_seconds", "piece", "answer_seconds", "why"),
    [(0.05, b": still here\n\n", 0.2, "longer than 0.2 seconds"), (0.0, b": " + b"x" * 500_000, 60.0, "more than")],
)
async def test_a_stream_that_answers_a_call_ends_when_nobody_waits_for_it(
    pause_seconds: float, piece: bytes, answer_seconds: float, why: str
) -> None:
    async with talking(pause_seconds, piece) as url, asyncio.timeout(20):
        with pytest.raises(web_bounds.BodyTooLarge, match=why):
            await read_to_its_end(url, "POST", answer_seconds)


async def test_the_stream_in_which_a_server_may_always_talk_goes_on() -> None:
    async with talking(0.05, b": still here\n\n") as url:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await read_to_its_end(url, "GET", 0.2)
