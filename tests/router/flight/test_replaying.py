"""Recorded choices made again, and beside what another policy would have chosen."""

from math import inf

from router.balance.choice import choose_on
from router.balance.policies import POLICIES, PolicyName
from router.balance.policy import Scene
from router.balance.pools import Candidate
from router.balance.seen import Excluded, Exclusion, View
from router.flight.choices import Recorded
from router.flight.replaying import (
    MOST_DIFFERENCES,
    Comparison,
    Remade,
    comparison_json,
    comparison_lines,
    difference,
)
from sidecar import Note
from tests.router.balance.scenes import able, scene

QUICK = able("quick", in_flight=3, first_seconds=0.1)
SLOW = able("slow", in_flight=0, first_seconds=1.0)


def recorded(seen: Scene, policy: PolicyName = PolicyName.PREDICTED, at: float = 1.0) -> Recorded:
    """As the policy chose."""
    view = View(seen.able, [Excluded(Candidate("nas", "m"), Exclusion.DOWN)], False, None)
    choice = choose_on(seen, view, POLICIES[policy])
    winner = None if choice.winner is None else choice.winner.candidate
    cost = None if choice.place is None else choice.costs[choice.place]
    return Recorded(at, "d1", policy, seen, view, winner, cost)


def test_the_same_policy_gives_the_same() -> None:
    assert difference(recorded(scene(QUICK, SLOW))) is None
    assert difference(recorded(scene())) is None


def test_another_winner_or_another_cost_is_a_difference() -> None:
    one = recorded(scene(QUICK, SLOW))
    assert one.cost is not None
    other_winner = difference(one._replace(winner=Candidate("slow", "m")))
    other_cost = difference(one._replace(cost=one.cost + 1e-9))
    nobody = difference(recorded(scene())._replace(winner=Candidate("slow", "m"), cost=2.0))
    assert other_winner == {
        "t": 1.0,
        "decision": "d1",
        "policy": PolicyName.PREDICTED,
        "recorded": {"backend": "slow", "model": "m", "cost": one.cost},
        "replayed": {"backend": "quick", "model": "m", "cost": one.cost},
    }
    assert other_cost is not None
    assert nobody is not None
    assert nobody["replayed"] is None


def compared(policy: PolicyName, *choices: Recorded) -> Comparison:
    comparison = Comparison(policy)
    for choice in choices:
        comparison.take(choice)
    return comparison


def test_another_policy_is_told_with_whom_and_at_what_cost() -> None:
    both = recorded(scene(QUICK, SLOW))
    alone = recorded(scene(SLOW), at=2.0)
    told = comparison_json(compared(PolicyName.LEAST_IN_FLIGHT, both, alone, recorded(scene(), at=3.0)))
    assert (told["choices"], told["same"], told["nobody"]) == (3, 1, 1)
    assert told["recorded"]["backends"] == {"quick": 1, "slow": 1}
    assert told["other"]["backends"] == {"slow": 2}
    assert told["recorded"]["first_token_mean_seconds"] < told["other"]["first_token_mean_seconds"]
    [changed] = told["differences"]
    assert (changed["recorded"]["backend"], changed["other"]["backend"]) == ("quick", "slow")
    assert changed["other"]["first_token_seconds"] == 1.0 + 1000 * 0.0003


def test_the_policy_that_chose_would_have_chosen_the_same() -> None:
    told = comparison_json(compared(PolicyName.PREDICTED, *(recorded(scene(QUICK, SLOW)) for _ in range(5))))
    assert (told["same"], told["differences"]) == (5, [])
    assert told["recorded"] == told["other"]


def test_going_round_in_turn_takes_turns_though_nobody_counted() -> None:
    chosen = compared(PolicyName.ROUND_ROBIN, *(recorded(scene(QUICK, SLOW)) for _ in range(6)))
    assert chosen.backends_other == {"quick": 3, "slow": 3}
    counted = recorded(scene(QUICK, SLOW), PolicyName.ROUND_ROBIN)
    assert compared(PolicyName.ROUND_ROBIN, counted, counted).same == 2


def test_what_never_comes_is_null_and_a_dash() -> None:
    never = able("never", first_seconds=inf)
    comparison = compared(PolicyName.LEAST_IN_FLIGHT, recorded(scene(never)))
    assert comparison_json(comparison)["other"]["whole_p95_seconds"] is None
    assert any(line.split()[-3:] == ["never", "never", "-"] for line in comparison_lines(comparison))


def test_a_table_says_what_would_be_otherwise_and_what_it_does_not_know() -> None:
    lines = comparison_lines(compared(PolicyName.LEAST_IN_FLIGHT, recorded(scene(QUICK, SLOW)), recorded(scene())))
    assert lines[:2] == [
        "1 choice made by predicted: least_in_flight would have made 1 of them (100%) otherwise.",
        "For 1 more request there was nobody to choose, by whatever policy.",
    ]
    assert lines[3].split() == ["as", "recorded", "least_in_flight", "difference"]
    assert lines[4].split()[:3] == ["first", "token,", "mean"]
    assert lines[4].split()[-2:] == ["+0.900", "s"]
    assert [line.split() for line in lines if line.startswith("sent to")] == [
        ["sent", "to", "quick", "1", "0", "-1"],
        ["sent", "to", "slow", "0", "1", "+1"],
    ]
    assert "is not in a recording" in " ".join(lines[-3:]).replace("\n", " ")


def test_of_notes_those_that_tell_of_no_choice_are_passed_over() -> None:
    comparison, remade = Comparison(PolicyName.PIN), Remade()
    comparison.take_note(Note(1.0, "decision", {"id": "d1"}))
    assert remade.take(Note(1.0, "decision", {"id": "d1"})) is None
    assert (comparison.choices, remade.made, remade.sentence()) == (0, 0, "Nothing in it was chosen.")


def test_what_was_made_again_is_counted_by_its_kind() -> None:
    assert Remade(1).sentence() == "1 choice of a backend made again, 0 came out differently."
    several = "1,200 choices of a backend, 2 refusals by the queue and 1 load ahead of need made again"
    assert Remade(1200, 2, 1, 3).sentence() == f"{several}, 3 came out differently."


def test_nothing_recorded_is_nothing_compared() -> None:
    told = comparison_json(compared(PolicyName.PIN))
    assert (told["choices"], told["recorded"]["first_token_mean_seconds"]) == (0, None)


def test_as_many_differences_as_a_person_reads_are_shown_and_all_are_counted() -> None:
    one = recorded(scene(QUICK, SLOW))
    comparison = compared(PolicyName.LEAST_IN_FLIGHT, *[one] * (MOST_DIFFERENCES + 5))
    assert len(comparison.differences) == MOST_DIFFERENCES
    assert comparison.choices - comparison.same == MOST_DIFFERENCES + 5
