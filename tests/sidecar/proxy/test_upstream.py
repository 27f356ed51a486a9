"""Every way in which the backend cannot be reached is told apart."""

import socket

import pytest

from sidecar.facts import Outcome
from sidecar.proxy.refusals import Refused
from sidecar.proxy.upstream import Upstream
from tests.fakes.proxies import Raw, raw_backend
from tests.fakes.upstreams import free_port


async def refusal_of(url: str) -> tuple[int, Outcome, str]:
    with pytest.raises(Refused) as caught:
        await Upstream(url).connect()
    refusal = caught.value.refusal
    return refusal.status, refusal.outcome, refusal.message


async def test_nobody_listens() -> None:
    for host in ("127.0.0.1", "localhost"):
        status, outcome, message = await refusal_of(f"http://{host}:{free_port()}")
        assert (status, outcome) == (502, Outcome.REFUSED)
        assert message.startswith(f"Nobody listens at http://{host}:")


async def test_a_name_that_is_not_known() -> None:
    status, outcome, message = await refusal_of("http://no-such-host.invalid:1")
    assert (status, outcome) == (502, Outcome.BACKEND_ERROR)
    assert "cannot be reached: its name is not known" in message


async def test_a_place_that_cannot_be_reached() -> None:
    status, outcome, message = await refusal_of("http://255.255.255.255:1")
    assert (status, outcome) == (502, Outcome.BACKEND_ERROR)
    assert "cannot be reached: " in message


async def test_a_queue_that_is_full_is_a_timeout() -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        status, outcome, message = await refusal_of_within(f"http://127.0.0.1:{full.getsockname()[1]}", 0.1)
    assert (status, outcome) == (504, Outcome.TIMEOUT)
    assert "did not take a connection within 0.1 s" in message


async def refusal_of_within(url: str, seconds: float) -> tuple[int, Outcome, str]:
    with pytest.raises(Refused) as caught:
        await Upstream(url, seconds).connect()
    refusal = caught.value.refusal
    return refusal.status, refusal.outcome, refusal.message


async def silent(raw: Raw) -> None:
    await raw.rest()


async def test_a_name_is_found_on_whichever_of_its_addresses_somebody_listens() -> None:
    async def both(_host: str, _port: int) -> list[str]:
        return ["::1", "127.0.0.2", "127.0.0.1"]

    async with raw_backend(silent) as backend:
        for upstream in (
            Upstream(f"http://both:{backend.port}", addresses=both),
            Upstream(f"http://localhost:{backend.port}"),
        ):
            (await upstream.connect()).abort()
        assert backend.connections == 2


async def test_of_several_addresses_the_last_ones_failure_is_told() -> None:
    async def both(_host: str, _port: int) -> list[str]:
        return ["255.255.255.255", "127.0.0.1"]

    with pytest.raises(Refused) as caught:
        await Upstream(f"http://both:{free_port()}", addresses=both).connect()
    assert caught.value.refusal.outcome is Outcome.REFUSED
