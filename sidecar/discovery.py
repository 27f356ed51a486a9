"""Looks for LLM servers on this machine, at the ports where people run them.

Rules of this file
- Loopback only, questions that cost nothing, all ports at once.
- A server counts only when its answers say which engine it is: an ordinary web site on port 8000 is none.
- One server is one backend, also where a `maek sidecar` stands before it: else its load would be counted twice.
- Never Maek itself: it would send what it is asked to itself, or to a neighbour that watches the same backends.
"""

import asyncio
import re
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

import psutil

from sidecar.engines import status
from sidecar.engines.detect import Identity
from sidecar.facts import BackendSpec
from sidecar.probe import Prober

TIMEOUT_SECONDS = 1.0
"""For one question on loopback: a server that is slower than this will be found by the next look."""

MAEK = "Maek"
"""The product that a Maek is recognised as."""


async def discover(
    prober: Prober, ports: Collection[int], known_urls: Collection[str], known_names: Collection[str] = ()
) -> list[BackendSpec]:
    """Servers on loopback that are not at one of `known_urls`, in the order of their ports, none named as another.

    Of a server and a `maek sidecar` before it only one is taken: the one that is known, else the sidecar, for it knows
    what all clients do.
    """
    own = own_names()
    taken = {port_here(url, own) for url in known_urls}
    free = [port for port in ports if port not in taken]
    here = [url for url in known_urls if port_here(url, own) is not None]
    found, behind = await asyncio.gather(
        asyncio.gather(*(_look(prober, port) for port in free)),
        asyncio.gather(*(_fronted(prober, url) for url in here)),
    )
    seen = {port: identity for port, identity in zip(free, found, strict=True) if identity is not None}
    fronted = {url for url in (*behind, *(identity.fronts for identity in seen.values())) if url is not None}
    hidden = {port_here(url, own) for url in fronted}
    return [
        BackendSpec(_name(identity.product or identity.engine, port, known_names), _url(port), discovered=True)
        for port, identity in seen.items()
        if port not in hidden and (identity.fronts is None or port_here(identity.fronts, own) not in taken)
    ]


async def _look(prober: Prober, port: int) -> Identity | None:
    identity = await prober.identity(BackendSpec("", _url(port)), TIMEOUT_SECONDS)
    return None if identity is None or identity.product == MAEK else identity


async def _fronted(prober: Prober, url: str) -> str | None:
    """The server behind a URL that is a `maek sidecar`."""
    probed = await prober.ask(BackendSpec("", url), status.STATUS, TIMEOUT_SECONDS)
    return status.fronted(probed.answer)


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _name(product: str, port: int, names: Collection[str]) -> str:
    """Such as `lm-studio-1234`: plain enough for a label, and nobody else's."""
    plain = re.sub(r"[^a-z0-9]+", "-", product.lower()).strip("-")
    name = f"{plain}-{port}"
    while name in names:
        name += "-local"
    return name


def port_here(url: str, own: Collection[str]) -> int | None:
    """The port of a URL that leads to this machine, whose names and addresses are `own`; else None."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if host not in own and not host.startswith("127."):
        return None
    return parts.port or (443 if parts.scheme == "https" else 80)


def own_names() -> frozenset[str]:
    """Every name and address by which this machine may be configured, in lower case."""
    host = socket.gethostname().lower()
    short = host.split(".")[0]
    interfaces = psutil.net_if_addrs().values()
    addresses = {address.address.split("%")[0].lower() for interface in interfaces for address in interface}
    return frozenset({"localhost", "::1", "0.0.0.0", host, short, f"{short}.local", *addresses})  # noqa: S104
