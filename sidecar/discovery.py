"""Looks for LLM servers on this machine, at the ports where people run them.

Rules of this file
- Loopback only, questions that cost nothing, all ports at once.
- A server counts only when its answers say which engine it is: an ordinary web site on port 8000 is none.
"""

import asyncio
from collections.abc import Collection

from sidecar.engines import detect
from sidecar.facts import BackendSpec
from sidecar.probe import Prober

TIMEOUT_SECONDS = 1.0
"""For one question on loopback: a server that is slower than this will be found by the next look."""


async def discover(prober: Prober, ports: Collection[int], known_urls: Collection[str]) -> list[BackendSpec]:
    """Servers on loopback that are not at one of `known_urls`, in the order of their ports."""
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    found = await asyncio.gather(*(_look(prober, url) for url in urls if not _among(url, known_urls)))
    return [spec for spec in found if spec is not None]


async def _look(prober: Prober, url: str) -> BackendSpec | None:
    somebody = BackendSpec(url, url)
    first = await prober.ask(somebody, detect.QUESTIONS[0], TIMEOUT_SECONDS)
    if first.answer is None:
        return None
    rest = await prober.answers(somebody, detect.QUESTIONS[1:], TIMEOUT_SECONDS)
    identity = detect.identify((first.answer, *rest))
    if identity is None:
        return None
    port = url.rsplit(":", 1)[1]
    return BackendSpec(f"{identity.product.lower().replace(' ', '-')}-{port}", url, discovered=True)


def _among(url: str, known_urls: Collection[str]) -> bool:
    """Whether this address is configured already, under any of this machine's names for itself."""
    port = url.rsplit(":", 1)[1]
    return any(f"http://{host}:{port}" in known_urls for host in ("127.0.0.1", "localhost", "[::1]"))
