"""How much of a conversation is remembered. Pure.

Rules of this file
- A turn (what the user said and everything up to the next thing they said) is kept or dropped whole: an answer
  without its question misleads a model more than a shorter history does.
- The oldest turns go first, and none is skipped: the result is always the end of the conversation.
- The newest turn is shortened rather than lost, because "make that shorter" is about a long answer.
- The bound in tokens is never passed, by the estimate of `router.tokens`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from router.conversation import Message, Role
from router.tokens import MESSAGE_OVERHEAD_TOKENS, estimate_message_tokens, estimate_tokens

_MOST_CHARACTERS_PER_TOKEN = 4
"""No estimate gives a token more: what lies beyond cannot fit and need not be walked over."""
_CUT = "…"


@dataclass(frozen=True, slots=True)
class Entry:
    """One message, when it was said (seconds since the epoch), and its estimated tokens in a prompt.

    The estimate is kept because it walks over every character, and the history is looked at for every message.
    """

    at: float
    tokens: int
    message: Message


@dataclass(frozen=True, slots=True)
class Summary:
    """In short, what was said before the history begins."""

    text: str
    until: float
    """When the newest message in it was said; seconds since the epoch."""


def entry_of(message: Message, at: float) -> Entry:
    """The message with its estimate, which is never 0: a flood of empty messages is not free."""
    return Entry(at, estimate_message_tokens(message.text), message)


def turns(entries: Iterable[Entry]) -> list[tuple[Entry, ...]]:
    """The conversation by turns. What stands before the user's first message is a turn of its own."""
    found: list[list[Entry]] = []
    for entry in entries:
        if not found or entry.message.role is Role.USER:
            found.append([])
        found[-1].append(entry)
    return [tuple(turn) for turn in found]


def trimmed(entries: Iterable[Entry], *, tokens: int, age_seconds: float, now: float) -> tuple[Entry, ...]:
    """The newest turns that are younger than `age_seconds` and fit into `tokens` together."""
    return parted(entries, tokens=tokens, age_seconds=age_seconds, now=now)[1]


def parted(
    entries: Iterable[Entry], *, tokens: int, age_seconds: float, now: float
) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """The turns that there is no room for, and those of `trimmed`. What is over age is in neither."""
    fresh = [turn for turn in turns(entries) if now - turn[-1].at < age_seconds]
    kept: list[tuple[Entry, ...]] = []
    left = tokens
    for turn in reversed(fresh):
        cost = sum(entry.tokens for entry in turn)
        if cost > left:
            break
        kept.append(turn)
        left -= cost
    if fresh and not kept:
        return _flat(fresh[:-1]), _shortened(fresh[-1], tokens)
    return _flat(fresh[: len(fresh) - len(kept)]), _flat(reversed(kept))


def remaining(entries: Sequence[Entry], done: Sequence[Entry]) -> tuple[Entry, ...] | None:
    """What is left of `entries` once their beginning is `done`; None if nothing of that is in them.

    `done` was their beginning a while ago. Since then more may have come at the end, and the oldest may be gone.
    """
    for start in range(len(done)):
        still_there = tuple(done[start:])
        if tuple(entries[: len(still_there)]) == still_there:
            return tuple(entries[len(still_there) :])
    return None


def _flat(parts: Iterable[Sequence[Entry]]) -> tuple[Entry, ...]:
    return tuple(entry for turn in parts for entry in turn)


def _shortened(turn: Sequence[Entry], tokens: int) -> tuple[Entry, ...]:
    """The turn with its longest texts cut until it fits; () if there is no token of text for each."""
    left = tokens - MESSAGE_OVERHEAD_TOKENS * len(turn)
    if left < len(turn):
        return ()
    shorter = dict(enumerate(turn))
    # Shortest first: what they leave of their equal share goes to the longer ones.
    for place, index in enumerate(sorted(shorter, key=lambda index: turn[index].tokens)):
        said = turn[index]
        text = cut(said.message.text, left // (len(turn) - place))
        shorter[index] = entry_of(replace(said.message, text=text), said.at)
        left -= shorter[index].tokens - MESSAGE_OVERHEAD_TOKENS
    return tuple(shorter.values())


def cut(text: str, tokens: int) -> str:
    """The text, or its longest beginning that fits into `tokens` with a mark of the cut; "" if none does."""
    too_long = min(len(text), tokens * _MOST_CHARACTERS_PER_TOKEN) + 1
    if estimate_tokens(text[:too_long]) <= tokens:
        return text
    fits = 0
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if estimate_tokens(text[:middle] + _CUT) <= tokens:
            fits = middle
        else:
            too_long = middle
    return text[:fits] + _CUT if fits else ""
