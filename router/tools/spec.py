"""What a tool is: a specification and coroutines, one for each operation.

Rules of this file
- A tool says what it can do in its specification; the classifier's tool list, `/tools` and the documentation are made
  from it, and nothing else describes a tool.
- A tool never talks to the user: it returns a result, or raises `ToolFailed` with a plain sentence. It talks to models
  only through those that it is lent.
- What a tool found was written by others. Whoever puts it into a prompt marks it as data (`router.decide.sheltering`).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel

from router.tools.models import Models, NoModels


@dataclass(frozen=True, slots=True)
class BackendSummary:
    """What a tool may know about a backend: a projection of the store's snapshot, never a second truth."""

    name: str
    engine: str
    up: bool | None
    """None: not known yet."""
    level: str
    models: tuple[str, ...]
    simulated: bool
    address: str = ""
    """Host of its URL: a machine is known by it."""


class ToolFacts(Protocol):
    """What the router lends to a tool while it runs."""

    def backends(self) -> tuple[BackendSummary, ...]:
        """The backends as the store knows them now."""
        ...


@dataclass(frozen=True, slots=True)
class PendingDraft:
    """Something prepared that waits for the user's yes. Belongs to one session."""

    tool: str
    operation: str
    params: Mapping[str, Any]
    summary: str
    """One sentence for the user and the prompt."""
    expires_at: float
    """Seconds since the epoch (drafts outlive the process)."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call: who asks, when and in which language; parameters come apart, already checked."""

    now: datetime
    """With the zone of the configuration."""
    language: str
    """`ko` or `en`."""
    facts: ToolFacts
    owner: str
    """Whose data it is about, as `router.keys` names owners: users are kept apart."""
    session: str | None
    """The conversation that can keep a draft; None: nobody keeps one for this caller."""
    draft: PendingDraft | None = None
    """The draft that waits in the session, whether or not its time is over."""
    models: Models = field(default_factory=NoModels)
    """Models that the tool may ask, by role."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool found: `text` for the user, in the call's language; `data` the same for programs (JSON-able)."""

    text: str
    data: Mapping[str, Any]
    draft: PendingDraft | None = None
    """What shall wait in the session for the user's yes."""
    settles_draft: bool = False
    """What waited is done, and waits no more."""
    by_model: bool = False
    """The text is a model's own words, which one of those wrote that were lent."""


Run = Callable[[ToolCall, Any], Awaitable[ToolResult]]
"""The second argument is an instance of the operation's parameter model."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a tool can do."""

    name: str
    title_ko: str
    title_en: str
    params: type[BaseModel]
    run: Run
    writes: bool = False
    """It changes something, so that it needs the user's own yes and is never tried twice. A draft changes nothing."""
    drafts: bool = False
    """It prepares something that waits for the user's yes: one at a time."""
    reaches_out: bool = False
    """What it is given may reach somebody else's server: a model that has read others' text may not call it."""
    repeatable: bool = False
    """Of one that writes: done twice with the same draft, it is done once."""
    notice_ko: str | None = None
    """Told to the user before the operation starts."""
    notice_en: str | None = None
    timeout_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Tool:
    """A named group of operations."""

    name: str
    title_ko: str
    title_en: str
    operations: Mapping[str, Operation]
    configured: bool = True
    """False: it is known, listed and decided for, but answers that it is not configured."""
    foreign: bool = False
    """It belongs to somebody else's server, which wrote what its operations and parameters are, and which comes and
    goes: no metric may be labelled with their names."""
    trouble: str | None = None
    """Why it cannot be used now, for the operator; None: nothing is known to be wrong."""
