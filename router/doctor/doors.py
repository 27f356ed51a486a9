"""Everybody who is asked over the network, by the configuration: names, and doors with TLS.

Rules of this file
- Pure. A door has the certificates that are trusted there; a door that wants ours as well is its tool's own business.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from router.config import Config
from router.config_tools.mail import MailSecurity
from router.mailbox.accounts import TLS_PORT

HTTPS_PORT = 443
Door = tuple[str, int]
"""Host and port."""


def names(config: Config, backends: Iterable[str]) -> list[str]:
    """The hosts that have to be found, each once. `backends`: their URLs."""
    urls = [*backends, *(url for url, _ in _urls(config))]
    hosts = [*(_host(url) for url in urls), *(one.host for one in config.router.tools.email.accounts.values())]
    return [host for host in dict.fromkeys(hosts) if host and host != "localhost"]


def tls_doors(config: Config, backends: Iterable[str]) -> Mapping[Door, str | None]:
    """Where TLS is spoken from the first byte, with the file of who is trusted there; None: whom the machine trusts."""
    found: dict[Door, str | None] = {}
    for url, ca_file in (*((url, None) for url in backends), *_urls(config)):
        if url.startswith("https:") and (host := _host(url)):
            found.setdefault((host, urlsplit(url).port or HTTPS_PORT), _file(ca_file))
    for mail in config.router.tools.email.accounts.values():
        if mail.security is MailSecurity.TLS:
            found.setdefault((mail.host, mail.port or TLS_PORT), _file(mail.ca_file))
    return found


def webhook_doors(config: Config) -> list[Door]:
    """Who may be told that a job has ended."""
    found = {
        (host, urlsplit(url).port or (HTTPS_PORT if url.startswith("https:") else 80)): None
        for url in config.router.jobs.webhooks.allow
        if (host := _host(url))
    }
    return [*found]


def _urls(config: Config) -> Iterator[tuple[str, str | None]]:
    """Of everybody but the backends, each with a file of certificates if it has one of its own."""
    chosen = config.router.tools
    yield from ((one.url, one.ca_file) for one in chosen.calendar.accounts.values())
    yield from ((one.url, None) for one in chosen.mcp.servers.values() if one.url is not None)
    yield from ((one.url, None) for one in chosen.infra.services.values())
    for host in chosen.infra.hosts.values():
        yield from ((page, None) for page in (host.node_exporter, host.gpu_exporter) if page is not None)
    if chosen.document.url is not None:
        yield chosen.document.url, None
    if config.router.tracing.endpoint is not None:
        yield config.router.tracing.endpoint, None
    yield from ((url, None) for url in config.router.jobs.webhooks.allow)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _file(ca_file: str | None) -> str | None:
    return None if ca_file is None else str(Path(ca_file).expanduser())
