"""The tools of a configuration: each gets what it needs of the outside, and its own section of the file.

Rules of this file
- One small function a tool, from its section to what it is built of; no I/O: nothing is opened before it is used.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import assert_never
from urllib.parse import urlsplit

import aiohttp

from router.config import Config
from router.config_tools.accounts import account_of_everyone, account_of_keys
from router.config_tools.calendars import CalendarAccountConfig, CalendarConfig, CalendarKind
from router.config_tools.documents import DocumentKind
from router.config_tools.infra import HostConfig
from router.documents.local import local_archive
from router.documents.remote import RemoteArchive
from router.keys import owner_of_hash
from router.mailbox.accounts import mailboxes
from router.tools.agenda.files import CalendarFiles
from router.tools.agenda.servers import CalendarServers
from router.tools.agenda.store import Agenda
from router.tools.agenda.transport import Login
from router.tools.documents import DocumentModels
from router.tools.documents.archive import Archive
from router.tools.documents.ranking import Rankers
from router.tools.hosts.doors import Certificates, door_of
from router.tools.hosts.host import Host
from router.tools.infra import InfraSettings
from router.tools.live import LiveTools, nothing_outside
from router.tools.plugins import plugged
from router.tools.reach import http_checker
from router.tools.registry import ToolSettings, build
from router.tools.spec import Tool
from sidecar.config import resolve


def toolbox(
    config: Config,
    http: Callable[[], aiohttp.ClientSession],
    outside: Callable[[], Mapping[str, Tool]] = nothing_outside,
) -> Mapping[str, Tool]:
    """Every tool by name, as this configuration has it. `http` lends the session for questions to other servers;
    `outside` gives the tools of servers of others, which come and go."""
    settings = ToolSettings(
        infra_of(config),
        http_checker(http),
        _calendar(config),
        archive_of(config, http),
        _document_models(config),
        mailboxes(config),
    )
    return LiveTools({**build(settings), **plugged(config.router.tools.plugins)}, outside)


def archive_of(config: Config, http: Callable[[], aiohttp.ClientSession]) -> Archive | None:
    """The documents' archive: a folder or a server; None where there is neither."""
    chosen = config.router.tools.document
    if chosen.kind is DocumentKind.REMOTE and chosen.url is not None:
        return RemoteArchive(chosen.url, chosen.api_key, chosen.timeout_seconds, http)
    return local_archive(config)


def _document_models(config: Config) -> DocumentModels:
    chosen = config.router.tools.document
    embed_role = chosen.embed_role if chosen.kind is DocumentKind.LOCAL else None
    return DocumentModels(chosen.answer_role, chosen.answer_seconds, Rankers(chosen.rerank_role, embed_role))


def infra_of(config: Config) -> InfraSettings:
    """The machines and services, as they are asked."""
    infra = config.router.tools.infra
    hosts = {name: _host(host) for name, host in infra.hosts.items()}
    socket = None if infra.tailscale_socket is None else str(Path(infra.tailscale_socket).expanduser())
    return InfraSettings(hosts, {name: service.url for name, service in infra.services.items()}, socket)


def _host(host: HostConfig) -> Host:
    certificates = None if host.docker_tls is None else Certificates(*host.docker_tls.paths())
    return Host(
        backends=tuple(host.backends),
        local=host.local,
        address=host.address,
        docker=None if host.docker is None else door_of(host.docker, certificates),
        node_exporter=_page(host.node_exporter),
        gpu_exporter=_page(host.gpu_exporter),
    )


def _page(url: str | None) -> str | None:
    """The page of metrics; an address alone means its usual path."""
    return url if url is None or urlsplit(url).path.strip("/") else url.rstrip("/") + "/metrics"


def _calendar(config: Config) -> Agenda | None:
    match config.router.tools.calendar.kind:
        case CalendarKind.LOCAL:
            return CalendarFiles(config.router.data_folder(), config.router.zone)
        case CalendarKind.CALDAV:
            return _calendar_servers(config, config.router.tools.calendar)
        case CalendarKind.NONE:
            return None
        case kind:
            assert_never(kind)


def _calendar_servers(config: Config, calendar: CalendarConfig) -> CalendarServers:
    """Each owner's account by the names of his keys."""
    logins = {name: login_of(name, account) for name, account in calendar.accounts.items()}
    of_key = account_of_keys(calendar.accounts)
    owners = {owner_of_hash(key.hash): logins[of_key[key.name]] for key in config.router.keys if key.name in of_key}
    everyone = account_of_everyone(calendar.accounts)
    return CalendarServers(owners, None if everyone is None else logins[everyone], config.router.zone)


def login_of(name: str, account: CalendarAccountConfig) -> Login:
    """An account with its password read. Raises SecretUnusable."""
    ca_file = None if account.ca_file is None else str(Path(account.ca_file).expanduser())
    password = resolve(account.password, os.environ)
    return Login(name, account.url, account.username, password, account.calendars, account.write, ca_file)
