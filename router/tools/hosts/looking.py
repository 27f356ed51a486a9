"""A look at one machine: everything that it was given to be asked about, at the same time.

Rules of this file
- Never raises for a machine's fault: what went wrong stands in the place of what was wanted, and hides nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import aiohttp

from router.tools.hosts.asking import asked, knocked
from router.tools.hosts.containers import Containers
from router.tools.hosts.docker import read_containers
from router.tools.hosts.exporters import Gpu, Node, gpus_of, node_of
from router.tools.hosts.host import Host
from router.tools.hosts.trouble import Trouble, Why

T = TypeVar("T")

PAGE_BYTES = 8 * 1024 * 1024
"""A node_exporter with every collector on a large machine says 1 MB."""
PAGE_SECONDS = 6.0
"""Some of its collectors take seconds on machines in trouble, and then one wants to know most."""
KNOCK_SECONDS = 3.0
ALL_SECONDS = 15.0
"""For all machines together; less than an operation of a tool has."""
AT_ONCE = 16
"""Machines looked at at the same time: connections, threads for TLS and processes of ssh stay few."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found; None: nobody was there to ask."""

    containers: Containers | Trouble | None = None
    node: Node | Trouble | None = None
    gpus: tuple[Gpu, ...] | Trouble | None = None


async def looked_at(host: Host) -> Seen:
    """Containers, node and GPUs of a machine."""
    containers, node, gpus = await asyncio.gather(
        _none() if host.docker is None else _tried(read_containers(host.docker)),
        _none() if host.node_exporter is None else _tried(read_node(host.node_exporter)),
        _none() if host.gpu_exporter is None else _tried(read_gpus(host.gpu_exporter)),
    )
    return Seen(containers, node, gpus)


async def nodes_of(hosts: Mapping[str, Host], seconds: float = ALL_SECONDS) -> dict[str, Node | Trouble]:
    """The machines that have a node_exporter, in their order."""
    urls = {name: host.node_exporter for name, host in hosts.items() if host.node_exporter is not None}
    too_late: Node | Trouble = Trouble(Why.SLOW)
    found = await _few_at_once([partial(_node_or_trouble, url) for url in urls.values()], too_late, seconds)
    return dict(zip(urls, found, strict=True))


async def _node_or_trouble(url: str) -> Node | Trouble:
    return await _tried(read_node(url))


async def there(hosts: Mapping[str, Host]) -> dict[str, bool]:
    """Which machines are there, of those that can be knocked at."""
    places = {name: place for name, host in hosts.items() if (place := host.knockable) is not None}
    found = await _few_at_once(
        [partial(knocked, *place, KNOCK_SECONDS) for place in places.values()], False, ALL_SECONDS
    )
    return dict(zip(places, found, strict=True))


async def read_node(url: str) -> Node:
    """The machine behind a node_exporter. Raises Trouble."""
    return await asyncio.to_thread(node_of, await _page(url))


async def read_gpus(url: str) -> tuple[Gpu, ...]:
    """The GPUs behind an exporter. Raises Trouble."""
    return await asyncio.to_thread(gpus_of, await _page(url))


async def _page(url: str) -> bytes:
    return await asked(url, aiohttp.TCPConnector(force_close=True), most_bytes=PAGE_BYTES, seconds=PAGE_SECONDS)


async def _none() -> None:
    return None


async def _tried(answer: Awaitable[T]) -> T | Trouble:
    try:
        return await answer
    except Trouble as trouble:
        return trouble


async def _few_at_once(questions: Sequence[Callable[[], Awaitable[T]]], too_late: T, seconds: float) -> list[T]:
    """The answers in their order; `too_late` for those whose turn came too late, so that the others are told."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(question: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(seconds), room:
                return await question()
        except TimeoutError:
            return too_late

    return await asyncio.gather(*map(one, questions))
