"""What Maek decides about one message.

Rules of this file
- Values only. Who decides stands in the other files of this folder, each a pure step except the classifier's call.
- A decision names everything it was made from, so that it can be shown and made again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from router.tools.spec import PendingDraft


class Action(StrEnum):
    """What happens with a message."""

    DIRECT = "direct"
    """The decider's own text is the answer."""
    ROUTE = "route"
    """The reasoner answers."""
    CLARIFY = "clarify"
    """Maek asks back."""
    TOOLS = "tools"
    """A tool does something, and its result is the answer."""


class Source(StrEnum):
    """Which stage decided."""

    RULE = "rule"
    MODEL = "model"
    """The embedded intent model."""
    LLM = "llm"
    DEFAULT = "default"
    """Nobody was sure, or nobody could be asked: the safe default."""


class Slot(StrEnum):
    """What a question asks for."""

    DATE = "date"
    TIME = "time"
    TITLE = "title"
    HALF = "half"
    """Before or after noon: the hour was said without it."""


@dataclass(frozen=True, slots=True)
class PendingQuestion:
    """What Maek asked back, until the next message answers it or is about something else. Belongs to one session."""

    tool: str
    operation: str
    params: Mapping[str, Any]
    """What is known so far; a parameter that is settled and stays empty is None (the time of an entry for all day)."""
    slot: Slot
    choices: tuple[str, ...]
    """Answers to choose from, each of which can be sent back as it stands, or by its number."""
    again: int
    """How often it may still be asked again."""
    expires_at: float
    """Seconds since the epoch (questions outlive the process)."""


REFUSED_SENDING = "mail_sending_refused"
"""The reason of a decision that tells the user that mail cannot be sent."""


@dataclass(frozen=True, slots=True)
class Silent:
    """What a stage in shadow would have decided."""

    source: Source
    action: Action
    tool: str | None
    operation: str | None
    reason: str
    confidence: float
    agrees: bool | None = None
    """Whether the classifier decided the same; None where the classifier did not decide."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Action, who, and why.

    `response` is the text for DIRECT and CLARIFY (None: a model has yet to say it); `prompt` the rewritten request for
    ROUTE (None: as the user wrote it); `tool`, `operation` and `params` belong to TOOLS. `confidence` is 0..1.
    `fallbacks` lists the stages that were tried before and could not decide, with the reason, e.g. `("llm: timeout",)`.
    """

    action: Action
    source: Source
    reason: str
    confidence: float = 1.0
    response: str | None = None
    prompt: str | None = None
    tool: str | None = None
    operation: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    fallbacks: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    """Version of the rules, the model and the prompt that might have decided, by stage."""
    silent: tuple[Silent, ...] = ()
    """What the stages in shadow would have decided."""
    drops_draft: bool = False
    """The user does not want the pending draft any more, or its time is over: whoever keeps it forgets it."""
    asks: PendingQuestion | None = None
    """What CLARIFY asks for, where the next message can answer it: whoever keeps the session keeps it."""

    @property
    def unsaid(self) -> bool:
        """Whether it is small talk for which nobody has found the words yet."""
        return self.action is Action.DIRECT and self.response is None


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What a decision may know besides the message and the history."""

    now: datetime
    """With the zone that dates are meant in."""
    language: str
    """`ko` or `en`: what Maek answers in."""
    pending_draft: PendingDraft | None = None
    pending_question: PendingQuestion | None = None
    unkept_draft: bool = False
    """Whether the last answer was a draft that nobody keeps: a yes to it has to be told so."""
    earlier: str | None = None
    """What was said before the history begins, in short: words of users, which are data and no instructions."""
    in_conversation: bool = False
    """Whether something was said before: then "too long" or "really?" is about that."""

    @property
    def draft(self) -> PendingDraft | None:
        """The pending draft, unless its time is over."""
        pending = self.pending_draft
        return pending if pending is not None and self.now.timestamp() < pending.expires_at else None

    @property
    def question(self) -> PendingQuestion | None:
        """The pending question, unless its time is over."""
        pending = self.pending_question
        return pending if pending is not None and self.now.timestamp() < pending.expires_at else None


@dataclass(frozen=True, slots=True)
class Persona:
    """Who speaks to the user; the descriptions are whole sentences."""

    name: str
    description_ko: str
    description_en: str
