"""`maek doctor` as a user runs it, with a Maek beside it and without."""

import asyncio
import os
import pty
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from router.keys import new_key
from simulator import Engine, SimSettings, serving
from tests.fakes import mcp_servers
from tests.fakes.processes import MAEK, maek_command, maek_serve
from tests.fakes.waiting import until
from tests.router.mailbox.imap_server import made_certificate
from tests.router.mailbox.imap_server import serving as serving_mail

SECRET, THEIRS = "c4narysecret", "c4narytheirs"
DEAD = "http://127.0.0.1:9"
NO_MAEK = "http://127.0.0.1:9"


def written(folder: Path, backends: list[dict[str, Any]], **router: Any) -> str:
    """The path of a configuration."""
    config = {
        "sidecar": {"discover": False, "backends": backends},
        "router": {"listen": "127.0.0.1:0", "sessions": {"store": "memory"}, **router},
    }
    (folder / "config.yaml").write_bytes(orjson.dumps(config))
    return str(folder / "config.yaml")


async def doctor(folder: Path, *arguments: str, **environ: str) -> tuple[int, dict[str, Any]]:
    """Exit code and findings by area and subject."""
    environ = {"MAEK_DATA_DIR": str(folder / "data"), **environ}
    exit_code, out, err = await maek_command(
        "doctor", "-c", str(folder / "config.yaml"), "--lang", "en", "--json", *arguments, environ=environ
    )
    assert err == ""
    told = orjson.loads(out)
    assert told["problem"] == sum(row["grade"] == "problem" for row in told["findings"])
    assert all((row["advice"] is None) == (row["grade"] == "ok") for row in told["findings"])
    return exit_code, {f"{row['area']} {row['subject']}".strip(): row for row in told["findings"]}


async def test_without_a_maek_the_backends_are_asked_for_a_test_chat_themselves(tmp_path: Path) -> None:
    async with serving(SimSettings(preset="instant", engine=Engine.VLLM)) as url:
        models = {"classifier": "sim-small-1b", "reasoner": "sim-large-32b"}
        written(tmp_path, [{"name": "mini", "url": url, "models": models}])
        exit_code, found = await doctor(tmp_path, "--url", NO_MAEK)
    assert exit_code == 0, found
    assert found["machine maek"]["found"] == f"none runs at {NO_MAEK}: the servers are asked directly"
    assert found["backends mini"]["grade"] == "ok"
    assert found["clock"]["grade"] == "ok"
    for role in ("classifier", "reasoner"):
        assert found[f"chat {role}"]["found"].startswith("answered by mini in ")


async def test_a_maek_that_runs_is_asked_as_a_client_would(tmp_path: Path) -> None:
    key, digest = new_key()
    async with serving(SimSettings(preset="instant")) as url:
        models = {"classifier": "sim-small-1b", "reasoner": "sim-large-32b"}
        path = written(tmp_path, [{"name": "mini", "url": url, "models": models}], keys=[digest])
        async with maek_serve(tmp_path, ["-c", path]) as served:
            _, without = await doctor(tmp_path, "--url", served.url, "--no-chat")
            exit_code, found = await doctor(tmp_path, "--url", served.url, MAEK_KEY=key)
    assert without["machine maek"]["grade"] == "warning"
    assert "MAEK_KEY" in without["machine maek"]["advice"]
    assert not [name for name in without if name.startswith("chat")]
    assert exit_code == 0, found
    assert found["machine maek"]["found"] == f"runs at {served.url}"
    assert found["chat reasoner"]["found"].startswith("answered by mini in ")


async def test_a_dead_backend_is_a_problem_and_its_roles_have_nobody(tmp_path: Path) -> None:
    written(tmp_path, [{"name": "dead", "url": DEAD, "models": {"reasoner": "m"}}])
    exit_code, found = await doctor(tmp_path, "--url", NO_MAEK)
    assert exit_code == 1
    assert found["backends dead"]["found"] == "refused: nobody listens at that port"
    assert found["chat reasoner"]["found"] == "no backend that is well serves it"
    assert (found["chat reasoner"]["grade"], found["chat classifier"]["grade"]) == ("problem", "warning")


async def test_a_configuration_that_cannot_be_used_is_told_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("router:\n  listn: 127.0.0.1:0\n")
    exit_code, found = await doctor(tmp_path)
    assert exit_code == 1
    ((name, row),) = found.items()
    assert name.endswith("config.yaml:2 router.listn")
    assert row["advice"].startswith("wanted: ")


async def test_people_get_lines_under_headings_in_their_language(tmp_path: Path) -> None:
    written(tmp_path, [{"name": "dead", "url": DEAD, "models": {"reasoner": "m"}}])
    exit_code, out, _ = await maek_command(
        "doctor", "-c", "config.yaml", "--lang", "ko", "--no-chat", "--url", NO_MAEK, cwd=tmp_path
    )
    assert exit_code == 1
    assert "백엔드\n  문제     dead: 연결이 거부되었습니다" in out
    assert "→ 서버가 켜져 있는지" in out


def babbling(status: int) -> web.Application:
    """A server that repeats to everybody what it was asked, and with which password."""

    async def anything(request: web.Request) -> web.Response:
        headers = {"www-authenticate": "Basic"} if status == 401 else {}
        return web.Response(status=status, text=f"{THEIRS} {dict(request.headers)}", headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", anything)
    return app


@pytest.mark.parametrize("status", [200, 401, 500])
async def test_every_server_of_a_tool_has_its_line_and_no_secret_is_in_any(tmp_path: Path, status: int) -> None:
    async with AsyncExitStack() as stack:
        around = str((await stack.enter_async_context(TestServer(babbling(status)))).make_url("")).rstrip("/")
        certificate = await asyncio.to_thread(made_certificate, tmp_path)
        refused = f"% NO {THEIRS} {SECRET}\r\n".encode()
        mail = await stack.enter_async_context(serving_mail(certificate, {} if status == 200 else {"LOGIN": refused}))
        account = {"username": "kim", "password": "env:BACKEND", "everyone": True}
        child = {"command": sys.executable, "args": [str(mcp_servers.__file__)], "env": {"A": "env:BACKEND"}}
        tools = {
            "calendar": {"kind": "caldav", "accounts": {"kim": {"url": around, **account}}},
            "email": {
                "accounts": {"kim": {"host": "localhost", "port": mail.port, "ca_file": str(certificate), **account}}
            },
            "document": {"kind": "remote", "url": around, "api_key": "env:BACKEND"},
            "mcp": {
                "servers": {"fake": child, "web": {"url": f"{around}/mcp", "headers": {"Authorization": "env:BACKEND"}}}
            },
            "infra": {
                "hosts": {
                    "nas": {
                        "docker": around.replace("http:", "tcp:"),
                        "node_exporter": around,
                        "gpu_exporter": "http://127.0.0.1:9",
                    }
                },
                "services": {"door": {"url": around}},
            },
        }
        written(tmp_path, [{"name": "mini", "url": around, "api_key": "env:BACKEND"}], tools=tools)
        exit_code, found = await doctor(tmp_path, "--url", NO_MAEK, BACKEND=SECRET)
    assert exit_code == 1
    told = orjson.dumps(found).decode()
    assert SECRET not in told
    assert THEIRS not in told
    grades = {name.removeprefix("tools "): row["grade"] for name, row in found.items() if row["area"] == "tools"}
    well_at_200 = "ok" if status == 200 else "problem"
    assert grades == {
        "calendar kim": "problem",
        "mail kim": well_at_200,
        "document server": "problem",
        "Docker of nas": "problem",
        "node_exporter of nas": grades["node_exporter of nas"],
        "gpu_exporter of nas": "problem",
        "service door": "problem" if status == 500 else "ok",
        "mcp fake": "ok",
        "mcp web": "problem",
    }
    if status == 401:
        assert found["backends mini"]["found"] == "it refuses the key (HTTP 401)"


async def test_the_servers_of_a_running_maek_are_not_started_twice(tmp_path: Path) -> None:
    note = tmp_path / "note"
    child = {"command": sys.executable, "args": [str(mcp_servers.__file__), "child", f"file={note}"]}
    path = written(tmp_path, [], tools={"mcp": {"servers": {"fake": child, "gone": {"command": "/no/such/program"}}}})
    async with maek_serve(tmp_path, ["-c", path]) as served:
        await until(lambda: "mcp server up server=fake" in served.log(), 60.0)
        pids = note.read_text()
        exit_code, found = await doctor(tmp_path, "--url", served.url, "--no-chat")
        assert note.read_text() == pids
    assert exit_code == 1
    assert found["tools mcp fake"]["found"] == "connected to the running Maek"
    assert found["tools mcp gone"]["found"] == "not connected: there is no program or folder /no/such/program"


async def test_somebody_before_a_terminal_sees_how_far_it_is(tmp_path: Path) -> None:
    path = written(tmp_path, [{"name": "dead", "url": DEAD, "models": {"reasoner": "m"}}])
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *MAEK, "doctor", "-c", path, "--url", NO_MAEK, "--no-chat", "--lang", "en",
        stdout=asyncio.subprocess.DEVNULL, stderr=theirs, env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip
    exit_code = await process.wait()
    told = os.read(ours, 65536).decode()
    os.close(ours)
    os.close(theirs)
    assert exit_code == 1
    assert "looking 0/3 backend dead, machine" in told
    assert told.endswith("\r\x1b[K")
