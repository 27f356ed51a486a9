"""The tools of one server of others as a tool of Maek.

Rules of this file
- What only reads runs at once. What may change something becomes a draft, and runs at the user's yes, once: it is
  claimed before it is begun, and whatever comes after the claim is told and never repeated.
- A tool whose name, schema or number cannot be used is left out, and the log says why.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from router.config_tools.mcp import Confirm, McpServerConfig
from router.errors import ToolFailed
from router.mcp import words
from router.mcp.contents import result_of, why_failed
from router.mcp.naming import CONFIRMED, allowed, on_one_line, operation_name, quoted, tool_name
from router.mcp.remote import Answer, RemoteFailed, RemoteTool
from router.mcp.schemas import SchemaRefused, params_model, plain_schema
from router.mcp.spent import claim
from router.tools.parameters import NoParams, canonical
from router.tools.spec import Operation, PendingDraft, Tool, ToolCall, ToolResult

log = logging.getLogger(__name__)

MAX_OPERATIONS = 32
"""Of one server: more would not fit into the classifier's prompt. `allow` says which."""
MAX_DESCRIPTION_CHARACTERS = 160
MAX_SUMMARY_CHARACTERS = 1500
"""Of the parameters that a user is asked to agree to."""
DRAFT_SECONDS = 600.0
"""A yes that comes later may answer something else."""
SETTLING_SECONDS = 5.0
"""After the deadline of a confirmed call, for saying that its end is not known."""

Ask = Callable[[str, Mapping[str, Any]], Awaitable[Answer]]
"""A tool of the server, as it calls it, and its arguments. Raises RemoteFailed or NotUp."""


class NotUp(RemoteFailed):
    """The server is not connected: nothing was sent."""


@dataclass(frozen=True, slots=True)
class Server:
    """Whose tools these are."""

    name: str
    settings: McpServerConfig
    data_folder: Path
    ask: Ask

    @property
    def title(self) -> str:
        """What users and the classifier call it."""
        return self.settings.title or self.name


@dataclass(slots=True)
class _Offered:
    """What a server offers, as far as it can be used."""

    operations: dict[str, Operation]
    waiting: dict[str, str]
    """Operations that need a yes → what the server calls them."""


def tool_of(server: Server, remote: Iterable[RemoteTool], trouble: str | None) -> Tool:
    """The tool of Maek; without operations where the server has told of none yet."""
    offered = _Offered({}, {})
    for one in remote:
        if not allowed(one.name, server.settings.allow):
            continue
        why = _added(offered, server, one)
        if why is not None:
            log.warning("mcp tool left out server=%s tool=%r reason=%s", server.name, on_one_line(one.name, 80), why)
    operations = offered.operations
    if offered.waiting:
        operations[CONFIRMED] = _confirming(server, offered)
    ko, en = words.heading(server.title)
    return Tool(tool_name(server.name), ko, en, operations, foreign=True, trouble=trouble)


def _added(offered: _Offered, server: Server, remote: RemoteTool) -> str | None:
    """Adds one; or the reason why not."""
    name = operation_name(remote.name)
    if name is None or name in offered.operations:
        return "its name cannot be used, or is there already"
    if len(offered.operations) >= MAX_OPERATIONS:
        return f"more than {MAX_OPERATIONS} tools; choose some with `allow`"
    try:
        params = params_model(plain_schema(remote.schema))
    except SchemaRefused as refused:
        return str(refused)
    title = quoted(remote.description, MAX_DESCRIPTION_CHARACTERS) or name
    waits = _waits(server, remote)
    run = partial(_draft, server, name) if waits else partial(_read, server, name, remote.name)
    offered.operations[name] = Operation(
        name,
        title,
        title,
        params,
        run,
        drafts=waits,
        reaches_out=True,
        timeout_seconds=server.settings.timeout_seconds,
    )
    if waits:
        offered.waiting[name] = remote.name
    return None


def _waits(server: Server, remote: RemoteTool) -> bool:
    match server.settings.confirm:
        case Confirm.ALWAYS:
            return True
        case Confirm.NEVER:
            return False
        case Confirm.BY_ANNOTATION:
            return not remote.read_only


def _confirming(server: Server, offered: _Offered) -> Operation:
    waiting = {name: (offered.operations[name].params, remote) for name, remote in offered.waiting.items()}
    return Operation(
        CONFIRMED,
        "확인받은 실행",
        "run what waits, after the user's yes",
        NoParams,
        partial(_confirmed, server, waiting),
        writes=True,
        timeout_seconds=server.settings.timeout_seconds + SETTLING_SECONDS,
    )


async def _read(server: Server, operation: str, remote: str, call: ToolCall, params: BaseModel) -> ToolResult:
    try:
        answer = await server.ask(remote, _given(params))
    except NotUp as error:
        raise words.not_up(call.language, server.title, str(error)) from error
    except RemoteFailed as error:
        log.warning("mcp call failed server=%s tool=%s reason=%s", server.name, operation, error.for_log)
        raise words.broke_off(call.language, server.title) from error
    if answer.failed:
        raise ToolFailed(words.failed(call.language, server.title, why_failed(answer)))
    return result_of(answer, server.name, operation, server.title, call.language)


async def _draft(server: Server, operation: str, call: ToolCall, params: BaseModel) -> ToolResult:
    """Nothing is sent: the user is shown what would be."""
    given = _given(params)
    summary = words.summary(call.language, f"{server.title}.{operation}", shown(given))
    kept = call.session is not None
    data = {"server": server.name, "operation": operation, "waits": kept, "params": given}
    text = words.drafted(call.language, summary, kept=kept)
    if not kept:
        return ToolResult(text, data)
    expires_at = call.now.timestamp() + DRAFT_SECONDS
    return ToolResult(text, data, draft=PendingDraft(tool_name(server.name), operation, given, summary, expires_at))


def shown(given: Mapping[str, Any]) -> str:
    """The parameters for whoever is asked for a yes: where they are too long, something of each, with how many
    characters of it are not shown. None may stand where nobody sees it."""
    whole = orjson.dumps(given).decode()
    if len(whole) <= MAX_SUMMARY_CHARACTERS:
        return on_one_line(whole, MAX_SUMMARY_CHARACTERS)
    each = MAX_SUMMARY_CHARACTERS // len(given)
    return ", ".join(f'"{name}": {_beginning(orjson.dumps(value).decode(), each)}' for name, value in given.items())


def _beginning(text: str, most: int) -> str:
    return on_one_line(text, most) + (f" (+{len(text) - most})" if len(text) > most else "")


async def _confirmed(
    server: Server, waiting: Mapping[str, tuple[type[BaseModel], str]], call: ToolCall, _params: BaseModel
) -> ToolResult:
    draft = call.draft
    if draft is None or draft.tool != tool_name(server.name) or call.now.timestamp() >= draft.expires_at:
        raise words.expired(call.language)
    if draft.operation not in waiting:
        raise words.expired(call.language)
    params, remote = waiting[draft.operation]
    try:
        given = canonical(params, draft.params)
    except ValidationError as error:
        # The server came back with other parameters than the user agreed to.
        raise words.expired(call.language) from error
    return await _run_once(server, remote, call, draft, given)


async def _run_once(
    server: Server, remote: str, call: ToolCall, draft: PendingDraft, given: Mapping[str, Any]
) -> ToolResult:
    now = call.now.timestamp()
    try:
        ours = await asyncio.to_thread(claim, server.data_folder, call.owner, call.session or "", draft, now)
    except OSError as error:
        log.error("mcp call not noted folder=%s reason=%s", server.data_folder, error.strerror)
        raise words.not_claimed(call.language) from error
    if not ours:
        return _settled(server, draft, words.run_before(call.language), run_before=True)
    try:
        async with asyncio.timeout(server.settings.timeout_seconds):
            answer = await server.ask(remote, given)
    except NotUp as error:
        log.warning("mcp call not sent server=%s tool=%s reason=not up", server.name, draft.operation)
        return _settled(server, draft, words.not_up(call.language, server.title, str(error)).message, failed=True)
    except (RemoteFailed, TimeoutError) as error:
        why = getattr(error, "for_log", "no answer in time")
        log.warning("mcp call of unknown end server=%s tool=%s reason=%s", server.name, draft.operation, why)
        return _settled(server, draft, words.unknown_end(call.language, server.title), failed=True)
    if answer.failed:
        return _settled(server, draft, words.failed(call.language, server.title, why_failed(answer)), failed=True)
    found = result_of(answer, server.name, draft.operation, server.title, call.language)
    return ToolResult(found.text, found.data, settles_draft=True)


def _settled(server: Server, draft: PendingDraft, text: str, **how: bool) -> ToolResult:
    """It waits no more, however it ended."""
    return ToolResult(text, {"server": server.name, "operation": draft.operation, **how}, settles_draft=True)


def _given(params: BaseModel) -> dict[str, Any]:
    return params.model_dump(mode="json", by_alias=True, exclude_none=True)
