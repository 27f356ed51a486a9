"""An HTTP proxy before a server, in the test's own loop, that can stop or cut what passes at a step."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

Hook = Callable[[str], Awaitable[bool]]
"""Told `PUT`, or of an answer `PUT 201`; whether it passes on. Where it does not, the connection is cut."""

_HOP_BY_HOP = {"transfer-encoding", "content-length", "content-encoding", "connection", "date", "server"}


async def passing(_what: str) -> bool:
    """Nothing is stopped."""
    return True


@dataclass(slots=True)
class Between:
    """What happens to requests before they reach the server, and to answers before they leave."""

    url: str = ""
    before: Hook = passing
    after: Hook = passing
    seen: list[tuple[str, str]] = field(default_factory=list)
    """Methods and paths, in order."""


@asynccontextmanager
async def between(server_url: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Between]:
    """The proxy, listening."""
    steps = Between()

    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        steps.seen.append((request.method, request.path))
        if not await steps.before(request.method):
            return _cut(request)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        async with client.request(
            request.method, server_url + request.raw_path, data=body, headers=headers, allow_redirects=False
        ) as answer:
            content = await answer.read()
        if not await steps.after(f"{request.method} {answer.status}"):
            return _cut(request)
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
        return web.Response(status=answer.status, body=content, headers=kept)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    async with aiohttp.ClientSession() as client:
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
            await site.start()
            host, port = runner.addresses[0][:2]
            steps.url = f"{'https' if tls else 'http'}://{host}:{port}"
            yield steps
        finally:
            await runner.cleanup()


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:  # whoever asked may be gone already
        request.transport.abort()
    return web.Response()
