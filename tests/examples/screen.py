"""What people see of a bot in a chat service, and how fast it went about it.

Rules of this file
- A fake service reports every message and every edit here, and asks here whether it has to refuse one.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

PACE_SECONDS = 0.03
"""That the bots keep between two writes in these tests. The real services want a second."""


@dataclass(slots=True)
class Message:
    """One message of the bot: every text that it has had, in order, and what came with it."""

    id: str
    channel: str
    texts: list[str]
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Screen:
    """The messages of a bot, oldest first. `refusals`: how many of the next writes are refused, as too fast."""

    longest: int
    """Characters in a message."""
    pause_seconds: float = 1
    """That a refusal asks for."""
    refusals: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)
    """What a real service would not have let pass; nothing, if the bot is right."""
    _all: list[Message] = field(default_factory=list)
    _before: int = 0
    """Messages of earlier tests."""
    _written_at: dict[str, float] = field(default_factory=dict)
    _closed_until: float = 0.0

    def begin(self) -> None:
        """Another test: what is there is no longer looked at."""
        self._before, self.refused = len(self._all), 0
        self.faults.clear()

    @property
    def messages(self) -> list[Message]:
        """Those of this test."""
        return self._all[self._before :]

    def refuses(self) -> bool:
        """Whether the next write is refused; the bot must be silent for `pause_seconds` then."""
        now = asyncio.get_running_loop().time()
        if now < self._closed_until:
            self.faults.append("wrote in the pause that it was asked for")
        if self.refusals == 0:
            return False
        self.refusals -= 1
        self.refused += 1
        self._closed_until = now + self.pause_seconds
        return True

    def post(self, channel: str, text: str, **fields: Any) -> Message:
        """A new message."""
        message = Message(str(len(self._all) + 1), channel, [], fields)
        self._all.append(message)
        self._write(message, text)
        return message

    def edit(self, message_id: str, text: str) -> Message:
        """Another text for a message."""
        message = self._all[int(message_id) - 1]
        if text == message.texts[-1]:
            self.faults.append("edited without a change")
        self._write(message, text)
        return message

    @property
    def now(self) -> list[str]:
        """The text of every message as it is now."""
        return [message.texts[-1] for message in self.messages]

    def _write(self, message: Message, text: str) -> None:
        now = asyncio.get_running_loop().time()
        if not 0 < len(text) <= self.longest:
            self.faults.append(f"a text of {len(text)} characters")
        if now - self._written_at.get(message.id, float("-inf")) < PACE_SECONDS:
            self.faults.append("edited too fast")
        self._written_at[message.id] = now
        message.texts.append(text)
