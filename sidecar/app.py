"""The sidecar by itself: watches the backends of a configuration, and tells over HTTP what it sees.

Rules of this file
- Every answer is a projection of one snapshot, taken when it was asked for.
- Nothing here changes anything, and nothing here waits for a backend.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web
from prometheus_client.exposition import choose_encoder

from sidecar.config import SidecarConfig
from sidecar.discovery import discover
from sidecar.engines.detect import USUAL_PORTS
from sidecar.exposition import SnapshotCollector
from sidecar.facts import BackendAdded
from sidecar.load import LoadRules
from sidecar.monitor import Monitor
from sidecar.probe import Prober, probing_session
from sidecar.settings import load_rules, pace, wants_probe
from sidecar.state import Snapshot
from sidecar.store import Store
from sidecar.views import backends_json, status_json

BACKENDS_ON_THE_LOOP = 30
"""At about 50 samples of 7 µs each: 10 ms, for which the event loop may be held. More are rendered in a thread."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is being watched, as far as anybody else needs it."""

    snapshot: Callable[[], Snapshot]
    """Everything known now."""
    rules: Callable[[], LoadRules]


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
        rules = load_rules(config)
        monitor = Monitor(store, prober, clock, random.random, pace(config), wants_probe(config))
        async with monitor.running():
            yield Watch(lambda: store.snapshot(clock()), lambda: rules)


def routes(watch: Watch) -> list[web.RouteDef]:
    """`GET /metrics`, `/backends`, `/status` and `/livez`, to be added to an application."""

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        snapshot, rules = watch.snapshot(), watch.rules()
        collector = SnapshotCollector(lambda: snapshot, lambda: rules)
        if len(snapshot.backends) > BACKENDS_ON_THE_LOOP:
            body = await asyncio.to_thread(encode, collector)
        else:
            body = encode(collector)
        return web.Response(body=body, headers={"content-type": content_type})

    async def backends(_request: web.Request) -> web.Response:
        return _json({"backends": backends_json(watch.snapshot(), watch.rules())})

    async def status(_request: web.Request) -> web.Response:
        return _json(status_json(watch.snapshot(), watch.rules()))

    async def livez(_request: web.Request) -> web.Response:
        return _json({"status": "ok"})

    return [
        web.get("/metrics", metrics),
        web.get("/backends", backends),
        web.get("/status", status),
        web.get("/livez", livez),
    ]


def _json(value: dict[str, Any]) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")
