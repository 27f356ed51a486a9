"""The servers of the tools: each asked the cheapest question that it has, one that changes nothing.

Rules of this file
- The same clients as the tools'. A password goes where the tool would send it, and nowhere else.
- What has a sentence of its own in a tool is told in that sentence.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp

from router.config import Config
from router.config_tools.calendars import CalendarAccountConfig, CalendarKind
from router.config_tools.documents import DocumentKind
from router.config_tools.mail import MailAccountConfig, MailSecurity
from router.config_tools.mcp import McpServerConfig
from router.doctor.doors import webhook_doors
from router.doctor.finding import Area, Finding, broken, doubtful, same, well
from router.doctor.machine import RENEW, lasting
from router.doctor.traces import collector
from router.documents.remote import RemoteArchive
from router.mailbox.accounts import STARTTLS_PORT, server_of
from router.mcp.keeper import address_of, sdk
from router.mcp.remote import RemoteFailed
from router.terminal.words import Word
from router.toolbox import infra_of, login_of
from router.tools.agenda.account import Account
from router.tools.agenda.account_words import AccountFailed
from router.tools.documents.archive import ArchiveFailed
from router.tools.hosts.host import Host
from router.tools.hosts.looking import looked_at
from router.tools.hosts.remedies import why
from router.tools.hosts.tailnet import read_tailnet, socket_of
from router.tools.hosts.trouble import Trouble, Why, trouble_of
from router.tools.letters import MailFailed
from router.tools.letters import Trouble as MailTrouble
from router.tools.mail import TROUBLES as MAIL_TROUBLES
from router.tools.reach import http_checker
from sidecar import SecretUnusable, redacted

MAIL_SECONDS = 10.0
CALENDAR_SECONDS = 12.0
WEBHOOK_SECONDS = 6.0

Check = Callable[[], Awaitable[list[Finding]]]


def checks(
    config: Config, session: aiohttp.ClientSession, running: Mapping[str, str | None] | None
) -> Iterator[tuple[str, Check]]:
    """Every question, with the name of whom it is put to. `running`: what a running Maek says of its MCP servers
    (tool → trouble); None asks them directly."""
    chosen = config.router.tools
    if chosen.calendar.kind is CalendarKind.CALDAV:
        for name, calendar in chosen.calendar.accounts.items():
            yield f"calendar {name}", partial(_calendar, config, name, calendar)
    for name, mail in chosen.email.accounts.items():
        yield f"mail {name}", partial(_mail, name, mail)
    if chosen.document.kind is DocumentKind.REMOTE and chosen.document.url is not None:
        yield "document server", partial(_document_server, config, session)
    elif chosen.document.kind is DocumentKind.LOCAL and chosen.document.folder is not None:
        yield "documents", partial(_document_folder, Path(chosen.document.folder).expanduser())
    if config.router.tracing.endpoint is not None:
        yield "traces", partial(collector, config.router.tracing, session)
    for door in webhook_doors(config):
        yield f"webhooks {door[0]}:{door[1]}", partial(_webhook, config, *door)
    infra = infra_of(config)
    if (socket := socket_of(infra.tailscale_socket)) is not None:
        yield "Tailscale", partial(_tailscale, socket)
    for name, host in infra.hosts.items():
        if host.docker or host.node_exporter or host.gpu_exporter:
            yield f"host {name}", partial(_host, name, host)
    for name, url in infra.services.items():
        yield f"service {name}", partial(_service, name, url, session)
    for name, server in chosen.mcp.servers.items():
        told = None if running is None else running.get(f"mcp_{name}", "")
        yield (
            f"mcp {name}",
            partial(_mcp, name, server) if told is None and running is None else partial(_told, name, told),
        )


async def _calendar(config: Config, name: str, account: CalendarAccountConfig) -> list[Finding]:
    subject = f"calendar {name}"

    def ask() -> None:
        Account(login_of(name, account), config.router.zone, CALENDAR_SECONDS).ready()

    try:
        await asyncio.to_thread(ask)
    except AccountFailed as error:
        return [_as_told(subject, Word(error.told("ko"), error.told("en")))]
    except SecretUnusable as error:
        return [_secret(subject, error)]
    return [
        well(
            Area.TOOLS,
            subject,
            Word("로그인과 새 일정을 쓸 달력이 정상입니다", "login and the calendar to write to are fine"),
        )
    ]


async def _mail(name: str, account: MailAccountConfig) -> list[Finding]:
    subject = f"mail {name}"

    def ask() -> None:
        # They load the library for IMAP.
        from router.mailbox.connection import Line, connected  # noqa: PLC0415
        from router.mailbox.looking import opened_folder  # noqa: PLC0415

        with connected(server_of(account, os.environ), Line(monotonic() + MAIL_SECONDS)) as client:
            certificates.append(client.socket().getpeercert())
            for folder in account.folders:
                opened_folder(client, "", folder)

    certificates: list[Mapping[str, Any]] = []
    try:
        await asyncio.to_thread(ask)
    except MailFailed as error:
        told = Word(*MAIL_TROUBLES[error.trouble])
        subject = f"{subject} {error.detail}" if error.trouble is MailTrouble.FOLDER else subject
        return [_as_told(subject, told)]
    except OSError as error:
        return [_trouble(subject, trouble_of(error))]
    many = len(account.folders)
    fine = Word(f"TLS와 로그인, 메일함 {many}개가 정상입니다", f"TLS, login and {many} folder(s) are fine")
    return [well(Area.TOOLS, subject, fine), *_lasting(account, certificates)]


def _lasting(account: MailAccountConfig, certificates: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    """How long the certificate lasts that came with STARTTLS; that of a door with TLS is looked at there."""
    for certificate in certificates:
        if account.security is MailSecurity.STARTTLS and "notAfter" in certificate:
            name = f"{account.host}:{account.port or STARTTLS_PORT}"
            yield lasting(name, certificate["notAfter"], RENEW)


async def _tailscale(socket: str) -> list[Finding]:
    try:
        tailnet = await read_tailnet(socket)
    except Trouble as trouble:
        return [_trouble("Tailscale", trouble)]
    if tailnet.running:
        said = Word(
            f"연결되어 있습니다. 다른 컴퓨터 {tailnet.total}대 중 {tailnet.online}대가 온라인입니다",
            f"this machine takes part; {tailnet.online} of {tailnet.total} others are online",
        )
        return [well(Area.TOOLS, "Tailscale", said)]
    said = Word(f"연결되어 있지 않습니다({tailnet.state})", f"this machine does not take part ({tailnet.state})")
    return [doubtful(Area.TOOLS, "Tailscale", said, Word("`tailscale up`을 실행하십시오.", "Run `tailscale up`."))]


async def _webhook(config: Config, host: str, port: int) -> list[Finding]:
    """Whether somebody listens there, and whether there is something to sign with. Nothing is sent."""
    subject = f"webhooks {host}:{port}"
    try:
        config.router.jobs.webhooks.secret_text()
        async with asyncio.timeout(WEBHOOK_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
        writer.transport.abort()
    except SecretUnusable as error:
        return [_secret(subject, error)]
    except (OSError, UnicodeError) as error:
        return [_trouble(subject, trouble_of(error))]
    return [well(Area.TOOLS, subject, Word("연결됩니다(보낸 것은 없습니다)", "takes connections (nothing was sent)"))]


async def _document_server(config: Config, session: aiohttp.ClientSession) -> list[Finding]:
    chosen = config.router.tools.document
    subject = "document server"
    try:
        await RemoteArchive(chosen.url or "", chosen.api_key, chosen.timeout_seconds, lambda: session).recent(1)
    except ArchiveFailed as error:
        advice = Word(
            "router.tools.document와 그 서버의 로그를 보십시오.", "Look at router.tools.document and at its log."
        )
        return [broken(Area.TOOLS, subject, same(redacted(str(error))), advice)]
    except (aiohttp.ClientError, OSError) as error:
        return [_trouble(subject, trouble_of(error))]
    return [well(Area.TOOLS, subject, Word("검색에 답합니다", "it answers a search"))]


async def _document_folder(folder: Path) -> list[Finding]:
    if await asyncio.to_thread(lambda: folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)):
        return [
            well(Area.TOOLS, "documents", Word(f"{folder} 폴더를 읽을 수 있습니다", f"the folder {folder} can be read"))
        ]
    said = Word(f"{folder} 폴더가 없거나 읽을 수 없습니다", f"there is no folder {folder}, or it cannot be read")
    advice = Word(
        "router.tools.document.folder와 권한을 보십시오.", "Look at router.tools.document.folder and who may read it."
    )
    return [broken(Area.TOOLS, "documents", said, advice)]


async def _host(name: str, host: Host) -> list[Finding]:
    look = await looked_at(host)
    parts = (("Docker", look.containers), ("node_exporter", look.node), ("gpu_exporter", look.gpus))
    return [
        _trouble(f"{title} of {name}", part)
        if isinstance(part, Trouble)
        else well(Area.TOOLS, f"{title} of {name}", Word("답합니다", "it answers"))
        for title, part in parts
        if part is not None
    ]


async def _service(name: str, url: str, session: aiohttp.ClientSession) -> list[Finding]:
    subject = f"service {name}"
    reached = await http_checker(lambda: session)(url)
    if reached.up:
        return [well(Area.TOOLS, subject, same(f"HTTP {reached.status}"))]
    if reached.status is None:
        return [_trouble(subject, reached.trouble or Trouble(Why.SLOW))]
    advice = Word("그 서비스의 로그를 보십시오.", "Look at the log of that service.")
    return [broken(Area.TOOLS, subject, same(f"HTTP {reached.status}"), advice)]


async def _told(name: str, trouble: str | None) -> list[Finding]:
    """By the running Maek, which keeps the connection."""
    subject = f"mcp {name}"
    if trouble is None:
        return [well(Area.TOOLS, subject, Word("실행 중인 Maek에 연결되어 있습니다", "connected to the running Maek"))]
    return [_mcp_down(subject, trouble or "the running Maek does not know it")]


async def _mcp(name: str, server: McpServerConfig) -> list[Finding]:
    subject = f"mcp {name}"
    if find_spec("mcp") is None:
        return [_mcp_down(subject, "pip install 'maek[mcp]'")]
    try:
        connect = await asyncio.to_thread(sdk)
        async with connect(name, await asyncio.to_thread(address_of, server)) as link:
            many = len(await link.tools())
    except SecretUnusable as error:
        return [_secret(subject, error)]
    except RemoteFailed as error:
        return [_mcp_down(subject, error.for_log)]
    except BaseExceptionGroup as group:
        if group.split((OSError, RemoteFailed, aiohttp.ClientError))[1] is None or _of_http(group):
            return [_mcp_down(subject, "nobody answers there as a server should")]
        raise
    return [well(Area.TOOLS, subject, Word(f"도구 {many}개를 제공합니다", f"offers {many} tool(s)"))]


def _of_http(group: BaseExceptionGroup[BaseException]) -> bool:
    """Whether its HTTP client is what complained."""
    error: Any = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__module__.startswith("httpx")


def _mcp_down(subject: str, reason: str) -> Finding:
    advice = Word(
        "명령이나 url, 그 서버의 env와 headers를 보십시오(docs/mcp.md).",
        "Look at its command or url, and at its env and headers (docs/mcp.md).",
    )
    reason = redacted(reason)
    return broken(Area.TOOLS, subject, Word(f"연결되지 않았습니다: {reason}", f"not connected: {reason}"), advice)


def _trouble(subject: str, trouble: Trouble) -> Finding:
    (ko, do_ko), (en, do_en) = why("ko", trouble), why("en", trouble)
    # Its detail may be the last line of an ssh, or of a TLS library.
    return broken(Area.TOOLS, subject, Word(redacted(ko), redacted(en)), Word(do_ko, do_en))


def _as_told(subject: str, told: Word) -> Finding:
    """A sentence that says what to do as well: its last one is the advice."""
    parts = [text.rstrip().removesuffix(".").rpartition(". ") for text in told]
    found = Word(*(first or last for first, _, last in parts))
    return broken(Area.TOOLS, subject, found, Word(*(f"{last}." for _, _, last in parts)))


def _secret(subject: str, error: SecretUnusable) -> Finding:
    advice = Word("설정에서 그 비밀이 가리키는 곳을 확인하십시오.", "Look at what the configuration refers to for it.")
    return doubtful(
        Area.TOOLS,
        subject,
        Word(f"비밀을 읽을 수 없습니다: {error.found}", f"its secret cannot be read: {error.found}"),
        advice,
    )
