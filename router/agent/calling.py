"""Making the calls that a model asked for, and telling it what came of them.

Rules of this file
- Calls of one round are made at the same time: one after the other takes two rounds. The same call twice
  is made once.
- A model is told everything, also what went wrong, in the sentence that the user would read: it may do better.
- At most one draft a turn: nobody can say yes to two things at once.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson

from router.agent.budget import Budget
from router.agent.functions import arguments, names
from router.ask import Ask
from router.decide.sheltering import as_data
from router.decisions import Record
from router.events import Emit, using_tool
from router.language import pick
from router.tool_calls import FunctionCall
from router.tool_use import Caller, ToolUse, Wanted
from router.tools.spec import PendingDraft, ToolResult


class Calling:
    """The calls of one turn. `has_read`: the model knows what others wrote; `draft`: what waits for a yes since."""

    def __init__(self, tool_use: ToolUse, ask: Ask, session: str, budget: Budget, record: Record, emit: Emit) -> None:
        self.has_read = False
        self.draft: PendingDraft | None = None
        self._tool_use = tool_use
        self._language = ask.language
        self._caller = Caller(ask.owner, ask.language, session)
        self._budget = budget
        self._record = record
        self._emit = emit
        self._drafting = asyncio.Lock()

    async def made(self, said: str, calls: Sequence[FunctionCall]) -> list[dict[str, Any]]:
        """What the model said and wanted, and what came of it: the messages with which it is asked again."""
        once: dict[tuple[str, str], int] = {}
        for number, call in enumerate(calls):
            once.setdefault((call.name, call.arguments), number)
        made = {what: asyncio.create_task(self._in_time(calls[number], number)) for what, number in once.items()}
        try:
            await asyncio.gather(*made.values())
        finally:
            for task in made.values():
                task.cancel()
            await asyncio.gather(*made.values(), return_exceptions=True)
        answers = [(call, made[call.name, call.arguments].result()) for call in calls]
        self.has_read = True
        return [
            {"role": "assistant", "content": said, "tool_calls": [_as_called(call) for call in calls]},
            *(self._message(call, answer) for call, answer in answers),
        ]

    def _message(self, call: FunctionCall, answer: str) -> dict[str, Any]:
        shown = self._budget.read(answer) or pick(
            self._language, ko="(더 읽을 자리가 없습니다)", en="(there is no room to read more)"
        )
        return {"role": "tool", "tool_call_id": call.id, "name": call.name, "content": as_data(shown, self._language)}

    async def _in_time(self, call: FunctionCall, number: int) -> str:
        seconds = self._budget.seconds_left(asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(seconds):
                return await self._answer(call, number)
        except TimeoutError:
            return pick(self._language, ko="시간이 다 되어 그만두었습니다.", en="There was no time left for it.")

    async def _answer(self, call: FunctionCall, number: int) -> str:
        """What the model is told of one call."""
        if not self._budget.allows(number):
            return pick(self._language, ko="한 번에 너무 많이 불렀습니다.", en="Too many calls at once.")
        params = arguments(call.arguments)
        if params is None:
            return pick(self._language, ko="인자가 JSON 객체가 아닙니다.", en="The arguments are no JSON object.")
        known = names(self._tool_use.tools).get(call.name)
        if known is None or known[1].writes or (self.has_read and known[1].reaches_out):
            return pick(self._language, ko="쓸 수 없는 도구입니다.", en="There is no such tool to call.")
        tool, operation = known
        wanted = Wanted(tool, operation.name, params)
        await self._emit(using_tool(self._language, tool, operation, params))
        if not operation.drafts:
            return (await self._used(wanted)).text
        async with self._drafting:
            if self.draft is not None:
                return pick(
                    self._language,
                    ko="이미 초안 하나가 사용자의 승낙을 기다립니다.",
                    en="A draft already waits for the user's yes.",
                )
            result = await self._used(wanted)
            self.draft = result.draft
            return result.text

    async def _used(self, wanted: Wanted) -> ToolResult:
        return await self._tool_use.used(wanted, self._caller, self._record, self._emit)


def _as_called(call: FunctionCall) -> dict[str, Any]:
    # Some templates read the arguments and fail on broken ones.
    read = orjson.dumps(arguments(call.arguments) or {}).decode()
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": read}}
