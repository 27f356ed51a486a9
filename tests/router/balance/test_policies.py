"""What each policy prefers: laws for all of them, then a table each."""

from collections import Counter
from math import inf, isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.balance.demand import Demand
from router.balance.policies import POLICIES, PolicyName
from router.balance.policy import Scene
from tests.router.balance.scenes import able, scene, scenes

names = st.sampled_from(PolicyName)


def costs(name: PolicyName, seen: Scene) -> list[float]:
    return POLICIES[name].costs(seen)


def best(name: PolicyName, seen: Scene) -> list[str]:
    """Those that cost least."""
    found = costs(name, seen)
    ranked = zip(found, seen.able, strict=True)
    return [one.candidate.backend for cost, one in ranked if cost == min(found)]


def test_every_name_of_the_configuration_has_its_policy() -> None:
    assert POLICIES.keys() == set(PolicyName)


@given(names, scenes())
def test_everybody_has_a_cost_and_somebody_a_finite_one(name: PolicyName, seen: Scene) -> None:
    found = costs(name, seen)
    assert len(found) == len(seen.able)
    assert not any(isnan(cost) for cost in found)
    assert min(found) < inf


@given(names, scenes())
def test_asked_again_it_says_the_same(name: PolicyName, seen: Scene) -> None:
    assert costs(name, seen) == costs(name, seen)


@given(st.sampled_from([name for name in PolicyName if name not in (PolicyName.P2C, PolicyName.ROUND_ROBIN)]), scenes())
def test_what_one_costs_against_another_does_not_depend_on_their_order(name: PolicyName, seen: Scene) -> None:
    turned = seen._replace(able=list(seen.able)[::-1], before=list(seen.before)[::-1])
    assert costs(name, turned)[::-1] == pytest.approx(costs(name, seen))


# The fewest.


def test_the_fewest_requests_win_those_who_wait_for_a_slot_included() -> None:
    three = (able("a", in_flight=2), able("b", in_flight=1), able("c", in_flight=1))
    assert best(PolicyName.LEAST_IN_FLIGHT, scene(*three)) == ["b", "c"]
    assert best(PolicyName.LEAST_IN_FLIGHT, scene(*three, before=(0, 2, 1))) == ["a", "c"]


@pytest.mark.parametrize(
    ("busy", "weights", "winner"),
    [
        ((0, 0), (1.0, 2.0), ["b"]),
        ((0, 1), (1.0, 2.0), ["a", "b"]),
        ((0, 2), (1.0, 2.0), ["a"]),
        ((3, 9), (1.0, 3.0), ["b"]),
        ((0, 0), (1.0, 1.0), ["a", "b"]),
    ],
)
def test_whoever_weighs_twice_as_much_gets_twice_as_many(
    busy: tuple[int, int], weights: tuple[float, float], winner: list[str]
) -> None:
    two = (able(name, in_flight=many, weight=weight) for name, many, weight in zip("ab", busy, weights, strict=True))
    assert best(PolicyName.WEIGHTED, scene(*two)) == winner


def test_in_the_long_run_everybody_gets_what_they_weigh() -> None:
    held = Counter[str]()
    for _ in range(120):
        fleet = [
            able(name, weight=weight, in_flight=held[name]) for name, weight in (("a", 1.0), ("b", 2.0), ("c", 3.0))
        ]
        held[best(PolicyName.WEIGHTED, scene(*fleet))[0]] += 1
    assert held == {"a": 20, "b": 40, "c": 60}


# Two at random.


@given(st.integers(3, 9), st.floats(0, 1))
def test_two_are_looked_at_and_no_more(many: int, random: float) -> None:
    fleet = [able(f"b{number}", in_flight=number) for number in range(many)]
    found = costs(PolicyName.P2C, scene(*fleet, random=random))
    looked_at = [place for place, cost in enumerate(found) if cost < inf]
    assert len(looked_at) == 2
    assert [found[place] for place in looked_at] == looked_at  # as many as they have in flight


def test_every_two_come_up_equally_often() -> None:
    fleet = [able(f"b{number}") for number in range(4)]
    pairs = Counter(
        tuple(cost < inf for cost in costs(PolicyName.P2C, scene(*fleet, random=(number + 0.5) / 1200)))
        for number in range(1200)
    )
    assert set(pairs.values()) == {200}


@pytest.mark.parametrize("random", [0.0, 0.5, 1.0])
def test_of_two_both_are_looked_at(random: float) -> None:
    assert best(PolicyName.P2C, scene(able("a", in_flight=1), able("b"), random=random)) == ["b"]
    assert best(PolicyName.P2C, scene(able("a", in_flight=1), random=random)) == ["a"]


# In turn.


def test_one_after_another_has_its_turn() -> None:
    fleet = [able(name) for name in "abc"]
    turns = [best(PolicyName.ROUND_ROBIN, scene(*fleet, demand=Demand("r", number=number))) for number in range(6)]
    assert turns == [["a"], ["b"], ["c"]] * 2


# In tiers.


@pytest.mark.parametrize(
    ("rooms", "busy", "winner"),
    [
        ((4, 4, 4), (3, 0, 0), "a"),
        ((0, 4, 4), (3, 2, 0), "b"),
        ((0, 0, 4), (3, 2, 0), "c"),
        # Where all are full, the first tier is worth waiting for.
        ((0, 0, 0), (9, 2, 0), "a"),
        ((0.5, 1, 4), (0, 0, 0), "b"),
    ],
)
def test_the_next_tier_is_for_when_the_one_before_is_full(
    rooms: tuple[float, ...], busy: tuple[int, ...], winner: str
) -> None:
    fleet = [
        able(name, tier=tier, room=room, in_flight=many)
        for tier, (name, room, many) in enumerate(zip("abc", rooms, busy, strict=True))
    ]
    assert best(PolicyName.PRIORITY, scene(*fleet)) == [winner]


def test_within_a_tier_the_fewest_win_and_who_waits_takes_room() -> None:
    fleet = (able("a", in_flight=3, room=2), able("b", in_flight=1, room=1), able("c", tier=1, room=9))
    assert best(PolicyName.PRIORITY, scene(*fleet)) == ["b"]
    assert best(PolicyName.PRIORITY, scene(*fleet, before=(0, 1, 0))) == ["a"]
    assert best(PolicyName.PRIORITY, scene(*fleet, before=(2, 1, 0))) == ["c"]


@given(scenes())
def test_a_full_one_never_wins_over_one_with_room(seen: Scene) -> None:
    for name in (PolicyName.PRIORITY, PolicyName.PIN):
        asked = seen._replace(demand=Demand("r", session=None))
        rooms = {
            one.candidate.backend: one.room - waiting for one, waiting in zip(asked.able, asked.before, strict=True)
        }
        if max(rooms.values()) >= 1:
            assert all(rooms[winner] >= 1 for winner in best(name, asked))


# Where the session lives.

SESSIONS = [f"session {number}" for number in range(300)]


def home(session: str, backends: str) -> str:
    fleet = [able(name, in_flight=ord(name)) for name in backends]
    [name] = best(PolicyName.PIN, scene(*fleet, demand=Demand("r", session=session)))
    return name


def test_a_session_stays_where_it_is_however_busy_that_is() -> None:
    assert {home("s1", backends) for backends in ("abcd", "dcba", "bdac")} == {home("s1", "abcd")}


def test_when_one_goes_only_its_sessions_move() -> None:
    for session in SESSIONS:
        before, after = home(session, "abcd"), home(session, "abd")
        assert before in (after, "c")


def test_sessions_are_spread_evenly() -> None:
    spread = Counter(home(session, "abcd") for session in SESSIONS)
    assert all(45 <= many <= 110 for many in spread.values())


def test_without_a_session_the_fewest_win_among_those_with_room() -> None:
    fleet = (able("a", in_flight=1, slots=1, room=0), able("b", in_flight=2, slots=32, room=30))
    assert best(PolicyName.PIN, scene(*fleet)) == ["b"]
    assert best(PolicyName.PIN, scene(*fleet, before=(0, 30))) == ["a"]
