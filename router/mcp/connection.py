"""One connection to a server of others, by the official SDK.

Rules of this file
- The only door to the SDK's client; loading it takes a second, so it is imported in a thread when it is first needed.
- Whatever goes wrong inside comes out as RemoteFailed. Its text is ours or bounded, and never holds a header or a
  variable.
- Nothing is granted to a server: no sampling of models, no questions to the user, no folders.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any, TypeVar

import anyio
import mcp_types as types
from mcp.client._transport import TransportStreams
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel, ValidationError

from router.mcp.child import piped
from router.mcp.naming import on_one_line
from router.mcp.remote import Address, Answer, Block, RemoteFailed, RemoteTool
from router.mcp.web import web_client

T = TypeVar("T", bound=BaseModel)

HANDSHAKE_SECONDS = 60.0
"""From the start to the handshake: `npx` and `uvx` fetch what they run at the first time."""
LIST_SECONDS = 20.0
PING_SECONDS = 10.0
MAX_PAGES = 20
MAX_TOOLS = 500
"""Of one server; more are not looked at."""
MAX_REASON_CHARACTERS = 300
MAX_BLOCKS = 64

# What the SDK has to say of a connection is said by its state; its own lines repeat messages.
logging.getLogger("mcp").setLevel(logging.CRITICAL)
logging.getLogger("httpx2").setLevel(logging.WARNING)


class SdkLink:
    """A `Link` over a session that has shaken hands."""

    def __init__(self, session: ClientSession, changed: asyncio.Event, gone: asyncio.Event) -> None:
        self._session = session
        self.changed = changed
        self.gone = gone

    async def tools(self) -> Sequence[RemoteTool]:
        """Every tool that it has, up to `MAX_TOOLS`. Raises RemoteFailed."""
        found: list[RemoteTool] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            # Not `list_tools`, nor `call_tool` below: they compile the schemas of results, which may be traps.
            asked = types.ListToolsRequest(params=types.PaginatedRequestParams(cursor=cursor))
            page = await self._asked(asked, types.ListToolsResult, LIST_SECONDS)
            found += map(_tool, page.tools)
            cursor = page.next_cursor
            if cursor is None or len(found) >= MAX_TOOLS:
                break
        return found[:MAX_TOOLS]

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        """The answer of one tool. Raises RemoteFailed."""
        params = types.CallToolRequestParams(name=name, arguments=dict(arguments))
        return _answer(await self._asked(types.CallToolRequest(params=params), types.CallToolResult, None))

    async def ping(self) -> None:
        """Returns when the server has answered. Raises RemoteFailed."""
        await self._asked(types.PingRequest(), types.EmptyResult, PING_SECONDS)

    async def _asked(self, request: types.ClientRequest, result: type[T], seconds: float | None) -> T:
        try:
            return await self._session.send_request(request, result, request_read_timeout_seconds=seconds)
        except MCPError as error:
            if error.code == types.CONNECTION_CLOSED:
                self.gone.set()
            raise RemoteFailed(on_one_line(error.message, MAX_REASON_CHARACTERS), theirs=True) from error
        except ValidationError as error:
            raise RemoteFailed("it answered with something that the protocol does not know") from error
        except (anyio.ClosedResourceError, anyio.BrokenResourceError) as error:
            self.gone.set()
            raise RemoteFailed("the connection is closed") from error


@asynccontextmanager
async def connected(server: str, address: Address) -> AsyncIterator[SdkLink]:
    """A connection that has shaken hands, until the context is left. Raises RemoteFailed."""
    changed, gone = asyncio.Event(), asyncio.Event()

    async def heard(message: Any) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            changed.set()

    async with AsyncExitStack() as stack:
        transport: AbstractAsyncContextManager[TransportStreams]
        if address.url is None:
            transport = piped(server, address, gone)
        else:
            answer_seconds = max(HANDSHAKE_SECONDS, address.call_seconds)
            client = await stack.enter_async_context(web_client(address.headers, answer_seconds))
            transport = streamable_http_client(address.url, http_client=client)
        streams = await stack.enter_async_context(transport)
        me = types.Implementation(name="maek", version=version("maek"))
        session = ClientSession(*streams, message_handler=heard, client_info=me)
        await stack.enter_async_context(session)
        await _shaken_hands(session)
        yield SdkLink(session, changed, gone)


async def _shaken_hands(session: ClientSession) -> None:
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            await session.initialize()
    except TimeoutError as error:
        raise RemoteFailed(f"it did not answer within {HANDSHAKE_SECONDS:g} seconds") from error
    except MCPError as error:
        raise RemoteFailed(on_one_line(error.message, MAX_REASON_CHARACTERS), theirs=True) from error
    except (ValidationError, RuntimeError) as error:
        # RuntimeError is what the SDK says of a version of the protocol that it does not speak.
        raise RemoteFailed("it does not speak a version of the protocol that Maek knows") from error


def _tool(tool: types.Tool) -> RemoteTool:
    read_only = tool.annotations is not None and tool.annotations.read_only_hint is True
    return RemoteTool(tool.name, tool.description or tool.title or "", tool.input_schema, read_only)


def _answer(result: types.CallToolResult) -> Answer:
    blocks = [_block(block) for block in result.content[:MAX_BLOCKS]]
    if len(result.content) > MAX_BLOCKS:
        blocks.append(Block(f"+{len(result.content) - MAX_BLOCKS}", named=True))
    return Answer(blocks, result.structured_content, failed=bool(result.is_error))


def _block(block: Any) -> Block:
    match block:
        case types.TextContent():
            return Block(block.text)
        case types.ImageContent() | types.AudioContent():
            return Block(f"{block.type} {block.mime_type}, {len(block.data) * 3 // 4} B", named=True)
        case types.ResourceLink():
            return Block(f"{block.name}: {block.uri}", named=True)
        case types.EmbeddedResource(resource=types.TextResourceContents() as resource):
            return Block(resource.text)
        case types.EmbeddedResource(resource=resource):
            return Block(f"{resource.mime_type or 'file'} {resource.uri}", named=True)
        case _:
            return Block("?", named=True)
