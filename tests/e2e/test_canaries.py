"""Words of users and models, and secrets, planted on every way that leads through Maek: none of them is in its log, in
what its flight recorder leaves on the disk, or in what is told from that."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from router.flight.files import recordings
from router.keys import new_key
from tests.fakes import mcp_servers
from tests.fakes.processes import Served, maek_command, maek_serve
from tests.fakes.waiting import until
from tests.router.mailbox.imap_server import ImapServer, made_certificate
from tests.router.mailbox.imap_server import serving as serving_mail

USER, MODEL, SECRET, THEIRS = "c4naryuser", "c4narymodel", "c4narysecret", "c4narytheirs"
PLANTED = (USER, MODEL, SECRET, THEIRS)
FIRST = {"x-request-id": "first-of-all"}
"""What a user wrote, what a model wrote, what nobody may know, and what other servers said."""


def backend(seen: set[str]) -> web.Application:
    """A server whose model repeats everything, and whose failures repeat even more."""

    async def chat(request: web.Request) -> web.StreamResponse:
        asked = await request.text()
        seen.add("breaks" if "BREAK" in asked else "refuses" if "REFUSE" in asked else "says")
        if "FAIL" in asked:
            return web.Response(status=500, text=f"{MODEL} {asked} {dict(request.headers)}")
        if "REFUSE" in asked:
            return web.json_response({"error": {"message": f"{MODEL} {asked}"}}, status=400)
        if "GARBLE" in asked:
            return web.Response(text=f"{MODEL} {asked}", content_type="application/json")
        body = orjson.loads(asked)
        if "AGENT" in asked and body.get("tools") and body["messages"][-1]["role"] != "tool":
            seen.add("calls tools")
            return _calls(body)
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": MODEL}, "finish_reason": "stop"}
            return web.json_response({"id": "1", "object": "chat.completion", "model": "m", "choices": [choice]})
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        event = {"choices": [{"index": 0, "delta": {"content": MODEL}, "finish_reason": None}]}
        await response.write(b"data: " + orjson.dumps(event) + b"\n\n")
        if "BREAK" in asked:
            await response.write(f"data: {MODEL} no JSON\n\n".encode())
            assert request.transport is not None
            request.transport.abort()
        else:
            await response.write(b"data: [DONE]\n\n")
        return response

    async def models(_request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "m", "object": "model"}]})

    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", chat), web.get("/v1/models", models)])
    return app


def _calls(body: Any) -> web.Response:
    """A model that calls every tool there is, and one that there is not, with words of its own."""
    names = [tool["function"]["name"] for tool in body["tools"]]
    given = [(name, orjson.dumps(dict.fromkeys(("query", "word", "title"), f"{MODEL} {USER}"))) for name in names]
    given += [(names[0], f"{{{MODEL}".encode()), (MODEL, b"{}")]
    calls = [
        {"index": at, "id": f"{MODEL}{at}", "type": "function", "function": {"name": name, "arguments": text.decode()}}
        for at, (name, text) in enumerate(given)
    ]
    message = {"role": "assistant", "content": MODEL, "tool_calls": calls}
    choice = {"index": 0, "finish_reason": "tool_calls"}
    if not body.get("stream"):
        return web.json_response({"choices": [choice | {"message": message}]})
    event = b"data: " + orjson.dumps({"choices": [choice | {"delta": message}]}) + b"\n\ndata: [DONE]\n\n"
    return web.Response(body=event, content_type="text/event-stream")


def papers(folder: Path) -> Path:
    """Documents whose names and contents are somebody's, half of which cannot be read."""
    there = folder / "papers"
    (there / THEIRS).mkdir(parents=True)
    (there / THEIRS / f"{USER}.txt").write_text(f"{THEIRS} {USER} said so.\n" * 20, "utf-8")
    for name in ("a.pdf", "b.docx", "c.hwpx", "d.html", "e.md"):
        (there / f"{THEIRS} {name}").write_bytes(f"{THEIRS} ".encode() * 9 + b"\xff\xfe\x00PK\x03\x04 <html><")
    return there


def babbling(status: int, seen: set[str]) -> web.Application:
    """A server that repeats to everybody what it was asked, and with which password."""

    async def anything(request: web.Request) -> web.Response:
        if request.path == f"/{USER}":
            seen.add("is told of a job")
        told = f"{THEIRS} {dict(request.headers)} {await request.text()}"
        headers = {"www-authenticate": "Basic"} if status == 401 else {}
        return web.Response(status=status, text=told, reason=THEIRS, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", anything)
    return app


@dataclass(frozen=True)
class World:
    served: Served
    client: aiohttp.ClientSession
    mail: ImapServer
    around: str
    seen: set[str]

    async def newest_decision(self) -> str:
        """The id of what was decided last."""
        async with self.client.get(self.served.url + "/decisions?limit=1") as response:
            return str((await response.json())["decisions"][0]["id"])

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> int:
        """The status of one request; whatever the body says."""
        data = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        try:
            async with self.client.request(method, self.served.url + path, data=data, **more) as response:
                await response.read()
                return response.status
        except aiohttp.ClientPayloadError:
            return 0


@asynccontextmanager
async def world(folder: Path, level: str, others: int, **router: Any) -> AsyncIterator[World]:
    """A Maek as a process with everything it can have; the servers of its tools answer with the status `others`."""
    key, digest = new_key()
    seen: set[str] = set()
    async with AsyncExitStack() as stack:
        one, other = [await stack.enter_async_context(TestServer(backend(seen))) for _ in range(2)]
        around = str((await stack.enter_async_context(TestServer(babbling(others, seen)))).make_url("")).rstrip("/")
        certificate = await asyncio.to_thread(made_certificate, folder)
        hostile = f"* {THEIRS}\r\n% NO {THEIRS} {SECRET} {USER}\r\n".encode()
        mail = await stack.enter_async_context(serving_mail(certificate, {"UID SEARCH": hostile, "LOGIN": hostile}))
        backends = [
            {
                "name": name,
                "url": str(server.make_url("")).rstrip("/"),
                "api_key": "env:BACKEND",
                "models": {"reasoner": "m", "classifier": "m"},
            }
            for name, server in (("one", one), ("other", other))
        ]
        account = {"username": "kim", "password": "env:BACKEND", "everyone": True, "keys": ["bot"]}
        child = {"command": sys.executable, "args": [str(mcp_servers.__file__), "babbles"], "env": {"A": "env:BACKEND"}}
        tools = {
            "calendar": {"kind": "caldav", "accounts": {"kim": {"url": around, **account}}},
            "email": {
                "timeout_seconds": 5,
                "accounts": {"kim": {"host": "localhost", "port": mail.port, "ca_file": str(certificate), **account}},
            },
            "document": {"kind": "local", "folder": str(papers(folder))}
            if others == 500
            else {"kind": "remote", "url": around, "api_key": "env:BACKEND"},
            "mcp": {"servers": {"fake": child | {"confirm": "never"}, "web": {"url": f"{around}/mcp"}}},
            "infra": {"hosts": {"gpu": {"local": True, "node_exporter": around}}, "services": {"s": {"url": around}}},
        }
        config = {
            "sidecar": {"discover": False, "retry_interval_seconds": 0.2, "backends": backends},
            "router": {
                "listen": "127.0.0.1:0", "log_level": level, "access_log_ratio": 1, "tools": tools,
                "sessions": {"history_tokens": 60}, "agent": {"calls": 32},
                "jobs": {
                    "attempts": 2, "retry_seconds": 0.1,
                    "webhooks": {"allow": [around], "secret": "env:BACKEND", "attempts": 2, "retry_seconds": 0.1},
                },
                "keys": [{"name": "bot", "hash": digest}], "decide": {"rules": "off", "model": "off"}, **router,
            },
        }  # fmt: skip
        (folder / "config.yaml").write_bytes(orjson.dumps(config))
        with pytest.MonkeyPatch.context() as environ:
            environ.setenv("BACKEND", SECRET)
            served = await stack.enter_async_context(maek_serve(folder, ["-c", "config.yaml"]))
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        client = await stack.enter_async_context(aiohttp.ClientSession(headers=headers))
        yield World(served, client, mail, around, seen)
    assert key not in (folder / "serve.log").read_text("utf-8")


async def chats(there: World) -> None:
    """Every dialect, and every way in which a backend can fail it."""
    for trouble in ("", "FAIL", "REFUSE", "GARBLE", "BREAK"):
        text = f"{USER} {trouble}"
        for stream in (False, True):
            await there.ask("POST", "/chat", {"message": text, "session": USER, "stream": stream})
            messages = [{"role": "user", "content": text}]
            await there.ask("POST", "/v1/chat/completions", {"model": "auto", "messages": messages, "stream": stream})
            await there.ask("POST", "/v1/chat/completions", {"model": "m", "messages": messages, "stream": stream})
        await there.ask("POST", "/decide", {"message": text})
        await there.ask("POST", "/jobs", {"message": text, "webhook": f"{there.around}/{USER}"}, headers=FIRST)
        await there.ask("POST", "/jobs", {"message": text, "session": USER}, headers={"idempotency-key": USER})
        await there.ask("POST", "/v1/embeddings", {"model": "m", "input": text})
        await there.ask("POST", "/v1/completions", {"model": "m", "prompt": text})


async def long_talks(there: World) -> None:
    """More than fits into a prompt, so that it is summed up; a model that calls tools; a choice that is answered."""
    for _ in range(4):
        for text in (f"{USER} " * 40, f"{USER} AGENT {USER}"):
            for stream in (False, True):
                asked = {"message": text, "session": f"{USER}-long", "role": "reasoner", "stream": stream}
                await there.ask("POST", "/chat", asked)
    await there.ask("GET", f"/sessions/{USER}-long")
    await there.ask("DELETE", f"/sessions/{USER}-long")


async def tools(there: World) -> None:
    """Every tool, with servers that repeat what they are asked."""
    for path, params in (
        ("calendar/today", {}),
        ("calendar/search", {"date_from": "2026-11-01", "date_to": "2026-11-30"}),
        ("calendar/create_draft", {"title": USER, "date": "2026-11-30", "time": "15:00"}),
        ("calendar/create_confirmed", {}),
        ("email/search", {"query": USER}),
        ("email/read", {"uid": f"1-{USER}"}),
        ("document/ask", {"query": USER}),
        ("document/search", {"query": USER}),
        ("document/search_full", {"query": USER}),
        ("document/read", {"doc_id": USER}),
        ("infra/status", {"host": "gpu"}),
        ("infra/health", {}),
        ("infra/disk", {}),
        ("mcp_fake/echo", {"word": USER}),
        ("mcp_fake/write", {"word": USER}),
        ("mcp_web/echo", {"word": USER}),
        (f"{USER}/{USER}", {USER: USER}),
    ):
        body = {"params": params, "session": USER}
        await there.ask("POST", f"/tools/{path}", body)
        await there.ask("POST", f"/tools/{path}", {"params": {USER: {USER: USER}}})


async def nonsense(there: World) -> None:
    """What cannot be read, is not there, or is not allowed."""
    await there.ask("POST", "/chat", f'{{"message": "{USER}"'.encode())
    await there.ask("POST", "/chat", {"message": [USER], USER: USER, "role": USER, "lang": USER})
    await there.ask("POST", "/chat", {"message": USER}, headers={"x-maek-priority": USER})
    await there.ask("POST", "/chat", {"message": USER}, headers={"authorization": f"Bearer {SECRET}"})
    await there.ask("POST", "/log", {"level": USER})
    await there.ask("GET", f"/{USER}?{USER}={SECRET}")
    for theirs in (f"{USER}@example.com", f"{SECRET}=1", f"{USER} {USER}"):
        await there.ask("POST", "/chat", {"message": "x" * 200_000}, headers={"x-request-id": theirs})
    await there.ask("GET", f"/jobs/{USER}")
    await there.ask("GET", f"/sessions/{USER}")
    await there.ask("DELETE", f"/sessions/{USER}")
    await there.ask("GET", f"/v1/models/{USER}")
    await there.ask("POST", f"/backends/{USER}/drain")
    await there.ask("POST", "/chat", f"{USER}".encode() * 5, headers={"content-encoding": "gzip"})
    reader, writer = await asyncio.open_connection(*there.served.url.removeprefix("http://").split(":"))
    writer.write(f"GET /{USER} {SECRET}\r\nx: {USER}\r\n\r\n".encode())
    await reader.read()
    writer.close()


def planted_in(text: str | bytes) -> list[str]:
    """Which of them stand in it."""
    raw = text.encode() if isinstance(text, str) else text
    return [one for one in PLANTED if one.encode() in raw]


@pytest.mark.parametrize("others", [200, 401, 500])
async def test_nothing_planted_is_in_the_log_at_any_level_or_in_the_recording(tmp_path: Path, others: int) -> None:
    async with world(tmp_path, "debug", others, log_format="json" if others == 500 else "text") as there:
        await until(lambda: "mcp server up server=fake" in there.served.log(), 60.0)
        await chats(there)
        await tools(there)
        await long_talks(there)
        await nonsense(there)
        await until(lambda: "is told of a job" in there.seen, 60.0)
        await until(lambda: others == 200 or "webhook given up" in there.served.log(), 60.0)
        decision = await there.newest_decision()
    text = there.served.log()
    assert planted_in(text) == []
    # It was there to be told: the ways were gone, and the log is not empty for another reason.
    assert there.seen == {"says", "breaks", "refuses", "calls tools", "is told of a job"}
    assert "LOGIN" in there.mail.commands
    remote = () if others == 500 else ("document server cannot be asked",)
    for said in ("mcp call failed server=fake", *remote, "route=/tools/{tool}/{operation}"):
        assert said in text
    # What goes on behind the requests is nobody's: least of all that one's which happened to begin it.
    assert [line for line in text.splitlines() if "webhook" in line and "first-of-all" in line] == []
    recorded = b"".join(path.read_bytes() for path in recordings(tmp_path / "data"))
    assert recorded.count(b'"event":"decision"') > 50
    assert planted_in(recorded) == []
    assert planted_in(recorded.replace(b"\\", b"")) == []
    if others == 500:
        await told_of_it(tmp_path, decision)


async def told_of_it(folder: Path, decision: str) -> None:
    """What the commands say that read the recording, or look at all that there is."""
    environ = {"MAEK_DATA_DIR": str(folder / "data"), "BACKEND": SECRET}
    for command in (
        ("replay", str(folder / "data")),
        ("replay", str(folder / "data"), "--policy", "round_robin"),
        ("replay", str(folder / "data"), "--policy", "round_robin", "--json"),
        ("explain", "-c", "config.yaml", "--url", "http://127.0.0.1:9", decision),
        ("explain", "-c", "config.yaml", "--url", "http://127.0.0.1:9", decision, "--json"),
    ):
        code, out, said = await maek_command(*command, environ=environ, cwd=folder)
        assert (code, planted_in(out + said)) == (0, []), said
    # The doctor names files and addresses that the operator wrote down, and no key.
    _, out, said = await maek_command("doctor", "-c", "config.yaml", environ=environ, cwd=folder)
    assert SECRET not in out + said
