"""What an operator sets for the machines and services."""

from typing import Annotated

from pydantic import Field

from sidecar.config import EmptyList, EmptyMapping, Name, Section


class HostConfig(Section):
    """A machine that infra.status, infra.disk and infra.models can be asked about."""

    backends: Annotated[tuple[Name, ...], EmptyList] = ()
    """Names of the backends that run on it; a local machine that names none has all that no other machine has."""
    local: bool = False
    """It is the machine that Maek runs on, so that disk and memory can be told."""


class ServiceConfig(Section):
    """A server that infra.health can be asked about."""

    url: Annotated[
        str,
        Field(
            pattern=r"^https?://[^\s/@]+(/[^\s]*)?$",
            max_length=2000,
            json_schema_extra={
                "$comment": "http://HOST:PORT/PATH or https://HOST:PORT/PATH, without user and password"
            },
        ),
    ]
    """Asked with GET; any answer under 500 means that somebody is there."""


class InfraConfig(Section):
    """What the infra tool knows."""

    hosts: Annotated[dict[Name, HostConfig], EmptyMapping] = Field(
        default_factory=lambda: {"gpu": HostConfig(local=True)}
    )
    """The machines, by the names that people use for them."""
    services: Annotated[dict[Name, ServiceConfig], EmptyMapping] = Field(default_factory=dict)
    """Other servers to look after, by the names that people use for them."""
