"""`POST /tools/{tool}/{operation}`: one operation of a tool, without any decision.

Rules of this file
- It translates. What an operation prepares waits in the session for its yes, as in a chat; whoever calls the operation
  that carries it out has said that yes.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from router.api.context import OWNER, begin_record, json_object, service_of, trail
from router.ask import Ask
from router.errors import BadRequest, NotFound
from router.events import Drafted, Event, ToolUsed
from router.tool_use import Wanted


class ToolBody(BaseModel):
    """The body; it may be `{}`."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    params: dict[str, Any] = Field(default_factory=dict)
    session: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    lang: Literal["ko", "en"] | None = None


async def call(request: web.Request) -> web.StreamResponse:
    """The result, or why there is none: both are a plain text and the same for programs."""
    service = service_of(request)
    name, operation = request.match_info["tool"], request.match_info["operation"]
    tool = service.tools.get(name)
    if tool is None or operation not in tool.operations:
        raise NotFound("There is no such tool or operation; GET /tools tells those that there are.")
    body = _read(await json_object(request))
    language = body.lang or service.config.router.language
    answer: dict[str, Any] = {"tool": name, "operation": operation, "draft": None}

    async def collect(event: Event) -> None:
        match event:
            case ToolUsed():
                answer.update(data=dict(event.data), failed="failed" in event.data)
            case Drafted(draft):
                answer.update(draft={"summary": draft.summary, "expires_at": draft.expires_at})

    with service.occupancy.chat():
        record = begin_record(request, "tool")
        ask = Ask("", request[OWNER], language, body.session)
        session, result = await service.turns.use(ask, Wanted(name, operation, body.params), record, collect)
    answer |= {"session": session, "text": result.text}
    headers = trail(record, record.deciding)
    return web.Response(body=orjson.dumps(answer), content_type="application/json", headers=headers)


def _read(raw: Mapping[str, Any]) -> ToolBody:
    try:
        return ToolBody.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        param = str(first["loc"][0]) if first["loc"] else None
        raise BadRequest(
            f"{param}: {first['msg'].lower()}; known are {', '.join(ToolBody.model_fields)}.", param=param
        ) from None
