"""`GET /metrics`: everything that Maek knows, as text or OpenMetrics, whichever the scraper asks for."""

from aiohttp import web

from router.api.context import service_of
from sidecar import scrape


async def metrics(request: web.Request) -> web.StreamResponse:
    """The page of this moment."""
    return await scrape(service_of(request).scrapes, request)
