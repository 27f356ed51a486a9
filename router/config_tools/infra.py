"""What an operator sets for the machines and services."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from router.config_folder import DIRECTORY_WANTED, check_directory
from sidecar.config import EmptyList, EmptyMapping, Name, Section, refused

WEB_WANTED = "http://HOST:PORT/PATH or https://HOST:PORT/PATH, without user and password"


def _readable(url: str) -> bool:
    """Whether there is a host in it, and no port that is none."""
    try:
        parts = urlsplit(url)
        return bool(parts.scheme == "unix" or parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _web(url: str) -> str:
    if not _readable(url):
        raise refused(WEB_WANTED, found="something else (not shown)")
    return url


WebUrl = Annotated[
    str,
    Field(
        pattern=r"^https?://[^\s/@]+(/[^\s]*)?$",
        max_length=2000,
        json_schema_extra={"$comment": WEB_WANTED},
    ),
    AfterValidator(_web),
]

HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*)|\[[0-9A-Fa-f:.]+\])"
PORT = r":[0-9]{1,5}"
ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*|[0-9A-Fa-f:]+[0-9A-Fa-f.:]*")
ADDRESS_WANTED = "a host name or an IP address, without a port"
DOCKER = re.compile(rf"unix:///[^\s]+|tcp://{HOST}{PORT}|ssh://(?:[A-Za-z_][A-Za-z0-9._-]*@)?{HOST}(?:{PORT})?")
"""Nothing that ssh could take for an option, and no password."""
DOCKER_WANTED = "unix:///PATH, tcp://HOST:PORT, ssh://HOST, ssh://USER@HOST or ssh://USER@HOST:PORT, without a password"


def _docker(url: str) -> str:
    if DOCKER.fullmatch(url) is None or not _readable(url):
        raise refused(DOCKER_WANTED, found="something else (not shown)")
    return url


def _address(address: str) -> str:
    if ADDRESS.fullmatch(address) is None:
        raise refused(ADDRESS_WANTED)
    return address


DockerUrl = Annotated[
    str, AfterValidator(_docker), Field(max_length=300, json_schema_extra={"$comment": DOCKER_WANTED})
]
Address = Annotated[
    str, AfterValidator(_address), Field(max_length=255, json_schema_extra={"$comment": ADDRESS_WANTED})
]
FilePath = Annotated[str, AfterValidator(check_directory), Field(json_schema_extra={"$comment": DIRECTORY_WANTED})]


class DockerTlsConfig(Section):
    """The certificates for a Docker at tcp://, as `docker --tlsverify` wants them."""

    ca: FilePath
    """File with who may have signed Docker's certificate (PEM)."""
    cert: FilePath
    """File with our own certificate (PEM)."""
    key: FilePath
    """File with its key, without a passphrase (PEM)."""

    def paths(self) -> tuple[Path, Path, Path]:
        """The three files."""
        return Path(self.ca), Path(self.cert), Path(self.key)


class HostConfig(Section):
    """A machine that infra.status, infra.disk and infra.models can be asked about."""

    address: Address | None = None
    """Its name or IP address; backends at this address are on it, without being named."""
    backends: Annotated[tuple[Name, ...], EmptyList] = ()
    """Names of the backends that run on it, where the address does not tell; a local machine that names none has all
    that no other machine has."""
    local: bool = False
    """It is the machine that Maek runs on, so that disk and memory can be told."""
    docker: DockerUrl | None = None
    """Where its Docker or Podman is, for its containers; only read."""
    docker_tls: DockerTlsConfig | None = None
    """Certificates for tcp://; null: not encrypted, for networks that are."""
    node_exporter: WebUrl | None = None
    """Metrics of its Prometheus node_exporter, for disks, memory, load and temperature."""
    gpu_exporter: WebUrl | None = None
    """Metrics of its dcgm-exporter or nvidia_gpu_exporter."""


class ServiceConfig(Section):
    """A server that infra.health can be asked about."""

    url: WebUrl
    """Asked with GET; any answer under 500 means that somebody is there."""


class InfraConfig(Section):
    """What the infra tool knows."""

    hosts: Annotated[dict[Name, HostConfig], EmptyMapping] = Field(
        default_factory=lambda: {"gpu": HostConfig(local=True)}
    )
    """The machines, by the names that people use for them."""
    services: Annotated[dict[Name, ServiceConfig], EmptyMapping] = Field(default_factory=dict)
    """Other servers to look after, by the names that people use for them."""
    tailscale_socket: FilePath | None = None
    """Socket of tailscaled, for infra.network; null: where it usually is, if it is there."""
