"""Where a machine's Docker is, and the connection to it.

Rules of this file
- A door is a plain value; nothing is opened or read before somebody asks.
- Whoever reaches Docker's socket is as good as root on that machine. So a door is only ever given to
  `docker.read_containers`, which asks one question.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from router.tools.hosts.plain import plain
from router.tools.hosts.trouble import Trouble, Why


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files (PEM) for TLS in both directions: who the other side may be, and who we are."""

    ca: Path
    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class UnixDoor:
    """A socket on this machine."""

    path: str


@dataclass(frozen=True, slots=True)
class TcpDoor:
    """A port; without certificates nothing is encrypted and nobody is asked who he is."""

    host: str
    port: int
    certificates: Certificates | None = None


@dataclass(frozen=True, slots=True)
class SshDoor:
    """A machine that the user Maek runs as may log in to, with a key. Port and user: None leaves them to ssh."""

    host: str
    port: int | None = None
    user: str | None = None


Door = UnixDoor | TcpDoor | SshDoor


def door_of(url: str, certificates: Certificates | None = None) -> Door:
    """The door of an address that the configuration has checked."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    match parts.scheme:
        case "unix":
            return UnixDoor(parts.path)
        case "ssh":
            return SshDoor(host, parts.port, parts.username)
        case _:
            return TcpDoor(host, parts.port or 0, certificates)


def base_url(door: UnixDoor | TcpDoor) -> str:
    """Where a path is appended. Of a socket the name is only for the header `Host`."""
    if isinstance(door, UnixDoor):
        return "http://docker"
    host = f"[{door.host}]" if ":" in door.host else door.host
    return f"{'http' if door.certificates is None else 'https'}://{host}:{door.port}"


def tls_context(certificates: Certificates) -> ssl.SSLContext:
    """The context for these files. Reads them, so call it in a thread. Raises Trouble naming the file."""
    for path in (certificates.ca, certificates.cert, certificates.key):
        try:
            with path.expanduser().open("rb") as file:
                file.read(1)
        except OSError as error:
            raise Trouble(Why.FILES, plain(f"{path}: {error.strerror}", 300)) from error
    try:
        context = ssl.create_default_context(cafile=certificates.ca.expanduser())
    except (ssl.SSLError, OSError) as error:
        raise Trouble(Why.FILES, plain(str(certificates.ca), 300)) from error
    try:
        # Without a password of ours OpenSSL would ask for one at the terminal, and wait.
        context.load_cert_chain(
            certificates.cert.expanduser(), certificates.key.expanduser(), password=lambda: "none is known"
        )
    except (ssl.SSLError, OSError) as error:
        raise Trouble(Why.FILES, plain(f"{certificates.cert}, {certificates.key}", 300)) from error
    return context


def connector(door: UnixDoor | TcpDoor, context: ssl.SSLContext | None) -> aiohttp.BaseConnector:
    """A connector for one question. Call it inside the event loop."""
    if isinstance(door, UnixDoor):
        return aiohttp.UnixConnector(door.path, force_close=True)
    return aiohttp.TCPConnector(force_close=True, ssl=context if context is not None else True)
