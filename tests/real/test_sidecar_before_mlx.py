"""`maek sidecar` before a real `mlx_lm.server`, which has no load endpoint: same bytes, true counts, honest endings."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from sidecar.discovery import discover
from sidecar.engines import orca
from sidecar.engines.detect import Identity
from sidecar.facts import BackendSpec
from sidecar.probe import Prober, probing_session
from tests.real.servers import RealServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

CHAT = "/v1/chat/completions"


def body(server: RealServer, max_tokens: int, *, stream: bool = True) -> dict[str, object]:
    """A request whose answer ends only at `max_tokens`, the same each time."""
    question = [{"role": "user", "content": "hello"}]
    return {"model": server.model, "stream": stream, "max_tokens": max_tokens, "temperature": 0, "messages": question}


@asynccontextmanager
async def sidecar(server: RealServer) -> AsyncIterator[tuple[str, aiohttp.ClientSession]]:
    """A sidecar as its own process, the URL of its proxy, and a client."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "router", "sidecar", "--backend", server.base_url, "--name", "mlx",
        "--listen", "127.0.0.1:0", "--listen-metrics", "127.0.0.1:0", "--grace-seconds", "0",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    try:
        async with aiohttp.ClientSession() as client:
            yield line.partition("passing on what comes to ")[2].partition(";")[0], client
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def status(client: aiohttp.ClientSession, url: str) -> tuple[int, int]:
    """Active jobs and all requests."""
    async with client.get(url + "/status") as response:
        told = await response.json()
        return told["active_jobs"], told["total_requests"]


async def until_running(client: aiohttp.ClientSession, url: str, jobs: int) -> None:
    """Return once so many run."""
    async with asyncio.timeout(10):
        while (await status(client, url))[0] != jobs:  # noqa: ASYNC110 - another process: there is no event
            await asyncio.sleep(0.01)


def events(answer: bytes) -> list[bytes]:
    """What a stream says, without what differs from one to the next."""
    return [line for line in answer.split(b"\n") if b'"delta"' not in line and line.startswith(b"data")] + [
        line.partition(b'"delta"')[2].partition(b"}")[0] for line in answer.split(b"\n") if b'"delta"' in line
    ]


async def test_it_is_recognised_through_the_proxy_and_answers_as_it_answers_itself(mlx: RealServer) -> None:
    async with sidecar(mlx) as (url, client), probing_session() as session:
        prober = Prober(session, asyncio.get_running_loop().time)
        identity = await prober.identity(BackendSpec("x", url), 5.0)
        assert identity == Identity("mlx", None, "MLX LM", fronts=mlx.base_url)
        ports = [int(base.rpartition(":")[2]) for base in (mlx.base_url, url)]
        assert [spec.url for spec in await discover(prober, ports, [])] == [url]
        answers = []
        for base in (mlx.base_url, url):
            async with client.post(base + CHAT, json=body(mlx, 30), headers={orca.REQUEST_HEADER: "JSON"}) as response:
                answers.append(await response.read())
        assert answers[1].endswith(b"data: [DONE]\n\n")
        assert events(answers[0]) == events(answers[1])
        reading = orca.read(response.headers[orca.HEADER])
        assert reading is not None
        assert (reading.running, reading.total_requests) == (1, 1)
        assert await status(client, url) == (0, 1)


async def test_streams_of_all_clients_are_counted_and_a_hang_up_ends_one(mlx: RealServer) -> None:
    async with sidecar(mlx) as (url, client):
        streams = [await client.post(url + CHAT, json=body(mlx, 20_000)) for _ in range(3)]
        for stream in streams:
            await stream.content.readany()
        assert await status(client, url) == (3, 3)
        for left, stream in zip((2, 1, 0), streams, strict=True):
            stream.close()
            await until_running(client, url, left)


async def test_a_server_that_dies_in_the_middle_is_no_good_end_although_its_connection_closes(mlx: RealServer) -> None:
    async with sidecar(mlx) as (url, client):
        async with client.post(url + CHAT, json=body(mlx, 20_000)) as stream:
            await stream.content.readany()
            await mlx.kill()
            with pytest.raises(aiohttp.ClientError):
                await stream.read()
        await until_running(client, url, 0)
        async with client.post(url + CHAT, json=body(mlx, 5)) as refused:
            assert refused.status == 502
            assert "Nobody listens at " + mlx.base_url in (await refused.json())["error"]["message"]
        await mlx.restart()
        async with client.post(url + CHAT, json=body(mlx, 5, stream=False)) as answer:
            assert (await answer.json())["choices"][0]["finish_reason"] == "length"
