"""A choice ⇄ a line of a flight recording: everything that a policy looks at, so that it can choose again.

A ticket that was told to come back is a line of the same kind, with what the queue looked like besides.

Rules of this file
- Pure. No text of a user or a model: names of backends and models, numbers, and fingerprints.
- A line stands for itself. It needs none before it, and so outlives the beginning of a ring.
- Numbers are written as they are: the same doubles give the same costs. Null stands for infinity where a number has to
  stand.
- What stands where is `FORM`'s: whoever changes a row, or `Outlook`, counts it up.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple, get_type_hints

from router.balance.admission import Queue, Rejection, Shed, rejection_of
from router.balance.choice import Choice, choose_on
from router.balance.demand import Demand, Priority
from router.balance.policies import POLICIES, PolicyName
from router.balance.policy import Scene
from router.balance.pools import Candidate
from router.balance.seen import Able, Excluded, Exclusion, View
from sidecar import BackendSpec, BackendState, Lengths, Outlook, TraceInvalid

FORM = 1

ChoiceMade = Callable[[float, str, PolicyName, Choice], None]
"""Hears of a choice that somebody acts on: its moment, the id of its decision, the policy, and the choice."""
ShedTold = Callable[[float, str, PolicyName, Shed], None]
"""Hears of a ticket that was told to come back: the moment, the id of its decision, the policy, and why."""

_MAY_BE_NONE = tuple(type(None) in getattr(hint, "__args__", ()) for hint in get_type_hints(Outlook).values())


@dataclass(frozen=True, slots=True)
class RecordedLengths(Lengths):
    """What a choice asked of the lengths of answers."""

    expects: float = 0.0
    """Tokens of an answer that may have as many as this request allows."""

    def expected(self, at_most: int | None) -> float:  # noqa: ARG002 - recorded for the one limit of this request
        """Tokens of an answer to the recorded request."""
        return self.expects


class Recorded(NamedTuple):
    """A choice as it was recorded, and what it was made from."""

    at: float
    decision: str
    policy: PolicyName
    scene: Scene
    view: View
    winner: Candidate | None
    cost: float | None
    """Of the winner, as the policy counted."""

    def again(self) -> Choice:
        """The same policy on the same scene."""
        return choose_on(self.scene, self.view, POLICIES[self.policy])


class RecordedShed(NamedTuple):
    """A ticket that was told to come back, as it was recorded."""

    last: Recorded
    """Its last choice."""
    rejection: Rejection
    queue: Queue

    def again(self) -> Rejection | None:
        """What the same queue says to the same choice, made again."""
        return rejection_of(self.last.again(), self.last.scene.demand, self.queue)


def shed_body(decision: str, policy: PolicyName, shed: Shed) -> dict[str, Any]:
    """What a line says of a ticket that was told to come back, JSON-able."""
    more = {"rejection": shed.rejection, "rests_until": shed.choice.rests_until, "queue": tuple(shed.queue)}
    return choice_body(decision, policy, shed.choice) | more


def shed_of(at: float, body: Mapping[str, Any]) -> RecordedShed:
    """The ticket of a line. Raises TraceInvalid if it is none, or another version's."""
    last = choice_of(at, body)
    try:
        queue = Queue(*body["queue"])
        queue = queue._replace(
            expected_seconds=_or_inf(queue.expected_seconds), left_seconds=_or_inf(queue.left_seconds)
        )
        view = last.view._replace(rests_until=body["rests_until"])
        return RecordedShed(last._replace(view=view), Rejection(body["rejection"]), queue)
    except (KeyError, TypeError, ValueError) as error:
        raise TraceInvalid(f"a refusal that cannot be read: {type(error).__name__}: {error!s:.80}") from None


def choice_body(decision: str, policy: PolicyName, choice: Choice) -> dict[str, Any]:
    """What a line says of a choice, JSON-able."""
    scene = choice.scene
    demand, lengths = scene.demand, scene.lengths
    cached = scene.cached or (None,) * len(scene.able)
    won = choice.winner
    return {
        "form": FORM,
        "decision": decision,
        "policy": policy,
        "role": demand.role,
        "prompt_tokens": demand.prompt_tokens,
        "max_tokens": demand.max_tokens,
        "session": demand.session,
        "priority": int(demand.priority),
        "number": demand.number,
        "lengths": (lengths.mean, lengths.mean_prompt, lengths.expected(demand.max_tokens)),
        "random": scene.random,
        "able": [
            (*one.candidate, one.state.spec.weight, one.state.spec.tier, one.room, waiting, tokens, tuple(one.outlook))
            for one, waiting, tokens in zip(scene.able, scene.before, cached, strict=True)
        ],
        "excluded": [(*one.candidate, one.why) for one in choice.excluded],
        "panic": choice.panic,
        "winner": None if won is None else tuple(won.candidate),
        "cost": None if choice.place is None else choice.costs[choice.place],
    }


def choice_of(at: float, body: Mapping[str, Any]) -> Recorded:
    """The choice of a line. Raises TraceInvalid if it is none, or another version's."""
    if body.get("form") != FORM:
        raise TraceInvalid(f"form: found {body.get('form')!r:.60}; this version of Maek replays choices of form {FORM}")
    try:
        return _choice_of(at, body)
    except (KeyError, TypeError, ValueError) as error:
        raise TraceInvalid(f"a choice that cannot be read: {type(error).__name__}: {error!s:.80}") from None


def _choice_of(at: float, body: Mapping[str, Any]) -> Recorded:
    demand = Demand(
        body["role"],
        body["prompt_tokens"],
        body["max_tokens"],
        body["session"],
        priority=Priority(body["priority"]),
        number=body["number"],
    )
    mean, mean_prompt, expects = body["lengths"]
    able = [_able(row) for row in body["able"]]
    cached = [row[6] for row in body["able"]]
    known = None if None in cached or not cached else cached
    lengths = RecordedLengths(mean=mean, mean_prompt=mean_prompt, expects=expects)
    scene = Scene(able, [row[5] for row in body["able"]], demand, lengths, body["random"], known)
    excluded = [Excluded(Candidate(backend, model), Exclusion(why)) for backend, model, why in body["excluded"]]
    view = View(able, excluded, body["panic"], rests_until=None)
    winner = None if body["winner"] is None else Candidate(*body["winner"])
    return Recorded(at, body["decision"], PolicyName(body["policy"]), scene, view, winner, body["cost"])


def _able(row: list[Any]) -> Able:
    backend, model, weight, tier, room, _waiting, _cached, figures = row
    state = BackendState(BackendSpec(backend, "", weight=weight, tier=tier))
    numbers: Iterator[Any] = (
        inf if figure is None and not may_be_none else figure
        for figure, may_be_none in zip(figures, _MAY_BE_NONE, strict=True)
    )
    return Able(Candidate(backend, model), state, Outlook(*numbers), _or_inf(room))


def _or_inf(number: float | None) -> float:
    return inf if number is None else number
