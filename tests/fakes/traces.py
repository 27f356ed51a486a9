"""A traced Maek with its collector: before simulators, or before servers that follow a script."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from simulator import SimSettings
from tests.fakes.collectors import Collector, collector
from tests.fakes.routers import Maek, config_for, maek, maek_with_simulators
from tests.fakes.upstreams import Script, Upstream, upstream, watched

CHAT = {"model": "reasoner", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4, "stream": True}
ROUTED = "양자역학 설명해줘"


@asynccontextmanager
async def traced(
    *settings: SimSettings, tracing: dict[str, Any] | None = None, **router: Any
) -> AsyncIterator[tuple[Maek, list[str], Collector]]:
    """A traced router before simulators. What it has told is all there when the context has ended."""
    async with collector() as told:
        chosen = {"endpoint": told.url, **(tracing or {})}
        async with maek_with_simulators(*settings, tracing=chosen, prewarm=False, **router) as (running, urls):
            yield running, urls, told


@asynccontextmanager
async def traced_before(
    *scripts: Script,
    tracing: dict[str, Any] | None = None,
    slots: int | None = None,
    hedge: bool = False,
    **router: Any,
) -> AsyncIterator[tuple[Maek, list[Upstream], Collector]]:
    """The same before scripted servers `b0`, `b1` … with a model `m`, which are asked in this order."""
    async with AsyncExitStack() as stack:
        told = await stack.enter_async_context(collector())
        servers = [await stack.enter_async_context(upstream(watched(script))) for script in scripts]
        models = {"reasoner": "m", "classifier": "m"}
        backends = [
            {"name": f"b{tier}", "url": server.url, "engine": "vllm", "tier": tier, "models": models, "slots": slots}
            for tier, server in enumerate(servers)
        ]
        chosen = {"endpoint": told.url, **(tracing or {})}
        roles = {"reasoner": {"policy": "priority", "hedge": hedge}}
        config = config_for(backends, tracing=chosen, prewarm=False, roles=roles, **router)
        yield await stack.enter_async_context(maek(config)), servers, told
