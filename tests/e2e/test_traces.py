"""Traces of a real process: what is in them whatever happens, what never is, and a collector that is not there."""

import asyncio
import signal
from pathlib import Path

import aiohttp
import orjson
import pytest

from router.tracing import CLOSING_SECONDS
from simulator import SimSettings, serving
from tests.e2e.test_canaries import MODEL, PLANTED, SECRET, USER, chats, nonsense, tools, world
from tests.fakes.collectors import collector
from tests.fakes.processes import maek_command, maek_serve
from tests.fakes.upstreams import free_port
from tests.fakes.waiting import until

TOKEN = {"x-token": "env:BACKEND"}


async def test_nothing_planted_is_in_any_byte_that_a_collector_gets(tmp_path: Path) -> None:
    async with collector() as told:
        tracing = {"endpoint": told.url, "headers": TOKEN}
        async with world(tmp_path, "info", 500, tracing=tracing) as there:
            await until(lambda: "mcp server up server=fake" in there.served.log(), 60.0)
            await chats(there)
            await tools(there)
            await nonsense(there)
    assert [one for one in PLANTED if one.encode() in told.bytes] == []
    # It was there to be told: the ways were gone, and the secret went where it belongs.
    assert {sent["x-token"] for sent in told.headers} == {SECRET}
    names = {one.name for one in told.spans}
    assert names >= {"POST /chat", "POST /v1/embeddings", "job", "decide", "chat m", "execute_tool mcp_fake"}
    outcomes = {one.attributes["maek.outcome"] for one in told.spans if one.kind == "client"}
    assert outcomes >= {"ok", "backend_error", "caller_error", "truncated"}


async def test_what_was_said_is_told_where_that_is_switched_on_and_secrets_are_not(tmp_path: Path) -> None:
    async with collector() as told:
        tracing = {"endpoint": told.url, "headers": TOKEN, "content": True}
        async with world(tmp_path, "info", 500, tracing=tracing) as there:
            await chats(there)
    assert USER.encode() in told.bytes
    assert MODEL.encode() in told.bytes
    assert SECRET.encode() not in told.bytes


async def test_a_collector_that_is_away_stops_no_chat_and_hardly_holds_up_the_end(tmp_path: Path) -> None:
    async with serving(SimSettings(preset="instant")) as sim:
        backend = {"name": "sim", "url": sim, "models": {"reasoner": "sim-large-32b"}}
        config = {
            "sidecar": {"discover": False, "backends": [backend]},
            "router": {"listen": "127.0.0.1:0", "tracing": {"endpoint": f"http://127.0.0.1:{free_port()}"}},
        }
        (tmp_path / "config.yaml").write_bytes(orjson.dumps(config))
        async with maek_serve(tmp_path, ["-c", "config.yaml"]) as served:
            answers = await asyncio.gather(*(chat(served.url) for _ in range(20)))
            served.process.send_signal(signal.SIGTERM)
            # It would take the SDK thirty seconds, left to itself.
            assert await asyncio.wait_for(served.process.wait(), CLOSING_SECONDS + 25) == 0
    assert answers == [200] * 20
    assert served.log().count("traces are not delivered") == 1


async def chat(url: str) -> int:
    """The status of one."""
    body = {"message": "양자역학 설명해줘"}
    async with aiohttp.ClientSession() as client, client.post(f"{url}/chat", json=body) as response:
        await response.read()
        return response.status


async def test_a_changed_section_counts_from_the_next_request_on(tmp_path: Path) -> None:
    async with collector() as first, collector() as second, serving(SimSettings(preset="instant")) as sim:
        backend = {"name": "sim", "url": sim, "models": {"reasoner": "sim-large-32b"}}
        config = {"sidecar": {"discover": False, "backends": [backend]}, "router": {"listen": "127.0.0.1:0"}}

        def write(endpoint: str) -> None:
            told = {**config, "router": {**config["router"], "tracing": {"endpoint": endpoint}}}
            (tmp_path / "config.yaml").write_bytes(orjson.dumps(told))

        write(first.url)
        async with maek_serve(tmp_path, ["-c", "config.yaml"]) as served:
            await chat(served.url)
            write(second.url)
            served.process.send_signal(signal.SIGHUP)
            await until(lambda: second.url in served.log())
            await chat(served.url)
    assert len(first.named("POST")) == len(second.named("POST")) == 1


@pytest.mark.parametrize("reference", ["env:NOT_THERE_AT_ALL", "file:/nowhere/at/all"])
async def test_a_header_without_its_secret_is_a_problem_before_the_start(tmp_path: Path, reference: str) -> None:
    tracing = {"endpoint": "http://127.0.0.1:4318", "headers": {"authorization": reference}}
    (tmp_path / "config.yaml").write_bytes(orjson.dumps({"router": {"tracing": tracing}}))
    status, out, err = await maek_command("check", "-c", "config.yaml", cwd=tmp_path)
    assert status == 1
    assert "router.tracing.headers.authorization" in out + err
