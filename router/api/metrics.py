"""`GET /metrics`: the registry, in the format that the scraper asks for."""

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from router.api.context import service_of


async def metrics(request: web.Request) -> web.StreamResponse:
    """Everything that Maek knows, as text or OpenMetrics."""
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    body = encode(service_of(request).registry)
    return web.Response(body=body, headers={"content-type": content_type})
