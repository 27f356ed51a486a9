"""What stays of a choice, to be told: in `/decisions`, in a header, in the log.

Rules of this file
- Pure. Small, however large the pool: a thousand of these are kept. Nothing that a user wrote is in it.
- Texts are ASCII, since they go into headers and logs; sentences for people are made elsewhere.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from heapq import nsmallest
from math import inf, isfinite

from router.balance.choice import Choice, Considered
from router.balance.demand import Demand, Priority
from router.balance.policies import PolicyName

MOST_SHOWN = 32
"""Candidates that are kept of one choice. Of a larger pool those that came next to winning, and the numbers of the
others: a record of one choice then takes some 8 kB at most."""
HEADER_CHARS = 200
ROOM_FOR_COUNTS = 40
"""Characters of a header for the numbers of those who did not fit."""
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

    @property
    def in_brief(self) -> "Why":
        """The same with nobody but the winner; the others are counted."""
        won = () if self.won is None else (self.won,)
        counted = _counted(one for one in self.considered if one is not self.won)
        counted.update(self.not_shown)
        return replace(self, considered=won, not_shown=counted)

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
    if len(choice.costs) + len(choice.excluded) <= MOST_SHOWN:
        considered = choice.considered
        won = None if choice.place is None else considered[choice.place]
        return Why(policy, asked, choice.reason, won, considered, choice.panic)
    won = choice.won
    shown, not_shown = _most_telling(choice, won)
    return Why(policy, asked, choice.reason, won, shown, choice.panic, not_shown)


def header(why: Why, most_chars: int | None = HEADER_CHARS) -> str:
    """A choice in one line: `predicted (ttft/e2e/cost): mini 412ms/3.1s/2.1, gpu 1.2s/9.8s/6.3; nas down`.

    The winner stands first, then the others by cost, then the excluded; whoever does not fit into `most_chars` is
    counted: `+7 able, +2 down`. A `~` marks a guess, `cold` a model that has to be loaded first. ASCII.
    """
    rows = why.best_first
    begin = f"{why.policy} (ttft/e2e/cost): " if why.won else f"{why.policy}: nobody"
    end = "; panic" if why.panic else ""
    room = inf if most_chars is None else most_chars - len(begin) - len(end) - ROOM_FOR_COUNTS
    able: list[str] = []
    excluded: list[str] = []
    for row in rows:
        text = _row_text(row)
        room -= len(text) + len(", ")
        if room < 0:
            break
        (able if row.excluded is None else excluded).append(text)
    counted = _counted(rows[len(able) + len(excluded) :])
    counted.update(why.not_shown)
    told = "; ".join(", ".join(part) for part in (able, excluded, _counts(counted)) if part)
    joint = "; " if told and why.won is None else ""
    return f"{begin}{joint}{told}{end}"


def short_seconds(seconds: float) -> str:
    """`412ms`, `1.2s`, `38s`."""
    if not isfinite(seconds):
        return "never"
    if seconds < 1.0:
        return f"{seconds * 1000:.0f}ms"
    return f"{seconds:.1f}s" if seconds < 10.0 else f"{seconds:.0f}s"


def _most_telling(choice: Choice, won: Considered | None) -> tuple[tuple[Considered, ...], Mapping[str, int]]:
    """The winner, those next to it, and as many of the excluded as still fit; and the numbers of the others."""
    cheapest = nsmallest(MOST_SHOWN, range(len(choice.costs)), key=choice.costs.__getitem__)
    if choice.place is not None and choice.place not in cheapest:
        cheapest[-1:] = [choice.place]  # it was drawn among equals
    best = [won if won is not None and place == choice.place else choice.row(place) for place in cheapest]
    room = MOST_SHOWN - len(best)
    excluded = [Considered(one.candidate, None, None, None, None, one.why) for one in choice.excluded[:room]]
    not_shown = Counter(str(one.why) for one in choice.excluded[room:])
    if len(choice.costs) > len(best):
        not_shown[ABLE] = len(choice.costs) - len(best)
    return (*best, *excluded), not_shown


def _rank(one: Considered) -> tuple[bool, float]:
    return (one.excluded is not None, inf if one.cost is None else one.cost)


def _counted(rows: Iterable[Considered]) -> Counter[str]:
    return Counter(ABLE if one.excluded is None else str(one.excluded) for one in rows)


def _counts(counted: Mapping[str, int]) -> list[str]:
    texts = [f"+{number} {kind}" for kind, number in sorted(counted.items())]
    return texts if len(", ".join(texts)) <= ROOM_FOR_COUNTS else [f"+{sum(counted.values())} more"]


def _row_text(one: Considered) -> str:
    name = one.candidate.backend
    if one.excluded is not None:
        return f"{name} {one.excluded}"
    first, whole, cost = one.ttft_seconds, one.e2e_seconds, one.cost
    assert first is not None  # whoever was not excluded was reckoned
    assert whole is not None
    assert cost is not None
    guess = "" if one.trusted else "~"
    cold = " cold" if one.cold_seconds else ""
    costs = f"{cost:.3g}" if isfinite(cost) else "-"
    return f"{name} {guess}{short_seconds(first)}/{short_seconds(whole)}/{costs}{cold}"


def _flag(value: bool) -> str:
    return "yes" if value else "no"
