"""Who of a pool may be chosen, and why the others may not."""

from collections import Counter
from itertools import zip_longest
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.balance.pools import Candidate, Pool
from router.balance.seen import SLOW_START_SHARE, Exclusion, look
from sidecar import BackendState, Fact, Snapshot, Store
from tests.router.balance.scenes import NOW, fleets, pool, pools, snapshot, state
from tests.strategies import NAMES, REQUESTS, flights, histories

UNFIT = {Exclusion.DOWN, Exclusion.LOADING, Exclusion.SUSPENDED, Exclusion.DRAINING, Exclusion.TRIED, Exclusion.GONE}
"""Who gets nothing, whoever else there is."""


@st.composite
def situations(draw: st.DrawFn) -> tuple[Pool, Snapshot, list[Candidate]]:
    """A pool, backends, and who has been tried."""
    found = draw(pools)
    return found, draw(fleets), draw(st.lists(st.sampled_from(found), unique=True)) if found else []


@given(situations())
def test_everybody_is_either_able_or_excluded(situation: tuple[Pool, Snapshot, list[Candidate]]) -> None:
    found, seen, tried = situation
    view = look(found, seen, "reasoner", tried)
    told = [one.candidate for one in view.able] + [one.candidate for one in view.excluded]
    assert Counter(told) == Counter(found)


@given(situations())
def test_nobody_who_is_down_loading_suspended_drained_tried_or_gone_is_able(
    situation: tuple[Pool, Snapshot, list[Candidate]],
) -> None:
    found, seen, tried = situation
    for one in look(found, seen, "reasoner", tried).able:
        of = seen.backends[one.candidate.backend]
        assert one.candidate not in tried
        assert one.state is of
        assert of.health.available or of.health.verdict == "unknown"
        assert not of.draining


@given(situations())
def test_a_circuit_keeps_requests_away_only_while_another_can_serve(
    situation: tuple[Pool, Snapshot, list[Candidate]],
) -> None:
    found, seen, tried = situation
    view = look(found, seen, "reasoner", tried)
    if not view.able:
        assert {one.why for one in view.excluded} <= UNFIT | {Exclusion.RESTING}
    opened = [one for one in view.able if not one.state.breaker.allows(NOW)]
    assert view.panic is bool(opened)
    assert view.panic is (bool(view.able) and opened == list(view.able))


@given(situations())
def test_the_order_of_the_pool_does_not_matter(
    situation: tuple[Pool, Snapshot, list[Candidate]],
) -> None:
    found, seen, tried = situation
    one, other = look(found, seen, "r", tried), look(found[::-1], seen, "r", tried)
    assert sorted(able.candidate for able in one.able) == sorted(able.candidate for able in other.able)
    assert sorted(one.excluded) == sorted(other.excluded)
    assert (one.panic, one.rests_until) == (other.panic, other.rests_until)


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (state("a"), None),
        (state("a", "sleeping"), None),
        (state("a", "down"), Exclusion.DOWN),
        (state("a", "loading"), Exclusion.LOADING),
        (state("a", "suspended"), Exclusion.SUSPENDED),
        (state("a", "unknown"), Exclusion.UNPROVEN),
        (state("a", draining=True), Exclusion.DRAINING),
        (state("a", "down", draining=True), Exclusion.DOWN),
        (state("a", "unknown", draining=True), Exclusion.DRAINING),
        (state("a", circuit="open"), Exclusion.CIRCUIT_OPEN),
        (state("a", circuit="due"), None),
        (state("a", circuit="on trial"), Exclusion.CIRCUIT_OPEN),
        (state("a", circuit="warming"), None),
        (state("a", circuit="resting"), Exclusion.RESTING),
        (state("a", circuit="rested"), None),
        (state("a", "unknown", "resting"), Exclusion.RESTING),
        (state("a", "down", "open"), Exclusion.DOWN),
    ],
)
def test_beside_one_that_is_well(of: BackendState, why: Exclusion | None) -> None:
    view = look(pool("ab"), snapshot(of, state("b")), "reasoner")
    assert [one.why for one in view.excluded] == ([] if why is None else [why])
    assert [one.candidate.backend for one in view.able] == (["a", "b"] if why is None else ["b"])
    assert not view.panic
    assert view.rests_until is None


def test_whoever_is_not_configured_any_more_is_gone() -> None:
    assert look(pool("ab"), snapshot(state("b")), "r").excluded[0].why is Exclusion.GONE


def test_one_that_was_tried_is_out_but_its_other_model_is_not() -> None:
    both = (Candidate("a", "m"), Candidate("a", "n"))
    view = look(both, snapshot(state("a")), "r", [both[0]])
    assert [one.candidate for one in view.able] == [both[1]]
    assert view.excluded[0] == (both[0], Exclusion.TRIED)


@pytest.mark.parametrize(
    ("others", "able", "panic", "rests_until"),
    [
        ((state("b", "down"),), ["a"], False, None),
        ((state("b", circuit="open"),), ["a"], False, None),
        ((state("b", circuit="resting"),), ["a"], False, None),
    ],
)
def test_one_that_nobody_has_heard_of_is_tried_where_nobody_is_known_to_be_well(
    others: tuple[BackendState, ...], able: list[str], panic: bool, rests_until: float | None
) -> None:
    view = look(pool("ab"), snapshot(state("a", "unknown"), *others), "r")
    assert [one.candidate.backend for one in view.able] == able
    assert (view.panic, view.rests_until) == (panic, rests_until)


def test_the_last_one_is_never_let_go() -> None:
    view = look(
        pool("abc"), snapshot(state("a", circuit="open"), state("b", circuit="on trial"), state("c", "down")), "r"
    )
    assert [one.candidate.backend for one in view.able] == ["a", "b"]
    assert [one.why for one in view.excluded] == [Exclusion.DOWN]
    assert view.panic


def test_where_all_are_full_it_is_known_when_the_first_wants_to_be_asked_again() -> None:
    view = look(pool("ab"), snapshot(state("a", circuit="resting"), state("b", "down")), "r")
    assert (list(view.able), view.rests_until) == ([], NOW + 2.0)
    assert look(pool("b"), snapshot(state("b", "down")), "r").rests_until is None
    assert look((), snapshot(), "r").rests_until is None


# Room.


def room(of: BackendState) -> float:
    """How many more may be sent to one that is well."""
    [one] = look(pool("a"), snapshot(of), "r").able
    return one.room


def test_room_is_what_the_slots_leave_and_without_slots_there_is_no_end_of_it() -> None:
    assert room(state("a", slots=4)) == 4
    assert room(state("a", slots=4, in_flight=3)) == 1
    assert room(state("a", slots=4, in_flight=6)) == -2
    assert room(state("a", in_flight=99)) == inf


def test_a_number_of_slots_that_is_only_guessed_is_tried_by_one_more() -> None:
    of = state("a", in_flight=2)
    guessed = BackendState(of.spec, health=of.health, work=of.work, assumed_slots=2)
    assert room(guessed) == 1


@pytest.mark.parametrize(
    ("back", "out"),
    [
        (state("a", circuit="warming", slots=8, in_flight=3), False),
        (state("a", circuit="warming", slots=8, in_flight=4), True),
        (state("a", circuit="warm", slots=8, in_flight=7), False),
        (state("a", circuit="warming", in_flight=int(SLOW_START_SHARE / 2) - 1), False),
        (state("a", circuit="warming", in_flight=int(SLOW_START_SHARE / 2)), True),
        (state("a", circuit="warm", in_flight=999), False),
        (state("a", circuit="warming", slots=1), False),
        (state("a", circuit="warming", slots=1, in_flight=1), True),
    ],
)
def test_a_backend_that_is_back_gets_its_share_little_by_little(back: BackendState, out: bool) -> None:
    view = look(pool("ab"), snapshot(back, state("b", slots=9, in_flight=8)), "r")
    assert [one.why for one in view.excluded] == [Exclusion.WARMING] * out
    assert [one.candidate.backend for one in view.able] == (["b"] if out else ["a", "b"])


@pytest.mark.parametrize("others", [(), (state("b", slots=9, in_flight=9),), (state("b", "down"),)])
def test_nobody_waits_for_the_sake_of_a_slow_start(others: tuple[BackendState, ...]) -> None:
    back = state("a", circuit="warming", slots=8, in_flight=5)
    view = look(pool("ab"), snapshot(back, *others), "r")
    assert {one.candidate.backend: one.room for one in view.able}["a"] == 3


@given(flights() | histories(), st.floats(0, 3), st.integers(0, 9))
def test_whoever_is_seen_again_is_seen_as_if_for_the_first_time(
    happened: list[Fact], later: float, tokens: int
) -> None:
    """What was worked out before is kept beside the live cells, and a copy of them has none of it."""
    store, candidates = Store(), tuple(Candidate(name, model) for name in NAMES for model in ("gemma4", "qwen3:30b"))
    for fact, following in zip_longest(happened, happened[1:]):
        store.apply(fact)
        for request in REQUESTS:
            place = store.progress("mini", request)
            if place is not None and tokens:
                place.token(fact.at, tokens)
        # Time never runs backwards: what has ceased to count by then does not count again.
        for now in (fact.at, fact.at + later if following is None else min(fact.at + later, following.at)):
            told = store.snapshot(now)
            for role in ("reasoner", "classifier"):
                assert look(candidates, told, role) == look(candidates, told.still(), role)
