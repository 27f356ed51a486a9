"""The sidecar by itself: watches the backends of a configuration, and tells over HTTP what it sees.

Rules of this file
- Every answer is a projection of one snapshot, taken when it was asked for.
- Nothing here changes anything, and nothing here waits for a backend; only `proxying` passes on what others ask.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from aiohttp import web

from sidecar.config import SidecarConfig
from sidecar.discovery import discover
from sidecar.engines.detect import USUAL_PORTS
from sidecar.facts import BackendAdded
from sidecar.monitor import Monitor
from sidecar.pages import METRICS, PATHS, Pages
from sidecar.probe import Prober, probing_session
from sidecar.proxy.claims import Claims
from sidecar.proxy.counting import Counter
from sidecar.proxy.front import Front, status_of, via
from sidecar.proxy.server import Proxy
from sidecar.proxy.upstream import Upstream
from sidecar.scraping import Scrapes, scrape
from sidecar.settings import load_rules, pace, wants_probe
from sidecar.store import Store

Place = tuple[str, int]
"""Host and port."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is being watched, as far as anybody else needs it."""

    pages: Pages
    store: Store
    prober: Prober
    clock: Callable[[], float]


@asynccontextmanager
async def watching(config: SidecarConfig) -> AsyncIterator[Watch]:
    """Watches the backends of `config`, and those discovered if it says so, for as long as the context lasts.

    Raises SecretUnusable where the key of a backend cannot be read.
    """
    clock = asyncio.get_running_loop().time
    store = Store(config.failures_to_down)
    specs = [backend.spec() for backend in config.backends]
    async with probing_session() as session:
        prober = Prober(session, clock)
        if config.discover:
            urls, names = [spec.url for spec in specs], [spec.name for spec in specs]
            specs += await discover(prober, USUAL_PORTS, urls, names)
        for spec in specs:
            store.apply(BackendAdded(clock(), spec))
        rules = store.rules = load_rules(config)
        monitor = Monitor(store, prober, clock, random.random, pace(config), wants_probe(config))
        async with monitor.running():
            yield Watch(Pages(lambda: store.snapshot(clock()), lambda: rules), store, prober, clock)


def in_front_of(pages: Pages, backend: str) -> Pages:
    """The pages of a sidecar through which all requests to `backend` go: it counts them itself."""
    return replace(pages, status=partial(status_of, backend))


@asynccontextmanager
async def proxying(watch: Watch, backend: str, place: Place, grace_seconds: float) -> AsyncIterator[Place]:
    """Passes on to one of the backends whatever comes to `place`, and counts it. Gives where it listens.

    Raises OSError where it cannot listen.
    """
    spec = watch.pages.snapshot().backends[backend].spec
    claims = Claims(watch.store, watch.prober, spec)
    front = Front(backend, in_front_of(watch.pages, backend), claims, via())
    proxy = Proxy(front, Upstream(spec.url), Counter(watch.store, backend, watch.clock))
    async with claims.kept(), proxy.listening(*place, grace_seconds) as listens:
        yield listens


@asynccontextmanager
async def showing(pages: Pages, place: Place) -> AsyncIterator[Place]:
    """Shows the pages at `place`. Gives where it listens. Raises OSError where it cannot."""
    app = web.Application()
    app.add_routes(routes(pages))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, *place).start()
        yield runner.addresses[0][:2]
    finally:
        await runner.cleanup()


def routes(pages: Pages) -> list[web.RouteDef]:
    """`GET /metrics`, `/backends`, `/status` and `/livez`, to be added to an application."""
    scrapes = Scrapes(pages.snapshot, pages.rules)

    async def answer(request: web.Request) -> web.Response:
        if request.path == METRICS:
            return await scrape(scrapes, request)
        page = pages.page(request.path)
        return web.Response(body=page.body, headers={"content-type": page.content_type})

    return [web.get(path, answer) for path in PATHS]
