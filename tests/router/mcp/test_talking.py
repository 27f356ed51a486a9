"""A whole Maek with a server of others: the classifier picks its tools, a yes runs what waits, and HTTP calls them."""

import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.fakes import mcp_servers
from tests.fakes.routers import Maek, config_for, maek
from tests.fakes.waiting import until
from tests.router.mcp.given import STARTED_SECONDS

ECHO = {"action": "tools", "tool": "mcp_fake", "operation": "echo", "params": {"word": "hi"}}
WRITE = {"action": "tools", "tool": "mcp_fake", "operation": "write", "params": {"word": "milk"}}


def classifier(answers: list[dict[str, Any]], asked: list[Any]) -> web.Application:
    """An OpenAI-compatible server whose model answers so, in order."""

    async def chat(request: web.Request) -> web.Response:
        asked.append(await request.json())
        said = orjson.dumps(answers.pop(0)).decode()
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        return web.json_response({"id": "1", "object": "chat.completion", "model": "m", "choices": [choice]})

    async def models(_request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "m", "object": "model"}]})

    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", chat), web.get("/v1/models", models)])
    return app


def tools(*talents: str) -> dict[str, Any]:

    return {"mcp": {"servers": {"fake": {"command": sys.executable, "args": [str(mcp_servers.__file__), *talents]}}}}


async def is_up(router: Maek) -> None:
    await until(lambda: "echo" in router.house.current.service.tools["mcp_fake"].operations, STARTED_SECONDS)


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return tmp_path / "note"


async def test_the_classifier_knows_its_tools_as_data_and_picks_one(tmp_path: Path) -> None:
    asked: list[Any] = []
    async with TestServer(classifier([ECHO], asked)) as server:
        backend = {"name": "m", "url": str(server.make_url("")).rstrip("/"), "models": {"classifier": "m"}}
        config = config_for([backend], tools=tools("lies"), data_dir=str(tmp_path))
        async with maek(config) as router:
            await is_up(router)
            _, answer = await router.post("/chat", {"message": "메아리를 들려줄래"})
    system = asked[0]["messages"][0]["content"]
    assert "- mcp_fake: fake (외부 서버의 도구." in system
    assert "  - mcp_fake.echo(word): “Says it again”" in system
    assert "<|im_start|>" not in system
    assert answer["text"] == "fake 서버의 답이에요:\nhi"
    assert answer["decision"]["source"] == "llm"


async def test_what_may_change_something_runs_at_the_yes_and_once(tmp_path: Path, note: Path) -> None:
    asked: list[Any] = []
    async with TestServer(classifier([WRITE], asked)) as server:
        backend = {"name": "m", "url": str(server.make_url("")).rstrip("/"), "models": {"classifier": "m"}}
        async with maek(config_for([backend], tools=tools(f"file={note}"), data_dir=str(tmp_path))) as router:
            await is_up(router)
            _, drafted = await router.post("/chat", {"message": "우유를 목록에 적어줘", "session": "s"})
            before = note.exists()
            _, done = await router.post("/chat", {"message": "네", "session": "s"})
    assert drafted["text"] == 'fake.write 실행: {"word":"milk"}\n실행할까요?'
    assert drafted["draft"]["operation"] == "write"
    assert not before
    assert note.read_text() == "milk\n"
    assert done["decision"]["reason"] == "draft_confirmed"


async def test_tools_and_metrics_tell_who_is_up_and_why_one_is_not(tmp_path: Path) -> None:
    wanted = tools()
    wanted["mcp"]["servers"]["gone"] = {"command": "/nonexistent/server"}
    async with maek(config_for(tools=wanted, data_dir=str(tmp_path))) as router:
        await is_up(router)
        _, told = await router.get("/tools")
        async with router.client.get(router.url + "/metrics") as response:
            metrics = await response.text()
        router.house.adopt(config_for(data_dir=str(tmp_path)))
        _, later = await router.get("/tools")
        async with router.client.get(router.url + "/metrics") as response:
            without = await response.text()
    rows = {row["name"]: row for row in told["tools"]}
    assert rows["mcp_fake"]["trouble"] is None
    assert rows["mcp_fake"]["foreign"] is True
    assert rows["mcp_gone"]["trouble"] == "there is no program or folder /nonexistent/server"
    assert rows["calendar"]["foreign"] is False
    assert 'maek_mcp_server_up{server="fake"} 1.0' in metrics
    assert 'maek_mcp_server_up{server="gone"} 0.0' in metrics
    assert "maek_mcp_server_up{" not in without
    assert not any(row["foreign"] for row in later["tools"])


async def test_an_operation_is_called_over_http_and_its_draft_waits_in_the_session(tmp_path: Path, note: Path) -> None:
    async with maek(config_for(tools=tools(f"file={note}"), data_dir=str(tmp_path))) as router:
        await is_up(router)
        _, read = await router.post("/tools/mcp_fake/echo", {"params": {"word": "hi"}, "lang": "en"})
        _, bad = await router.post("/tools/mcp_fake/echo", {"lang": "en"})
        _, drafted = await router.post("/tools/mcp_fake/write", {"params": {"word": "tea"}, "session": "s"})
        _, other = await router.post("/tools/mcp_fake/create_confirmed", {"session": "another"})
        _, done = await router.post("/tools/mcp_fake/create_confirmed", {"session": "s"})
    assert (read["text"], read["failed"], read["draft"]) == ("The server fake answers:\nhi", False, None)
    assert (bad["text"], bad["failed"]) == ("'word' is missing. Please give it.", True)
    assert drafted["draft"]["summary"] == 'fake.write 실행: {"word":"tea"}'
    assert other["failed"] is True
    assert done["failed"] is False
    assert note.read_text() == "tea\n"


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/tools/nothing/echo", {}, 404, "GET /tools"),
        ("/tools/calendar/nothing", {}, 404, "GET /tools"),
        ("/tools/calendar/today", {"param": {}}, 400, "known are params, session, lang"),
        ("/tools/calendar/today", {"params": []}, 400, "params: "),
        ("/tools/calendar/today", {"session": ""}, 400, "session: "),
    ],
)
async def test_a_call_that_cannot_be_meant_is_refused(path: str, body: Any, status: int, says: str) -> None:
    async with maek(config_for()) as router:
        found, answer = await router.post(path, body)
    assert found == status
    assert says in answer["error"]["message"]


async def test_the_start_waits_for_no_server(tmp_path: Path) -> None:
    async with maek(config_for(tools=tools("mute"), data_dir=str(tmp_path))) as router:
        _, answer = await router.post("/chat", {"message": "안녕"})
        trouble = router.house.current.service.tools["mcp_fake"].trouble
    assert answer["action"] == "direct"
    assert trouble == "it is being started"
