"""A server on loopback that answers as one of the recordings of `tests/data/engines` did."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from sidecar.engines import Ask
from tests.sidecar.engines.recordings import Recording


@asynccontextmanager
async def serving(name: str) -> AsyncIterator[str]:
    """Its URL, while the context lasts. A question that was met with silence is met with a broken connection."""
    recording = Recording(name)

    async def answer(request: web.Request) -> web.StreamResponse:
        path = str(request.rel_url)
        port = recording.by_path.get(path, {}).get("port")  # here all of its ports are one
        said = recording.answer(Ask(path, request.method, port=port))
        if said is None:
            assert request.transport is not None
            request.transport.abort()
            raise web.HTTPNoContent
        return web.Response(status=said.status, body=said.body, headers=dict(said.headers))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")
