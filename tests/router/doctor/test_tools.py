"""The servers of tools, each over real sockets, and what the doctor says of them."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from router.config import Config
from router.config_load import loads
from router.doctor import tools
from router.doctor.finding import Finding, Grade
from tests.fakes.talkers import talking
from tests.fakes.upstreams import free_port
from tests.router.mailbox.imap_server import USUAL, ImapServer, made_certificate, serving
from tests.router.tools.hosts.given import saying

RUNNING = orjson.dumps({"BackendState": "Running", "Peer": {"a": {"Online": True}, "b": {"Online": False}}})
STOPPED = orjson.dumps({"BackendState": "Stopped"})


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """What passwords refer to."""
    monkeypatch.setenv("SECRET", "c4narysecret")


def config_of(**router: Any) -> Config:
    """A configuration with these."""
    return loads(orjson.dumps({"router": {"data_dir": "/nonexistent/maek", **router}}).decode())  # JSON is YAML


async def lines_of(config: Config, kind: str) -> list[Finding]:
    """Everything that is said of its tools of this kind."""
    async with aiohttp.ClientSession() as session:
        asked = [look for name, look in tools.checks(config, session, None) if name.startswith(kind)]
        return [line for look in asked for line in await look()]


def mail(certificate: Path, port: int, **keys: Any) -> Config:
    """One account."""
    account = {"host": "localhost", "port": port, "ca_file": str(certificate), "username": "kim", "everyone": True}
    return config_of(tools={"email": {"accounts": {"kim": {**account, "password": "env:SECRET", **keys}}}})


async def test_every_folder_of_an_account_is_opened(tmp_path: Path) -> None:
    certificate = await asyncio.to_thread(made_certificate, tmp_path)
    async with serving(certificate) as server:
        (line,) = await lines_of(mail(certificate, server.port, folders=["INBOX", "Archive"]), "mail")
    assert (line.grade, line.subject) == (Grade.OK, "mail kim")
    assert line.found.en == "TLS, login and 2 folder(s) are fine"
    assert server.commands <= {"CAPABILITY", "LOGIN", "EXAMINE", "LOGOUT"}


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    certificate = await asyncio.to_thread(made_certificate, tmp_path)
    async with serving(certificate, {"EXAMINE": b"% NO there is none\r\n"}) as server:
        (line,) = await lines_of(mail(certificate, server.port, folders=["Receipts"]), "mail")
    assert (line.grade, line.subject) == (Grade.PROBLEM, "mail kim Receipts")
    assert line.found.en == "A folder of the configuration could not be opened"


async def test_a_certificate_that_comes_with_starttls_is_told_by_the_days_it_has_left(tmp_path: Path) -> None:
    certificate = await asyncio.to_thread(made_certificate, tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    inner = ImapServer(certificate)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK hello\r\n")
        while b"STARTTLS" not in (line := await reader.readline()):
            if not line:
                return
            writer.write(USUAL["CAPABILITY"].replace(b"LITERAL+", b"STARTTLS").replace(b"%", line.partition(b" ")[0]))
        writer.write(line.partition(b" ")[0] + b" OK go on\r\n")
        await writer.start_tls(context)
        inner.answers["GREETING"] = b""
        await inner.answer(reader, writer)

    async with talking(talk) as port:
        told, lasts = await lines_of(mail(certificate, port, security="starttls"), "mail")
    assert told.grade is Grade.OK
    assert (lasts.subject, lasts.grade) == (f"localhost:{port}", Grade.OK)
    assert "more days" in lasts.found.en


@pytest.mark.parametrize(
    ("status", "grade", "found"),
    [
        (RUNNING, Grade.OK, "this machine takes part; 1 of 2 others are online"),
        (STOPPED, Grade.WARNING, "this machine does not take part (Stopped)"),
    ],
)
async def test_tailscale_says_whether_this_machine_takes_part(
    tmp_path: Path, status: bytes, grade: Grade, found: str
) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(status)}\r\n\r\n".encode()
    async with saying(head + status, socket=tmp_path / "ts.sock") as tailscaled:
        (line,) = await lines_of(
            config_of(tools={"infra": {"hosts": {}, "tailscale_socket": tailscaled.path}}), "Tailscale"
        )
    assert (line.subject, line.grade, line.found.en) == ("Tailscale", grade, found)


async def test_a_tailscale_that_is_configured_and_not_there_is_a_problem(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone.sock")
    (line,) = await lines_of(config_of(tools={"infra": {"hosts": {}, "tailscale_socket": gone}}), "Tailscale")
    assert (line.subject, line.grade) == ("Tailscale", Grade.PROBLEM)


async def test_who_is_told_of_jobs_is_connected_to_and_told_nothing(tmp_path: Path) -> None:
    async with saying(b"") as there:
        allowed = [f"{there.url}/hook", f"http://127.0.0.1:{free_port()}/hook"]
        config = config_of(jobs={"webhooks": {"allow": allowed, "secret": "env:SECRET"}})
        reached, refused = await lines_of(config, "webhooks")
    assert (reached.grade, refused.grade) == (Grade.OK, Grade.PROBLEM)
    assert there.heads == []


async def test_webhooks_that_cannot_be_signed_any_more_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with saying(b"") as there:
        config = config_of(jobs={"webhooks": {"allow": [f"{there.url}/hook"], "secret": "env:SECRET"}})
        monkeypatch.delenv("SECRET")
        (line,) = await lines_of(config, "webhooks")
    assert (line.grade, line.subject) == (Grade.WARNING, f"webhooks 127.0.0.1:{there.port}")


@pytest.mark.parametrize(
    ("status", "grade", "found", "advice"),
    [
        (200, Grade.OK, "the collector takes them", ""),
        (401, Grade.PROBLEM, "the collector does not take them (HTTP 401)", "router.tracing.headers"),
        (404, Grade.PROBLEM, "the collector does not take them (HTTP 404)", "takes OTLP over HTTP"),
    ],
)
async def test_a_collector_of_traces_is_asked_with_an_empty_delivery(
    status: int, grade: Grade, found: str, advice: str
) -> None:
    async with saying(f"HTTP/1.1 {status} Said\r\nContent-Length: 0\r\n\r\n".encode()) as collector:
        tracing = {"endpoint": collector.url, "headers": {"Authorization": "env:SECRET"}}
        (line,) = await lines_of(config_of(tracing=tracing), "traces")
    assert (line.subject, line.grade, line.found.en) == ("traces", grade, found)
    assert advice in ("" if line.advice is None else line.advice.en)
    (head,) = collector.heads
    assert head.startswith("POST /v1/traces HTTP/1.1")
    assert "Authorization: c4narysecret" in head
    assert "Content-Length: 0" in head


async def test_a_collector_that_is_not_there_and_a_header_that_cannot_be_read_are_problems(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tracing = {"endpoint": f"http://127.0.0.1:{free_port()}", "headers": {"Authorization": "env:SECRET"}}
    config = config_of(tracing=tracing)
    (refused,) = await lines_of(config, "traces")
    monkeypatch.delenv("SECRET")
    (unread,) = await lines_of(config, "traces")
    assert (refused.grade, unread.grade) == (Grade.PROBLEM, Grade.PROBLEM)
    assert unread.advice is not None
    assert "router.tracing.headers" in unread.advice.en
