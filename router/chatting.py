"""Small talk that nobody has put into words yet: the classifier's backend says it, or Maek says that it cannot.

Rules of this file
- What a model says is told sentence by sentence, each looked at first: small talk is where models claim to have done
  what no tool did.
- A user who says hello gets an answer, whoever is down.
"""

import re
from collections.abc import Mapping, Sequence
from functools import partial

from router.attempt import CallerRefused
from router.call import CHAT_PATH, call_for, with_role_defaults
from router.config import CLASSIFIER, Config
from router.config_roles import PriorityName
from router.conversation import Message
from router.decide.abilities import away
from router.decide.decision import Persona
from router.decide.guard import honest, objection
from router.decide.prompt import HISTORY_BUDGET_TOKENS, bounded, earlier_part, small_talk_prompt
from router.decide.sheltering import in_prompt, sheltered
from router.decisions import Record
from router.dispatch import Dispatcher
from router.errors import BackendFault, PolicyFault
from router.events import Done, Emit, Event, Token, reading
from router.fleet import Fleet
from router.journey import Journey
from router.tools.spec import Tool

MOST_TOKENS = 400
"""Small talk is short; a model that does not stop is stopped."""

_SENTENCE_END = re.compile(r"[.!?…。\n][\"')\]”’]*")


class SmallTalk:
    """Answers small talk in the persona's voice."""

    def __init__(
        self, config: Config, fleet: Fleet, dispatcher: Dispatcher, tools: Mapping[str, Tool], persona: Persona
    ) -> None:
        self._role = config.router.roles[CLASSIFIER]
        self._attempts = config.router.relay.attempts
        self._fleet = fleet
        self._dispatcher = dispatcher
        self._tools = tools
        self._persona = persona

    async def answered(
        self,
        message: str,
        history: Sequence[Message],
        language: str,
        priority: PriorityName | None,
        record: Record,
        emit: Emit,
        earlier: str | None = None,
    ) -> Done:
        """The answer, told as it comes. Raises MaekError only when it broke off after its first sentence.

        `earlier`: in short, what was said before the history begins.
        """
        looking = Looking(emit, self._persona, language)
        reader = reading(looking.emit, language)
        messages = self._messages(message, history, language, earlier)
        asked = {"messages": messages, "stream": True, "max_tokens": MOST_TOKENS}
        body = with_role_defaults(asked, self._role)
        pool = partial(self._fleet.pool_of_role, CLASSIFIER)
        call = call_for(CLASSIFIER, self._role, CHAT_PATH, body, pool, priority=priority, attempts=self._attempts)
        try:
            await self._dispatcher.send(call, reader, record.answering)
        except (BackendFault, PolicyFault, CallerRefused):
            if looking.told:
                raise
            looking.forget()
        await looking.end()
        if looking.told:
            return Done("".join(looking.told), record.answering, reader.usage, reader.finish_reason or "stop")
        text = away(self._persona, self._tools, language)
        await emit(Token(text))
        return Done(text, Journey(record.id), None, "stop")

    def _messages(
        self, message: str, history: Sequence[Message], language: str, earlier: str | None
    ) -> list[dict[str, str]]:
        prompt = self._role.system_prompt or small_talk_prompt(self._persona, self._tools, language)
        prompt = prompt if earlier is None else f"{prompt}\n\n{earlier_part(earlier, language)}"
        return [
            {"role": "system", "content": prompt},
            *(
                {"role": str(one.role), "content": in_prompt(one, language)}
                for one in bounded(history, HISTORY_BUDGET_TOKENS)
            ),
            {"role": "user", "content": sheltered(message)},
        ]


class Looking:
    """Between a model and the user: tells whole sentences, and an honest one in place of the first that must not be
    told, after which nothing follows.
    """

    def __init__(self, emit: Emit, persona: Persona, language: str) -> None:
        self.told: list[str] = []
        self._emit = emit
        self._persona = persona
        self._language = language
        self._waiting = ""
        self._refused = False

    async def emit(self, event: Event) -> None:
        """Passes everything on but tokens, which wait until their sentence has ended."""
        if not isinstance(event, Token):
            await self._emit(event)
            return
        self._waiting += event.text
        ends = [found.end() for found in _SENTENCE_END.finditer(self._waiting)]
        if ends:
            sentences, self._waiting = self._waiting[: ends[-1]], self._waiting[ends[-1] :]
            await self._tell(sentences)

    async def end(self) -> None:
        """What has not ended as a sentence is told, too."""
        if self._waiting.strip():
            await self._tell(self._waiting)
        self._waiting = ""

    def forget(self) -> None:
        """Half a sentence of an answer that broke off is none."""
        self._waiting = ""

    async def _tell(self, text: str) -> None:
        if self._refused or not (text.strip() or self.told):
            return
        wrong = objection("".join([*self.told, text]), self._persona)
        if wrong is not None:
            self._refused = True
            text = (" " if self.told else "") + honest(wrong, self._persona, self._language)
        self.told.append(text)
        await self._emit(Token(text))
