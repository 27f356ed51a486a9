"""The waiting line: who may go now, who waits for whom, and who is told to come back later.

Rules of this file
- Pure, but for the line itself, which has one owner. Moments are those of the snapshots, chance is given.
- The order is fixed when a ticket is made: who came first, each class of priority counting as if it had come later by
  so many seconds. So equals go in the order of their coming, and nobody is overtaken for longer than those seconds.
- A ticket that waits does so for one backend, the one that costs it least, and counts there before all who stand behind
  it. Whoever finds room elsewhere passes it; nobody takes the place that it waits for.
- A look and the booking that follows from it belong into one step without an `await`; then what was seen still holds.

How to use it
    admission = line.admit(ticket, snapshot, random())      # once; QUEUED: it stands in the line now
    for ticket, choice in line.ready(snapshot, random): …   # whenever room may have come
Book the first, `remove` it, and ask again with a fresh snapshot; or wake them all, and let each of them `consider` for
itself before it books.
"""

from bisect import insort_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import takewhile
from math import inf
from typing import NamedTuple

from router.balance.choice import Choice, choose_from
from router.balance.demand import Demand, Priority
from router.balance.policy import Policy
from router.balance.pools import Candidate, Pool
from router.balance.seen import Able, View, look
from sidecar import Snapshot

MOST_PLANNED = 16
"""Tickets of one pool that are planned anew at each event. Those behind them keep the backend that they wait for, so
that a long line costs what a short one does."""
MOST_COSTS = 256
"""Candidates whose cost is asked for at each event and pool, about a millisecond: of a large pool fewer tickets are
planned, and each that goes makes the next one's turn come."""

LATELY_SECONDS = 30.0
PART_SEEN = 0.25
"""Of the longest wait allowed. A prediction is carried on by four times what was seen, and no further."""
PART_BORNE_OUT = 0.5
"""First tokens that come in less than half of what was predicted show that the prediction is wrong."""

Door = str | Candidate
"""A backend; or of one whose models have slots of their own, one of these."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long the line of a role may become."""

    most: int = 256
    """Tickets of the role."""
    most_wait_seconds: float = 60.0
    rise_seconds: float = 30.0
    """A ticket goes before those of the next better class that came so much later."""
    waited_seconds: float = 0.0
    """Of `most_wait_seconds`, before somebody took it who then failed."""

    @property
    def left_seconds(self) -> float:
        """For which it may still wait."""
        return max(0.0, self.most_wait_seconds - self.waited_seconds)


@dataclass(eq=False, slots=True)
class Ticket:
    """One request that wants a place."""

    demand: Demand
    pool: Pool
    policy: Policy
    since: float
    """When it came; a request that failed elsewhere comes back with the moment at which it came first."""
    terms: Terms = Terms()
    tried: tuple[Candidate, ...] = ()
    waits_for: Door | None = None
    """Where it waits, as it was last planned; None: for anybody who has rested. The line writes it."""
    expected_at: float = inf
    """When it was expected to have its place, as it was last planned. The line writes it."""
    rank: float = field(init=False)

    def __post_init__(self) -> None:
        self.rank = self.since + self.demand.priority * self.terms.rise_seconds

    def expected_wait(self, now: float) -> float:
        """Seconds until it has its place, as far as can be told; 0 where it should have it already."""
        return max(0.0, self.expected_at - now)


class Answer(StrEnum):
    """What becomes of a ticket that comes."""

    ADMITTED = "admitted"
    """Its winner has room: book it."""
    QUEUED = "queued"
    SHED = "shed"
    """It shall come back later."""
    NOBODY = "nobody"
    """Nobody can serve it, and waiting would not help."""


class Rejection(StrEnum):
    """Why a ticket was shed."""

    QUEUE_FULL = "queue_full"
    WAIT_TOO_LONG = "wait_too_long"
    """It would wait for longer than its role allows, so it is told at once."""
    WAITED_TOO_LONG = "waited_too_long"
    """It has waited for as long as its role allows."""
    DISPLACED = "displaced"
    """The line was full, and somebody came who goes first."""


class Queue(NamedTuple):
    """What besides its choice decides about a ticket. Replay decides again from the same."""

    waiting: int = 0
    """Tickets of its role that stand in the line already."""
    most: int = 0
    expected_seconds: float = 0.0
    """How long it will wait; of one that has room for it: how long what it does before will take."""
    left_seconds: float = inf
    """For which it may wait still."""
    believed: bool = True
    """Whether that rests on more than a guess: on what was measured, or, where there is room, seen lately."""
    makes_way: bool = False
    """A ticket of a worse class stands in the line, which leaves it if need be."""
    waited_seconds: float | None = None
    """Of a ticket that has stood in the line; None: it has just come."""
    displaced_by: int | None = None
    """The class of the ticket that came and found the line full; None: nobody did."""


class Shed(NamedTuple):
    """A ticket that was told to come back later, and why."""

    rejection: Rejection
    choice: Choice
    """Its last one."""
    queue: Queue


class Admission(NamedTuple):
    """What became of a ticket that came."""

    answer: Answer
    choice: Choice
    expected_seconds: float = 0.0
    """How long it will wait, or would have."""
    rejection: Rejection | None = None
    displaced: Ticket | None = None
    """Who had to leave the line for it."""
    queue: Queue = Queue()
    """What decided, where it was not simply let in."""


def rejection_of(choice: Choice, demand: Demand, queue: Queue) -> Rejection | None:
    """Why a ticket is told to come back; None: it is not, or nobody could serve it anyway."""
    if queue.displaced_by is not None:
        displaced = queue.waiting >= queue.most and queue.displaced_by < demand.priority
        return Rejection.DISPLACED if displaced else None
    if queue.waited_seconds is not None:
        return Rejection.WAITED_TOO_LONG if queue.waited_seconds >= queue.left_seconds else None
    if choice.winner is None and choice.rests_until is None:
        return None
    if queue.expected_seconds > queue.left_seconds and queue.believed:
        return Rejection.WAIT_TOO_LONG
    has_room = choice.winner is not None and not choice.full
    if has_room or queue.waiting < queue.most or queue.makes_way:
        return None
    return Rejection.QUEUE_FULL


class Line:
    """Everybody who waits for a place, in the order in which they go."""

    def __init__(self) -> None:
        self._tickets: list[Ticket] = []

    def __len__(self) -> int:
        return len(self._tickets)

    def __iter__(self) -> Iterator[Ticket]:
        return iter(self._tickets)

    def __contains__(self, ticket: Ticket) -> bool:
        return ticket in self._tickets

    def admit(self, ticket: Ticket, snapshot: Snapshot, random: float) -> Admission:
        """What becomes of a ticket that comes now. `random` is a number in 0..1."""
        choice = self.consider(ticket, snapshot, random)
        if choice.winner is None and choice.rests_until is None:
            return Admission(Answer.NOBODY, choice)
        displaced, queue = self._queue(ticket, choice, snapshot.now)
        rejection = rejection_of(choice, ticket.demand, queue)
        if rejection is not None:
            return Admission(Answer.SHED, choice, queue.expected_seconds, rejection, queue=queue)
        if choice.winner is not None and not choice.full:
            return Admission(Answer.ADMITTED, choice)
        if queue.waiting >= queue.most and displaced is not None:
            self.remove(displaced)
        else:
            displaced = None
        self.add(ticket)
        return Admission(Answer.QUEUED, choice, queue.expected_seconds, displaced=displaced, queue=queue)

    def _queue(self, ticket: Ticket, choice: Choice, now: float) -> tuple[Ticket | None, Queue]:
        """What decides about a ticket that comes, and who would make way for it."""
        terms, winner = ticket.terms, choice.winner
        if winner is not None and not choice.full:
            ahead_seconds = winner.outlook.ahead_seconds * winner.outlook.pace
            late = ahead_seconds > terms.most_wait_seconds and _was_seen(winner, ticket, now)
            return None, Queue(0, terms.most, ahead_seconds, terms.most_wait_seconds, late)
        last = self._last_behind(ticket)
        waiting, expected_seconds = self.waiting(ticket.demand.role), ticket.expected_wait(now)
        queue = Queue(
            waiting, terms.most, expected_seconds, terms.left_seconds, _is_sure(choice), makes_way=last is not None
        )
        return last, queue

    def add(self, ticket: Ticket) -> None:
        """Put a ticket in its place, however long the line is."""
        insort_right(self._tickets, ticket, key=_rank)

    def remove(self, ticket: Ticket) -> None:
        """A ticket leaves, for whatever reason. One that has left already changes nothing."""
        if ticket in self._tickets:
            self._tickets.remove(ticket)

    def consider(self, ticket: Ticket, snapshot: Snapshot, random: float) -> Choice:
        """What one ticket would choose now, given who goes before it; it need not stand in the line."""
        view = look(ticket.pool, snapshot, ticket.demand.role, ticket.tried)
        return _planned(ticket, view, snapshot, random, self._waiting_before(ticket))

    def ready(self, snapshot: Snapshot, random: Callable[[], float]) -> Iterator[tuple[Ticket, Choice]]:
        """Those who need wait no longer, in the order of the line: their winner has room, also after those before them;
        or nobody can serve them (no winner, and nobody rests). None of them is removed."""
        plan = _Plan(snapshot)
        for ticket in tuple(self._tickets):
            view = plan.to_be_planned(ticket)
            if view is not None:
                choice = _planned(ticket, view, snapshot, random(), plan.before)
                if need_not_wait(choice):
                    yield ticket, choice
            _count(ticket, plan.before)

    def position(self, ticket: Ticket) -> int:
        """Its place among those of its role, from 1."""
        before = takewhile(lambda other: not _goes_after(other, ticket), self._tickets)
        return 1 + sum(other.demand.role == ticket.demand.role for other in before)

    def waiting(self, role: str) -> int:
        """Tickets of a role."""
        return sum(ticket.demand.role == role for ticket in self._tickets)

    def depth(self, priority: Priority) -> int:
        """Tickets of a priority."""
        return sum(ticket.demand.priority is priority for ticket in self._tickets)

    def _waiting_before(self, ticket: Ticket) -> Mapping[Door, int]:
        before: dict[Door, int] = {}
        for other in self._tickets:
            if _goes_after(other, ticket):
                break
            _count(other, before)
        return before

    def _last_behind(self, ticket: Ticket) -> Ticket | None:
        """The last of the role, if its priority is lower: it makes way when the line is full."""
        for last in reversed(self._tickets):
            if last.demand.role == ticket.demand.role:
                return last if last.demand.priority > ticket.demand.priority else None
        return None


class _Plan:
    """One walk along the line."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.before: dict[Door, int] = {}
        """How many wait there so far."""
        self._snapshot = snapshot
        self._views: dict[tuple[Pool, str, tuple[Candidate, ...]], View] = {}
        self._planned: dict[tuple[Pool, str, tuple[Candidate, ...]], int] = {}
        self._room: dict[Door, float] = {}

    def to_be_planned(self, ticket: Ticket) -> View | None:
        """What a ticket sees, if it is its turn to look: the first few of each pool; whoever waits for room that has
        come, and that those before it left; and everybody, if there is nobody to wait for."""
        pool, role, tried = kind = (ticket.pool, ticket.demand.role, ticket.tried)
        view = self._views.get(kind)
        if view is None:
            view = self._views[kind] = look(pool, self._snapshot, role, tried)
            self._room.update((one.door, one.room) for one in view.able)
        planned = self._planned.get(kind, 0)
        if planned >= _most_planned(pool) and view.able and not self._may_have_room(ticket.waits_for):
            return None
        self._planned[kind] = planned + 1
        return view

    def _may_have_room(self, door: Door | None) -> bool:
        return door is None or self._room.get(door, 0.0) - self.before.get(door, 0) >= 1


def _most_planned(pool: Pool) -> int:
    return max(1, min(MOST_PLANNED, MOST_COSTS // max(1, len(pool))))


def _planned(ticket: Ticket, view: View, snapshot: Snapshot, random: float, before: Mapping[Door, int]) -> Choice:
    """The choice of a ticket, and on the ticket what it waits for and until when."""
    waiting = [before.get(one.door, 0) for one in view.able] if before else (0,) * len(view.able)
    choice = choose_from(view, snapshot, ticket.demand, ticket.policy, random, waiting)
    winner = choice.winner
    if winner is not None:
        ticket.waits_for = winner.door
        ticket.expected_at = snapshot.now
        if choice.full:
            ticket.expected_at += winner.outlook.slot_seconds(choice.scene.lengths, before.get(ticket.waits_for, 0))
    else:
        ticket.waits_for = None
        ticket.expected_at = inf if choice.rests_until is None else choice.rests_until
    return choice


def need_not_wait(choice: Choice) -> bool:
    """Whether a ticket with this choice need not wait."""
    return choice.rests_until is None if choice.winner is None else not choice.full


def _is_sure(choice: Choice) -> bool:
    """Whether the expected wait was said by a backend, or follows from what was measured there.

    Slots that nobody told are inferred from waits, and a machine that is slow for a moment looks as if it had few.
    """
    if choice.winner is None:
        return True
    outlook = choice.winner.outlook
    return outlook.trusted and outlook.sure(choice.scene.lengths)


def _was_seen(winner: Able, ticket: Ticket, now: float) -> bool:
    """Whether first tokens of this backend lately came late enough to believe that the next ones come later still.

    How long prompts take is learnt from single ones, and many at once may well be faster than that.
    """
    seen = winner.state.first_tokens
    if not winner.outlook.trusted or seen.at is None or now - seen.at > LATELY_SECONDS:
        return False
    measured, predicted = seen.measured_seconds or 0.0, seen.predicted_seconds or inf
    return measured >= PART_SEEN * ticket.terms.most_wait_seconds and measured >= PART_BORNE_OUT * predicted


def _goes_after(other: Ticket, ticket: Ticket) -> bool:
    """Whether `other`, seen by somebody who walks along the line, and all behind it, go after `ticket`."""
    return other is ticket or other.rank > ticket.rank


def _count(ticket: Ticket, before: dict[Door, int]) -> None:
    if ticket.waits_for is not None:
        before[ticket.waits_for] = before.get(ticket.waits_for, 0) + 1


def _rank(ticket: Ticket) -> float:
    return ticket.rank
