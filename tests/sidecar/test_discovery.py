import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import psutil
import pytest
import pytest_asyncio

from sidecar.discovery import discover, own_names, port_here
from sidecar.engines.detect import Identity
from sidecar.facts import BackendSpec
from sidecar.probe import Prober, probing_session
from sidecar.section import NAME_PATTERN
from tests.fakes import backends as fakes
from tests.fakes.proxies import proxied


@pytest_asyncio.fixture
async def prober() -> AsyncIterator[Prober]:
    async with probing_session() as session:
        yield Prober(session, asyncio.get_running_loop().time)


MAEK = {"object": "list", "data": [{"id": "auto", "object": "model", "owned_by": "maek"}]}
STATUS = {"active_jobs": 0, "total_requests": 0}
WITH_STATUS = fakes.answering({**fakes.OPENAI, "GET /status": STATUS})
ITSELF = fakes.answering({"GET /v1/models": MAEK, "GET /status": STATUS})


async def test_llm_servers_are_found_in_the_order_of_their_ports_and_nothing_else_is(prober: Prober) -> None:
    async with AsyncExitStack() as stack:
        behaviours = [
            *[fakes.healthy, fakes.html, fakes.garbage, WITH_STATUS, ITSELF, fakes.resetting],
            *[fakes.saying(fakes.http(b'{"object":"list"}')), fakes.hangs],
        ]
        servers = [await stack.enter_async_context(fakes.serving(one)) for one in behaviours]
        ports = [await fakes.unused_port(), *(server.port for server in servers)]
        found = await discover(prober, ports, [])
        plain, telling = servers[0], servers[3]
    assert found == [
        BackendSpec(f"openai-compatible-{plain.port}", plain.url, discovered=True),
        BackendSpec(f"openai-compatible-with-status-{telling.port}", telling.url, discovered=True),
    ]
    assert all(re.fullmatch(NAME_PATTERN, spec.name) for spec in found)
    assert all(server.posts == 0 for server in servers)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "127.0.1.1", "0.0.0.0"])
async def test_a_server_that_is_configured_is_only_asked_whom_it_stands_before(prober: Prober, host: str) -> None:
    async with fakes.serving(fakes.healthy) as fake:
        assert await discover(prober, [fake.port], [f"http://{host}:{fake.port}"]) == []
        assert set(fake.asked) <= {"GET /status"}


async def test_the_same_port_of_another_machine_is_another_server(prober: Prober) -> None:
    async with fakes.serving(fakes.healthy) as fake:
        assert len(await discover(prober, [fake.port], [f"http://10.99.99.99:{fake.port}"])) == 1


OLLAMA = fakes.answering(
    {
        "GET /": fakes.http(b"Ollama is running", content_type="text/plain"),
        "GET /api/version": {"version": "0.12.6"},
        "GET /v1/models": fakes.MODELS,
    }
)


async def test_of_a_server_and_the_sidecar_before_it_only_the_sidecar_is_found(prober: Prober) -> None:
    async with fakes.serving(OLLAMA) as fake, proxied(fake.url) as proxy:
        for ports in ([fake.port, proxy.port], [proxy.port, fake.port]):
            [found] = await discover(prober, ports, [])
            assert found == BackendSpec(f"ollama-{proxy.port}", proxy.url, discovered=True)
        identity = await prober.identity(found, 1.0)
    assert identity == Identity("ollama", "0.12.6", "Ollama", fronts=fake.url)


async def test_whichever_of_the_two_is_configured_is_the_one(prober: Prober) -> None:
    async with fakes.serving(OLLAMA) as fake, proxied(fake.url) as proxy:
        assert await discover(prober, [fake.port, proxy.port], [fake.url]) == []
        assert await discover(prober, [fake.port, proxy.port], [proxy.url]) == []
        assert await discover(prober, [fake.port], [f"http://localhost:{proxy.port}"]) == []


async def test_a_sidecar_before_a_server_elsewhere_hides_nobody_here(prober: Prober) -> None:
    elsewhere = {"active_jobs": 0, "total_requests": 0, "backend": {"name": "x", "url": "http://10.99.99.99:11434"}}
    telling = fakes.answering({**fakes.OPENAI, "GET /status": elsewhere})
    async with fakes.serving(telling) as sidecar, fakes.serving(fakes.healthy) as other:
        found = await discover(prober, [sidecar.port, other.port], [])
    assert [spec.url for spec in found] == [sidecar.url, other.url]


async def test_a_name_that_is_taken_is_not_given_again(prober: Prober) -> None:
    async with fakes.serving(fakes.healthy) as fake:
        taken = f"openai-compatible-{fake.port}"
        [found] = await discover(prober, [fake.port], [], [taken])
    assert found.name == f"{taken}-local"


def test_this_machine_is_known_by_its_name_and_its_addresses() -> None:
    own = own_names()
    assert socket.gethostname().lower() in own
    assert {address.address for address in psutil.net_if_addrs()["lo"] if address.family is socket.AF_INET} <= own


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("http://localhost:8080", 8080),
        ("https://localhost:8443", 8443),
        ("http://localhost", 80),
        ("https://localhost", 443),
        ("http://studio.local.:1234", 1234),
        ("http://127.1.2.3:1", 1),
        ("http://elsewhere:8080", None),
    ],
)
def test_a_url_leads_here_or_not(url: str, port: int | None) -> None:
    assert port_here(url, {"localhost", "studio.local"}) == port
