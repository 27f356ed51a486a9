"""What our own requests tell of how many run at once, of others, and of what is cached."""

from dataclasses import replace

import pytest

from sidecar.facts import (
    EngineIdentified,
    RequestStarted,
    StatusRead,
)
from sidecar.requests import outside_of
from sidecar.state import BackendState, Outside
from sidecar.work import Work
from tests.sidecar.requesting import KNOWN, MINI, done, first, gemma, measured, mini, sent

# Slots.

BUSY = [sent("a", 100.0), first("a", 100.3), sent("b", 100.0), first("b", 100.3)]
LATE = [sent("c", 101.0), done("a", 130.0), first("c", 130.3)]
"""The third finds two running, and its first token comes when one of them has ended."""


def test_a_late_first_token_behind_others_shows_how_many_run_at_once() -> None:
    state = mini(*measured(), *BUSY, *LATE)
    assert state.inferred_slots == 1.0
    assert state.forecast("gemma4").first == gemma(*measured(), *BUSY).first


def test_a_late_one_is_no_wait_for_a_slot_before_the_speed_is_known() -> None:
    assert mini(*BUSY, *LATE).inferred_slots is None


def test_a_late_one_with_nobody_before_it_says_that_the_machine_is_slow() -> None:
    state = mini(*measured(), sent("c", 101.0), first("c", 130.0))
    assert state.inferred_slots is None
    assert state.forecast("gemma4").first.samples == 9


def test_a_wait_for_slots_that_are_known_measures_nothing() -> None:
    state = mini(*measured(), *BUSY, *LATE, spec=replace(MINI, slots=2))
    assert state.inferred_slots is None
    assert state.forecast("gemma4").first.samples == 8 + 2
    free = mini(*measured(), *BUSY, *LATE, spec=replace(MINI, slots=3))
    assert free.forecast("gemma4").first.samples == 8 + 3


def test_more_streams_at_once_than_were_thought_to_fit_raise_the_number() -> None:
    three = [*BUSY, sent("c", 101.0), first("c", 101.3)]
    assert mini(*measured(), *BUSY, *LATE, sent("d", 131.0), first("d", 131.2)).inferred_slots == 3.0
    ollama = EngineIdentified(0.0, "mini", "ollama")
    assert mini(ollama, KNOWN, *BUSY[:2]).inferred_slots is None
    assert mini(ollama, KNOWN, *three).inferred_slots == 3.0


def test_requests_that_are_not_streamed_prove_nothing_since_they_may_wait_themselves() -> None:
    ollama = EngineIdentified(0.0, "mini", "ollama")
    queued = [sent(str(number), 100.0, streamed=False) for number in range(3)]
    assert mini(ollama, KNOWN, *queued, *BUSY[:2]).inferred_slots is None


def test_others_clients_prove_nothing_either() -> None:
    ollama = EngineIdentified(0.0, "mini", "ollama")
    others = StatusRead(99.0, "mini", 5, None)
    assert mini(ollama, KNOWN, others, *BUSY[:2]).inferred_slots is None


# Others.


@pytest.mark.parametrize(
    ("jobs", "waiting", "ours", "outside"),
    [
        (None, 3, 0, None),
        (0, 0, 0, Outside(5.0, 0, 0)),
        (5, 2, 0, Outside(5.0, 3, 2)),
        (5, 2, 4, Outside(5.0, 0, 1)),
        (5, 9, 0, Outside(5.0, 0, 5)),
        (2, 0, 5, Outside(5.0, 0, 0)),
    ],
)
def test_what_a_backend_works_on_beyond_ours_belongs_to_others(
    jobs: int | None, waiting: int, ours: int, outside: Outside | None
) -> None:
    state = replace(BackendState(MINI), work=Work(started=ours, in_flight=ours))
    assert outside_of(state, 5.0, jobs, waiting) == outside


def test_a_reading_of_others_counts_for_a_while() -> None:
    state = replace(BackendState(MINI), outside=Outside(5.0, 3, 2, counts_seconds=15.0))
    assert [state.outsiders(now) for now in (5.0, 20.0, 20.1)] == [(3, 2), (3, 2), (0, 0)]
    assert state.fresh_outside(20.1) is None


def test_a_beginning_that_is_in_the_cache_need_not_be_computed_again() -> None:
    blocks = tuple(range(8))
    asked = [
        RequestStarted(at, "mini", request, "gemma4", "reasoner", 4000, streamed=True, blocks=blocks)
        for at, request in ((1.0, "1"), (2.0, "2"))
    ]
    assert mini(asked[0]).work.due_tokens == 4000
    assert 4000 < mini(*asked).work.due_tokens < 8000


def test_what_was_asked_for_last_is_known() -> None:
    state = mini(sent("1", 1.0, model="qwen3"), sent("2", 1.0))
    assert (state.last_model, state.last_role) == ("gemma4", "reasoner")
