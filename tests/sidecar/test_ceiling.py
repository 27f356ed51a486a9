"""How many a server takes before others wait there: what is full, what is only busy, and how more are tried."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.ceiling import FORGOTTEN_SECONDS, GROW_SECONDS, LASTING_SECONDS, TIMES_MORE, Ceiling, after_reading
from sidecar.engines.engine import NOTHING_READ, Reading

Told = tuple[float, int, int]
"""When, how many ran, how many waited."""


def after(*told: Told) -> Ceiling | None:
    known: Ceiling | None = None
    for at, running, waiting in told:
        known = after_reading(known, at, Reading(running, waiting))
    return known


def requests(*told: Told) -> float | None:
    known = after(*told)
    return None if known is None else known.requests


FULL: tuple[Told, ...] = ((0.0, 8, 3), (LASTING_SECONDS, 8, 4))


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ([(0.0, 8, 0)], None),
        # Once is in passing: those that came together wait for the same step.
        ([(0.0, 8, 3)], None),
        ([(0.0, 8, 3), (LASTING_SECONDS - 0.01, 8, 3)], None),
        ([(0.0, 8, 3), (LASTING_SECONDS, 8, 3)], 8),
        ([(0.0, 8, 3), (LASTING_SECONDS, 7, 3)], 7),
        ([(0.0, 8, 3), (1.0, 8, 0), (2.0, 8, 3)], None),
        # So few of many wait for the next step alone.
        ([(0.0, 64, 3), (9.0, 64, 3)], None),
        ([(0.0, 64, 4), (9.0, 64, 4)], 64),
        # Nobody runs: then nobody waits for somebody else's end.
        ([(0.0, 0, 3), (9.0, 0, 3)], None),
        ([*FULL, (9.0, 0, 3)], 8),
        # Full of longer ones: fewer fit.
        ([*FULL, (9.0, 5, 1)], 5),
    ],
)
def test_full_is_who_says_for_a_while_that_many_wait(told: list[Told], found: float | None) -> None:
    assert requests(*told) == found


def test_a_server_that_says_nothing_of_waiting_changes_nothing() -> None:
    known = after(*FULL)
    for nothing in (NOTHING_READ, Reading(running=8), Reading(waiting=8)):
        assert after_reading(None, 9.0, nothing) is None
        assert after_reading(known, 9.0, nothing) is known


@pytest.mark.parametrize(
    ("then", "found"),
    [
        # Room and nobody in it says nothing of more room.
        ([(9.0, 7, 0)], 8),
        ([(LASTING_SECONDS + GROW_SECONDS - 0.01, 8, 0)], 8),
        ([(LASTING_SECONDS + GROW_SECONDS, 8, 0)], 8 * TIMES_MORE),
        ([(9.0, 8, 0), (9.5, 10, 0)], 8 * TIMES_MORE),
        ([(9.0, 8, 0), (10.0, 10, 0)], 8 * TIMES_MORE**2),
        ([(9.0, 30, 0)], 30),
        # It was too much.
        ([(9.0, 8, 0), (10.0, 10, 2), (12.9, 10, 2)], 8 * TIMES_MORE),
        ([(9.0, 8, 0), (10.0, 10, 2), (13.0, 10, 2)], 10),
        ([(LASTING_SECONDS + FORGOTTEN_SECONDS, 3, 0)], 8),
        ([(LASTING_SECONDS + FORGOTTEN_SECONDS + 0.1, 3, 0)], None),
    ],
)
def test_as_long_as_nobody_waits_more_are_tried_and_one_day_it_is_forgotten(
    then: list[Told], found: float | None
) -> None:
    assert requests(*FULL, *then) == found


def test_a_wait_keeps_what_was_known_until_it_has_lasted() -> None:
    assert requests(*FULL, (9.0, 4, 0), (10.0, 4, 4)) == 8


readings = st.lists(
    st.tuples(st.floats(0.01, 90.0), st.none() | st.integers(0, 99), st.none() | st.integers(0, 99)), max_size=20
)


@given(readings)
def test_it_is_never_below_one_and_never_above_what_was_seen_to_run_and_once_more(
    told: list[tuple[float, int | None, int | None]],
) -> None:
    known, at, most = None, 0.0, 0
    for seconds, running, waiting in told:
        at += seconds
        most = max(most, running or 0)
        known = after_reading(known, at, Reading(running, waiting))
        if known is not None and known.requests is not None:
            assert 1 <= known.requests <= TIMES_MORE * most
            assert 0 < known.spare < known.requests


@given(
    st.integers(1, 300), st.integers(0, 300), st.lists(st.floats(LASTING_SECONDS + 0.1, 9.0), min_size=2, max_size=9)
)
def test_where_requests_always_wait_it_never_moves(running: int, waiting: int, pauses: list[float]) -> None:
    at, found = 0.0, []
    known: Ceiling | None = None
    for seconds in pauses:
        at += seconds
        known = after_reading(known, at, Reading(running, waiting))
        found.append(None if known is None else known.requests)
    assert len(set(found[1:])) == 1
    assert found[-1] == (running if waiting >= max(1, running / 16) else None)
