"""OpenAI's dialect: `/v1/chat/completions`, `/v1/completions`, `/v1/embeddings`, `/v1/models`.

Rules of this file
- It passes on: whatever a caller sends besides the model goes to the backend as it is, and the backend's bytes come
  back as they are. Only `auto` reads the last message, to decide on it.
- `model` is `auto`, a role, or the name of a model that some backend has, in this order.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from aiohttp import web

from router.api.context import (
    OWNER,
    begin_record,
    conversation_of,
    json_object,
    priority_header,
    service_of,
    session_of,
    trail,
)
from router.api.openai_answers import completion_json, delta_event, end_events, model_json, with_choices
from router.api.streaming import Reply
from router.ask import Ask
from router.attempt import CallerRefused, Opened
from router.balance.pools import Pool
from router.call import CHAT_PATH, call_for, with_role_defaults
from router.config import REASONER
from router.config_roles import RoleConfig
from router.conversation import Message, Role
from router.decide.decision import Action, Decision
from router.decisions import Record
from router.errors import BadRequest, MaekError, UnknownModel
from router.events import Done, Event, Loading, Notice, Token, Waiting
from router.language import language_of, language_within
from router.service import Service
from router.signs import BOUNDARY_BYTES, ends_event
from router.silence import filled
from router.sse import comment

AUTO = "auto"


async def chat_completions(request: web.Request) -> web.StreamResponse:
    """`POST /v1/chat/completions`."""
    service = service_of(request)
    body = await json_object(request)
    model = _model_of(body)
    messages = _messages_of(body)
    with service.occupancy.chat():
        record = begin_record(request, _known_name(service, model))
        question = _question(body, messages) if model == AUTO else None
        most = service.config.router.limits.message_chars
        if question is not None and len(question) <= most:
            return await _decided(request, service, body, messages, question, record)
        if question is not None:
            # Nobody says so much to a tool, and reading it for one takes time in which all others wait.
            language = _language(question[:most], messages, service.config.router.language)
            body = dict(_with_system(body, messages, service, language))
        return await _passed_on(request, service, body, REASONER if model == AUTO else model, CHAT_PATH, record)


async def completions(request: web.Request) -> web.StreamResponse:
    """`POST /v1/completions`."""
    return await _plain(request, "/v1/completions", "prompt")


async def embeddings(request: web.Request) -> web.StreamResponse:
    """`POST /v1/embeddings`."""
    return await _plain(request, "/v1/embeddings", "input")


async def models(request: web.Request) -> web.StreamResponse:
    """`GET /v1/models`: `auto`, the roles that somebody serves, and every model of the backends."""
    service = service_of(request)
    return _json({"object": "list", "data": [model_json(name, who) for name, who in _names(service).items()]})


async def one_model(request: web.Request) -> web.StreamResponse:
    """`GET /v1/models/{id}`."""
    service = service_of(request)
    name = request.match_info["id"]
    who = _names(service).get(name)
    if who is None:
        raise UnknownModel("There is no model of this name; GET /v1/models lists what there is.", param="model")
    return _json(model_json(name, who))


async def _plain(request: web.Request, path: str, needs: str) -> web.StreamResponse:
    service = service_of(request)
    body = await json_object(request)
    model = _model_of(body)
    if needs not in body:
        raise BadRequest(f"{needs}: missing.", param=needs)
    if model == AUTO:
        raise BadRequest('model: "auto" is for chats; name a role or a model here.', param="model")
    with service.occupancy.chat():
        record = begin_record(request, _known_name(service, model))
        return await _passed_on(request, service, body, model, path, record)


async def _decided(
    request: web.Request,
    service: Service,
    body: Mapping[str, Any],
    messages: Sequence[Mapping[str, Any]],
    question: str,
    record: Record,
) -> web.StreamResponse:
    """`auto`: decide on the last message; what is routed goes on as the caller wrote it."""
    language = _language(question, messages, service.config.router.language)
    ask = Ask(question, request[OWNER], language, conversation_of(request), priority=priority_header(request))
    history = [_message(m) for m in messages[:-1] if m.get("role") in ("user", "assistant") and _text(m)]
    reply = Reply(request, lambda: trail(record, record.journey))

    async def keep_alive() -> None:
        if body.get("stream"):
            await reply.keep_alive()

    telling = _Telling(reply, record.id, service.now, stream=bool(body.get("stream")))
    try:
        done = await _said(service, ask, history, record, telling, keep_alive)
    except MaekError as error:
        if not reply.begun:
            raise
        record.error = error.code
        service.telemetry.failed(error)
        await reply.fail(error, name=None, delivered={"tokens": record.answering.delivered_tokens})
        return await reply.end()
    if done is None:
        filled_in = _with_system(body, messages, service, ask.language)
        return await _passed_on(request, service, filled_in, REASONER, CHAT_PATH, record, reply)
    if not body.get("stream"):
        return _json(completion_json(record.id, done.text, service.now()), trail(record, record.journey))
    return await telling.end()


async def _said(
    service: Service,
    ask: Ask,
    history: Sequence[Message],
    record: Record,
    telling: "_Telling",
    keep_alive: Callable[[], Awaitable[None]],
) -> Done | None:
    """What Maek says itself, told as it comes; None where the message is routed.

    Of a session only the draft is kept here: what reads or changes it waits for its turn. What is routed does neither.
    """
    every_seconds = service.config.router.relay.keepalive_seconds
    recalled = service.decider.recalled(history, ask.language)
    async with service.talks.in_order(ask.owner, ask.session, keep_alive):
        deciding = service.turns.decide_with(ask, history, record, question=recalled)
        decision = await filled(deciding, every_seconds, keep_alive)
        if decision.action is Action.ROUTE:
            return None
        spoken = service.turns.spoken(ask, _with_choices(decision), history, record, telling, ask.session)
        return await filled(spoken, every_seconds, keep_alive)


async def _passed_on(
    request: web.Request,
    service: Service,
    body: Mapping[str, Any],
    target: str,
    path: str,
    record: Record,
    reply: Reply | None = None,
) -> web.StreamResponse:
    """The request to whoever serves `target`, and the answer byte for byte; into `reply` where that has begun."""
    pool, role = _pool_of(service, target)
    asked = with_role_defaults(body, role) if path == CHAT_PATH and target in service.fleet.roles else dict(body)
    attempts = service.config.router.relay.attempts
    priority, session = priority_header(request), session_of(request, body)
    call = call_for(target, role, path, asked, pool, priority=priority, session=session, attempts=attempts)
    answer = _Answer(record, reply or Reply(request, lambda: trail(record, record.journey)), stream=call.stream)
    try:
        await service.dispatcher.send(call, answer, record.answering)
    except CallerRefused as error:
        record.error = "caller_refused"
        if not answer.reply.begun:
            return answer.refused(error)
        # The status line has gone already, with a comment that kept the connection.
        refused = BadRequest(f"The backend refused the request with HTTP {error.status}.")
        await answer.reply.fail(refused, name=None, delivered={"tokens": 0})
    except MaekError as error:
        if not answer.reply.begun:
            raise
        record.error = error.code
        service.telemetry.failed(error)
        delivered = {"tokens": record.answering.delivered_tokens}
        await answer.reply.fail(error, name=None, delivered=delivered, mid_event=not answer.between_events)
    return await answer.response()


def _with_choices(decision: Decision) -> Decision:
    """With the answers to choose from in the text."""
    if decision.asks is None or decision.response is None:
        return decision
    return replace(decision, response=with_choices(decision.response, decision.asks.choices))


class _Telling:
    """Where what Maek says itself goes: piece by piece to a client that streams."""

    def __init__(self, reply: Reply, answer_id: str, now: Callable[[], datetime], *, stream: bool) -> None:
        self._reply = reply
        self._id = answer_id
        self._now = now
        self._stream = stream
        self._first = True

    async def __call__(self, event: Event) -> None:
        if not self._stream:
            return
        match event:
            case Token(text):
                await self._reply.write(delta_event(self._id, text, self._now(), first=self._first))
                self._first = False
            case Notice(text):
                # For whoever looks, and so that the stream begins before the tool does; clients skip it.
                await self._reply.write(comment(" ".join(text.split())))
            case Waiting(_, position, expected_seconds):
                await self._reply.write(comment(f"waiting, position {position}, about {expected_seconds:.0f} s"))
            case Loading(_, expected_seconds):
                await self._reply.write(comment(f"loading the model, about {expected_seconds:.0f} s"))
            case _:
                pass  # this dialect has no word for it

    async def end(self) -> web.StreamResponse:
        """The text is over."""
        for event in end_events(self._id, self._now()):
            await self._reply.write(event)
        return await self._reply.end()


class _Answer:
    """Where the backend's bytes go: straight to the client if it streams, else into one body."""

    def __init__(self, record: Record, reply: Reply, *, stream: bool) -> None:
        self.reply = reply
        self._end = b""
        """The last bytes of the stream: whether an event has ended with them."""
        self._stream = stream
        self._record = record
        self._body = b""

    @property
    def between_events(self) -> bool:
        """Whether something else may be put in here."""
        return ends_event(self._end)

    async def waiting(self, position: int, expected_seconds: float) -> None:
        """A comment for whoever looks: clients skip it."""
        if self._stream:
            await self.reply.write(comment(f"waiting, position {position}, about {expected_seconds:.0f} s"))

    async def loading(self, expected_seconds: float) -> None:
        """A comment, too."""
        if self._stream:
            await self.reply.write(comment(f"loading the model, about {expected_seconds:.0f} s"))

    async def opened(self, opened: Opened) -> None:
        """Nothing to do: the first chunk follows."""

    async def chunk(self, data: bytes) -> None:
        """Pass on, or keep until it is whole."""
        if self._stream:
            self._end = (self._end + data)[-BOUNDARY_BYTES:] if len(data) < BOUNDARY_BYTES else data[-BOUNDARY_BYTES:]
            await self.reply.write(data)
        else:
            self._body = data

    async def quiet(self) -> None:
        """Nothing has come for a while."""
        if self._stream:
            await self.reply.keep_alive()

    async def response(self) -> web.StreamResponse:
        """The answer, all of it sent or ready to be."""
        if self._stream:
            return await self.reply.end()
        headers = trail(self._record, self._record.answering)
        return web.Response(body=self._body, content_type="application/json", headers=headers)

    def refused(self, error: CallerRefused) -> web.StreamResponse:
        """The backend's own refusal, as it said it."""
        headers = trail(self._record, self._record.answering)
        return web.Response(status=error.status, body=error.body, content_type=error.content_type, headers=headers)


def _pool_of(service: Service, target: str) -> tuple[Callable[[], Pool], RoleConfig]:
    """Who serves it, at any moment, and on what terms."""
    roles = service.config.router.roles
    if target in roles:
        return partial(service.fleet.pool_of_role, target), roles[target]
    pool = partial(service.fleet.pool_of_model, target)
    if not pool():
        raise UnknownModel(
            'No backend has this model, and no role has this name. Use "auto", or a name from GET /v1/models.',
            param="model",
        )
    return pool, roles[REASONER]


def _names(service: Service) -> dict[str, str]:
    """Every name that `model` may have → who answers to it."""
    served = [role for role, pool in service.fleet.pools().items() if pool]
    backends = {model: ",".join(owners) for model, owners in service.fleet.models().items()}
    return {AUTO: "maek"} | dict.fromkeys(served, "maek") | backends


def _known_name(service: Service, model: str) -> str:
    """The name for the log of decisions: one that a stranger made up is not kept."""
    return model if model == AUTO or model in service.fleet.roles or service.fleet.pool_of_model(model) else "unknown"


def _model_of(body: Mapping[str, Any]) -> str:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest('model: wanted "auto", a role or the name of a model.', param="model")
    if not isinstance(body.get("stream", False), bool | None):
        raise BadRequest("stream: wanted true or false.", param="stream")
    return model


def _messages_of(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages: wanted a list with at least one message.", param="messages")
    for number, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise BadRequest(f"messages[{number}]: wanted an object with a role.", param="messages")
        if not isinstance(message.get("content", ""), str | list | None):
            raise BadRequest(f"messages[{number}].content: wanted text or a list of parts.", param="messages")
    if not any(message.get("content") or message.get("tool_calls") for message in messages):
        raise BadRequest("messages: all of them are empty.", param="messages")
    return messages


def _question(body: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> str | None:
    """The text to decide on; None where the caller wants the model itself: its own tools, images, a tool's result."""
    if body.get("tools") or body.get("functions") or body.get("response_format") or body.get("n", 1) != 1:
        return None
    last = messages[-1]
    return _text(last).strip() or None if last["role"] == "user" else None


def _text(message: Mapping[str, Any]) -> str:
    """The text of a message that is nothing but text, else the empty text."""
    match message.get("content"):
        case str(text):
            return text
        case [*parts] if all(isinstance(part, dict) and part.get("type") == "text" for part in parts):
            return "\n".join(str(part.get("text", "")) for part in parts)
        case _:
            return ""


def _language(question: str, messages: Sequence[Mapping[str, Any]], default: str) -> str:
    """The language of the last message, within that of what the user said before it."""
    before = next((_text(one) for one in reversed(messages[:-1]) if one["role"] == "user" and _text(one)), None)
    if before is None:
        return language_of(question, default)
    return language_within(question, language_of(before, default))


def _message(message: Mapping[str, Any]) -> Message:
    return Message(Role(message["role"]), _text(message))


def _with_system(
    body: Mapping[str, Any], messages: Sequence[Mapping[str, Any]], service: Service, language: str
) -> Mapping[str, Any]:
    """The request with Maek's own system prompt in front, unless the caller brought one."""
    if any(message["role"] in ("system", "developer") for message in messages):
        return body
    prompt = service.config.router.roles[REASONER].system_prompt or service.turns.system_prompt(language)
    return {**body, "messages": [{"role": "system", "content": prompt}, *messages]}


def _json(value: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json", headers=headers)
