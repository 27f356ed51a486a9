"""`maek mcp`, asked by the official SDK's own client."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from router.terminal.mcp_tools import OWN
from simulator import SimSettings
from tests.fakes.processes import MAEK, maek_command
from tests.fakes.routers import Maek, config_for, maek, maek_with_simulators
from tests.fakes.upstreams import free_port
from tests.fakes.waiting import until

DRAFT = {"title": "회의", "date": "2030-01-02", "time": "15:00"}


@asynccontextmanager
async def asking(url: str, **client: Any) -> AsyncIterator[Client]:
    """A client of `maek mcp` on its standard streams."""
    command, *args = (*MAEK, "mcp", "--url", url, "--lang", "en")
    server = StdioServerParameters(command=command, args=list(args), cwd=str(Path(__file__).parents[3]))
    async with Client(stdio_client(server), **client) as session:
        yield session


def text(result: types.CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, types.TextContent)
    return block.text


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_it_offers_deciding_chatting_backends_load_and_the_tools_of_the_house(mode: str, tmp_path: Path) -> None:
    async with (
        maek_with_simulators(SimSettings(), data_dir=str(tmp_path)) as (router, _),
        asking(router.url, mode=mode) as client,
    ):
        listed = {tool.name: tool for tool in (await client.list_tools()).tools}
        decided = await client.call_tool("decide", {"message": "오늘 일정"})
        chatted = await client.call_tool("chat", {"message": "hello"})
        load = await client.call_tool("load", {})
        backends = await client.call_tool("backends", {})
        today = await client.call_tool("calendar_today", {})
        wrong = await client.call_tool("calendar_search", {"date_from": "2030-01-02"})
        unknown = await client.call_tool("nothing", {})
    assert {*listed} >= {*(one.name for one in OWN), "calendar_create_draft", "calendar_create_confirmed", "infra_disk"}
    assert "email_search" not in listed  # it is not set up
    hints = {name: tool.annotations.read_only_hint for name, tool in listed.items() if tool.annotations}
    assert hints["calendar_today"] is True
    assert hints["calendar_create_confirmed"] is False
    assert decided.structured_content is not None
    assert decided.structured_content["tool"] == "calendar"
    assert "이드" in text(chatted)
    assert load.structured_content == {"load": {"sim0": "free"}}
    assert backends.structured_content is not None
    assert backends.structured_content["backends"][0]["name"] == "sim0"
    assert not today.is_error
    assert (wrong.is_error, text(wrong)) == (True, "'date_to' is missing. Please give it.")
    assert (unknown.is_error, text(unknown)) == (True, "There is no such tool now.")


async def entries(router: Maek) -> list[Any]:
    body = {"params": {"date_from": "2030-01-02", "date_to": "2030-01-02"}}
    _, answer = await router.post("/tools/calendar/search", body)
    found: list[Any] = answer["data"]["entries"]
    return found


async def test_a_draft_waits_in_the_connection_and_is_written_when_it_is_confirmed(tmp_path: Path) -> None:
    async with maek(config_for(data_dir=str(tmp_path))) as router, asking(router.url, mode="legacy") as client:
        drafted = await client.call_tool("calendar_create_draft", DRAFT)
        before = await entries(router)
        done = await client.call_tool("calendar_create_confirmed", {})
        after = await entries(router)
    assert drafted.structured_content is not None
    assert drafted.structured_content["draft"] is not None
    assert before == []
    assert not done.is_error
    assert [entry["title"] for entry in after] == ["회의"]


@pytest.mark.parametrize(("action", "written"), [("accept", 1), ("decline", 0), ("cancel", 0)])
async def test_a_client_that_can_ask_its_user_is_made_to(tmp_path: Path, action: Any, written: int) -> None:
    asked: list[str] = []

    async def answer(_context: Any, params: Any) -> types.ElicitResult:
        asked.append(params.message)
        return types.ElicitResult(action=action, content={} if action == "accept" else None)

    async with (
        maek(config_for(data_dir=str(tmp_path))) as router,
        asking(router.url, mode="legacy", elicitation_callback=answer) as client,
    ):
        await client.call_tool("calendar_create_draft", DRAFT)
        done = await client.call_tool("calendar_create_confirmed", {})
        after = await entries(router)
    assert asked == ["calendar_create_confirmed: carry out what was prepared?"]
    assert len(after) == written
    assert done.is_error is not bool(written)


async def test_where_no_maek_answers_the_client_is_told_what_to_do() -> None:
    async with asking(f"http://127.0.0.1:{free_port()}", mode="legacy") as client:
        result = await client.call_tool("load", {})
    assert result.is_error
    assert text(result).endswith("Is `maek serve` running?")


async def test_it_listens_on_loopback_for_many_clients_each_with_a_conversation_of_his_own(tmp_path: Path) -> None:
    port = free_port()
    async with maek(config_for(data_dir=str(tmp_path))) as router:
        process = await asyncio.create_subprocess_exec(
            *MAEK, "mcp", "--url", router.url, "--lang", "en", "--listen", f"127.0.0.1:{port}",
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            assert process.stderr is not None
            assert b"/mcp, for http://127.0.0.1" in await process.stderr.readline()
            await until(lambda: _answers(port), 30.0)
            url = f"http://127.0.0.1:{port}/mcp"
            async with Client(url, mode="legacy") as one, Client(url, mode="legacy") as other:
                await one.call_tool("calendar_create_draft", DRAFT)
                not_his = await other.call_tool("calendar_create_confirmed", {})
                his = await one.call_tool("calendar_create_confirmed", {})
            after = await entries(router)
        finally:
            process.send_signal(signal.SIGINT)
            await process.communicate()
    assert not_his.is_error
    assert not his.is_error
    assert len(after) == 1


def _answers(port: int) -> bool:

    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(
    ("listen", "says"), [("0.0.0.0:9999", "addresses of this machine alone"), ("9999", "wants HOST:PORT")]
)
async def test_it_listens_for_no_other_machine(listen: str, says: str) -> None:
    code, _, complaint = await maek_command("mcp", "--url", "http://127.0.0.1:1", "--listen", listen)
    assert code == 2
    assert says in complaint


async def test_a_maek_that_wants_a_key_says_where_it_goes(tmp_path: Path) -> None:
    key_hash = "sha256:" + "0" * 64
    async with (
        maek(config_for(keys=[key_hash], data_dir=str(tmp_path))) as router,
        asking(router.url, mode="legacy") as client,
    ):
        result = await client.call_tool("load", {})
    assert result.is_error
    assert "MAEK_KEY" in text(result)
