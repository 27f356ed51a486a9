"""A machine as the operator names it, and which backends run on it.

Rules of this file
- Pure. A backend is on a machine because the operator says so, or because its URL has the machine's address; names are
  not looked up, so that the answer does not change with somebody's DNS.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from router.tools.hosts.doors import Door, SshDoor, TcpDoor
from router.tools.spec import BackendSummary

SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class Host:
    """A machine, what runs on it, and whom to ask about it.

    A local one (Maek itself runs there) that names no backends has all that no other machine has.
    """

    backends: tuple[str, ...] = ()
    local: bool = False
    address: str | None = None
    docker: Door | None = None
    node_exporter: str | None = None
    """URL of its page of metrics."""
    gpu_exporter: str | None = None

    @property
    def addresses(self) -> frozenset[str]:
        """All that it is known by."""
        told = [self.address, *(urlsplit(url).hostname for url in (self.node_exporter, self.gpu_exporter) if url)]
        if isinstance(self.docker, (TcpDoor, SshDoor)):
            told.append(self.docker.host)
        return frozenset(_plain_address(one) for one in told if one)

    @property
    def knockable(self) -> tuple[str, int] | None:
        """An address and a port at which it should be there; None where neither is known, and of Maek's own."""
        if self.local:
            return None
        for url in (self.node_exporter, self.gpu_exporter):
            parts = urlsplit(url or "")
            if parts.hostname:
                return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
        if isinstance(self.docker, TcpDoor):
            return self.docker.host, self.docker.port
        return None if self.address is None else (self.address, SSH_PORT)


def backends_of(name: str, hosts: Mapping[str, Host], known: Sequence[BackendSummary]) -> tuple[BackendSummary, ...]:
    """The backends on the host of that name, in the order of `known`."""
    host = hosts[name]
    if host.local and not host.backends:
        others = [(other, entry) for other, entry in hosts.items() if other != name and not entry.local]
        named = {backend for other in hosts.values() for backend in other.backends}
        return tuple(one for one in known if one.name not in named and not any(_is_on(one, *other) for other in others))
    return tuple(one for one in known if _is_on(one, name, host))


def _is_on(backend: BackendSummary, name: str, host: Host) -> bool:
    if host.backends:
        return backend.name in host.backends or backend.name == name
    address = _plain_address(backend.address)
    return backend.name == name or (
        address != "" and not _is_loopback(address) and address in {name.lower(), *host.addresses}
    )


def _plain_address(address: str) -> str:
    return address.lower().rstrip(".")


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
