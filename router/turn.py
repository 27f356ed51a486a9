"""One turn of a conversation: decide, then answer directly, route, ask back, or use a tool.

Rules of this file
- A turn tells what happens by events, in order: one `Decided`, then notices, tool results and tokens, then `Done`.
  What goes wrong is raised, and ends it.
- A turn is remembered when it has ended well. One that failed leaves the conversation as it was, so that asking
  again asks the same.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import assert_never

from router.answering import Answering
from router.ask import Ask
from router.chatting import SmallTalk
from router.config import REASONER, Config
from router.conversation import Message, Role
from router.decide.decision import Action, Decision, PendingQuestion, Persona
from router.decisions import Record, decision_attributes
from router.dispatch import Dispatcher
from router.errors import UnknownModel
from router.events import (
    Decided,
    Done,
    Emit,
    Quiet,
    Token,
    loading_model,
)
from router.exchange import LOADING_NEWS_SECONDS
from router.fleet import Fleet
from router.journey import Journey
from router.lending import LentModels
from router.sessions.store import SessionStore, checked_id
from router.silence import filled
from router.talks import Talks
from router.telemetry import DraftEvent, Telemetry
from router.tool_use import Caller, ToolUse, Wanted
from router.tools.spec import PendingDraft, Tool, ToolResult
from router.tracing import part

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
        talks: Talks,
    ) -> None:
        self._config = config
        self._fleet = fleet
        self._dispatcher = dispatcher
        self._sessions = sessions
        keepalive_seconds = config.router.relay.keepalive_seconds
        lend = partial(LentModels, config, fleet, dispatcher)
        self._tool_use = ToolUse(tools, sessions, fleet, now, telemetry, keepalive_seconds, lend)
        self._answering = Answering(config, fleet, dispatcher, self._tool_use, now)
        self._decide = decide
        self._now = now
        self._telemetry = telemetry
        self._talks = talks
        persona = config.router.persona
        speaks = Persona(persona.name, persona.description_ko, persona.description_en)
        self._small_talk = SmallTalk(config, fleet, dispatcher, tools, speaks)

    async def decide(self, ask: Ask, record: Record) -> tuple[str, Decision]:
        """The id of the session and the decision alone."""
        session, ask = await self._recalled(ask)
        return session, await self._decision(session, ask, record)

    async def _recalled(self, ask: Ask) -> tuple[str, Ask]:
        """The id of the session, which is opened, and the message with what the session knows about it."""
        known = await self._talks.recalled(
            ask.session, ask.owner, ask.message, ask.language, language_named=ask.language_named
        )
        return known.session, replace(ask, session=known.session, language=known.language, earlier=known.earlier)

    async def _decision(self, session: str, ask: Ask, record: Record) -> Decision:
        history = await self._sessions.history(session, ask.owner)
        pending = await self._sessions.pending(session, ask.owner)
        question = await self._sessions.question(session, ask.owner)
        return await self._decided(ask, history, record, pending, question)

    async def decide_with(
        self, ask: Ask, history: Sequence[Message], record: Record, question: PendingQuestion | None = None
    ) -> Decision:
        """The decision, where the caller keeps the history; a session, if he names one, keeps the draft alone."""
        pending = await self._tool_use.waiting_draft(ask.session, ask.owner)
        decision = await self._decided(ask, history, record, pending, question)
        if decision.drops_draft and ask.session is not None:
            await self._drop_draft(ask.session, ask.owner)
        return decision

    async def _drop_draft(self, session: str, owner: str) -> None:
        draft = await self._sessions.pending(session, owner)
        await self._sessions.clear_pending(session, owner)
        if draft is not None:
            over = self._now().timestamp() >= draft.expires_at
            self._telemetry.draft(DraftEvent.EXPIRED if over else DraftEvent.DROPPED)

    async def _decided(
        self,
        ask: Ask,
        history: Sequence[Message],
        record: Record,
        pending: PendingDraft | None,
        question: PendingQuestion | None,
    ) -> Decision:
        started = time.perf_counter()
        with part("decide") as span:
            record.decision = await self._decide(ask, history, pending, record.deciding, question)
            span.note(decision_attributes(record.decision))
        self._telemetry.decided(record.decision, time.perf_counter() - started)
        return record.decision

    async def run(self, ask: Ask, record: Record, emit: Emit) -> None:
        """The whole turn, after those of the same session that came before. Raises MaekError."""
        # A new session has its id, and with it its line, before anybody is told of it.
        ask = replace(ask, session=checked_id(ask.session))
        async with self._talks.in_order(ask.owner, ask.session, lambda: emit(Quiet())):
            await self._run(ask, record, emit)

    async def _run(self, ask: Ask, record: Record, emit: Emit) -> None:
        if ask.role is not None and ask.role not in self._fleet.roles:
            raise UnknownModel(
                f"There is no role of this name; there are {', '.join(self._fleet.roles)}.", param="role"
            )
        session, ask = await self._recalled(ask)
        decision = await self._deciding(session, ask, record, emit) if ask.role is None else None
        if decision is not None and decision.drops_draft:
            # At once, and not when the turn has ended: nothing may be written that somebody did not want.
            await self._drop_draft(session, ask.owner)
        await emit(Decided(record, session, decision))
        done = await self._answer(ask, decision, session, record, emit)
        found = decision is not None and decision.action is Action.TOOLS
        said = [Message(Role.USER, ask.message), Message(Role.ASSISTANT, done.text, found)]
        asks = None if decision is None else decision.asks
        await self._talks.remember(session, ask.owner, said, asks, ask.language)
        await emit(replace(done, steps=tuple(record.steps)))

    async def _deciding(self, session: str, ask: Ask, record: Record, emit: Emit) -> Decision:
        """The decision; a classifier that is being loaded is told of."""
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

        return await filled(self._decision(session, ask, record), every_seconds, tell)

    async def _answer(self, ask: Ask, decision: Decision | None, session: str, record: Record, emit: Emit) -> Done:
        if decision is None:
            history = await self._sessions.history(session, ask.owner)
            return await self._answering.answered(
                ask, ask.role or REASONER, ask.message, history, session, record, emit
            )
        if decision.action is Action.ROUTE:
            history = await self._sessions.history(session, ask.owner)
            prompt = decision.prompt or ask.message
            return await self._answering.answered(ask, REASONER, prompt, history, session, record, emit)
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
                        ask.message, history, ask.language, ask.priority, record, emit, ask.earlier
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
        return Done(text, record.journey, None, "stop")

    async def use(self, ask: Ask, wanted: Wanted, record: Record, emit: Emit) -> tuple[str, ToolResult]:
        """One operation without any decision, in the session's turn: its id, and what came of it."""
        session = checked_id(ask.session)
        async with self._talks.in_order(ask.owner, session, lambda: emit(Quiet())):
            await self._sessions.open(session, ask.owner)
            caller = Caller(ask.owner, ask.language, session)
            return session, await self._tool_use.used(wanted, caller, record, emit)

    def system_prompt(self, language: str) -> str:
        """What stands before a conversation that gives none: who answers, how, and what day it is."""
        return self._answering.system_prompt(language)
