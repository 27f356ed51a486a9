"""A reverse proxy in aiohttp that does nothing else: what Maek would cost if it decided and counted nothing.

    python -m bench.overhead.bare_proxy PORT BACKEND_URL

Rules of this file
- As fast as plain aiohttp on uvloop gets without tricks: an unfair peer would flatter Maek.
"""

import sys
from collections.abc import AsyncIterator, Iterable
from functools import partial

import aiohttp
import uvloop
from aiohttp import web
from multidict import CIMultiDict

# Headers that belong to one connection (RFC 9110, 7.6.1), and those that the next hop writes itself.
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host", "content-length"}
)
# Connections that wait in the listen queue: a thousand clients may knock at once.
_BACKLOG = 4096

CLIENT = web.AppKey("client", aiohttp.ClientSession)


def end_to_end(headers: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    """The headers that pass through a proxy."""
    return CIMultiDict((name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP)


async def relay(backend_url: str, request: web.Request) -> web.StreamResponse:
    """The backend's answer, passed on as its bytes come."""
    client = request.app[CLIENT]
    headers, body = end_to_end(request.headers.items()), await request.read()
    url = backend_url + request.path_qs
    async with client.request(request.method, url, headers=headers, data=body) as answer:
        passed_on = end_to_end(answer.headers.items())
        if answer.content_length is not None:
            return web.Response(status=answer.status, headers=passed_on, body=await answer.read())
        stream = web.StreamResponse(status=answer.status, headers=passed_on)
        await stream.prepare(request)
        async for piece in answer.content.iter_any():
            await stream.write(piece)
        await stream.write_eof()
        return stream


async def client_session(app: web.Application) -> AsyncIterator[None]:
    """One client for the life of the proxy, without limits of its own."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as app[CLIENT]:
        yield


def main() -> None:
    """Serves until it is told to end."""
    port, backend_url = int(sys.argv[1]), sys.argv[2]
    app = web.Application()
    app.cleanup_ctx.append(client_session)
    app.router.add_route("*", "/{path:.*}", partial(relay, backend_url))
    uvloop.install()
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None, backlog=_BACKLOG)


if __name__ == "__main__":
    main()
