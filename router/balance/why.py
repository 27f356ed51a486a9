"""What stays of a choice, to be told: in `/decisions`, in a header, in the log.

Rules of this file
- Pure. Small, however large the pool: a thousand of these are kept. Nothing that a user wrote is in it.
- Texts are ASCII, since they go into headers and logs; sentences for people are made elsewhere.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import nsmallest
from math import inf, isfinite

from router.balance.choice import Choice, Considered
from router.balance.demand import Demand, Priority
from router.balance.policies import PolicyName

MOST_SHOWN = 32
"""Candidates that are kept of one choice. Of a larger pool those that came next to winning, and the numbers of the
others: a thousand records of three choices each then take some 25 MB at most."""
HEADER_CHARS = 200
MOST_COUNTS_CHARS = 60
ROOM_FOR_COUNTS = MOST_COUNTS_CHARS + len(": nobody; ; panic")
ABLE = "able"
"""Who could have served, among those that are counted and not shown."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a demand may be told."""

    role: str
    prompt_tokens: int
    """Estimated."""
    max_tokens: int | None
    stream: bool
    priority: Priority
    session: bool
    """It continues a conversation, so that it may do better where that was before."""
    prefix_blocks: int
    """Leading blocks of the prompt by which a warm cache would be known."""


@dataclass(frozen=True, slots=True)
class Why:
    """One choice."""

    policy: PolicyName
    asked: Asked
    reason: str
    won: Considered | None
    """None: nobody could serve."""
    considered: tuple[Considered, ...]
    panic: bool
    not_shown: Mapping[str, int] = field(default_factory=dict)
    """What is left out of `considered`: `able` or an exclusion → how many."""

    @property
    def best_first(self) -> list[Considered]:
        """Who won, then the others by what they would have cost, then the excluded."""
        return sorted(self.considered, key=lambda one: (one is not self.won, *_rank(one)))

    def __str__(self) -> str:
        """For the log, as key=value; made only if somebody reads it."""
        asked = self.asked
        backend = "none" if self.won is None else self.won.candidate.backend
        return (
            f"policy={self.policy} role={asked.role} prompt_tokens={asked.prompt_tokens} "
            f"max_tokens={asked.max_tokens} stream={_flag(asked.stream)} priority={asked.priority.name.lower()} "
            f"session={_flag(asked.session)} prefix_blocks={asked.prefix_blocks} panic={_flag(self.panic)} "
            f'backend={backend} reason="{self.reason}" considered="{header(self, most_chars=None)}"'
        )


def why_of(choice: Choice, policy: PolicyName, demand: Demand, *, stream: bool) -> Why:
    """What to keep of a choice."""
    asked = Asked(
        demand.role,
        demand.prompt_tokens,
        demand.max_tokens,
        stream,
        demand.priority,
        demand.session is not None,
        len(demand.blocks),
    )
    considered = choice.considered
    if len(considered) <= MOST_SHOWN:
        return Why(policy, asked, choice.reason, choice.won, considered, choice.panic)
    shown = _most_telling(choice)
    kept = frozenset(map(id, shown))
    not_shown = _counted(one for one in considered if id(one) not in kept)
    return Why(policy, asked, choice.reason, choice.won, shown, choice.panic, not_shown)


def header(why: Why, most_chars: int | None = HEADER_CHARS) -> str:
    """A choice in one line: `predicted: mini ttft=412ms e2e=3.1s cost=2.1; gpu …; nas down; +7 able, +2 down`.

    The winner stands first, then the others by cost, then the excluded; whoever does not fit into `most_chars` is
    counted. ASCII.
    """
    rows = why.best_first
    parts = [] if why.won else ["nobody"]
    room = inf if most_chars is None else most_chars - ROOM_FOR_COUNTS - len(why.policy)
    shown = 0
    for row in rows:
        text = _row_text(row)
        room -= len(text) + len("; ")
        if room < 0:
            break
        parts.append(text)
        shown += 1
    counted = _counted(rows[shown:])
    counted.update(why.not_shown)
    if counted:
        parts.append(_counts_text(counted))
    return f"{why.policy}: " + "; ".join(parts) + ("; panic" if why.panic else "")


def short_seconds(seconds: float) -> str:
    """`412ms`, `1.2s`, `38s`."""
    if not isfinite(seconds):
        return "never"
    if seconds < 1.0:
        return f"{seconds * 1000:.0f}ms"
    return f"{seconds:.1f}s" if seconds < 10.0 else f"{seconds:.0f}s"


def _most_telling(choice: Choice) -> tuple[Considered, ...]:
    """The winner, those next to it, and as many of the excluded as still fit."""
    able = [one for one in choice.considered if one.excluded is None and one is not choice.won]
    won = [] if choice.won is None else [choice.won]
    best = won + nsmallest(MOST_SHOWN - len(won), able, key=_rank)
    excluded = [one for one in choice.considered if one.excluded is not None]
    return (*best, *excluded[: MOST_SHOWN - len(best)])


def _rank(one: Considered) -> tuple[bool, float]:
    return (one.excluded is not None, inf if one.cost is None else one.cost)


def _counted(rows: Iterable[Considered]) -> Counter[str]:
    return Counter(ABLE if one.excluded is None else str(one.excluded) for one in rows)


def _counts_text(counted: Mapping[str, int]) -> str:
    text = ", ".join(f"+{number} {kind}" for kind, number in sorted(counted.items()))
    return text if len(text) <= MOST_COUNTS_CHARS else f"+{sum(counted.values())} more"


def _row_text(one: Considered) -> str:
    if one.excluded is not None:
        return f"{one.candidate.backend} {one.excluded}"
    first, whole, cost = one.ttft_seconds, one.e2e_seconds, one.cost
    if first is None or whole is None or cost is None:
        return one.candidate.backend
    told = f"{one.candidate.backend} ttft={short_seconds(first)} e2e={short_seconds(whole)}"
    return f"{told} cost={cost:.3g}" if isfinite(cost) else f"{told} not looked at"


def _flag(value: bool) -> str:
    return "yes" if value else "no"
