from dataclasses import replace
from math import inf

import pytest
from hypothesis import given

from sidecar.engines.engine import Reading
from sidecar.facts import BackendSpec
from sidecar.slots import known_slots, likely_slots, told_slots
from sidecar.state import BackendState
from tests.states import states

MINI = BackendSpec("mini", "http://10.0.0.1:8080")


def state(
    configured: int | None = None, said: int | None = None, inferred: float | None = None, assumed: int | None = None
) -> BackendState:
    return BackendState(
        replace(MINI, slots=configured), reading=Reading(slots=said), inferred_slots=inferred, assumed_slots=assumed
    )


@pytest.mark.parametrize(
    ("of", "told", "known", "likely"),
    [
        (state(), None, None, inf),
        (state(assumed=4), None, 4, 4),
        (state(inferred=2.6, assumed=4), None, 3, 2.6),
        (state(inferred=1.2), None, 1, 1.2),
        (state(said=8, inferred=2.6, assumed=4), 8, 8, 8),
        (state(configured=2, said=8, inferred=2.6, assumed=4), 2, 2, 2),
        # A server that says 0 has not said how many.
        (state(said=0), None, None, inf),
        (state(said=0, inferred=2.6), None, 3, 2.6),
        (state(said=0, assumed=4), None, 4, 4),
    ],
)
def test_the_operator_then_the_backend_then_what_was_seen_then_the_engine(
    of: BackendState, told: int | None, known: int | None, likely: float
) -> None:
    assert (told_slots(of), known_slots(of), likely_slots(of)) == (told, known, likely)


@given(states)
def test_what_is_known_is_at_least_one_and_agrees_with_what_is_reckoned_with(of: BackendState) -> None:
    known, likely = known_slots(of), likely_slots(of)
    assert (known is None) is (likely == inf)
    assert likely >= 1
    if known is not None:
        assert abs(known - likely) <= 0.5
