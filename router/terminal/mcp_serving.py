"""`maek mcp`: the server's side of the Model Context Protocol, by the official SDK.

Rules of this file
- It asks a running Maek over HTTP, as every other client does: no second truth, and the same keys.
- What changes something is asked of the user first, where the client can ask him; where it cannot, the tool says of
  itself that it writes, and asking is the client's part.
- Errors of Maek are results, so that the model reads the sentence; nothing of an exception is shown.
"""

import os
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import aiohttp
import mcp_types as types
import orjson
import uvicorn
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from router.language import pick
from router.terminal.mcp_tools import Offered, body_of, offered, read_answer
from router.terminal.remote import KEY_VARIABLE

ANSWER_SECONDS = 600.0
"""A reasoner may take minutes; the client's own deadline and hang-up come first."""
LIST_SECONDS = 10.0
MAX_CONNECTIONS = 1000
"""Whose conversations are remembered; beyond it the one unused for longest is forgotten."""

INSTRUCTIONS = (
    "Maek routes messages to the LLM servers of this house and has tools of its own: calendar, mail, documents, "
    "infrastructure. What it writes is prepared as a draft; carry a draft out only after the user has agreed to it."
)

Context = ServerRequestContext[Any, Any]


class AskedInVain(Exception):
    """Maek gave no answer that could be used; the text says why and what to do."""


class Offering:
    """What a client sees of the Maek at `url`. `language` is that of our own sentences; `lang`, where it was chosen,
    that of the answers."""

    def __init__(self, url: str, language: str, lang: str | None) -> None:
        self._url = url.rstrip("/")
        self._language = language
        self._lang = lang
        self._sessions: dict[str, str] = {}
        """The conversation of each connection, the one used last at the end."""
        self.server: Server[Any] = Server(
            "maek",
            version=version("maek"),
            instructions=INSTRUCTIONS,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
        )

    async def _list_tools(
        self, _context: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_told(one) for one in (await self._offered()).values()])

    async def _call_tool(self, context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        try:
            one = (await self._offered()).get(params.name)
            if one is None:
                raise AskedInVain(
                    pick(self._language, ko="지금은 그런 도구가 없습니다.", en="There is no such tool now.")
                )
            arguments = params.arguments or {}
            if one.writes and one.in_params and not await self._agreed(context, one):
                raise AskedInVain(
                    pick(
                        self._language,
                        ko="사용자가 승낙하지 않아 아무것도 하지 않았습니다.",
                        en="The user did not agree, so nothing was done.",
                    )
                )
            return await self._called(context, one, arguments)
        except AskedInVain as vain:
            return types.CallToolResult(content=[types.TextContent(type="text", text=str(vain))], is_error=True)

    async def _called(self, context: Context, one: Offered, arguments: Mapping[str, Any]) -> types.CallToolResult:
        connection = _connection(context)
        body = body_of(one, arguments, self._sessions.get(connection or ""), self._lang)
        answer = await self._asked(one.method, one.path, body if one.method == "POST" else None, ANSWER_SECONDS)
        session = answer.get("session")
        if one.keeps_session and connection is not None and isinstance(session, str):
            self._sessions.pop(connection, None)
            self._sessions[connection] = session
            if len(self._sessions) > MAX_CONNECTIONS:
                del self._sessions[next(iter(self._sessions))]
        text, data, failed = read_answer(one, answer)
        said = orjson.dumps(data, option=orjson.OPT_INDENT_2).decode() if text is None else text
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=said)], structured_content=dict(data), is_error=failed
        )

    async def _agreed(self, context: Context, one: Offered) -> bool:
        """Asks the user, where the client can; True where it cannot: then it has asked, or not, by itself."""
        able = context.session.client_capabilities
        if able is None or able.elicitation is None or not context.session.can_send_request:
            return True
        said = await context.session.elicit_form(
            pick(
                self._language,
                ko=f"{one.name}: 준비된 초안을 실행할까요?",
                en=f"{one.name}: carry out what was prepared?",
            ),
            {"type": "object", "properties": {}},
            related_request_id=context.request_id,
        )
        return said.action == "accept"

    async def _offered(self) -> dict[str, Offered]:
        tools = await self._asked("GET", "/tools", None, LIST_SECONDS)
        return {one.name: one for one in offered(tools)}

    async def _asked(self, method: str, path: str, body: Mapping[str, Any] | None, seconds: float) -> dict[str, Any]:
        key = os.environ.get(KEY_VARIABLE)
        headers = {"authorization": f"Bearer {key}"} if key else {}
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            async with (
                aiohttp.ClientSession(headers=headers, timeout=timeout) as http,
                http.request(method, self._url + path, json=body) as response,
            ):
                answer = orjson.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise AskedInVain(
                pick(
                    self._language,
                    ko=f"{self._url}에서 응답이 없습니다. `maek serve`가 실행 중인가요?",
                    en=f"Nothing answers at {self._url}. Is `maek serve` running?",
                )
            ) from error
        except orjson.JSONDecodeError as error:
            raise AskedInVain(self._no_maek()) from error
        if response.status == 200 and isinstance(answer, dict):
            return answer
        raise AskedInVain(self._refused(response.status, answer))

    def _refused(self, status: int, answer: Any) -> str:
        if status == 401:
            return pick(
                self._language,
                ko=f"이 Maek은 키가 필요합니다. 환경 변수 {KEY_VARIABLE}에 키를 넣어 주세요.",
                en=f"This Maek wants a key; put one that it knows into the environment variable {KEY_VARIABLE}.",
            )
        try:
            return str(answer["error"]["message"])
        except (LookupError, TypeError):
            return self._no_maek()

    def _no_maek(self) -> str:
        return pick(
            self._language,
            ko=f"{self._url}에서 응답하는 것은 Maek이 아닙니다.",
            en=f"What answers at {self._url} is not Maek.",
        )


def _connection(context: Context) -> str | None:
    """What a conversation belongs to where the client names none; None: requests that come one by one."""
    if context.request is None:
        return "standard streams"
    found: str | None = context.request.headers.get("mcp-session-id")
    return found


def _told(one: Offered) -> types.Tool:
    annotations = types.ToolAnnotations(
        read_only_hint=not one.writes, destructive_hint=False, open_world_hint=not one.in_params
    )
    return types.Tool(
        name=one.name, description=one.description, input_schema=dict(one.schema), annotations=annotations
    )


async def on_standard_streams(offering: Offering) -> None:
    """Serve one client on standard input and output, until the input ends."""
    async with stdio_server() as (read, write):
        await offering.server.run(read, write, offering.server.create_initialization_options())


def on_http(offering: Offering, host: str, port: int) -> None:
    """Serve streamable HTTP at /mcp until interrupted. The SDK refuses what comes from web pages of elsewhere."""
    uvicorn.run(offering.server.streamable_http_app(host=host), host=host, port=port, log_level="warning")
