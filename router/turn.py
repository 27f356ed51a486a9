"""One turn of a conversation: decide, then answer directly, route, ask back, or use a tool.

Rules of this file
- A turn tells what happens by events, in order: one `Decided`, then notices, tool results and tokens, then `Done`.
  What goes wrong is raised, and ends it.
- A turn is remembered when it has ended well. One that failed leaves the conversation as it was, so that asking
  again asks the same.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar, assert_never

from router.asking import TokenReader
from router.attempt import CallerRefused
from router.call import CHAT_PATH, Call, call_for, with_role_defaults
from router.chatting import SmallTalk
from router.config import REASONER, Config
from router.config_roles import PriorityName
from router.conversation import Message, Role
from router.decide.decision import Action, Decision, PendingQuestion, Persona
from router.decide.sheltering import as_data
from router.decisions import Record
from router.dispatch import Dispatcher
from router.errors import BadRequest, NotFound, UnknownModel
from router.events import (
    Decided,
    Done,
    Emit,
    Quiet,
    Token,
    loading_model,
    reading,
    resumed_by,
)
from router.exchange import LOADING_NEWS_SECONDS
from router.fleet import Fleet
from router.journey import Journey
from router.language import pick
from router.resuming import Resumption, answered_to_the_end
from router.sessions.store import SessionStore, SessionStoreFailed
from router.silence import filled
from router.telemetry import Telemetry
from router.tool_use import Caller, ToolUse, Wanted
from router.tools.spec import PendingDraft, Tool

log = logging.getLogger(__name__)

T = TypeVar("T")

PLEASE_GO_ON_KO = "방금 답변이 중간에 끊겼습니다. 끊긴 바로 그 자리부터, 되풀이하거나 인사하지 말고 이어서 써 주세요."
PLEASE_GO_ON_EN = "Your last message was cut off. Go on exactly where it stops, without repeating or greeting."
"""To a model that cannot be told otherwise that its answer is not finished."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a user said, and how."""

    message: str
    owner: str
    language: str
    """`ko` or `en`."""
    session: str | None = None
    role: str | None = None
    """A role to answer without any decision."""
    priority: PriorityName | None = None
    """Who goes first when nobody has room; None: as the role has it."""
    resume: bool = False
    """Have another backend go on with an answer that breaks off."""


Decide = Callable[[Ask, Sequence[Message], PendingDraft | None, Journey, PendingQuestion | None], Awaitable[Decision]]
"""Message, history, draft and question → decision; the journey tells where a classifier was asked."""


class Turns:
    """Runs turns. `now` gives the date and time in the zone of the configuration."""

    def __init__(
        self,
        config: Config,
        fleet: Fleet,
        dispatcher: Dispatcher,
        sessions: SessionStore,
        tools: Mapping[str, Tool],
        decide: Decide,
        now: Callable[[], datetime],
        telemetry: Telemetry,
    ) -> None:
        self._config = config
        self._fleet = fleet
        self._dispatcher = dispatcher
        self._sessions = sessions
        keepalive_seconds = config.router.relay.keepalive_seconds
        self._tool_use = ToolUse(tools, sessions, fleet, now, telemetry, keepalive_seconds)
        self._decide = decide
        self._now = now
        self._telemetry = telemetry
        persona = config.router.persona
        speaks = Persona(persona.name, persona.description_ko, persona.description_en)
        self._small_talk = SmallTalk(config, fleet, dispatcher, tools, speaks)

    async def decide(self, ask: Ask, record: Record) -> tuple[str, Decision]:
        """The id of the session and the decision alone."""
        session = (await self._sessions.open(ask.session, ask.owner)).id
        history = await self._sessions.history(session, ask.owner)
        pending = await self._sessions.pending(session, ask.owner)
        question = await self._sessions.question(session, ask.owner)
        return session, await self._decided(ask, history, record, pending, question)

    async def decide_with(
        self, ask: Ask, history: Sequence[Message], record: Record, question: PendingQuestion | None = None
    ) -> Decision:
        """The decision, where the caller keeps the history; a session, if he names one, keeps the draft alone."""
        pending = await self._tool_use.waiting_draft(ask.session, ask.owner)
        decision = await self._decided(ask, history, record, pending, question)
        if decision.drops_draft and ask.session is not None:
            await self._sessions.clear_pending(ask.session, ask.owner)
        return decision

    async def _decided(
        self,
        ask: Ask,
        history: Sequence[Message],
        record: Record,
        pending: PendingDraft | None,
        question: PendingQuestion | None,
    ) -> Decision:
        started = time.perf_counter()
        record.decision = await self._decide(ask, history, pending, record.deciding, question)
        self._telemetry.decided(record.decision, time.perf_counter() - started)
        return record.decision

    async def run(self, ask: Ask, record: Record, emit: Emit) -> None:
        """The whole turn. Raises MaekError."""
        session, decision = await self._begin(ask, record, emit)
        if decision is not None and decision.drops_draft:
            # At once, and not when the turn has ended: nothing may be written that somebody did not want.
            await self._sessions.clear_pending(session, ask.owner)
        await emit(Decided(record, session, decision))
        done = await self._answer(ask, decision, session, record, emit)
        await self._remember(session, ask, decision, done)
        await emit(done)

    async def _remember(self, session: str, ask: Ask, decision: Decision | None, done: Done) -> None:
        """What was said, and what was asked back; a question that the message answered or passed over is over."""
        found = decision is not None and decision.action is Action.TOOLS
        said = [Message(Role.USER, ask.message), Message(Role.ASSISTANT, done.text, found)]
        question = None if decision is None else decision.asks
        try:
            await self._sessions.append(session, ask.owner, said)
            if question is None:
                await self._sessions.clear_question(session, ask.owner)
            else:
                await self._sessions.put_question(session, ask.owner, question)
        except (SessionStoreFailed, NotFound) as error:
            # The user has the answer; that it will not be remembered is the operator's trouble.
            log.error("turn not remembered reason=%s", error)

    async def _begin(self, ask: Ask, record: Record, emit: Emit) -> tuple[str, Decision | None]:
        if ask.role is None:
            return await self._deciding(ask, record, emit)
        if ask.role not in self._fleet.roles:
            raise UnknownModel(
                f"There is no role of this name; there are {', '.join(self._fleet.roles)}.", param="role"
            )
        return (await self._sessions.open(ask.session, ask.owner)).id, None

    async def _deciding(self, ask: Ask, record: Record, emit: Emit) -> tuple[str, Decision]:
        """The id of the session and the decision; a classifier that is being loaded is told of."""
        keepalive_seconds = self._config.router.relay.keepalive_seconds
        every_seconds = min(keepalive_seconds, LOADING_NEWS_SECONDS)
        quiet_seconds = 0.0

        async def tell() -> None:
            nonlocal quiet_seconds
            quiet_seconds += every_seconds
            asked = record.deciding.last
            if asked is not None and (loaded_at := asked.loaded_at) is not None:
                left_seconds = max(0.0, loaded_at - asyncio.get_running_loop().time())
                await emit(loading_model(ask.language, left_seconds))
            elif quiet_seconds >= keepalive_seconds:
                await emit(Quiet())
            else:
                return
            quiet_seconds = 0.0

        return await filled(self.decide(ask, record), every_seconds, tell)

    async def _answer(self, ask: Ask, decision: Decision | None, session: str, record: Record, emit: Emit) -> Done:
        if decision is None:
            return await self._route(ask, ask.role or REASONER, ask.message, session, record, emit)
        if decision.action is Action.ROUTE:
            return await self._route(ask, REASONER, decision.prompt or ask.message, session, record, emit)
        history = await self._sessions.history(session, ask.owner) if decision.unsaid else ()
        return await self.spoken(ask, decision, history, record, emit, session)

    async def spoken(
        self,
        ask: Ask,
        decision: Decision,
        history: Sequence[Message],
        record: Record,
        emit: Emit,
        session: str | None,
    ) -> Done:
        """The answer to a message that is not routed, told as it comes. Without a session no draft can be kept."""
        match decision.action:
            case Action.DIRECT | Action.CLARIFY:
                if decision.response is None:
                    return await self._small_talk.answered(
                        ask.message, history, ask.language, ask.priority, record, emit
                    )
                text = decision.response
            case Action.TOOLS:
                wanted = Wanted(decision.tool or "", decision.operation or "", decision.params)
                caller = Caller(ask.owner, ask.language, session)
                text = (await self._tool_use.used(wanted, caller, record, emit)).text
            case Action.ROUTE:
                raise ValueError("a routed message has no text yet: a backend will write it")
            case _:
                assert_never(decision.action)
        await emit(Token(text))
        return Done(text, record.deciding, None, "stop")

    async def _route(self, ask: Ask, role: str, prompt: str, session: str, record: Record, emit: Emit) -> Done:
        settings = self._config.router.roles[role]
        history = await self._sessions.history(session, ask.owner)
        system = settings.system_prompt or self.system_prompt(ask.language)
        messages = [
            {"role": "system", "content": system},
            *({"role": str(one.role), "content": _as_said(one, ask.language)} for one in history),
            {"role": "user", "content": prompt},
        ]

        reader = reading(emit, ask.language)
        asked = {"messages": messages, "stream": True, "stream_options": {"include_usage": True}}
        call = call_for(
            role,
            settings,
            CHAT_PATH,
            with_role_defaults(asked, settings),
            partial(self._fleet.pool_of_role, role),
            priority=ask.priority,
            session=session,
            attempts=self._config.router.relay.attempts,
        )
        try:
            await self._answered(call, reader, ask, record, emit)
        except CallerRefused as error:
            raise BadRequest(
                f"The model refused this request with HTTP {error.status}; it may be too long for it."
            ) from error
        return Done("".join(reader.text), record.answering, reader.usage, reader.finish_reason or "stop")

    async def _answered(self, call: Call, reader: TokenReader, ask: Ask, record: Record, emit: Emit) -> None:
        if not ask.resume:
            await self._dispatcher.send(call, reader, record.answering)
            return

        async def tell(resumption: Resumption) -> None:
            await emit(resumed_by(ask.language, resumption))

        please = pick(ask.language, ko=PLEASE_GO_ON_KO, en=PLEASE_GO_ON_EN)
        await answered_to_the_end(self._dispatcher, call, reader, record.answering, please, tell)

    def system_prompt(self, language: str) -> str:
        """What stands before a conversation that gives none: who answers, how, and what day it is."""
        persona = self._config.router.persona
        today = f"{self._now():%Y-%m-%d %H:%M (%A)}"
        return pick(
            language,
            ko=f"당신은 {persona.name}입니다. {persona.description_ko} 지금은 {today}입니다.",
            en=f"You are {persona.name}. {persona.description_en} It is {today}.",
        )


def _as_said(message: Message, language: str) -> str:
    """A message for the model that answers: as it was said, unless others wrote it."""
    return as_data(message.text, language) if message.found else message.text
