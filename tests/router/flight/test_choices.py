"""A choice that was written down is made again to the last digit, from its line alone."""

from dataclasses import replace
from functools import reduce
from math import inf

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.balance.choice import Choice, choose, choose_on
from router.balance.demand import Demand
from router.balance.policies import POLICIES, PolicyName
from router.balance.policy import Scene
from router.balance.pools import Candidate, Pool
from router.balance.seen import Excluded, Exclusion, View
from router.flight.choices import FORM, Recorded, choice_body, choice_of
from router.flight.replaying import Comparison, Remade
from sidecar import Lengths, Note, Outlook, Snapshot, TraceInvalid
from sidecar.recording import read, write
from tests.router.balance.scenes import able, chances, demands, fleets, outlook, pools, scene, scenes

policies = st.sampled_from(PolicyName)
lengths = st.lists(st.integers(1, 3000), max_size=40).map(lambda answers: reduce(Lengths.after, answers, Lengths()))


def again(policy: PolicyName, choice: Choice) -> Recorded:
    """The choice after a way through a file."""
    note = read(write(Note(12.5, "choice", choice_body("d1", policy, choice))))
    assert isinstance(note, Note)
    return choice_of(note.at, note.body)


def agrees(policy: PolicyName, choice: Choice) -> None:
    """What is read chooses as was chosen, and predicts what was predicted."""
    recorded = again(policy, choice)
    made = recorded.again()
    winner = None if choice.winner is None else choice.winner.candidate
    assert (recorded.at, recorded.decision, recorded.policy, recorded.winner) == (12.5, "d1", policy, winner)
    assert (made.place, made.reason, made.full, made.panic) == (choice.place, choice.reason, choice.full, choice.panic)
    assert list(made.costs) == list(choice.costs)
    assert made.considered == choice.considered


@given(
    scenes(),
    policies,
    lengths,
    st.none() | st.lists(st.floats(0, 5000), min_size=6, max_size=6),
    st.booleans(),
)
def test_whatever_was_looked_at_gives_the_same_choice_again(
    seen: Scene, policy: PolicyName, known: Lengths, cached: list[float] | None, panic: bool
) -> None:
    tokens = None if cached is None else cached[: len(seen.able)]
    seen = seen._replace(lengths=known, cached=tokens)
    out = [Excluded(Candidate("nas", "m"), Exclusion.DOWN)]
    agrees(policy, choose_on(seen, View(seen.able, out, panic, None), POLICIES[policy]))


@given(pools, fleets, demands, policies, chances)
def test_so_does_a_choice_among_backends_of_every_state(
    found: Pool, fleet: Snapshot, demand: Demand, policy: PolicyName, chance: float
) -> None:
    agrees(policy, choose(found, fleet, demand, POLICIES[policy], chance))


def test_what_an_outlook_may_leave_open_comes_back_so_and_infinity_as_infinity() -> None:
    seen = outlook(slots=inf, room=inf, ends_seen_per_second=None, ends_now_per_second=2.5)
    one = able("a")._replace(outlook=seen, room=inf)
    looked = scene(one)
    recorded = again(
        PolicyName.PREDICTED, choose_on(looked, View([one], [], False, None), POLICIES[PolicyName.PREDICTED])
    )
    assert recorded.scene.able[0].outlook == seen
    assert recorded.scene.able[0].room == inf


def test_a_change_of_what_is_written_is_a_change_of_the_form() -> None:
    """Whoever sees this fail counts `FORM` up: a recording of before would be misread."""
    assert (FORM, *Outlook._fields) == (
        1, "in_flight", "slots", "room", "first_seconds", "ahead_seconds", "prompt_seconds", "later_seconds", "others",
        "crowding_seconds", "slot_later_seconds", "slot_first_seconds", "cold_seconds", "trusted", "told", "counted",
        "ends_seen_per_second", "apart", "pace", "silent_seconds", "ends_now_per_second",
    )  # fmt: skip


BODY = orjson.loads(
    orjson.dumps(
        choice_body(
            "d1",
            PolicyName.PREDICTED,
            choose_on(scene(able("a")), View([able("a")], [], False, None), POLICIES[PolicyName.PREDICTED]),
        )
    )
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"form": 0}, "form: found 0; this version of Maek replays choices of form 1"),
        ({"policy": "mine"}, "a choice that cannot be read: ValueError: 'mine' is not a valid PolicyName"),
        ({"able": [["a", "m"]]}, "a choice that cannot be read: ValueError: not enough values to unpack"),
        ({"lengths": None}, "a choice that cannot be read: TypeError: "),
    ],
)
def test_a_line_that_is_no_choice_is_refused_with_what_is_wrong(change: dict[str, object], message: str) -> None:
    with pytest.raises(TraceInvalid) as refused:
        choice_of(1.0, BODY | change)
    assert str(refused.value).startswith(message)


def test_a_line_without_a_key_is_refused() -> None:
    with pytest.raises(TraceInvalid, match="KeyError: 'random'"):
        choice_of(1.0, {key: value for key, value in BODY.items() if key != "random"})


def test_no_name_of_a_session_and_no_prompt_is_in_a_line() -> None:
    seen = scene(able("a"))
    seen = seen._replace(demand=replace(seen.demand, blocks=(123456789,)))
    choice = choose_on(seen, View(seen.able, [], False, None), POLICIES[PolicyName.PREDICTED])
    assert b"123456789" not in orjson.dumps(choice_body("d1", PolicyName.PREDICTED, choice))


def test_the_note_of_a_choice_is_made_again_and_compared() -> None:
    seen = scene(able("quick"), able("slow"))
    choice = choose_on(seen, View(seen.able, [], False, None), POLICIES[PolicyName.PREDICTED])
    note = read(write(Note(12.5, "choice", choice_body("d1", PolicyName.PREDICTED, choice))))
    assert isinstance(note, Note)
    remade, comparison = Remade(), Comparison(PolicyName.ROUND_ROBIN)
    assert remade.take(note) is None
    comparison.take_note(note)
    assert (remade.choices, comparison.choices) == (1, 1)
