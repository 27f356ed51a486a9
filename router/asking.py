"""Asking a role and reading the answer, where bytes are not enough: the classifier's JSON, a turn's tokens.

Rules of this file
- It reads what the relay passes on, in the shape of OpenAI's chat completions. What makes no sense is the backend's
  failure (`AnswerUnusable`), never an exception of another kind.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import orjson

from router.attempt import AnswerUnusable, CallerRefused, Opened
from router.call import CHAT_PATH, Call, call_for, with_role_defaults
from router.config import CLASSIFIER
from router.config_roles import PriorityName, RoleConfig
from router.dispatch import Dispatcher
from router.errors import BadRequest
from router.fleet import Fleet
from router.journey import Journey
from router.sse import DONE, Decoder, Event, Overlong
from router.tool_calls import ToolCalls

SHORTEST_DECISION_TOKENS = 1024
"""Room for a decision: twice the longest valid one, so that a JSON is never cut."""


class ClassifierAsker:
    """Asks the classifier's pool for one text. `journey` tells where the questions went; `priority` is the caller's.

    `most_tokens` of an answer, where the role names no other number.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        fleet: Fleet,
        role: RoleConfig,
        journey: Journey,
        priority: PriorityName | None = None,
        most_tokens: int = SHORTEST_DECISION_TOKENS,
    ) -> None:
        self._dispatcher = dispatcher
        self._priority = priority
        self._most_tokens = most_tokens
        self._fleet = fleet
        self._role = role
        self._journey = journey

    async def __call__(self, messages: Sequence[Mapping[str, str]], *, schema: Mapping[str, Any] | None) -> str:
        """The text that the model said. Raises a MaekError if nobody could be asked."""
        body = with_role_defaults({"messages": list(messages), "stream": False}, self._role)
        body.setdefault("max_tokens", self._most_tokens)
        pool = partial(self._fleet.pool_of_role, CLASSIFIER)
        call = call_for(CLASSIFIER, self._role, CHAT_PATH, body, pool, priority=self._priority, schema=schema)
        try:
            return await self._text(call)
        except CallerRefused as refusal:
            # Some servers refuse schemas that others take; the prompt asks for the same shape, and reading checks it.
            if schema is None:
                raise _refused(refusal) from refusal
        try:
            return await self._text(replace(call, schema=None))
        except CallerRefused as refusal:
            raise _refused(refusal) from refusal

    async def _text(self, call: Call) -> str:
        whole = WholeAnswer()
        await self._dispatcher.send(call, whole, self._journey)
        return whole.text


def _refused(refusal: CallerRefused) -> BadRequest:
    return BadRequest(f"The classifier's server refused the question with HTTP {refusal.status}.")


class WholeAnswer:
    """A sink for an answer that is not streamed."""

    def __init__(self) -> None:
        self.text = ""

    async def waiting(self, position: int, expected_seconds: float) -> None:
        """Nobody is told."""

    async def loading(self, expected_seconds: float) -> None:
        """Nobody is told."""

    async def opened(self, opened: Opened) -> None:
        """Nothing to do yet."""

    async def quiet(self) -> None:
        """Nobody waits for a comment."""

    async def chunk(self, data: bytes) -> None:
        """Reads the whole completion."""
        match _json(data):
            case {"choices": [{"message": {"content": str(text)}}, *_]}:
                self.text = text
            case _:
                raise AnswerUnusable("its answer has no choices[0].message.content")


class TokenReader:
    """A sink that reads a streamed completion. Tells every piece of text as it comes, and how long it waits before."""

    def __init__(
        self,
        tell: Callable[[str], Awaitable[None]],
        quiet: Callable[[], Awaitable[None]],
        waiting: Callable[[int, float], Awaitable[None]],
        loading: Callable[[float], Awaitable[None]],
    ) -> None:
        self.text: list[str] = []
        self.calls = ToolCalls()
        """What the model wants to have called."""
        self.usage: Mapping[str, Any] | None = None
        self.finish_reason: str | None = None
        self._tell = tell
        self._quiet = quiet
        self._waiting = waiting
        self._loading = loading
        self._decoder = Decoder()
        self._begins_anew: Callable[[], Awaitable[None]] = _nothing

    def begin_anew(self, begins: Callable[[], Awaitable[None]]) -> None:
        """What came broke off, and stays; somebody else may go on. `begins` is awaited when somebody does."""
        self._decoder = Decoder()
        self.calls = ToolCalls()
        self.finish_reason = None
        self._begins_anew = begins

    async def waiting(self, position: int, expected_seconds: float) -> None:
        """Nobody has room yet."""
        await self._waiting(position, expected_seconds)

    async def loading(self, expected_seconds: float) -> None:
        """The model is being loaded."""
        await self._loading(expected_seconds)

    async def opened(self, opened: Opened) -> None:  # noqa: ARG002 - a sink is told, this one need not know
        """Somebody answers."""
        await self._begins_anew()

    async def quiet(self) -> None:
        """Nothing has come for a while."""
        await self._quiet()

    async def chunk(self, data: bytes) -> None:
        """Reads whatever events are whole by now."""
        try:
            events = self._decoder.feed(data)
        except Overlong as error:
            raise AnswerUnusable(str(error)) from None
        for event in events:
            await self._event(event)

    async def _event(self, event: Event) -> None:
        if event.data == DONE:
            return
        chunk = _json(event.data)
        if chunk.get("error") is not None:
            raise AnswerUnusable("it reported an error in the middle of its answer")
        usage = chunk.get("usage")
        self.usage = usage if isinstance(usage, dict) else self.usage
        match chunk.get("choices"):
            case [{"finish_reason": str(reason)}, *_]:
                self.finish_reason = reason
        match chunk.get("choices"):
            case [{"delta": dict(delta)}, *_]:
                await self._delta(delta)

    async def _delta(self, delta: Mapping[str, Any]) -> None:
        calls, text = delta.get("tool_calls"), delta.get("content")
        if isinstance(calls, list):
            self.calls.feed(calls)
        if isinstance(text, str) and text:
            self.text.append(text)
            await self._tell(text)


async def _nothing() -> None:
    """Where nothing broke off."""


def _json(data: bytes | str) -> dict[str, Any]:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise AnswerUnusable("it sent something that is not JSON") from None
    if not isinstance(value, dict):
        raise AnswerUnusable("it sent JSON that is no object")
    return value
