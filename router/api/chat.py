"""Our own dialect: `/chat`, `/decide` and `/tools`.

Rules of this file
- It translates: a body into an `Ask`, events into JSON or server-sent events. What happens is decided elsewhere.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from router.api.context import OWNER, begin_record, json_object, priority_header, service_of, trail
from router.api.streaming import Reply
from router.ask import Ask
from router.config_roles import PriorityName
from router.decisions import Record, decision_json
from router.errors import BadRequest, MaekError, TooLarge
from router.event_json import EVENT_NAME, answer_json, event_json
from router.events import Event, Quiet, Token
from router.language import language_of
from router.service import Service
from router.sse import encode
from router.tools.describe import tool_json

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class ChatBody(BaseModel):
    """The body of `/chat` and `/decide`."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    message: Words
    session: str | None = None
    stream: bool = False
    role: Annotated[str, Field(max_length=64)] | None = None
    lang: Literal["ko", "en"] | None = None
    priority: Literal["interactive", "normal", "batch"] | None = None
    resume: bool = False


async def chat(request: web.Request) -> web.StreamResponse:
    """`POST /chat`: one turn, as JSON or as server-sent events."""
    service = service_of(request)
    body = read_body(ChatBody, await json_object(request), service)
    with service.occupancy.chat():
        ask = _ask(body, request, service)
        record = begin_record(request, _known_name(service, body.role))
        if body.stream:
            return await _streamed(request, service, ask, record)
        return await _whole(service, ask, record)


async def decide(request: web.Request) -> web.StreamResponse:
    """`POST /decide`: what would be done with a message, and nothing is done."""
    service = service_of(request)
    body = read_body(ChatBody, await json_object(request), service)
    with service.occupancy.chat():
        ask = _ask(body, request, service)
        record = begin_record(request, "auto")
        session, decision = await service.turns.decide(ask, record)
    answer = {"id": record.id, "session": session, **decision_json(decision)}
    return _json(answer, trail(record, record.deciding))


Body = TypeVar("Body", bound=ChatBody)


def read_body(kind: type[Body], raw: Mapping[str, Any], service: Service) -> Body:
    """A body of this kind. Raises BadRequest, and TooLarge for the message."""
    try:
        body = kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        param = str(first["loc"][0]) if first["loc"] else None
        known = ", ".join(kind.model_fields)
        hint = f"is not known; known are {known}" if first["type"] == "extra_forbidden" else first["msg"].lower()
        raise BadRequest(f"{param}: {hint}.", param=param) from None
    most = service.config.router.limits.message_chars
    if len(body.message) > most:
        raise TooLarge(f"message: longer than {most} characters (router.limits.message_chars).", param="message")
    return body


def _known_name(service: Service, role: str | None) -> str:
    """The name for the log of decisions: one that a stranger made up is not kept."""
    return "auto" if role is None else role if role in service.fleet.roles else "unknown"


def _ask(body: ChatBody, request: web.Request, service: Service) -> Ask:
    language = body.lang or language_of(body.message, service.config.router.language)
    priority = priority_header(request) if body.priority is None else PriorityName(body.priority)
    named = body.lang is not None
    return Ask(body.message, request[OWNER], language, body.session, body.role, priority, body.resume, named)


async def _whole(service: Service, ask: Ask, record: Record) -> web.StreamResponse:
    answer: dict[str, Any] = {"id": record.id, "session": None}

    async def collect(event: Event) -> None:
        answer.update(answer_json(event, service.fleet))

    await service.turns.run(ask, record, collect)
    return _json(answer, trail(record, record.journey))


async def _streamed(request: web.Request, service: Service, ask: Ask, record: Record) -> web.StreamResponse:
    reply = Reply(request, lambda: trail(record, record.journey))
    characters = 0

    async def tell(event: Event) -> None:
        nonlocal characters
        characters += len(event.text) if isinstance(event, Token) else 0
        if isinstance(event, Quiet):
            await reply.keep_alive()
        else:
            await reply.write(encode(event_json(event, service.fleet), EVENT_NAME[type(event)]))

    try:
        await service.turns.run(ask, record, tell)
    except MaekError as error:
        if not reply.begun:
            raise
        record.error = error.code
        service.telemetry.failed(error)
        delivered = {"tokens": record.answering.delivered_tokens, "characters": characters}
        await reply.fail(error, name="error", delivered=delivered)
    return await reply.end()


def _json(value: Mapping[str, Any], headers: Mapping[str, str]) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json", headers=headers)


async def tools(request: web.Request) -> web.StreamResponse:
    """`GET /tools`: what Maek can do besides chatting."""
    service = service_of(request)
    return _json({"tools": [tool_json(tool) for tool in service.tools.values()]}, {})
