"""What an operator sets for servers of others that offer tools (the Model Context Protocol)."""

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from router.config_folder import DIRECTORY_WANTED, check_directory
from sidecar.config import (
    ByName,
    EmptyList,
    EmptyMapping,
    Seconds,
    SecretReference,
    Section,
    Word,
    refused,
)

SERVER_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,31}$"
SERVER_WANTED = "a name of up to 32 small letters, digits, dashes and underscores that begins with a letter or digit"
URL_PATTERN = r"^https?://[^\s/@]+(/[^\s]*)?$"
URL_WANTED = "http://HOST:PORT/PATH or https://HOST:PORT/PATH, without user and password"
ONE_WANTED = "either `command`, for a program that Maek starts, or `url`, for a server that runs already"
VARIABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
HEADER_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9-]*$"


def _server_name(name: str) -> str:
    if re.fullmatch(SERVER_PATTERN, name) is None:
        raise refused(SERVER_WANTED)
    return name


ServerName = Annotated[
    str,
    AfterValidator(_server_name),
    Field(json_schema_extra={"pattern": SERVER_PATTERN, "$comment": SERVER_WANTED}),
]
Variable = Annotated[str, Field(pattern=VARIABLE_PATTERN, max_length=128)]
HeaderName = Annotated[str, Field(pattern=HEADER_PATTERN, max_length=128)]
Argument = Annotated[str, Field(max_length=4000, pattern=r"^[^\x00]*$")]


class Confirm(StrEnum):
    """When a tool of others waits for the user's yes."""

    BY_ANNOTATION = "by_annotation"
    ALWAYS = "always"
    NEVER = "never"


class McpServerConfig(Section):
    """A server of others, whose tools Maek offers beside its own."""

    command: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]+$")] | None = None
    """The program to start; it speaks on its standard input and output. It ends when Maek ends."""
    args: Annotated[tuple[Argument, ...], EmptyList] = ()
    """Its arguments."""
    env: Annotated[dict[Variable, SecretReference], EmptyMapping] = Field(default_factory=dict)
    """Environment variables that it gets besides PATH, HOME, USER, SHELL, TERM and LANG, each by reference."""
    cwd: (
        Annotated[str, AfterValidator(check_directory), Field(json_schema_extra={"$comment": DIRECTORY_WANTED})] | None
    ) = None
    """The folder that it runs in; null: Maek's own."""
    url: (
        Annotated[str, Field(pattern=URL_PATTERN, max_length=2000, json_schema_extra={"$comment": URL_WANTED})] | None
    ) = None
    """Where a server that runs already answers (streamable HTTP)."""
    headers: Annotated[dict[HeaderName, SecretReference], EmptyMapping] = Field(default_factory=dict)
    """Headers of every request to it, each by reference: Authorization: env:TOKEN, with "Bearer …" in the variable."""
    title: Word | None = None
    """What it is for, in a few words that users and the classifier read; null: its name."""
    allow: Annotated[tuple[Word, ...], EmptyList] = ("*",)
    """Which of its tools may be used: names, or patterns with * and ?."""
    confirm: Annotated[Confirm, ByName] = Confirm.BY_ANNOTATION
    """Which of them wait for the user's yes. by_annotation: all that do not say of themselves that they only read."""
    timeout_seconds: Seconds = 30.0
    """Seconds for one call; then it is cancelled there too."""

    @model_validator(mode="after")
    def _one_way_to_it(self) -> Any:
        if (self.command is None) == (self.url is None):
            raise refused(ONE_WANTED, found="both" if self.command else "neither")
        return self


class McpConfig(Section):
    """Servers of others that offer tools."""

    servers: Annotated[dict[ServerName, McpServerConfig], EmptyMapping] = Field(default_factory=dict)
    """The servers, by the names that their tools get: `time` makes mcp_time."""
