"""What is in a machine, and what comes out of it."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Kv(Enum):
    """What happens when the key-value cache is full."""

    REPORTED = "reported"
    """Nothing: it is only told, as in `Batch`."""
    RESERVED = "reserved"
    """Nobody is admitted whose whole sequence does not fit."""
    PREEMPTED = "preempted"
    """Prompts are admitted while they fit; when answers outgrow the cache, the latest is put back and computed anew."""


class Mark(NamedTuple):
    """Something that a client sees: the first token of `key`, or its last."""

    at: float
    key: int
    last: bool


@dataclass(eq=False, slots=True)
class Sequence:
    """One request in the machine."""

    key: int
    arrived_at: float
    prompt: int
    output: int
    blocks: tuple[int, ...]
    prompt_left: int
    tokens: int = 0
    """Tokens that came before `joined`."""
    joined: int = -1
    """The step behind which it decodes; -1 until then."""
    ends: int = -1
    """The step that gives its last token."""
