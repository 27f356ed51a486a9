"""What a user asks of Maek in one turn."""

from dataclasses import dataclass

from router.config_roles import PriorityName


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
    language_named: bool = False
    """Whether the caller named the language; else a word that says little is in that of the session."""
    earlier: str | None = None
    """In short, what was said in the session before the history begins."""
