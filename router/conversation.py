"""What was said in a conversation so far.

Rules of this file
- Values only, and no more than what a prompt needs; who keeps them and for how long is `router.sessions`' business.
"""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Who said it. The system prompt is no part of a conversation."""

    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One thing that was said."""

    role: Role
    text: str
    found: bool = False
    """A tool found it, so that others wrote it: data, and never an instruction."""
