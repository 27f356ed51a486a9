"""What Maek knows of a server of others, whichever way it speaks to it.

Rules of this file
- Plain values and one protocol; nothing of the SDK, which is an extra and takes a second to load.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class RemoteTool:
    """A tool as its server describes it: every word of it is somebody else's."""

    name: str
    description: str
    schema: Any
    read_only: bool
    """It says of itself that it changes nothing."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of an answer: `text` as it is, or what is named and not passed on."""

    text: str
    named: bool = False
    """`text` is the name of something that is not shown: an image, a file, a link."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool answered."""

    blocks: Sequence[Block]
    structured: Any = None
    failed: bool = False


class RemoteFailed(Exception):
    """The server cannot be reached, or does not answer as the protocol says; the text says why, without secrets."""

    def __init__(self, why: str, *, theirs: bool = False) -> None:
        super().__init__(why)
        self.for_log = "an error of its own" if theirs else why
        """Without the server's words: they may repeat what it was asked."""


class Link(Protocol):
    """One connection to a server, from its handshake to its end."""

    changed: asyncio.Event
    """Set when the server says that its tools have changed."""
    gone: asyncio.Event
    """Set when the connection is over."""

    async def tools(self) -> Sequence[RemoteTool]:
        """Every tool that it has. Raises RemoteFailed."""
        ...

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        """The answer of one tool; who is cancelled while he waits cancels it there too. Raises RemoteFailed."""
        ...

    async def ping(self) -> None:
        """Returns when the server has answered. Raises RemoteFailed."""
        ...


@dataclass(frozen=True, slots=True)
class Address:
    """How a server is reached, with its secrets read. They are in no representation of it."""

    command: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str | None = None
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    call_seconds: float = 0.0
    """No call takes longer."""
